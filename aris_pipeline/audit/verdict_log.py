"""Keeps the log of verdicts: what was decided, when and by which version; only ever added to.

`docs/decisions/0029-a-log-that-can-forget.md` says why it is chained, and how a person is erased.
"""

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from aris_pipeline import __version__
from aris_pipeline.audit.current_verdicts import OF_ANSWER, OF_VERDICT, current_verdicts
from aris_pipeline.audit.hash_chain import content_hash, first_hash, row_hash
from aris_pipeline.benchmarks.machine import git_commit
from aris_pipeline.errors import BatchBusyError, DamagedDataError
from aris_pipeline.evaluations import evaluation_files
from aris_pipeline.storage import (
    Batch,
    DataStore,
    Judge,
    VerdictLog,
    may_be_newer,
    read_table,
    write_bytes,
    write_parquet,
)
from aris_pipeline.storage.process_lock import ProcessLock
from aris_pipeline.storage.schemas import polars_schema

VERDICT, ERASURE = "verdict", "erasure"
_HEAD = "head.json"
_SALT_BYTES = 16
_PATIENCE_S = 120.0
RESTORE = "restore the log from a backup, and find out who changed it"


@dataclass(frozen=True)
class Head:
    """The end of a log: the number and the hash of its last row. It anchors all rows before."""

    sequence: int
    hash: str


@dataclass(frozen=True)
class LogCounts:
    """What a batch's log holds: rows added now, all rows, and the hash of the last."""

    added: int
    rows: int
    head: str


class Log:
    """The log of a judge's verdicts on a batch, as its files are now."""

    def __init__(self, store: DataStore, judge: Judge, batch: str) -> None:
        """Reads the log.

        Raises:
            DamagedDataError: a file cannot be read.
        """
        self.folder, self.batch = store.verdict_log(judge, batch), batch
        self.first_hash = first_hash(judge, batch)
        self.files = log_files(self.folder)
        self.parts = [read_table(file, VerdictLog, hint=RESTORE) for file in self.files]

    @property
    def rows(self) -> pl.DataFrame:
        """Returns all rows, oldest first."""
        return pl.concat([pl.DataFrame(schema=polars_schema(VerdictLog)), *self.parts])

    @property
    def head(self) -> Head:
        """Returns the end of the files; number 0 if there are none."""
        return _head_of(self.parts[-1]) if self.parts else Head(0, self.first_hash)

    def check_end(self) -> None:
        """Raises an error if a file is missing or the files do not end where `head.json` says.

        A run that was stopped between the two leaves one file more: that is no fault, because the
        next append writes `head.json` anew. It is there before the first file is.

        Raises:
            DamagedDataError: a file, rows at the end or `head.json` were removed.
        """
        if lost := first_missing(self.files):
            raise DamagedDataError(f"{lost} is missing: {RESTORE}")
        noted = read_head(self.folder)
        before = _head_of(self.parts[-2]) if len(self.parts) > 1 else Head(0, self.first_hash)
        if noted not in {self.head, before} and (noted or self.parts):
            ends = f"row {noted.sequence:,}" if noted else "nowhere"
            raise DamagedDataError(
                f"{self.folder / _HEAD} ends at {ends}, and the files beside it end at row "
                f"{self.head.sequence:,}: restore the folder from a backup; `aris audit log "
                f"{self.batch} --verify` says more. To begin a new log, move the folder elsewhere "
                "and keep it"
            )

    def append(self, rows: pl.DataFrame, kind: str) -> None:
        """Adds rows as one file, then notes the new end in `head.json`.

        Args:
            rows: content columns but for the salt; those that are missing are null.
            kind: `VERDICT` or `ERASURE`.

        Raises:
            StorageError: a file cannot be written; the log is then as before, or one file longer.
        """
        if rows.height:
            if not self.parts:
                self._note_head()
            entries = self._chained(rows, kind)
            file = self.folder / _name(len(self.files) + 1)
            write_parquet(entries, file, VerdictLog)
            self.files.append(file)
            self.parts.append(entries)
        self._note_head()

    def _note_head(self) -> None:
        write_bytes(json.dumps(vars(self.head)).encode(), self.folder / _HEAD)

    def _chained(self, rows: pl.DataFrame, kind: str) -> pl.DataFrame:
        """Returns rows with what makes them rows of the log, in the order of its columns."""
        types, head = polars_schema(VerdictLog), self.head
        absent = {name: pl.lit(None, types[name]) for name in types if name not in rows.columns}
        given = rows.with_columns(**absent).with_columns(
            sequence=pl.int_range(pl.len(), dtype=pl.Int64) + head.sequence + 1,
            logged_at=pl.lit(datetime.now(UTC), types["logged_at"]),
            batch=pl.lit(self.batch),
            kind=pl.lit(kind),
            code_version=pl.lit(" ".join(filter(None, [__version__, git_commit()]))),
            salt=pl.Series([secrets.token_hex(_SALT_BYTES) for _ in range(rows.height)]),
        )
        contents, hashes = [], [head.hash]
        for row in given.select(types.names()).iter_rows(named=True):
            contents.append(content_hash(row))
            hashed = row | {"content_hash": contents[-1], "previous_hash": hashes[-1]}
            hashes.append(row_hash(hashed))
        return given.with_columns(
            content_hash=pl.Series(contents),
            previous_hash=pl.Series(hashes[:-1]),
            hash=pl.Series(hashes[1:]),
        ).select(types.names())


