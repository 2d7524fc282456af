"""Reads CSV files of candidates, whose quoted fields may span many lines.

The standard library's reader decides what a row is. In strict mode it notices a quote that is never
closed, and does not swallow the rows after it. Each row gets its own reader: its state cannot leak
into the next row, and the line where a row starts is known.

After a broken row the rest of its text must not pass for candidates. If all rows before it had a
quoted field, the next line on which a quoted field opens is the next row. The lines in between
belong to the broken row.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Self

from aris_pipeline.candidates.candidate_rows import table_rows
from aris_pipeline.candidates.decoding import decode
from aris_pipeline.candidates.formats.csv_header import LINES_TO_SHOW, header_fault
from aris_pipeline.candidates.formats.first_lines import begins_document, begins_json, is_object
from aris_pipeline.candidates.formats.format import Format
from aris_pipeline.candidates.formats.table_columns import find_id_columns, unique_names
from aris_pipeline.candidates.identifiers import find_id
from aris_pipeline.candidates.json_values import json_text
from aris_pipeline.candidates.landing_options import LandingOptions
from aris_pipeline.candidates.records import (
    RAW_LIMIT,
    Entry,
    Record,
    Rejected,
    over_size,
    wrong_encoding,
)
from aris_pipeline.candidates.stray_bytes import StrayBytes
from aris_pipeline.candidates.synthetic_careers import TABLE_COLUMNS, SyntheticCandidate
from aris_pipeline.candidates.text_source import open_text
from aris_pipeline.errors import InputError

_DELIMITERS = ",;\t|"
_SAYS_DELIMITER = re.compile(r'"?sep=(.)"?[,;]*\s*', re.IGNORECASE)  # the form that Excel writes
_ROWS_TO_TRY = 20
_ROWS_TO_BELIEVE = 3
_COLUMNS_IN_ANY_TEXT = 2


class CsvReader:
    """Reads rows; a record is the JSON object of all columns."""

    def __init__(self, file: Path, options: LandingOptions) -> None:
        self._file = file
        self._options = options
        self._max_row_bytes = options.max_row_bytes
        # The limit holds for the whole process, and rows are bounded here anyway: it is only
        # raised.
        csv.field_size_limit(max(csv.field_size_limit(), options.max_row_bytes))
        self.strays = StrayBytes(named=options.encoding is not None)
        with open_text(file, options) as source:
            self._delimiter, self._names = self._header(self._lines(source))
        self._opening = re.compile(rf'(?:^|{re.escape(self._delimiter)})"(?!")')
        self._closing = re.compile(rf'"(?=\s*$|{re.escape(self._delimiter)})')
        self._quoted_rows = self._plain_rows = 0
        try:
            self._id_columns = find_id_columns(file, self._names, options)
        except InputError as error:
            fault = self._header_fault()
            raise InputError(f"{file}: {fault}") if fault else error from None
        self.id_column = next(iter(self._id_columns), None)

    def read(self) -> Iterator[Entry]:
        """Yields the rows; `line` is the physical line on which a row starts."""
        with open_text(self._file, self._options) as source:
            lines = self._lines(source)
            self._header(lines)
            while lines.start_row():
                entry = self._row(lines)
                if entry is not None:
                    yield entry

    def _lines(self, source: BufferedReader) -> "_Lines":
        return _Lines(source, self._max_row_bytes, self.strays)

    def _row(self, lines: "_Lines") -> Entry | None:
        try:
            cells = next(csv.reader(lines, delimiter=self._delimiter, strict=True))
        except _RowTooLargeError:
            return self._over_size(lines)
        except csv.Error as error:
            if lines.split_at_returns():
                return self._row(lines)
            return self._broken(lines, str(error))
        return self._record(lines, cells) if cells else None

    def _record(self, lines: "_Lines", cells: list[str]) -> Entry:
        names = self._names
        if lines.row_has_strays and not self.strays.admit(lines.row_line, lines.row_bytes):
            return wrong_encoding(lines.row_line, lines.row_text)
        if not self._fits(cells):
            found = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
            message = f"expected {len(names)} columns, found {found}"
            return self._malformed(lines, message)
        if '"' in lines.row_text:
            self._quoted_rows += 1
        else:
            self._plain_rows += 1
        row = dict(zip(names, cells, strict=False))
        custom_id, _ = find_id(row, self._id_columns)
        return Record(lines.row_line, json_text(row), custom_id or None)

    def _fits(self, cells: list[str]) -> bool:
        """Returns whether each column has a cell; more cells are allowed if they are empty."""
        width = len(self._names)
        return len(cells) >= width and not any(cells[width:])

    def _broken(self, lines: "_Lines", reason: str) -> Entry:
        """Handles a row that strict mode refuses."""
        text = lines.row_text
        fields = len(self._opening.findall(text))
        if lines.row_lines == 1 and fields == len(self._closing.findall(text)):
            # The row has stray quotes, but every field is closed: read it as spreadsheets do.
            try:
                return self._record(lines, next(csv.reader([text], delimiter=self._delimiter)))
            except csv.Error as error:
                return self._malformed(lines, str(error))
        message = f"a quote opened in this row is not closed properly ({reason})"
        if lines.ended and self._are_rows(lines.row_parts[1:], least=2):
            lines.rewind(to=1)
        elif not lines.ended and lines.row_lines > 1:
            # The offending quote opens a field of the next row: that row is read again, and so are
            # rows without quotes before it. In a single column, every line looks like a row.
            least = 1 if self._plain_rows else _ROWS_TO_BELIEVE
            are_rows = len(self._names) > 1 and self._are_rows(lines.row_parts[1:-1], least)
            lines.rewind(to=1 if are_rows else lines.row_lines - 1)
        return self._malformed(lines, message)

    def _malformed(self, lines: "_Lines", message: str) -> Rejected:
        """Rejects the row, with the lines after it that are the rest of its text."""
        text = lines.row_text
        if '"' in text and self._plain_rows == 0 and self._quoted_rows > 0:
            skipped = lines.skip_to(self._opening)
            message += f"; {skipped} lines after it belong to it" if skipped else ""
        return Rejected(lines.row_line, "malformed_row", message, text)

    def _over_size(self, lines: "_Lines") -> Entry:
        """Skips a row that is too large, or only its first line if rows follow it."""
        text = lines.row_text[:RAW_LIMIT]
        if self._are_rows(lines.row_parts[1:-1], least=2):
            message = "a quote opened in this row is not closed"
            lines.rewind(to=1)
            return self._malformed(lines, message)
        size = lines.skip_row()
        return over_size(lines.row_line, f"{size:,} bytes", self._max_row_bytes, text)

    def _are_rows(self, parts: list[str], least: int) -> bool:
        """Returns whether lines are rows themselves: enough are complete, and most or all are.

        A line of any text soon seems to have two columns, so with two columns all lines must be
        rows.
        """
        rows = csv.reader(parts[:_ROWS_TO_TRY], delimiter=self._delimiter)
        try:
            fitting = [self._fits(cells) for cells in rows if cells]
        except csv.Error:
            return False
        most = len(fitting) / 2 if len(self._names) > _COLUMNS_IN_ANY_TEXT else len(fitting)
        return sum(fitting) >= max(least, most)

    def _header(self, lines: "_Lines") -> tuple[str, list[str]]:
        """Reads the column names; the delimiter is the most frequent one among them."""
        said = ""
        try:
            while lines.start_row():
                first = next(lines)
                if not said and (line := _SAYS_DELIMITER.fullmatch(first)):
                    said = line[1]
                    continue
                delimiter = said or max(_DELIMITERS, key=first.count)
                cells = next(csv.reader([first], delimiter=delimiter))
                if any(cells):
                    return delimiter, unique_names(cells)
        except (csv.Error, _RowTooLargeError) as error:
            reason = str(error) or "it is longer than a record may be"
            raise InputError(f"{self._file} has no readable header line: {reason}") from error
        raise InputError(f"{self._file} is empty: it has no header line")

    def _header_fault(self) -> str | None:
        with open_text(self._file, self._options) as source:
            first = [source.readline(self._max_row_bytes) for _ in range(LINES_TO_SHOW)]
        lines = [decode(raw).rstrip("\r\n") for raw in first if raw]
        return header_fault(lines, _DELIMITERS)


class _RowTooLargeError(Exception):
    """Signals from inside the csv reader that the lines of a row exceed the limit."""


class _Lines:
    """The decoded physical lines, grouped by row.

    Lines that are given back are kept in memory, because an unpacked file cannot be rewound.
    """

    def __init__(self, source: BufferedReader, max_row_bytes: int, strays: StrayBytes) -> None:
        self._source = source
        self._strays = strays
        self._max_row_bytes = max_row_bytes
        self._line = 0
        self._row: list[bytes] = []
        self._row_size = 0
        self._given_back: list[bytes] = []
        self.row_line = 1
        self.row_parts: list[str] = []
        self.row_has_strays = False
        self.ended = False

    @property
    def row_text(self) -> str:
        return "".join(self.row_parts)

    @property
    def row_bytes(self) -> bytes:
        return b"".join(self._row)

    @property
    def row_lines(self) -> int:
        return len(self.row_parts)

    def start_row(self) -> bool:
        """Begins a row at the current line; returns false at the end of the file."""
        self._row, self.row_parts, self._row_size = [], [], 0
        self.row_has_strays = False
        self.row_line = self._line + 1
        return not self.ended and bool(self._given_back or self._source.peek(1))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        raw = self._read()
        if not raw:
            self.ended = True
            raise StopIteration
        self._line += 1
        self._row.append(raw)
        self._row_size += len(raw)
        text, has_strays = self._strays.decode(raw)
        self.row_has_strays |= has_strays
        self.row_parts.append(text)
        if self._row_size > self._max_row_bytes:
            raise _RowTooLargeError
        return text

    def split_at_returns(self) -> bool:
        """Begins the row again and splits it at lone carriage returns, as on the first Macs."""
        raw = self.row_bytes
        rows = raw.rstrip(b"\r\n").split(b"\r")
        if self.row_lines > 1 or len(rows) == 1 or b'"' in raw:
            return False
        self._line -= 1
        self._given_back += [row + b"\n" for row in reversed(rows)]
        return self.start_row()

    def rewind(self, *, to: int) -> None:
        """Gives back all but the first `to` lines of the row."""
        self._given_back += reversed(self._row[to:])
        del self._row[to:], self.row_parts[to:]
        self._row_size = sum(map(len, self._row))
        self._line = self.row_line + to - 1
        self.ended = False

    def skip_to(self, opening: re.Pattern[str]) -> int:
        """Skips the lines up to the first that matches; returns their number."""
        first = self._line
        while raw := self._read():
            if opening.search(decode(raw)):
                self._given_back.append(raw)
                break
            self._line += raw.endswith(b"\n")
        return self._line - first

    def skip_row(self) -> int:
        """Reads to the line on which the quotes of the row are balanced; returns the row's size."""
        open_quote = self.row_text.count('"') % 2 == 1
        whole_line = self.row_parts[-1].endswith("\n")
        while open_quote or not whole_line:
            raw = self._read()
            if not raw:
                self.ended = True
                break
            self._line += whole_line
            self._row_size += len(raw)
            whole_line = raw.endswith(b"\n")
            open_quote ^= raw.count(b'"') % 2 == 1
        return self._row_size

    def _read(self) -> bytes:
        """Returns the next line, cut at the size that a row may have."""
        if self._given_back:
            return self._given_back.pop()
        return self._source.readline(self._max_row_bytes + 1)


def _write(made: Iterator[SyntheticCandidate], _count: int, out: Path) -> None:
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(TABLE_COLUMNS)
        writer.writerows(one.row() for one in made)


def _mistaken_for(lines: Sequence[str]) -> str | None:
    if not begins_json(lines[0]):
        return None
    return "jsonl" if is_object(lines[0]) and not begins_document(lines[0]) else "aris"


FORMAT = Format(
    name="csv",
    title="a CSV table",
    endings=(".csv", ".tsv"),
    remedy="Correct the file, or name its columns with --text-column and --id-column",
    reader=CsvReader,
    validator=table_rows,
    write=_write,
    is_table=True,
    mistaken_for=_mistaken_for,
)
