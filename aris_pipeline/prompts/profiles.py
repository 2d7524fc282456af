"""The text of a profile: compact, readable, redacted, and unable to pass for anything else.

Nothing that a candidate wrote may end the profile or speak with the chat template's voice:
delimiters and special-token text are defused here, and `frames` tokenises a profile without
special tokens on top.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from aris_pipeline.prompts.redaction import redact
from aris_pipeline.prompts.tokenizers import Tokenizer

PROFILE_OPEN = "<profile>"
PROFILE_CLOSE = "</profile>"

_DELIMITER = re.compile(r"<(?=\s*/?\s*profile)", re.IGNORECASE)
_MARKUP = re.compile(r"<[^<>\n]{1,60}>|\[[^\[\]\n]{1,40}\]")
_SPACES = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r" ?\n(?: ?\n)+")
_ISO_DATE = re.compile(r"(\d{4}-\d\d)(?:-\d\d.*)?")


def profile_text(row: Mapping[str, Any], *, redacted: bool, reserved: frozenset[str]) -> str:
    """Renders a `RawCandidates` row.

    Args:
        row: the candidate.
        redacted: keep names, e-mail, phone and links out.
        reserved: text of the model's special tokens (`reserved_texts`).
    """
    text = "\n".join(_lines(row))
    if redacted:
        text = redact(text, row["first_name"], row["last_name"])
    text = _DELIMITER.sub("(", text)
    return _MARKUP.sub(lambda found: _defused(found[0], reserved), text)


def content_free_profile() -> str:
    """Renders a profile of the usual shape that says nothing, to calibrate scores against."""
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
    """Returns the text of every token that a chat template may give a meaning to."""
    texts = (str(token.content) for token in tokenizer.added_tokens_decoder.values())
    return frozenset(text for text in texts if _MARKUP.fullmatch(text))


def _defused(markup: str, reserved: frozenset[str]) -> str:
    return f"{markup[0]} {markup[1:]}" if markup in reserved else markup


def _lines(row: Mapping[str, Any]) -> Iterator[str]:
    headline = _joined(" at ", row["title"], row["company"])
    if headline:
        yield f"Title: {headline}"
    if location := _line(row["location"]):
        yield f"Location: {location}"
    yield from _section("Jobs:", (_job(job) for job in row["work_info"] or ()))
    yield from _section("Education:", (_degree(degree) for degree in row["education_info"] or ()))
    if skills := _joined(", ", *(row["skills"] or ())):
        yield f"Skills: {skills}"
    if resume := _BLANK_LINES.sub("\n\n", _SPACES.sub(" ", row["resume_text"] or "")).strip():
        yield f"Resume:\n{resume}"


def _section(title: str, items: Iterator[str]) -> Iterator[str]:
    lines = [f"- {item}" for item in items if item]
    if lines:
        yield title
        yield from lines


def _job(job: Mapping[str, Any]) -> str:
    end = "now" if job["is_current"] else _date(job["work_end_date"])
    dates = _joined(" to ", _date(job["work_start_date"]), end)
    return _joined(": ", _joined(", ", job["title"], job["company"], dates), job["description"])


def _degree(degree: Mapping[str, Any]) -> str:
    studied = _joined(" ", degree["degree"], degree["field_of_study"])
    return _joined(", ", studied, degree["school"], _date(degree["end_date"]))


def _date(date: str | None) -> str:
    iso = _ISO_DATE.fullmatch(date.strip()) if date else None
    return iso[1] if iso else date or ""


def _joined(separator: str, *parts: str | None) -> str:
    return separator.join(line for part in parts if (line := _line(part)))


def _line(text: str | None) -> str:
    return " ".join(text.split()) if text else ""
