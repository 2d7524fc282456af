"""Finds the first row of a log that was changed, removed, moved or added by anybody else."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from aris_pipeline.audit.current_verdicts import current_verdicts
from aris_pipeline.audit.hash_chain import EMPTIED, content_hash, first_hash, row_hash
from aris_pipeline.audit.verdict_log import (
    ERASURE,
    RESTORE,
    VERDICT,
    Head,
    first_missing,
    log_files,
    not_logged,
    read_head,
)
from aris_pipeline.errors import DamagedDataError, MissingDataError
from aris_pipeline.evaluations import evaluation_files
from aris_pipeline.storage import Batch, DataStore, Judge, VerdictLog, read_table
from aris_pipeline.storage.schemas import polars_schema

ERASED = "erased:"
"""What the id of an erased candidate begins with, before its keyed hash."""

_APPEND = "run the file again, or materialize verdict_log"


@dataclass(frozen=True)
class LogFault:
    """The first fault of a log.

    Attributes:
        file: where it is.
        sequence: the number that the row has or should have; None if it is about the file.
        field: the column, or `file`.
        problem: what is wrong.
        remedy: what to do.
    """

    file: str
    sequence: int | None
    field: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        row = f", row {self.sequence:,}" if self.sequence is not None else ""
        return f"{self.file}{row}, {self.field}: {self.problem}: {self.remedy}"


@dataclass(frozen=True)
class VerifiedLog:
    """What was found out about a log.

    Attributes:
        head: where its files end, as far as they could be read.
        erased: rows whose content was erased.
        anchors: those of the given hashes that its rows have.
        fault: the first one; None if the log is whole.
    """

    head: Head
    erased: int
    anchors: frozenset[str]
    fault: LogFault | None


def verify_log(
    store: DataStore, judge: Judge, batch: Batch, anchors: Collection[str] = ()
) -> VerifiedLog:
    """Checks each row of a log, its end, and that it has the verdicts that there are now.

    Args:
        store: the store of the tables.
        judge: whose verdicts.
        batch: the batch.
        anchors: hashes of rows that were kept elsewhere; the caller sees which of them are there.
    """
    folder = store.verdict_log(judge, batch.name)
    chain = _Chain(first_hash(judge, batch.name), batch.name)
    fault = _of_files(folder, chain) or _of_end(folder, chain)
    if fault is None:
        fault = _of_verdicts(store, judge, batch, folder, chain)
    found = frozenset(anchors) & chain.hashes
    return VerifiedLog(chain.head, sum(chain.emptied.values()), found, fault)


class _Chain:
    """The rows that were read so far."""

    def __init__(self, first: str, batch: str) -> None:
        self.head, self.before_last_file = Head(0, first), Head(0, first)
        self.batch = batch
        self.hashes: set[str] = set()
        self.emptied: Counter[str] = Counter()
        self.witnessed: Counter[str] = Counter()
        self.before_erasure: Counter[str] = Counter()
        self.parts: list[pl.DataFrame] = []

    def faults_of(self, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yields field and problem for each fault of the next row."""
        sequence, previous = self.head.sequence + 1, self.head.hash
        if row["sequence"] != sequence:
            yield "sequence", f"it is {row['sequence']} where {sequence} follows"
        if row["previous_hash"] != previous:
            yield "previous_hash", "it is not the hash of the row before"
        if row["batch"] != self.batch:
            yield "batch", f"the log is of batch {self.batch}"
        if row["kind"] not in (VERDICT, ERASURE):
            yield "kind", f"it is neither {VERDICT} nor {ERASURE}"
        if row["salt"] is not None and row["content_hash"] != content_hash(row):
            yield "content_hash", "the content of the row is not what was logged"
        if row["hash"] != row_hash(row):
            yield "hash", "time, number, kind or hashes of the row are not what was logged"
        if row["salt"] is None:
            left = [name for name in EMPTIED if row[name] is not None]
            if left or row["kind"] == ERASURE or not str(row["custom_id"]).startswith(ERASED):
                yield "salt", "it is null, and the row is not one that `aris purge` has emptied"

    def take(self, row: Mapping[str, Any]) -> None:
        """Goes on by a row without fault."""
        self.head = Head(row["sequence"], row["hash"])
        self.hashes.add(row["hash"])
        if row["salt"] is None:
            self.emptied[row["custom_id"]] += 1
        elif row["kind"] == ERASURE:
            self.witnessed[row["custom_id"]] += row["erased_rows"] or 0
            self.before_erasure[row["custom_id"]] = self.emptied[row["custom_id"]]


