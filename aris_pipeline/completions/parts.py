"""Part files: what a running shard has finished so far, safe on the disk.

They stand outside the tables that analysts read, one directory a shard, and go when the shard's
completions file is complete. A run that was killed leaves them for the next one.
"""

import shutil
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import polars as pl

from aris_pipeline.storage import Completions, write_parquet
from aris_pipeline.storage.schemas import polars_schema

MAX_ROWS_AT_RISK = 512
MAX_SECONDS_AT_RISK = 15.0


class PartWriter:
    """Collects finished rows and writes a part when enough of them, or of time, is at risk."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._rows: list[dict[str, Any]] = []
        self._last_write = time.monotonic()

    def add(self, row: dict[str, Any]) -> None:
        """Takes a finished row; a row of `Completions`."""
        self._rows.append(row)
        if len(self._rows) >= MAX_ROWS_AT_RISK:
            self.flush()
        self.flush_if_due()

    def flush_if_due(self) -> None:
        """Writes a part where the oldest unwritten row has waited long enough."""
        if time.monotonic() - self._last_write >= MAX_SECONDS_AT_RISK:
            self.flush()

    def flush(self) -> None:
        """Writes what has been collected."""
        if self._rows:
            frame = pl.DataFrame(self._rows, schema=polars_schema(Completions), orient="row")
            write_parquet(frame, self._directory / f"part-{uuid.uuid4().hex}.parquet", Completions)
            self._rows = []
        self._last_write = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.flush()


def part_files(directory: Path) -> list[Path]:
    """Returns the parts of a shard, if any."""
    return sorted(directory.glob("part-*.parquet"))


def remove_parts(directory: Path) -> None:
    """Removes the parts of a shard whose completions file is complete."""
    shutil.rmtree(directory, ignore_errors=True)
