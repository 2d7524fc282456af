"""Part files: what a running shard has finished so far, safe on the disk.

They stand outside the tables that analysts read, one directory a shard, and go when the shard's
completions file is complete. A run that was killed leaves them for the next one.
"""

import contextlib
import shutil
import threading
import uuid
from pathlib import Path
from typing import Any, Self

import polars as pl

from aris_pipeline.storage import Completions, write_parquet
from aris_pipeline.storage.schemas import polars_schema

MAX_ROWS_AT_RISK = 512
MAX_SECONDS_AT_RISK = 15.0


class PartWriter:
    """Collects finished rows and writes a part when enough of them, or of time, is at risk.

    While it is entered, a thread keeps the time, because a long row may finish alone.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._rows: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._clock = threading.Thread(target=self._keep_time, name="part-writer", daemon=True)

    def add(self, row: dict[str, Any]) -> None:
        """Takes a finished row; a row of `Completions`."""
        with self._lock:
            self._rows.append(row)
            full = len(self._rows) >= MAX_ROWS_AT_RISK
        if full:
            self.flush()

    def flush(self) -> None:
        """Writes what has been collected; where that fails, it is kept for the next try."""
        with self._lock:
            if self._rows:
                frame = pl.DataFrame(self._rows, schema=polars_schema(Completions), orient="row")
                part = self._directory / f"part-{uuid.uuid4().hex}.parquet"
                write_parquet(frame, part, Completions)
                self._rows = []

    def _keep_time(self) -> None:
        while not self._done.wait(MAX_SECONDS_AT_RISK):
            # What hinders the writing here, a full disk say, hinders the next flush too, and that
            # one raises where the run can be told.
            with contextlib.suppress(OSError, pl.exceptions.PolarsError):
                self.flush()

    def __enter__(self) -> Self:
        self._clock.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._done.set()
        self._clock.join()
        self.flush()


def part_files(directory: Path) -> list[Path]:
    """Returns the parts of a shard, if any."""
    return sorted(directory.glob("part-*.parquet"))


def remove_parts(directory: Path) -> None:
    """Removes the parts of a shard whose completions file is complete."""
    shutil.rmtree(directory, ignore_errors=True)
