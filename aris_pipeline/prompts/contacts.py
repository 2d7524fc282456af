"""Replaces e-mail addresses, links and handles of services."""

import re

from aris_pipeline.prompts.accounts import HOSTS, MESSENGERS, redact_accounts
from aris_pipeline.prompts.scripts import CJK, WIDE_PUNCTUATION, WORD

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
_HOST = rf"(?<![{WORD}-])(?:[{WORD}-]{{1,63}}\.){{0,3}}(?:{'|'.join(HOSTS)})"
_PAGE = rf"\.(?:com|org|io|me|ee|net)(?:/{_NO_BLANK}*)?"
_HOST_PAGE = re.compile(_HOST + _PAGE, re.IGNORECASE)
_HOST_LINK = re.compile(
    rf"{_HOST}(?:{_PAGE}|\s?[:\uff1a]\s?@?(?=[\d./-]*[^\W\d])[{WORD}./-]+)",
    re.IGNORECASE,
)
_HANDLE = re.compile(
    rf"(?<![a-z])(?:{'|'.join(MESSENGERS)})(?:\s?(?:id|name|handle|number|no|号码?|號碼?))?"
    rf"(?:\s?[:\uff1a]\s?@?|\s?\(?@)(?=\d*[^\W\d])[{WORD}][{WORD}.#-]{{2,40}}"
    r"|(?<![a-z])qq(?:号码?)?\s?[:\uff1a]?\s?\d{5,12}(?!\d)",
    re.IGNORECASE,
)
_PROFILE_PATH = re.compile(
    rf"(?<![{WORD}./-])/?in/(?!(?:out|on|off|and|or)-)(?=[\w%]*-)[{WORD}%-]{{4,100}}/?",
    re.IGNORECASE,
)


def redact_contacts(text: str, folded: str, *, strictly: bool) -> str:
    """Replaces e-mail addresses, links and handles by placeholders.

    Args:
        text: of a profile, in normal form C.
        folded: the text without case.
        strictly: tell the account behind a service's name from other text there.
    """
    if any(sign in text for sign in "@[({<\uff20") and _EMAIL_SIGN.search(text):
        text = _EMAIL.sub("[email]", text)
    if " dot " in folded:
        text = _SPOKEN_EMAIL.sub("[email]", text)
    if "www." in folded or "://" in folded:
        text = _URL.sub("[link]", text)
    has_host = any(map(folded.__contains__, HOSTS))
    has_messenger = any(map(folded.__contains__, MESSENGERS))
    if has_host:
        text = (_HOST_PAGE if strictly else _HOST_LINK).sub("[link]", text)
    if strictly and (has_host or has_messenger):
        text = redact_accounts(text)
    elif has_messenger:
        text = _HANDLE.sub("[link]", text)
    if _PATH_SIGN.search(text):
        text = _DOMAIN_WITH_PATH.sub("[link]", text)
    if "in/" in folded:
        text = _PROFILE_PATH.sub("[link]", text)
    return text
