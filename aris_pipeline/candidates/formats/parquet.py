"""Reads parquet tables of candidates: one row a candidate, nested columns allowed."""

import re
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import TypeGuard

import pyarrow as pa
import pyarrow.parquet as pq

from aris_pipeline.candidates.candidate_rows import table_rows
from aris_pipeline.candidates.formats.arrow_values import UNREADABLE, readable
from aris_pipeline.candidates.formats.foreign_kinds import HEAD_BYTES, foreign_kind
from aris_pipeline.candidates.formats.format import Format
from aris_pipeline.candidates.formats.table_columns import find_id_columns, unique_names
from aris_pipeline.candidates.json_values import json_text
from aris_pipeline.candidates.landing_options import LandingOptions
from aris_pipeline.candidates.records import (
    RAW_LIMIT,
    Entry,
    identified,
    over_size,
    wrong_encoding,
)
from aris_pipeline.candidates.sources import is_packed, plain_name
from aris_pipeline.candidates.stray_bytes import StrayBytes
from aris_pipeline.candidates.synthetic_careers import TABLE_COLUMNS, SyntheticCandidate
from aris_pipeline.errors import InputError

_ROWS_AT_ONCE = 256
_BYTES_AT_ONCE = 64 * 1024 * 1024
_ROWS_OF_A_GROUP = 5000
_LONGEST_DIGEST = 64
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class ParquetReader:
    """Reads a few rows at once; a record is the JSON object of all its columns."""

    def __init__(self, file: Path, options: LandingOptions) -> None:
        try:
            self._names = unique_names(pq.read_schema(file).names)
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{file} is not readable parquet: {error}") from error
        self._id_columns = find_id_columns(file, self._names, options)
        self.id_column = next(iter(self._id_columns), None)
        self.strays = StrayBytes()
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
            rows = batch.to_pylist(maps_as_pydicts="strict")
        except UNREADABLE:
            for index in range(batch.num_rows):
                yield self._cell_by_cell(first + index, batch.slice(index, 1))
        else:
            for number, row in zip(count(first), rows, strict=False):
                yield self._entry(number, row)

    def _cell_by_cell(self, number: int, batch: pa.RecordBatch) -> Entry:
        """Reads one row of a batch in which some value cannot be read."""
        cells = zip(self._names, batch.columns, strict=True)
        return self._entry(number, {name: readable(column[0]) for name, column in cells})

    def _entry(self, number: int, row: dict[str, object]) -> Entry:
        text = json_text(row)
        not_utf_8 = b"\n".join(filter(_is_other_text, row.values()))
        if not_utf_8 and not self.strays.admit(number, not_utf_8):
            return wrong_encoding(number, text)
        entry = identified(row, number, text, self._id_columns)
        size = len(text.encode())
        if size > self._max_row_bytes:
            head = text[:RAW_LIMIT]
            found = f"{size:,} bytes"
            return over_size(number, found, self._max_row_bytes, head, entry.custom_id)
        return entry


def _is_other_text(value: object) -> TypeGuard[bytes]:
    """Returns whether a value is text stored as bytes other than UTF-8, not a digest or key."""
    if not isinstance(value, bytes) or len(value) <= _LONGEST_DIGEST or _CONTROL.search(value):
        return False
    try:
        value.decode()
    except UnicodeDecodeError:
        return True
    return False


def _rows_at_once(metadata: pq.FileMetaData) -> int:
    """Returns how many rows to read at once: a few hundred, fewer if the rows are large."""
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    largest = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    return max(1, min(_ROWS_AT_ONCE, _BYTES_AT_ONCE // max(largest, 1)))


def _open(file: Path, options: LandingOptions) -> ParquetReader:
    if is_packed(file):
        raise InputError(
            f"{file}: parquet is compressed inside and is not packed again: unpack it and "
            f"land {plain_name(file).name}"
        )
    with file.open("rb") as source:
        head = source.read(HEAD_BYTES)
    found = None if head.startswith(b"PAR1") else foreign_kind(file, head)
    if found is not None:
        raise InputError(f"{file} is {found}")
    return ParquetReader(file, options)


def _write(made: Iterator[SyntheticCandidate], _count: int, out: Path) -> None:
    schema = pa.schema(zip(TABLE_COLUMNS, (pa.string(), pa.string(), pa.float64()), strict=True))
    rows = (dict(zip(TABLE_COLUMNS, one.row(), strict=True)) for one in made)
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        while some := list(islice(rows, _ROWS_OF_A_GROUP)):
            writer.write_table(pa.Table.from_pylist(some, schema=schema))


FORMAT = Format(
    name="parquet",
    title="parquet",
    endings=(".parquet", ".pq"),
    remedy="Correct the file, or name its columns with --text-column and --id-column",
    reader=_open,
    validator=table_rows,
    write=_write,
    is_table=True,
    is_text=False,
)
