"""Parquet tables of candidates: one row a candidate, nested columns allowed."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from aris_pipeline.candidates.columns import find_id_column, unique_names
from aris_pipeline.candidates.json_values import json_text
from aris_pipeline.candidates.options import LandingOptions
from aris_pipeline.candidates.records import (
    RAW_LIMIT,
    Entry,
    Record,
    Rejected,
    clean_id,
    over_size,
)
from aris_pipeline.errors import InputError

_ROWS_AT_ONCE = 256
_BYTES_AT_ONCE = 64 * 1024 * 1024
_UNREADABLE = (ValueError, ArithmeticError, LookupError, RecursionError)
"""What a value raises that Python has no like of: a date beyond its calendar, text not in UTF-8."""


class ParquetReader:
    """Reads a few rows at once; a record is the JSON object of all its columns."""

    def __init__(self, file: Path, options: LandingOptions) -> None:
        try:
            self._names = unique_names(pq.read_schema(file).names)
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{file} is not readable parquet: {error}") from error
        self.id_column = find_id_column(file, self._names, options)
        self._file = file
        self._max_row_bytes = options.max_row_bytes

    def read(self) -> Iterator[Entry]:
        """Yields the rows; `line` is the row's number."""
        number = 0
        try:
            with pq.ParquetFile(self._file) as table:
                for batch in table.iter_batches(batch_size=_rows_at_once(table.metadata)):
                    for entry in self._entries(batch.rename_columns(self._names), number + 1):
                        number += 1
                        yield entry
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self._file} cannot be read after row {number}: {error}") from error

    def _entries(self, batch: pa.RecordBatch, first: int) -> Iterator[Entry]:
        try:
            rows = batch.to_pylist()
        except _UNREADABLE:
            for index in range(batch.num_rows):
                yield self._cell_by_cell(first + index, batch.slice(index, 1))
        else:
            for number, row in zip(count(first), rows, strict=False):
                yield self._entry(number, row)

    def _cell_by_cell(self, number: int, batch: pa.RecordBatch) -> Entry:
        """Reads one row of a batch in which some value cannot be read."""
        row: dict[str, object] = {}
        faults: dict[str, str] = {}
        for name, column in zip(self._names, batch.columns, strict=True):
            try:
                row[name] = column[0].as_py()
            except _UNREADABLE as error:
                row[name], faults[name] = None, str(error)
        if not faults:
            return self._entry(number, row)
        field, message = next(iter(faults.items()))
        raw = json_text(row)[:RAW_LIMIT]
        custom_id = self._custom_id(row)
        return Rejected(number, "malformed_row", message, raw, field=field, custom_id=custom_id)

    def _entry(self, number: int, row: dict[str, object]) -> Entry:
        text = json_text(row)
        size = len(text.encode())
        custom_id = self._custom_id(row)
        if size > self._max_row_bytes:
            head = text[:RAW_LIMIT]
            return over_size(number, f"{size:,} bytes", self._max_row_bytes, head, custom_id)
        return Record(number, text, custom_id)

    def _custom_id(self, row: dict[str, object]) -> str | None:
        value = row[self.id_column] if self.id_column is not None else None
        return clean_id(None if value is None else str(value)) or None


def _rows_at_once(metadata: pq.FileMetaData) -> int:
    """A few hundred rows, fewer where the rows of a group are large."""
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    largest = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    return max(1, min(_ROWS_AT_ONCE, _BYTES_AT_ONCE // max(largest, 1)))
