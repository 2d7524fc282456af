"""Finds the columns of a table: one for the id, and those by which a candidate can be judged.

A file without a header line passes its first row off as column names. That row is a person's, so
messages show names only if all of them look like column names and one is a usual name.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from aris_pipeline.candidates.column_map import like
from aris_pipeline.candidates.field_names import role_of
from aris_pipeline.candidates.identifiers import id_names, id_rank
from aris_pipeline.candidates.landing_options import LandingOptions
from aris_pipeline.errors import InputError

_OTHER_USUAL_NAMES = {
    *("candidates", "metadata", "gemdata", "name", "full_name", "first_name", "last_name"),
    *("email", "phone"),
}
_SHOWN = 20
_LOOKS_LIKE_A_NAME = re.compile(r"[^\W\d][\w ./()-]{0,39}")


def find_id_columns(file: Path, names: Sequence[str], options: LandingOptions) -> list[str]:
    """Returns the columns that may hold the id: the one in `options`, else those with usual names.

    Raises:
        InputError: a column that `options` names is missing, or no known column can be used to
            judge a candidate.
    """
    for path, where in options.named_paths():
        if path not in names and path.partition(".")[0] not in names:
            meant = like(path, names) if are_names(names) else ""
            raise InputError(
                f"{file} has no column '{path}' ({where}){meant}; its columns: {listed(names)}"
            )
    if options.mapping is None and not any(map(_is_judged, names)):
        raise InputError(
            f"{file} has no column with the text of a candidate (such as Resume or resume_text); "
            f"its columns: {listed(names)}. Name it with --text-column, or several by --columns"
        )
    return [options.id_field] if options.id_field else id_names(names)


def _is_judged(name: str) -> bool:
    """Returns whether a column alone is enough to judge a candidate."""
    role = role_of(name)
    if role is None:
        return name == "gemData"
    return role.kind in ("text", "list", "job", "degree") or role.target == "title"


def unique_names(names: Sequence[str]) -> list[str]:
    """Returns names without surrounding space; an empty or repeated name gets a number."""
    unique: dict[str, None] = {}
    for number, given in enumerate(names, start=1):
        name = given.strip() or f"column_{number}"
        while name in unique:
            name = f"{name}_{number}"
        unique[name] = None
    return list(unique)


def are_names(cells: Sequence[str]) -> bool:
    """Returns whether cells are clearly column names: all could be, and one is usual."""
    is_known = any(
        cell.lower().replace(" ", "_") in _OTHER_USUAL_NAMES
        or role_of(cell)
        or id_rank(cell) is not None
        for cell in cells
    )
    return is_known and all(map(_LOOKS_LIKE_A_NAME.fullmatch, cells))


def listed(names: Sequence[str]) -> str:
    """Lists names for a message; only counts them if they look like data."""
    if not are_names(names):
        return f"{len(names)}, which may be data (is the line with the names missing?)"
    shown = ", ".join(repr(name) for name in names[:_SHOWN]) or "none"
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
