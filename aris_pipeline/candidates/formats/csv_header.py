"""Explains why the first line of a CSV file does not name its columns: one message a cause."""

import csv
import re
from collections.abc import Sequence

from aris_pipeline.candidates.formats.table_columns import are_names

LINES_TO_SHOW = 20
"""How many of the first lines are searched for the cause."""

_OTHER_DELIMITERS = {
    "^": "'^'",
    "~": "'~'",
    "\x01": "the control character 01",
    "\x1f": "the control character 1F",
    "\x1e": "the control character 1E",
    "\u00a6": "'\u00a6'",
    "\u00ac": "'\u00ac'",
    "#": "'#'",
    ":": "':'",
    "  ": "spaces",
    " ": "spaces",
}


def header_fault(lines: Sequence[str], delimiters: str) -> str | None:
    """Says what is wrong with the header, and the remedy; nothing if no known cause applies.

    Args:
        lines: the first ones of the file, without their ends.
        delimiters: characters that may separate columns.
    """
    if not lines or _names_columns(lines[0], delimiters):
        return None
    for number, line in enumerate(lines[1:], start=2):
        if _names_columns(line, delimiters):
            return f"the names of the columns stand on line {number}: remove what is above it"
    filled = [line for line in lines if line.strip()]
    if filled and filled[0] is lines[0] and not lines[0].strip(f'{delimiters}" \t'):
        return "line 1, where the names of the columns belong, is empty: write them there"
    header = filled[0] if filled else ""
    if header.startswith('"') and _names_columns(header.strip('"'), delimiters):
        return "each line stands in quotes as a whole: export it again, with quotes around fields"
    if not any(one in header for one in delimiters):
        for other, name in _OTHER_DELIMITERS.items():
            cells = [cell.strip() for cell in re.split(f"{re.escape(other)}+", header)]
            if len(cells) > 1 and are_names(cells):
                return (
                    f"its columns are separated by {name}: separate them by a comma, a semicolon, "
                    "a tab or |"
                )
    return None


def _names_columns(line: str, delimiters: str) -> bool:
    delimiter = max(delimiters, key=line.count)
    if delimiter not in line:
        return False
    try:
        cells = next(csv.reader([line], delimiter=delimiter))
    except (csv.Error, StopIteration):
        return False
    return are_names([cell.strip() for cell in cells])
