"""Finds the likely encodings of a text that is neither UTF-8 nor cp1252.

charset-normalizer tells scripts apart, and the encodings of each. Within the Latin script it finds
cp1250 and cp1252 equally likely, because both give letters: there the alphabets of languages
decide, by the letters that an encoding has and cp1252 lacks.
"""
# ruff: noqa: RUF001 - letters and marks of many languages

import re
from collections import Counter
from collections.abc import Sequence

from aris_pipeline.candidates.stray_bytes import is_foreign

UNKNOWN = "unknown"
"""Means an encoding that is clearly another one but cannot be identified."""

_LABELS = {
    "gb18030": "GBK, GB2312",
    "big5": "Big5",
    "cp932": "Shift-JIS",
    "euc_jp": "EUC-JP",
    "cp949": "EUC-KR",
    "cp1250": "windows-1250",
    "cp1251": "windows-1251",
    "cp1253": "windows-1253",
    "cp1254": "windows-1254",
    "cp1255": "windows-1255",
    "cp1256": "windows-1256",
    "cp1257": "windows-1257",
    "koi8_r": "KOI8-R",
    "koi8_u": "KOI8-U",
    "cp866": "DOS Cyrillic",
    "iso8859_2": "ISO-8859-2",
    "iso8859_5": "ISO-8859-5",
    "iso8859_6": "ISO-8859-6",
    "iso8859_7": "ISO-8859-7",
    "cp874": "Thai, TIS-620",
    "mac_cyrillic": "Mac Cyrillic",
    "mac_roman": "Mac Roman",
    "cp850": "DOS Latin",
}
"""Encodings that a file may have: Python's names, and the names that others use."""

_WESTERN = (
    "àâæçèéêëîïôœùûüÿ",
    "äöüß",
    "áéíñóúüªº",
    "àáâãçéêíóôõúü",
    "àèéìíîòóùú",
    "åäöæøéüšž",
    "áðéíóúþæö",
    "àçéèíïóòúü",
    "áéíóúëïöüèê",
)
_OTHERS = {
    "cp1250": (
        "ąćęłńóśźż",
        "áčďéěíňóřšťúůýž",
        "áäčďéíĺľňóôŕšťúýž",
        "áéíóöőúüű",
        "ăâîșțşţ",
        "čćđšž",
    ),
    "iso8859_2": (
        "ąćęłńóśźż",
        "áčďéěíňóřšťúůýž",
        "áäčďéíĺľňóôŕšťúýž",
        "čćđšž",
    ),
    "cp1254": ("çğıöşüâîûi̇",),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž"),
    "mac_roman": _WESTERN,
    "cp850": _WESTERN,
}
_COVERED = 0.95
_AHEAD = 0.05
_LEAST_DIFFERENT = 3
_LETTER = re.compile("[^\x00-\x7f€–—‘’“”„‚…•™©®°§«»·´\xa0\xad]")
_SEVEN_BITS: Sequence[tuple[re.Pattern[bytes], str]] = (
    (re.compile(rb"\x1b\$\)C"), "iso2022_kr"),
    (re.compile(rb"\x1b(?:\$[@B]|\([BJ])"), "iso2022_jp"),
    (re.compile(rb"~\{(?:[\x21-\x77][\x21-\x7e])+~\}"), "hz"),
)
_SHIFTED = re.compile(rb"\+([A-Za-z0-9+/]{3,})")
_LEAST_SHIFTED = 3
_SHIFTED_SHARE = 0.9
_SUSPECTS = 3
_JAPANESE = ("cp932", "euc_jp")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fc]")
_KANA_SHARE = 0.2


def suspects(raw: bytes) -> list[str]:
    """Returns the encodings that a text may have, best first; none if cp1252 explains it.

    Args:
        raw: a text that is not UTF-8, or the parts of a text that are not.
    """
    latin = _other_latin(raw)
    if not is_foreign(raw):
        return latin
    from charset_normalizer import from_bytes  # noqa: PLC0415 - most files never need it

    matches = from_bytes(raw, cp_isolation=list(_LABELS))
    likely = sorted(matches, key=lambda match: (round(match.chaos, 1), -match.coherence))
    found = [*latin, *(match.encoding for match in likely)]
    # The same bytes are rare syllables in a Korean encoding, so kana is not an accident.
    found.sort(key=lambda name: _share_of_kana(raw, name) < _KANA_SHARE)
    return list(dict.fromkeys(found))[:_SUSPECTS] or [UNKNOWN]


def _share_of_kana(raw: bytes, encoding: str) -> float:
    text = raw.decode(encoding, "ignore") if encoding in _JAPANESE else ""
    return len(_KANA.findall(text)) / max(sum(one > "\x7f" for one in text), 1)


def seven_bit_suspect(raw: bytes) -> str | None:
    """Names the encoding of an ASCII text that holds other characters as escapes, if any."""
    for escape, name in _SEVEN_BITS:
        if len(escape.findall(raw)) > 1:
            return name
    shifted = _SHIFTED.findall(raw)
    readable = [text for text in map(_from_utf_7, shifted) if text]
    if len(readable) < max(_LEAST_SHIFTED, _SHIFTED_SHARE * len(shifted)):
        return None
    letters = sum(text.isalpha() for text in readable)
    return "utf_7" if letters > len(readable) / 2 else None


def labelled(names: Sequence[str]) -> str:
    """Lists encodings for a message, with the names that others use."""
    return " or ".join(f"{name} ({_LABELS[name]})" if name in _LABELS else name for name in names)


def _other_latin(raw: bytes) -> list[str]:
    """Returns Latin-script encodings that fit a text clearly better than cp1252, best first."""
    western = _covered(raw, "cp1252", _WESTERN)
    found = {}
    for name, alphabets in _OTHERS.items():
        share = _covered(raw, name, alphabets)
        if share >= max(_COVERED, western + _AHEAD) and _differences(raw, name) >= _LEAST_DIFFERENT:
            found[name] = share
    return sorted(found, key=lambda name: -found[name])


def _covered(raw: bytes, encoding: str, alphabets: Sequence[str]) -> float:
    """Returns the largest share of non-ASCII characters, without usual marks, in an alphabet."""
    letters = Counter(_LETTER.findall(raw.decode(encoding, "replace").lower()))
    most = max(sum(letters[one] for one in set(alphabet)) for alphabet in alphabets)
    return most / max(letters.total(), 1)


def _differences(raw: bytes, encoding: str) -> int:
    text, western = raw.decode(encoding, "replace"), raw.decode("cp1252", "replace")
    return sum(one != other for one, other in zip(text, western, strict=False))


def _from_utf_7(shifted: bytes) -> str:
    """Decodes the text after a plus sign; empty if UTF-7 would not have written it."""
    try:
        text = (b"+" + shifted + b"-").decode("utf-7")
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() and all("\x7f" < one < "\ud800" for one in text) else ""