def _of_files(folder: Path, chain: _Chain) -> LogFault | None:
    files = log_files(folder)
    if lost := first_missing(files):
        return LogFault(str(lost), chain.head.sequence + 1, "file", "it is missing", RESTORE)
    for file in files:
        try:
            rows = read_table(file, VerdictLog, hint=RESTORE)
        except (DamagedDataError, MissingDataError) as error:
            return LogFault(
                str(file), chain.head.sequence + 1, "file", _reason(error, file), RESTORE
            )
        chain.before_last_file = chain.head
        chain.parts.append(rows)
        if rows.is_empty():
            problem = "it has no rows"
            return LogFault(str(file), chain.head.sequence + 1, "file", problem, RESTORE)
        for row in rows.iter_rows(named=True):
            for field, problem in chain.faults_of(row):
                return LogFault(str(file), chain.head.sequence + 1, field, problem, RESTORE)
            chain.take(row)
    return _of_erasures(files, chain)


def _reason(error: Exception, file: Path) -> str:
    """Returns what is wrong with a file, without its name and the remedy."""
    return str(error).removeprefix(f"{file} ").removesuffix(f": {RESTORE}")


def _of_erasures(files: list[Path], chain: _Chain) -> LogFault | None:
    """Returns where rows without content and the rows that witness their erasure disagree."""
    rows = zip(files, chain.parts, strict=True)
    for file, part in rows:
        for row in part.filter(pl.col("custom_id").str.starts_with(ERASED)).iter_rows(named=True):
            who = row["custom_id"]
            emptied, witnessed = chain.emptied[who], chain.witnessed[who]
            if emptied == witnessed == chain.before_erasure[who]:
                continue
            problem = f"{emptied:,} rows of {who} are empty, and later erasures name {witnessed:,}"
            remedy = "run the stopped `aris purge` again" if emptied < witnessed else RESTORE
            return LogFault(str(file), row["sequence"], "custom_id", problem, remedy)
    return None


def _of_end(folder: Path, chain: _Chain) -> LogFault | None:
    place, last = str(folder / "head.json"), chain.head.sequence
    try:
        head = read_head(folder)
    except DamagedDataError as error:
        return LogFault(place, last, "file", _reason(error, folder / "head.json"), RESTORE)
    if head == chain.head or (head is None and last == 0):
        return None
    if head == chain.before_last_file:
        problem = f"it lacks the last file, which ends at row {last:,}: a run was stopped there"
        return LogFault(place, last, "hash", problem, _APPEND)
    if head is None:
        return LogFault(place, last, "file", "it is missing", RESTORE)
    problem = f"it says that the log ends at row {head.sequence:,}, and the files end at {last:,}"
    if head.sequence == last:
        problem = "it has another hash than the last row"
    return LogFault(place, min(head.sequence, last) + 1, "hash", problem, RESTORE)


def _of_verdicts(
    store: DataStore, judge: Judge, batch: Batch, folder: Path, chain: _Chain
) -> LogFault | None:
    """Returns the first verdict that there is and that the log has not."""
    if not evaluation_files(store, judge, batch):
        return None
    rows = pl.concat([pl.DataFrame(schema=polars_schema(VerdictLog)), *chain.parts])
    try:
        missing = not_logged(current_verdicts(store, judge, batch), rows)
    except (DamagedDataError, MissingDataError) as error:
        return LogFault(str(folder), None, "evaluations", str(error), "repair that first")
    if missing.is_empty():
        return None
    if rows.is_empty():
        problem = f"there is no log of the {missing.height:,} verdicts in evaluations"
        remedy = f"if there was one, {RESTORE}; else {_APPEND}"
        return LogFault(str(folder), 1, "file", problem, remedy)
    who = missing["custom_id"][0]
    problem = (
        f"{missing.height:,} verdicts of evaluations are not its latest, the first of '{who}': they"
        " were not logged yet, or rows were removed"
    )
    remedy = f"if the log was written after the verdicts, {RESTORE}; else {_APPEND}"
    return LogFault(str(folder), chain.head.sequence + 1, "custom_id", problem, remedy)
