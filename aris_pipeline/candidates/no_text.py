"""Recognizes values in place of a candidate's text: a link, a file name, the bytes of a PDF.

Applicant trackers export the location of a resume instead of its text. A model would judge the
location.
"""

import re

_LONGEST_PLACE = 300
_CONTENTS: tuple[tuple[str, str], ...] = (
    ("%PDF-", "PDF content"),
    ("JVBERi0", "PDF content in base64"),
    ("UEsDB", "the content of a Word file or archive in base64"),
    ("0M8R4KGx", "the content of an Office file in base64"),
    ("PK\x03\x04", "the content of a Word file or archive"),
    ("{\\rtf", "RTF content"),
    ("e1xydGY", "RTF content in base64"),
    ("data:application/", "the content of a file as a data link"),
    ("data:image/", "the content of a file as a data link"),
    ("data:text/", "the content of a file as a data link"),
    ("<memory at 0x", "the address of bytes in memory"),
)
_STARTS = tuple(
    before + start for start, _ in _CONTENTS for before in ("", "b'", 'b"')
)  # with the marks that Python writes around bytes
_STARTS_WITHIN = max(map(len, _STARTS))
_BASE64 = re.compile(
    r"(?=.{0,99}[a-z])(?=.{0,99}[A-Z])(?=.{0,99}\d)(?:[A-Za-z0-9+/_-]{40,}={0,2}\s*){4}"
)
_LINK = re.compile(
    r"<?(?:(?:https?|ftps?|sftp|s3a?|gs|file|blob|abfss?|dbfs|hdfs|wasbs?)://|www\.)\S+"
    r"|\b(?:[a-z0-9-]+\.)+(?:com|org|edu|me|link|page|gl|ly)/\S+",
    re.IGNORECASE,
)
_ENDING = (
    r"\.(?:pdf|docx?|docm|dotx?|odt|rtf|txt|pages|wps|html?|jpe?g|png|tiff?|gif|bmp|heic"
    r"|zip|rar|7z|tex|md|msg|eml|xlsx?|csv|pptx?|json|xml)"
)
_EMAIL = re.compile(r"<?[^\s@]{1,64}@[^\s@.]+(?:\.[^\s@.]+){1,4}>?")
_FILE = re.compile(rf'(?:[^\n/\\:*?"<>|,;]{{1,120}}){_ENDING}', re.IGNORECASE)
_PATH = re.compile(
    rf"(?:[a-z]:[\\/]|\\\\|~/|\.{{0,2}}/)(?:[^\n]{{1,250}}{_ENDING}|[\w.%-]+(?:[\\/][\w.%-]+)+)"
    rf"|[\w. %-]+(?:[\\/][\w. %-]+)+{_ENDING}",
    re.IGNORECASE,
)
_PARTS = re.compile(r"[\n,;|]+")
_WORD = re.compile(r"[^\W\d_]+")
_ELSEWHERE_WORDS = (
    "attached attachment attachments enclosed uploaded request download click separately link"
    " linked emailed mailed"
)
_AROUND_WORDS = (
    "please kindly see find refer check view open read get to the a an my his her their your in on"
    " of at as per is are was for and or via with by here below above available upon full more"
    " details detail file files document documents doc docx pdf word resume resumes résumé cv"
    " curriculum vitae profile linkedin github portfolio website web site url page cover letter"
    " email mail sent copy online drive google dropbox"
)
_ELSEWHERE = frozenset(_ELSEWHERE_WORDS.split())
_AROUND = _ELSEWHERE.union(_AROUND_WORDS.split())
_MOST_WORDS_OF_A_FILE = 12


def what_instead(text: str) -> str | None:
    """Names the kind of a text that says nothing about a candidate; nothing for any other text."""
    text = text.strip()
    if text.startswith(_STARTS):
        return next(what for start, what in _CONTENTS if start in text[:_STARTS_WITHIN])
    if len(text) <= _LONGEST_PLACE:
        return _where(text)
    if _BASE64.match(text):
        return "the content of a file in base64"
    return "a link" if all(map(_is_link, text.split())) else None


def _is_link(word: str) -> bool:
    """Returns whether a word of a long text is a link or belongs to one."""
    return "://" in word or word.startswith("www.") or word.strip(":.,;()").lower() in _AROUND


def _where(text: str) -> str | None:
    """Names the kind of a short text that only says where another text is."""
    found = None
    may_be_link = "/" in text or "www." in text
    rest, links = _LINK.subn(" ", text) if may_be_link else (text, 0)
    parts = (part.strip(" \t\"'()[]<>-:.") for part in _PARTS.split(rest))
    for part in filter(None, parts):
        if _PATH.fullmatch(part):
            found = "the path of a file"
        elif _EMAIL.fullmatch(part):
            found = "an e-mail address"
        elif _FILE.fullmatch(part) and len(part.split()) <= _MOST_WORDS_OF_A_FILE:
            found = "a file name"
        else:
            words = {word.lower() for word in _WORD.findall(part)}
            if not words or not words <= _AROUND:
                return None
            if words & _ELSEWHERE:
                found = found or "a note that the text is elsewhere"
    return "a link" if links else found
