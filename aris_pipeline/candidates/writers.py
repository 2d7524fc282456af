"""The writers of landing; they hold the records of one shard and part of the quarantine."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from aris_pipeline.candidates.records import RAW_LIMIT, Record, Rejected
from aris_pipeline.storage import (
    LANDING_SHARD,
    DataStore,
    Landed,
    Quarantine,
    Shard,
    write_parquet,
)
from aris_pipeline.storage.schemas import polars_schema

_SHARD_CHARACTERS = 128 * 1024 * 1024
_QUARANTINE_ROWS = 20_000
_QUARANTINE_CHARACTERS = 32 * 1024 * 1024


class ShardWriter:
    """Cuts records into shards; a shard of very long records has fewer rows than the shard size."""

    def __init__(
        self, store: DataStore, batch: str, file: str, shard_size: int, metadata: Mapping[str, str]
    ) -> None:
        self.shard_rows: list[int] = []
        self.erased: dict[str, int] = {}
        self._store = store
        self._batch = batch
        self._file = file
        self._shard_size = shard_size
        self._metadata = metadata
        self._rows: list[tuple[str, int, str]] = []
        self._left_out = self._characters = 0

    def write(self, record: Record, custom_id: str) -> None:
        """Adds a record, and writes the shard that it fills."""
        self._rows.append((custom_id, record.line, record.text))
        self._count(record)

    def leave_out(self, record: Record) -> None:
        """Counts the record of an erased person: the other rows keep their shards."""
        self._left_out += 1
        self._count(record)

    def _count(self, record: Record) -> None:
        self._characters += len(record.text)
        rows = len(self._rows) + self._left_out
        if rows == self._shard_size or self._characters >= _SHARD_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        """Writes the last shard that was begun, if any."""
        if not self._rows and not self._left_out:
            return
        shard = Shard.numbered(self._batch, len(self.shard_rows))
        frame = pl.DataFrame(
            self._rows,
            schema={"custom_id": pl.String, "line": pl.Int64, "record": pl.String},
            orient="row",
        ).with_columns(file=pl.lit(self._file))
        write_parquet(frame, self._store.landed(shard), Landed, metadata=self._metadata)
        self.shard_rows.append(len(self._rows) + self._left_out)
        if self._left_out:
            self.erased[shard.name] = self._left_out
        self._rows, self._left_out, self._characters = [], 0, 0


class QuarantineWriter:
    """Writes landing's quarantine, in numbered files once it is large."""

    def __init__(self, store: DataStore, batch: str, file: str) -> None:
        self.rows = 0
        self.path = store.quarantine(Shard(batch, LANDING_SHARD))
        self._file = file
        self._rejected: list[Rejected] = []
        self._characters = 0
        self._files = 0

    def write(self, rejected: Rejected) -> None:
        """Adds an unusable record."""
        self.rows += 1
        self._rejected.append(rejected)
        self._characters += min(len(rejected.raw), RAW_LIMIT)
        full = self._characters >= _QUARANTINE_CHARACTERS
        if full or len(self._rejected) >= _QUARANTINE_ROWS:
            self._write_file()

    def close(self) -> None:
        """Writes the rest; an empty quarantine has a file, too."""
        if self._rejected or not self._files:
            self._write_file()

    def _write_file(self) -> None:
        number = f"-{self._files:03d}" if self._files else ""
        write_quarantine(
            self.path.with_stem(f"{self.path.stem}{number}"), self._file, self._rejected
        )
        self._files += 1
        self._rejected, self._characters = [], 0


def write_quarantine(
    path: Path, file: str, rejected: list[Rejected], metadata: Mapping[str, str] | None = None
) -> None:
    """Writes unusable records of `file` as one parquet file, with `metadata` in its footer."""
    rows = [
        {
            "file": file,
            "line": row.line,
            "custom_id": row.custom_id,
            "field": row.field,
            "rule": row.rule,
            "message": row.message,
            "raw": quarantined_text(row.raw),
        }
        for row in rejected
    ]
    frame = pl.DataFrame(rows, schema=polars_schema(Quarantine))
    write_parquet(frame, path, Quarantine, metadata=metadata)


def quarantined_text(raw: str) -> str:
    """Returns what quarantine keeps of a record: at most 64 KiB, counted in bytes."""
    raw = raw[:RAW_LIMIT]
    if raw.isascii():
        return raw
    return raw.encode("utf-8", "replace")[:RAW_LIMIT].decode("utf-8", "ignore")
