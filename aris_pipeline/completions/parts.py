"""Part files: what a running shard has finished so far, safe on the disk.

They stand outside the tables that analysts read, one directory a shard, and go when the shard's
completions file is complete. A run that was killed leaves them for the next one.
"""

import logging
import shutil
import threading
import uuid
from pathlib import Path
from typing import Any, Self

import polars as pl

from aris_pipeline.errors import StorageError
from aris_pipeline.storage import Completions, DataStore, write_parquet
from aris_pipeline.storage.schemas import polars_schema

_LOG = logging.getLogger(__name__)

MAX_ROWS_AT_RISK = 512
MAX_SECONDS_AT_RISK = 5.0


class PartWriter:
    """Collects finished rows and writes a part when enough of them, or of time, is at risk.

    While it is entered, a thread keeps the time, because a long row may finish alone. What it
    cannot write is tried again with the next row, which is told: no engine works for nothing.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._rows: list[dict[str, Any]] = []
        self._overdue = False
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._clock = threading.Thread(target=self._keep_time, name="part-writer", daemon=True)

    def add(self, row: dict[str, Any]) -> None:
        """Takes a finished row of `Completions`; `StorageError` where parts cannot be written."""
        with self._lock:
            self._rows.append(row)
            due = self._overdue or len(self._rows) >= MAX_ROWS_AT_RISK
        if due:
            self.flush()

    def flush(self) -> None:
        """Writes what has been collected; where that fails, it is kept for the next try."""
        with self._lock:
            if self._rows:
                frame = pl.DataFrame(self._rows, schema=polars_schema(Completions), orient="row")
                part = self._directory / f"part-{uuid.uuid4().hex}.parquet"
                write_parquet(frame, part, Completions)
                self._rows, self._overdue = [], False

    def _keep_time(self) -> None:
        while not self._done.wait(MAX_SECONDS_AT_RISK):
            try:
                self.flush()
            except (StorageError, pl.exceptions.PolarsError):
                self._overdue = True

    def __enter__(self) -> Self:
        self._clock.start()
        return self

    def __exit__(self, error_type: object, error: BaseException | None, _: object) -> None:
        self._done.set()
        self._clock.join()
        try:
            self.flush()
        except StorageError as unwritten:
            if error is None:
                raise
            _LOG.warning("%d finished rows are lost: %s", len(self._rows), unwritten)


def part_files(directory: Path) -> list[Path]:
    """Returns the parts of a shard, if any."""
    return sorted(directory.glob("part-*.parquet"))


def remove_finished_parts(store: DataStore) -> None:
    """Removes parts beside a younger completions file: a kill came between it and their removal.

    Only for a process that no other one generates beside.
    """
    work = store.root / ".work"
    for directory in work.glob("completions/rubric=*/model=*/batch=*/shard=*"):
        completions = store.root / directory.relative_to(work) / "completions.parquet"
        if completions.exists():
            finished = completions.stat().st_mtime_ns
            if all(part.stat().st_mtime_ns <= finished for part in part_files(directory)):
                remove_parts(directory)


def remove_parts(directory: Path) -> None:
    """Removes the parts of a shard whose completions file is complete."""
    shutil.rmtree(directory, ignore_errors=True)
