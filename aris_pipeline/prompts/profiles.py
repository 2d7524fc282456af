"""Writes the text of a profile: compact, readable, redacted, and never mistaken for other text.

A candidate's text must not end the profile or imitate the chat template. Delimiters, also in
look-alike signs, and special-token text are defused here; in addition `frames` tokenizes a profile
without special tokens. Invisible characters are left out: they carry text that is hidden from
people, or split words that are searched for.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aris_pipeline.prompts.redaction import redact
from aris_pipeline.prompts.rubrics import Detail
from aris_pipeline.prompts.tokenizers import Tokenizer

PROFILE_OPEN = "<profile>"
PROFILE_CLOSE = "</profile>"
PROFILE_COLUMNS = (
    "first_name", "last_name", "other_names", "title", "company", "location", "work_info",
    "education_info", "skills", "resume_text",
)  # fmt: skip
"""The columns of `RawCandidates` from which a profile is made."""

_BRACKETS = "<\uff1c\ufe64\u2039\u2329\u3008\u27e8\u276c\u276e\u2770\u227a\u02c2\u1438\u29fc"
_LOOK_ALIKES = {
    "p": "\u0440\u03c1\u2374", "r": "\u0433\u1d26", "o": "\u043e\u03bf\u0585\u03c30",
    "f": "\u0192\u0584", "i": "\u0456\u03b91l|!", "l": "\u04cf1i|!", "e": "\u0435\u0454\u212e3",
}  # fmt: skip
_VARIANTS = (  # accented, phonetic, superscript, letter-like, circled, wide and mathematical
    range(0xC0, 0x250), range(0x1D2C, 0x1D6B), range(0x1E00, 0x1F00), range(0x2070, 0x20A0),
    range(0x2100, 0x2190), range(0x2460, 0x2500), range(0xFF01, 0xFF5F), range(0x1D400, 0x1D800),
)  # fmt: skip


def _delimiter() -> re.Pattern[str]:
    """Returns a pattern for the bracket of a delimiter, however its word is written and split."""
    like = dict(_LOOK_ALIKES)
    for code in (code for block in _VARIANTS for code in block):
        letter = unicodedata.normalize("NFKD", chr(code))[0].lower()
        if letter in like:
            like[letter] += chr(code)
    word = r"[\W_]{0,16}".join(f"[{letter}{like[letter]}]" for letter in "profile")
    return re.compile(rf"[{_BRACKETS}](?=[\W_]{{0,16}}{word})", re.IGNORECASE)


_DELIMITER = _delimiter()
_NEVER_SEEN = (
    r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b"
    r"\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    r"\U000e0000-\U000e0fff"
)
_JOINERS = r"\u200c\u200d"
_INVISIBLE = re.compile(
    rf"[{_NEVER_SEEN}]"
    # Joiners have a use in scripts and emoji, but not beside ASCII.
    rf"|(?<=[!-~])[{_JOINERS}]+|[{_JOINERS}]+(?=[!-~])"
)
_MAY_BE_INVISIBLE = re.compile(f"[{_NEVER_SEEN}{_JOINERS}]")
_MARKUP = re.compile(r"<(?=([^<>\n]{1,60}>))|\[(?=([^\[\]\n]{1,40}\]))")
_SPACES = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r" ?\n(?: ?\n)+")
_ISO_DATE = re.compile(r"(\d{4}-\d\d)(?:-\d\d.*)?")


def profile_text(row: Mapping[str, Any], facts: str = "") -> str:
    """Renders a `RawCandidates` row as it was written, without what nobody sees.

    Args:
        row: the candidate; a field that is null is not shown.
        facts: a line of computed facts that comes first.
    """
    text = "\n".join([*([facts] if facts else []), *_lines(row)])
    # Few texts have any, and a plain class is searched five times as fast.
    return _INVISIBLE.sub("", text) if _MAY_BE_INVISIBLE.search(text) else text


def guarded_text(
    text: str,
    row: Mapping[str, Any],
    *,
    redacted: bool,
    reserved: frozenset[str],
    details: Sequence[Detail] = (),
) -> str:
    """Returns the text of a profile in a form that is safe in a prompt.

    Args:
        text: the `profile_text` of the row.
        row: the candidate.
        redacted: keep names, e-mail, phone and links out.
        reserved: text of the model's special tokens (`reserved_texts`).
        details: further kinds of personal detail to keep out.
    """
    if redacted:
        names = row["first_name"], row["last_name"], row["other_names"] or ()
        text = redact(text, *names, details=details)
    text = _DELIMITER.sub("(", text)
    return _MARKUP.sub(lambda found: _defused(found, reserved), text)


def content_free_profile() -> str:
    """Renders a profile of the usual shape without content, to calibrate scores."""
    unknown = "unknown"
    job = dict.fromkeys(("title", "company", "work_start_date", "work_end_date"), unknown)
    degree = {"degree": "unknown degree", "school": "unknown school"}
    return "\n".join(
        _lines(
            {
                **dict.fromkeys(("title", "company", "location"), unknown),
                "work_info": [{**job, "is_current": False, "description": None}],
                "education_info": [{**degree, "field_of_study": None, "end_date": None}],
                "skills": [unknown],
                "resume_text": None,
            }
        )
    )


def reserved_texts(tokenizer: Tokenizer) -> frozenset[str]:
    """Returns the text of every token to which a chat template may give a meaning."""
    return frozenset(str(token.content) for token in tokenizer.added_tokens_decoder.values())


def _defused(opening: re.Match[str], reserved: frozenset[str]) -> str:
    markup = opening[0] + (opening[1] or opening[2])
    return f"{opening[0]} " if markup in reserved else opening[0]


def _lines(row: Mapping[str, Any]) -> Iterator[str]:
    title, company = _line(row["title"]), _line(row["company"])
    if headline := _headline(title, company):
        yield f"{'Title' if title else 'Company'}: {headline}"
    if location := _line(row["location"]):
        yield f"Location: {location}"
    yield from _section("Jobs:", (_job(job) for job in row["work_info"] or ()))
    yield from _section("Education:", (_degree(degree) for degree in row["education_info"] or ()))
    if skills := _joined(", ", *map(_line, row["skills"] or ())):
        yield f"Skills: {skills}"
    if resume := _BLANK_LINES.sub("\n\n", _SPACES.sub(" ", row["resume_text"] or "")).strip():
        yield f"Resume:\n{resume}"


def _headline(title: str, company: str) -> str:
    """Joins title and company; some titles name the company themselves: `Engineer at Northwind`."""
    is_named = company and title.casefold().endswith(f" at {company.casefold()}")
    return title if is_named else _joined(" at ", title, company)


def _section(title: str, items: Iterator[str]) -> Iterator[str]:
    lines = [f"- {item}" for item in items if item]
    if lines:
        yield title
        yield from lines


def _job(job: Mapping[str, Any]) -> str:
    end = "now" if job["is_current"] else _date(job["work_end_date"])
    dates = _joined(" to ", _date(job["work_start_date"]), end)
    held = _joined(", ", _line(job["title"]), _line(job["company"]), dates)
    return _joined(": ", held, _line(job["description"]))


def _degree(degree: Mapping[str, Any]) -> str:
    studied = _joined(" ", _line(degree["degree"]), _line(degree["field_of_study"]))
    return _joined(", ", studied, _line(degree["school"]), _date(degree["end_date"]))


def _date(date: str | None) -> str:
    iso = _ISO_DATE.fullmatch(date.strip()) if date else None
    return iso[1] if iso else _line(date)


def _joined(separator: str, *lines: str) -> str:
    """Joins the lines that are not empty."""
    return separator.join(filter(None, lines))


def _line(text: str | None) -> str:
    return " ".join(text.split()) if text else ""
