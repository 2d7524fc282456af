"""Which columns of a table hold the free text and the id."""

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
_SHOWN = 20


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
        f"its columns: {_listed(names)}. Name it with --text-column"
    )


def _named(file: Path, names: Sequence[str], wanted: str | None, option: str) -> str | None:
    if wanted is not None and wanted not in names:
        raise InputError(
            f"{file} has no column '{wanted}' ({option}); its columns: {_listed(names)}"
        )
    return wanted


def _usual(names: Sequence[str], usual: Sequence[str]) -> str | None:
    by_lower = {name.lower(): name for name in reversed(names)}
    return next((by_lower[name.lower()] for name in usual if name.lower() in by_lower), None)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_SHOWN]) or "none"
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
