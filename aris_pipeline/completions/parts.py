"""Keeps part files: the finished rows of a running shard, safe on the disk.

They are outside the tables that analysts read, one directory a shard, and are removed when the
shard's completions file is complete. A killed run leaves them for the next one.
"""

import contextlib
import logging
import threading
import uuid
from pathlib import Path
from typing import Any, Self

import polars as pl

from aris_pipeline.errors import DiskError, StorageError
from aris_pipeline.storage import (
    Completions,
    DataStore,
    may_be_newer,
    remove_tree,
    write_parquet,
)
from aris_pipeline.storage.schemas import polars_schema

_LOG = logging.getLogger(__name__)

Row = dict[str, Any]

MAX_ROWS_AT_RISK = 512
MAX_SECONDS_AT_RISK = 5.0


class PartWriter:
    """Collects finished rows of all running shards, and writes parts when enough rows are at risk.

    While it is entered, a thread keeps the time, because a long row may finish alone. If it cannot
    write rows, it tries again with the shard's next row, which then raises the error: no engine
    works for nothing.
    """

    def __init__(self) -> None:
        self._rows: dict[Path, list[Row]] = {}
        self._unwritten = 0
        self._overdue: set[Path] = set()
        self._taking = threading.Lock()
        self._writing = threading.Lock()
        self._done = threading.Event()
        self._clock = threading.Thread(target=self._keep_time, name="part-writer", daemon=True)

    def add(self, directory: Path, row: Row) -> None:
        """Adds a finished row of `Completions` to the parts in a directory.

        Raises:
            StorageError: parts of this shard cannot be written.
            DiskError: no shard's parts can be written.
        """
        with self._taking:
            self._rows.setdefault(directory, []).append(row)
            self._unwritten += 1
            due = directory in self._overdue or self._unwritten >= MAX_ROWS_AT_RISK
        if due:
            failed = self.flush()
            if directory in failed:
                raise failed[directory]

    def flush(self) -> dict[Path, StorageError]:
        """Writes the collected rows; if that fails, they are kept for the next try.

        Returns:
            The errors of parts that could not be written, by directory.

        Raises:
            DiskError: nothing can be written anywhere.
        """
        failed: dict[Path, StorageError] = {}
        with self._writing:
            for directory in list(self._rows):
                try:
                    self._write(directory)
                except StorageError as error:
                    failed[directory] = error
        for reason in failed.values():
            if isinstance(reason, DiskError):
                raise reason
        return failed

    def forget(self, directory: Path) -> None:
        """Drops the unwritten rows of a shard whose rows are safe elsewhere."""
        with self._writing, self._taking:
            self._unwritten -= len(self._rows.pop(directory, []))
            self._overdue.discard(directory)

    def _write(self, directory: Path) -> None:
        """Writes one part; rows that come meanwhile wait for the next."""
        with self._taking:
            rows = list(self._rows[directory])
        try:
            frame = pl.DataFrame(rows, schema=polars_schema(Completions), orient="row")
            write_parquet(frame, directory / f"part-{uuid.uuid4().hex}.parquet", Completions)
        except BaseException:
            self._overdue.add(directory)
            raise
        with self._taking:
            del self._rows[directory][: len(rows)]
            if not self._rows[directory]:
                del self._rows[directory]
            self._unwritten -= len(rows)
            self._overdue.discard(directory)

    def _keep_time(self) -> None:
        while not self._done.wait(MAX_SECONDS_AT_RISK):
            with contextlib.suppress(StorageError, pl.exceptions.PolarsError):
                self.flush()

    def __enter__(self) -> Self:
        self._clock.start()
        return self

    def __exit__(self, error_type: object, error: BaseException | None, _: object) -> None:
        self._done.set()
        self._clock.join()
        try:
            unwritten = next(iter(self.flush().values()), None)
        except DiskError as full:
            unwritten = full
        if unwritten is None:
            return
        if error is None:
            raise unwritten
        _LOG.warning("%d finished rows are lost: %s", self._unwritten, unwritten)


def part_files(directory: Path) -> list[Path]:
    """Returns the parts of a shard, if any."""
    return sorted(directory.glob("part-*.parquet"))


def remove_finished_parts(store: DataStore) -> None:
    """Removes parts that are older than their completions file, left behind by a kill.

    Call it only if no other process generates at the same time.
    """
    work = store.root / ".work"
    for directory in work.glob("completions/rubric=*/model=*/batch=*/shard=*"):
        completions = store.root / directory.relative_to(work) / "completions.parquet"
        if completions.exists() and not any(
            may_be_newer(part, completions) for part in part_files(directory)
        ):
            remove_parts(directory)


def remove_parts(directory: Path) -> None:
    """Removes the parts of a shard whose completions file is complete."""
    remove_tree(directory)
