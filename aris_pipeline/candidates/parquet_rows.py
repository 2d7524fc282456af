"""Parquet tables of candidates: one row a candidate, nested columns allowed."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from aris_pipeline.candidates.columns import find_columns, no_text_column
from aris_pipeline.candidates.json_values import json_text
from aris_pipeline.candidates.options import LandingOptions
from aris_pipeline.candidates.records import RAW_LIMIT, Entry, Record, clean_id, over_size
from aris_pipeline.errors import InputError

_ROWS_AT_ONCE = 256
_PROFILE_COLUMNS = {"gemData", "title", "work_info", "education_info", "skills"}


class ParquetReader:
    """Reads a few rows at once; a record is the JSON object of all its columns."""

    def __init__(self, file: Path, options: LandingOptions) -> None:
        try:
            names = pq.read_schema(file).names
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{file} is not readable parquet: {error}") from error
        columns = find_columns(file, names, options)
        if columns.text is None and not _PROFILE_COLUMNS.intersection(names):
            raise no_text_column(file, names)
        self.text_column = columns.text
        self.id_column = columns.id
        self._file = file
        self._max_row_bytes = options.max_row_bytes

    def read(self) -> Iterator[Entry]:
        """Yields the rows; `line` is the row's number."""
        number = 0
        try:
            with pq.ParquetFile(self._file) as table:
                for batch in table.iter_batches(batch_size=_ROWS_AT_ONCE):
                    for row in batch.to_pylist():
                        number += 1
                        yield self._entry(number, row)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise InputError(f"{self._file} cannot be read after row {number}: {error}") from error

    def _entry(self, number: int, row: dict[str, object]) -> Entry:
        text = json_text(row)
        size = len(text.encode())
        custom_id = None
        if self.id_column is not None:
            value = row[self.id_column]
            custom_id = clean_id(None if value is None else str(value)) or None
        if size > self._max_row_bytes:
            head = text[:RAW_LIMIT]
            return over_size(number, f"{size:,} bytes", self._max_row_bytes, head, custom_id)
        return Record(number, text, custom_id)
