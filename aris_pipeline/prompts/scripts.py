"""Names the characters of scripts that write without blanks: Chinese, Japanese, Korean.

Next to them a Latin word or a number begins and ends as next to a blank, which regular expressions
do not see. All are meant for use inside a character class.
"""

import unicodedata

HAN = r"\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
KATAKANA = r"\u30a1-\u30fa\u30fc-\u30fe\uff66-\uff9f"
HIRAGANA = r"\u3041-\u309f"
HANGUL = r"\uac00-\ud7af\u1100-\u11ff\u3130-\u318f"
CJK = HAN + KATAKANA + HIRAGANA + HANGUL
UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
"""Thai, Lao, Burmese and Khmer, which have no blanks between words either."""
_MARKS = [c for c in range(0x300, 0x1E00) if unicodedata.category(chr(c)).startswith("M")]
MARKS = "".join(
    f"{chr(first)}-{chr(last)}"
    for first, last in zip(
        [c for c in _MARKS if c - 1 not in _MARKS],
        [c for c in _MARKS if c + 1 not in _MARKS],
        strict=True,
    )
)
"""Vowel signs and accents that belong to the letter before them; `re` does not count them as
letters."""
WIDE_PUNCTUATION = r"\u3000-\u3004\u3008-\u3020\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
WORD = (
    r"0-9A-Za-z_\xaa\xb5\xba\xc0-\xd6\xd8-\xf6\xf8-\u10ff\u1200-\u1fff"
    r"\uff10-\uff19\uff21-\uff3a\uff41-\uff5a"
)
"""Letters and digits of the other scripts."""
