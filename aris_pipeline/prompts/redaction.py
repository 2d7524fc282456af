"""Keeps data that identifies a person out of the prompt: name, e-mail, phone, profile links.

Redaction prefers to remove too much: an employer with the candidate's family name is redacted too.
Dates are not phone numbers, and a bare domain such as Booking.com is an employer.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from aris_pipeline.prompts.heading_names import heading_names
from aris_pipeline.prompts.person_names import labelled_names, names_of, redact_names
from aris_pipeline.prompts.personal_details import PLACEHOLDERS, redact_details
from aris_pipeline.prompts.phones import redact_phones
from aris_pipeline.prompts.rubrics import Detail
from aris_pipeline.prompts.scripts import CJK, WIDE_PUNCTUATION, WORD

_HOSTS = (
    "linkedin", "github", "gitlab", "bitbucket", "twitter", "facebook", "instagram",
    "stackoverflow", "leetcode", "hackerrank", "kaggle", "medium", "behance", "dribbble", "linktr",
    "skype", "telegram", "whatsapp", "wechat", "微信",
)  # fmt: skip
_AT = r"(?:[@\uff20]|[\[({<]\s?(?:[aA][tT]|@)\s?[\])}>])"
_EMAIL_SIGN = re.compile(_AT)
_EMAIL = re.compile(
    rf"(?<![{WORD}.+%'\uff0e-])[{WORD}.+%'\uff0e-]{{1,256}}\s?{_AT}\s?[{WORD}-]{{1,63}}"
    rf"(?:(?:[.\uff0e]|\s?[\[({{<]\s?[dD][oO][tT]\s?[\])}}>]\s?)[{WORD}-]{{1,63}}){{1,8}}"
)
_SPOKEN_EMAIL = re.compile(
    rf"(?<![{WORD}.+-])[{WORD}.+-]{{1,64}} at [{WORD}-]{{1,63}}(?: dot [a-z]{{2,63}}){{1,3}}\b",
    re.IGNORECASE,
)
_NO_BLANK = rf"(?:[^\s{CJK}{WIDE_PUNCTUATION}]+|(?<=[/=])[{CJK}]+)"
"""Matches the text of a link, without Chinese or Japanese text that follows without a blank."""
_URL = re.compile(rf"(?:(?:https?|ftp)://|www\.){_NO_BLANK}+", re.IGNORECASE)
_TLD = (  # js and net are left out: node.js/react and ASP.NET/C# are skills
    "(?:com|org|io|dev|me|in|co|ai|app|edu|info|tech|site|page|xyz|us|uk|de|fr|nl|ca|eu|ch|es|it|br"
    "|au|pl|cn|jp|pt|se|no|dk|fi|be|at|cz|kr|tw|hk|COM|ORG|IO|DEV)"
)
_PATH_SIGN = re.compile(rf"\.{_TLD}/|\.ME/")
_DOMAIN_WITH_PATH = re.compile(
    rf"(?<![{WORD}-])(?:(?:[{WORD}-]{{1,63}}\.){{1,5}}{_TLD}|(?:T|WA|FB|ABOUT)\.ME)/{_NO_BLANK}+"
)
_HOST_LINK = re.compile(
    rf"(?<![{WORD}-])(?:[{WORD}-]{{1,63}}\.){{0,3}}(?:{'|'.join(_HOSTS)})"
    rf"(?:\.(?:com|org|io|me|ee|net)(?:/{_NO_BLANK}*)?|\s?[:\uff1a]\s?@?(?=[\d./-]*[^\W\d])[{WORD}./-]+)",
    re.IGNORECASE,
)
_MESSENGERS = (
    "telegram", "discord", "wechat", "weixin", "whatsapp", "kakaotalk", "skype", "threema", "qq",
    "微信", "微博", "카카오톡", "line id",
)  # fmt: skip
_HANDLE = re.compile(
    rf"(?<![a-z])(?:{'|'.join(_MESSENGERS)})(?:\s?(?:id|name|handle|number|no|号码?|號碼?))?"
    rf"(?:\s?[:\uff1a]\s?@?|\s?\(?@)(?=\d*[^\W\d])[{WORD}][{WORD}.#-]{{2,40}}"
    r"|(?<![a-z])qq(?:号码?)?\s?[:\uff1a]?\s?\d{5,12}(?!\d)",
    re.IGNORECASE,
)
_PROFILE_PATH = re.compile(
    rf"(?<![{WORD}./-])/?in/(?!(?:out|on|off|and|or)-)(?=[\w%]*-)[{WORD}%-]{{4,100}}/?",
    re.IGNORECASE,
)


_OUR_HEADINGS = r"(?m:^(?:(?:Jobs|Education|Resume):$|(?:Facts|Title|Company|Location|Skills): ))"
"""A person named Jobs must not take the ids from the lines: they are found by these."""
_RESUME = re.compile(r"(?:\A|\n)Resume:\n")
_KINDS = ("email", "phone", "link", *(sign[1:-1] for sign in PLACEHOLDERS.values()))
_PLACEHOLDER = re.compile(rf"\[({'|'.join(_KINDS)})\]")


def redact(
    text: str,
    first_name: str | None,
    last_name: str | None,
    other_names: Sequence[str] = (),
    *,
    details: Sequence[Detail] = (),
) -> str:
    """Replaces links, e-mail addresses, phone numbers and the person's names by placeholders.

    Args:
        text: a profile.
        first_name: given in a field of its own.
        last_name: likewise.
        other_names: likewise.
        details: further kinds of personal detail to replace.
    """
    text = whole = unicodedata.normalize("NFC", text)
    in_text = _names_in(text) if "names_in_text" in details else ()
    folded = text.casefold()
    if any(sign in text for sign in "@[({<\uff20") and _EMAIL_SIGN.search(text):
        text = _EMAIL.sub("[email]", text)
    if " dot " in folded:
        text = _SPOKEN_EMAIL.sub("[email]", text)
    if "www." in folded or "://" in folded:
        text = _URL.sub("[link]", text)
    if any(map(folded.__contains__, _HOSTS)):
        text = _HOST_LINK.sub("[link]", text)
    if any(map(folded.__contains__, _MESSENGERS)):
        text = _HANDLE.sub("[link]", text)
    if _PATH_SIGN.search(text):
        text = _DOMAIN_WITH_PATH.sub("[link]", text)
    if "in/" in folded:
        text = _PROFILE_PATH.sub("[link]", text)
    if details:
        text = redact_details(text, details)
    text = redact_phones(text)
    if text != whole:
        folded = text.casefold()
    others = (*other_names, *labelled_names(text, folded), *in_text)
    names = names_of(first_name or "", last_name or "", others)
    # The prompts of rubrics without details are stored by their bytes, so nothing changes there.
    return redact_names(text, folded, names, kept=_OUR_HEADINGS if details else "")


def redactions(before: str, after: str) -> dict[str, int]:
    """Returns how often each kind of detail was replaced; pronouns only if they were given.

    Args:
        before: the text as it was written.
        after: the redacted text.
    """
    if after == before:
        return {}
    return dict(Counter(_PLACEHOLDER.findall(after)) - Counter(_PLACEHOLDER.findall(before)))


def _names_in(text: str) -> list[str]:
    resume = _RESUME.search(text)
    return heading_names(text[resume.end() :]) if resume else []
