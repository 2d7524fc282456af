"""Writes a table as an Excel workbook in which no cell is a formula or a link."""

import io
import math
from collections.abc import Callable
from datetime import date, datetime

import polars as pl
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

MOST_ROWS = 1_048_575
"""Rows of a sheet under its header; a longer table goes on in the next sheet."""

MOST_CHARACTERS = 32_767
"""Characters of a cell, as Excel counts: those beyond 16 bits count twice."""

_FIRST = [
    "rank", "custom_id", "recommendation", "score", "confidence", "disagrees", "overall_reason",
    "is_valid", "invalid_reason", "invalid_detail",
]  # fmt: skip
_LAST = [
    "answer_json", "request_key", "rubric_id", "rubric_digest", "model_id", "model_revision",
    "requested_model", "engine", "run_id",
]  # fmt: skip
_WIDTHS = range(8, 61)
_LOOKED_AT = 1_000
_MOST_DIGITS = 10**15
_ONE_UNIT = 0xFFFF


def workbook(
    frame: pl.DataFrame, name: str, complain: Callable[[str], object] = lambda _: None
) -> bytes:
    """Returns a table as the content of an xlsx file.

    Each value is written as what it is: text as text, whatever it begins with.

    Args:
        frame: the table.
        name: of the sheet.
        complain: receives a sentence if texts were cut.
    """
    ordered = as_text(_in_order(frame))
    long = sum(_cut_texts(ordered[column]) for column in ordered.columns)
    content = io.BytesIO()
    # Rows leave memory as they are written; texts then stand in their cells.
    with xlsxwriter.Workbook(content, {"constant_memory": True}) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        rounded = book.add_format({"num_format": "0.000"})
        for start in range(0, max(ordered.height, 1), MOST_ROWS):
            number = start // MOST_ROWS + 1
            sheet = book.add_worksheet(name if number == 1 else f"{name} {number}")
            _write(sheet, ordered.slice(start, MOST_ROWS), bold, rounded)
    if long:
        complain(
            f"{long:,} texts are longer than the {MOST_CHARACTERS:,} characters of an Excel cell, "
            "and end in [cut]; the formats csv and parquet have them whole"
        )
    return content.getvalue()


def _in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Moves what people read to the front, and what traces a row to the end."""
    first = [name for name in _FIRST if name in frame.columns]
    last = [name for name in _LAST if name in frame.columns]
    return frame.select(*first, pl.exclude(*first, *last), *last)


def as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Returns lists and enumerations as text, for formats that have neither."""
    lists = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
    return frame.with_columns(
        pl.col(name).cast(pl.List(pl.String)).list.join(", ") for name in lists
    ).with_columns(pl.col(pl.Enum, pl.Categorical).cast(pl.String))


def _write(sheet: Worksheet, frame: pl.DataFrame, bold: Format, rounded: Format) -> None:
    names = frame.columns
    sheet.freeze_panes(1, names.index("custom_id") + 1 if "custom_id" in names else 0)
    sheet.autofilter(0, 0, frame.height, len(names) - 1)
    for column, name in enumerate(names):
        form = rounded if frame[name].dtype.is_float() else None
        sheet.set_column(column, column, _width(frame[name]), form)
        sheet.write_string(0, column, _fitting(name), bold)
    for at, row in enumerate(frame.iter_rows(), start=1):
        for column, value in enumerate(row):
            if value is not None:
                _write_value(sheet, at, column, value)


def _write_value(sheet: Worksheet, row: int, column: int, value: object) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float) and math.isfinite(value) and abs(value) < _MOST_DIGITS:
        sheet.write_number(row, column, value)
    elif isinstance(value, date | datetime):
        sheet.write_string(row, column, value.isoformat())
    else:
        sheet.write_string(row, column, _fitting(str(value)))


def _fitting(text: str) -> str:
    """Returns a text that a cell holds; a longer one is cut, and says so."""
    if not _is_too_long(text):
        return text
    mark = f" [cut: {len(text):,} characters]"
    kept = text[: MOST_CHARACTERS - len(mark)]
    while _units(kept) > MOST_CHARACTERS - len(mark):
        kept = kept[: -max(1, (_units(kept) - MOST_CHARACTERS + len(mark)) // 2)]
    return kept + mark


def _cut_texts(column: pl.Series) -> int:
    if column.dtype != pl.String:
        return 0
    candidates = column.filter((column.str.len_bytes() > MOST_CHARACTERS).fill_null(value=False))
    return sum(map(_is_too_long, candidates))


def _is_too_long(text: str) -> bool:
    return len(text) > MOST_CHARACTERS // 2 and _units(text) > MOST_CHARACTERS


def _units(text: str) -> int:
    return len(text) + sum(ord(letter) > _ONE_UNIT for letter in text)


def _width(column: pl.Series) -> int:
    shown = column.head(_LOOKED_AT)
    if shown.dtype.is_float():
        shown = shown.round(3)
    longest = shown.cast(pl.String).str.len_chars().max()
    wanted = max(len(column.name) + 3, longest if isinstance(longest, int) else 0)
    return min(max(wanted, _WIDTHS.start), _WIDTHS.stop - 1)
