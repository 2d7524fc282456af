"""Finds the account behind a service's name: `GitHub: jane-roe`, `LinkedIn: Jane Roe`.

Other text stands there too: `GitLab: CI/CD`, `Facebook: Software Engineer`. An account has a sign
or a digit inside, or fills its line up to the next label, without a word of titles and headings.
"""

import re

from aris_pipeline.prompts.heading_names import is_word_of_headings
from aris_pipeline.prompts.scripts import WORD

HOSTS = (
    "linkedin", "github", "gitlab", "bitbucket", "twitter", "facebook", "instagram",
    "stackoverflow", "leetcode", "hackerrank", "kaggle", "medium", "behance", "dribbble", "linktr",
    "skype", "telegram", "whatsapp", "wechat", "微信",
)  # fmt: skip
MESSENGERS = (
    "telegram", "discord", "wechat", "weixin", "whatsapp", "kakaotalk", "skype", "threema", "qq",
    "微信", "微博", "카카오톡", "line id",
)  # fmt: skip
_SERVICES = "|".join(dict.fromkeys(name for name in (*HOSTS, *MESSENGERS) if name != "medium"))
_GAP = r"[^\S\n]"
_END = rf"(?={_GAP}*(?:$|[\n|,;)\[\u2022\xb7\uff0c]|\.(?:\s|$)|[^\W\d_]{{2,}}{_GAP}?[:\uff1a]))"
_ACCOUNT = re.compile(
    rf"(?<![{WORD}.-])(?P<service>(?:{_SERVICES})|(?<![^\W\d_] )medium)"
    r"(?:\s?(?:id|name|handle|number|no|号码?|號碼?))?(?:\s?[:\uff1a]\s?|\s?\(?(?=@))"
    rf"(?:@[{WORD}][{WORD}.#-]{{1,60}}|live:[{WORD}.:-]+"
    rf"|/?(?:in/)?(?=[\d._-]*[^\W\d_])(?=[{WORD}-]*[\d_.#-][{WORD}])[{WORD}.#-]{{3,60}}(?<![.-])"
    rf"|/?in/[{WORD}.%-]+"
    rf"|(?P<words>[^\W\d_]{{2,}}(?:{_GAP}[^\W\d_]{{2,}}){{0,2}}){_END})"
    r"|(?<![a-z])qq(?:号码?)?\s?[:\uff1a]?\s?\d{5,12}(?!\d)",
    re.IGNORECASE,
)


def redact_accounts(text: str) -> str:
    """Replaces accounts, with the names of their services, by a placeholder."""
    return _ACCOUNT.sub(_unless_it_is_text, text)


def _unless_it_is_text(found: re.Match[str]) -> str:
    words = (found["words"] or "").split()
    is_text = any(map(is_word_of_headings, words)) or (
        len(words) > 1
        and found["service"].casefold() not in MESSENGERS
        and not all(word[0].isupper() for word in words)
    )
    return found[0] if is_text else "[link]"
