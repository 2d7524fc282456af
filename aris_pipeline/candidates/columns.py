"""Which columns of a table hold the free text and the id.

A file without a header line passes its first row off as column names. That row is a person's, so
messages show names only where all of them look like names of columns and one is a usual one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aris_pipeline.candidates.options import LandingOptions
from aris_pipeline.candidates.records import ID_FIELDS
from aris_pipeline.errors import InputError

_TEXT_COLUMNS = (
    "resume_text",
    "resume",
    "resume_str",
    "resumetext",
    "cv_text",
    "cv",
    "profile_text",
    "profile",
    "text",
    "content",
    "summary",
)
_OTHER_USUAL_NAMES = {
    *("candidates", "metadata", "gemdata", "name", "full_name", "first_name", "last_name"),
    *("email", "phone", "title", "company", "location", "work_info", "education_info", "skills"),
}
_SHOWN = 20
_LOOKS_LIKE_A_NAME = re.compile(r"[^\W\d][\w ./()-]{0,39}")


@dataclass(frozen=True)
class Columns:
    """The columns with a meaning of their own; both may be missing."""

    text: str | None
    id: str | None


def find_columns(file: Path, names: Sequence[str], options: LandingOptions) -> Columns:
    """Finds the text and id column by the names given in `options`, else by usual names."""
    text = _named(file, names, options.text_column, "--text-column")
    identifier = _named(file, names, options.id_column, "--id-column")
    return Columns(text or _usual(names, _TEXT_COLUMNS), identifier or _usual(names, ID_FIELDS))


def no_text_column(file: Path, names: Sequence[str]) -> InputError:
    """The error for a table in which no column is known to hold text."""
    return InputError(
        f"{file} has no column with the text of a candidate (such as Resume or resume_text); "
        f"its columns: {listed(names)}. Name it with --text-column"
    )


def _named(file: Path, names: Sequence[str], wanted: str | None, option: str) -> str | None:
    if wanted is not None and wanted not in names:
        raise InputError(
            f"{file} has no column '{wanted}' ({option}); its columns: {listed(names)}"
        )
    return wanted


def _usual(names: Sequence[str], usual: Sequence[str]) -> str | None:
    by_lower = {name.lower(): name for name in reversed(names)}
    return next((by_lower[name.lower()] for name in usual if name.lower() in by_lower), None)


def unique_names(names: Sequence[str]) -> list[str]:
    """Returns names without surrounding space; an empty or repeated one gets its number."""
    unique: dict[str, None] = {}
    for number, given in enumerate(names, start=1):
        name = given.strip() or f"column_{number}"
        while name in unique:
            name = f"{name}_{number}"
        unique[name] = None
    return list(unique)


def listed(names: Sequence[str]) -> str:
    """Lists names for a message; what looks like data is not repeated."""
    known = {*_TEXT_COLUMNS, *(name.lower() for name in ID_FIELDS), *_OTHER_USUAL_NAMES}
    is_header = any(name.lower().replace(" ", "_") in known for name in names)
    if not (is_header and all(_LOOKS_LIKE_A_NAME.fullmatch(name) for name in names)):
        return f"{len(names)}, which may be data (is the line with the names missing?)"
    shown = ", ".join(repr(name) for name in names[:_SHOWN]) or "none"
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
