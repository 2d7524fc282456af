"""Keeps what identifies a person out of the prompt: name, e-mail, phone, profile links.

Redaction prefers to take too much: an employer that bears the candidate's family name is
redacted too. Dates are not phone numbers, and a bare domain such as Booking.com is an employer.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

_HOSTS = (
    "linkedin", "github", "gitlab", "bitbucket", "twitter", "facebook", "instagram",
    "stackoverflow", "leetcode", "hackerrank", "kaggle", "medium", "behance", "dribbble", "linktr",
    "skype", "telegram",
)  # fmt: skip
_EMAIL_SIGN = re.compile(r"@|[\[(]\s?at\s?[\])]", re.IGNORECASE)
_EMAIL = re.compile(
    r"(?<![\w.+%'-])[\w.+%'-]{1,256}\s?(?:@|[\[(]\s?at\s?[\])])\s?[\w-]{1,63}"
    r"(?:(?:\.|\s?[\[(]\s?dot\s?[\])]\s?)[\w-]{1,63}){1,8}",
    re.IGNORECASE,
)
_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_TLD = (  # without js and net: node.js/react and ASP.NET/C# are skills
    "(?:com|org|io|dev|me|in|co|ai|app|edu|info|tech|site|page|xyz|us|uk|de|fr|nl|ca|eu|ch|es|it|br"
    "|au|pl|cn|jp|pt|se|no|dk|fi|be|at|cz)"
)
_PATH_SIGN = re.compile(rf"\.{_TLD}/")
_DOMAIN_WITH_PATH = re.compile(rf"\b(?:[\w-]{{1,63}}\.){{1,5}}{_TLD}/\S+")
_HOST_LINK = re.compile(
    rf"\b(?:[\w-]{{1,63}}\.){{0,3}}(?:{'|'.join(_HOSTS)})"
    r"(?:\.(?:com|org|io|me|ee)(?:/\S*)?|\s?:\s?@?[\w./-]+)",
    re.IGNORECASE,
)
_PHONE = re.compile(r"(?<![\w.,])(?:\+\s?)?\(?\d[\d\s()./\u2010-\u2013-]{5,22}\d(?![\w%])")
_PHONE_DIGITS = range(7, 16)
_PHONE_SIGN = re.compile(r"\d(?:[\s()./\u2010-\u2013-]*\d){6}")
"""The fewest digits of a number, and nothing between them that may not be: most texts have none."""
_BARE_PHONE_DIGITS = range(9, 16)  # a shorter bare number counts users or money
_DIGITS = re.compile(r"\d+")
_YEAR = re.compile(r"(?:19|20)\d\d")
_NAME_PART = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_SHORT_NAME = 3
_CURLY = "\u2019"
_PARTICLES = {
    "al", "ben", "bin", "da", "de", "del", "den", "der", "di", "dos", "du", "el", "la", "le",
    "van", "von", "jr", "sr", "ii", "iii", "dr", "mr", "mrs", "ms",
}  # fmt: skip


def redact(
    text: str, first_name: str | None, last_name: str | None, other_names: Sequence[str] = ()
) -> str:
    """Replaces links, e-mail addresses, phone numbers and the person's names by placeholders."""
    text = unicodedata.normalize("NFC", text)
    folded = text.casefold()
    if any(sign in text for sign in "@[(") and _EMAIL_SIGN.search(text):
        text = _EMAIL.sub("[email]", text)
    if "www." in folded or "://" in folded:
        text = _URL.sub("[link]", text)
    if any(map(folded.__contains__, _HOSTS)):
        text = _HOST_LINK.sub("[link]", text)
    if _PATH_SIGN.search(text):
        text = _DOMAIN_WITH_PATH.sub("[link]", text)
    if _PHONE_SIGN.search(text):
        text = _PHONE.sub(_phone_placeholder, text)
    searched = text.casefold().replace(_CURLY, "'")
    names = _name_pattern(first_name or "", last_name or "", tuple(other_names), searched)
    return names.sub("[name]", text) if names else text


def _phone_placeholder(match: re.Match[str]) -> str:
    found = match[0]
    groups = _DIGITS.findall(found)
    digits = sum(len(group) for group in groups)
    bare = len(groups) == 1 and not found.startswith("+")
    fits = _BARE_PHONE_DIGITS if bare else _PHONE_DIGITS
    if digits not in fits or _is_date_range(found, groups):
        return found
    return "[phone]"


def _is_date_range(found: str, groups: list[str]) -> bool:
    rest = [group for group in groups if not _YEAR.fullmatch(group)]
    days_or_months = all(len(group) in (1, 2) for group in rest)
    return days_or_months and (len(rest) < len(groups) or "/" in found)


def _name_pattern(
    first: str, last: str, others: tuple[str, ...], folded: str
) -> re.Pattern[str] | None:
    """Returns what matches the names that occur in the case-folded text, if any does.

    Few profiles repeat the name, so a plain search comes before a pattern is compiled.
    """
    found = [variant for variant in _variants(first, last, others) if variant.casefold() in folded]
    if not found:
        return None
    found.sort(key=len, reverse=True)
    return re.compile("|".join(_bounded(variant) for variant in found))


def _bounded(variant: str) -> str:
    """Matches whole words; a name of two or three letters only where it is capitalised."""
    escaped = r"\s+".join(re.escape(word) for word in variant.split())
    escaped = escaped.replace("'", f"['{_CURLY}]")
    if len(variant) > _SHORT_NAME:
        return rf"(?<![^\W_])(?i:{escaped})(?![^\W_\d])\d*"
    forms = "|".join(dict.fromkeys([re.escape(variant.capitalize()), re.escape(variant.upper())]))
    return rf"(?<![^\W_])(?:{forms})(?![^\W_])"


@lru_cache(maxsize=1024)
def _variants(first: str, last: str, others: tuple[str, ...]) -> tuple[str, ...]:
    found = (variant.replace(_CURLY, "'") for variant in _all_variants(first, last, others))
    return tuple(dict.fromkeys(variant for variant in found if len(variant) > 1))


def _all_variants(first: str, last: str, others: tuple[str, ...]) -> Iterator[str]:
    first, last, *further = (" ".join(name.split()) for name in (first, last, *others))
    for written in (str, _without_accents):
        given, family = written(first), written(last)
        if given and family:
            yield f"{given} {family}"
            yield f"{family} {given}"
            yield f"{given}{family}"
            yield f"{family}{given}"
            if len(family) >= _SHORT_NAME:
                yield f"{given[0]}{family}"
        for name in (given, family, *map(written, further)):
            yield name
            yield from (
                part for part in _NAME_PART.findall(name) if part.casefold() not in _PARTICLES
            )


def _without_accents(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(char for char in decomposed if not unicodedata.combining(char))