def log_files(folder: Path) -> list[Path]:
    """Returns the files of a log, oldest first."""
    return sorted(folder.glob("*.parquet"))


def first_missing(files: Sequence[Path]) -> Path | None:
    """Returns the first file that a log must have and has not; None if its files are all there."""
    for number, file in enumerate(files, start=1):
        if file.name != _name(number):
            return file.with_name(_name(number))
    return None


def read_head(folder: Path) -> Head | None:
    """Returns what `head.json` says; None if it is missing.

    Raises:
        DamagedDataError: it cannot be read.
    """
    place = folder / _HEAD
    try:
        said = json.loads(place.read_bytes())
        return Head(int(said["sequence"]), str(said["hash"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedDataError(f"{place} cannot be read ({error}): {RESTORE}") from error


def log_lock(store: DataStore, judge: Judge, batch: str) -> ProcessLock:
    """Returns the lock of a log, which one process of a host has at a time."""
    name = f"{batch}.{judge.rubric}.{judge.model}.verdict_log.lock"
    return ProcessLock(store.locks / "locks" / name)


@contextmanager
def open_log(store: DataStore, judge: Judge, batch: str) -> Iterator[Log]:
    """Yields a log to add to or to erase from; other processes of this host wait for it.

    Raises:
        BatchBusyError: another process holds it for long.
        DamagedDataError: it does not end where it did.
        StorageError: its lock cannot be written.
    """
    lock = log_lock(store, judge, batch)
    if not lock.acquire(wait_s=_PATIENCE_S):
        raise BatchBusyError(
            f"the log of {batch} is being written by {lock.holder()}: run the same command when "
            "that has ended"
        )
    try:
        log = Log(store, judge, batch)
        log.check_end()
        yield log
    finally:
        lock.release()


def append_verdicts(store: DataStore, judge: Judge, batch: Batch) -> LogCounts | None:
    """Logs the verdicts of a batch that are new or have changed.

    Returns:
        The counts; None if the batch has no evaluations of this judge.

    Raises:
        BatchBusyError: another process holds the log for long.
        DamagedDataError: the log does not end where it did, or a file is damaged.
        MissingDataError: prompts or completions are missing.
        StorageError: the log cannot be written.
    """
    if not evaluation_files(store, judge, batch):
        return None
    with open_log(store, judge, batch.name) as log:
        new = not_logged(current_verdicts(store, judge, batch), log.rows)
        log.append(new, VERDICT)
        return LogCounts(new.height, log.head.sequence, log.head.hash)


def not_logged(current: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Returns the verdicts that differ from the latest logged one of their candidate.

    Args:
        current: of `current_verdicts`.
        rows: of the log, oldest first.
    """
    compared = [*OF_VERDICT, *OF_ANSWER]
    latest = rows.filter(pl.col("salt").is_not_null(), kind=VERDICT).unique(
        "custom_id", keep="last"
    )
    both = current.join(
        latest.select("custom_id", "sequence", *compared),
        on="custom_id",
        how="left",
        maintain_order="left",
    )
    differs = {name: pl.col(name).ne_missing(pl.col(f"{name}_right")) for name in compared}
    # A prompt that is newer than its verdict does not say what the verdict rests on.
    of_answer = [pl.col(name).is_not_null() & differs[name] for name in OF_ANSWER]
    is_new = pl.any_horizontal(
        pl.col("sequence").is_null(), *(differs[name] for name in OF_VERDICT), *of_answer
    )
    return both.filter(is_new).select(current.columns)


def log_is_stale(store: DataStore, judge: Judge, batch: Batch) -> bool:
    """Returns whether a shard was evaluated after the log was written, or its end is not noted."""
    folder, files = store.verdict_log(judge, batch.name), evaluation_files(store, judge, batch)
    head = folder / _HEAD
    if not head.exists():
        return bool(files)
    return any(may_be_newer(file, head) for file in (*files, *log_files(folder)[-1:]))


def log_head(store: DataStore, judge: Judge, batch: str) -> Head | None:
    """Returns the end of a log, to be kept elsewhere; None without a log."""
    return read_head(store.verdict_log(judge, batch))


def whole_log_head(store: DataStore, judge: Judge, batch: str) -> Head | None:
    """Returns the end of a log whose files end where they should; None without a log.

    Raises:
        DamagedDataError: they do not, or cannot be read.
    """
    log = Log(store, judge, batch)
    log.check_end()
    return log.head if log.parts else None


def log_entries(
    store: DataStore, judge: Judge, batch: str, *, custom_id: str | None = None
) -> Sequence[dict[str, Any]]:
    """Returns the rows of a log, oldest first; only those of one candidate if named.

    Raises:
        DamagedDataError: a file cannot be read.
    """
    rows = Log(store, judge, batch).rows
    return (rows.filter(custom_id=custom_id) if custom_id is not None else rows).to_dicts()


def _name(number: int) -> str:
    return f"{number:06d}.parquet"


def _head_of(part: pl.DataFrame) -> Head:
    last = part.row(-1, named=True)
    return Head(last["sequence"], last["hash"])
