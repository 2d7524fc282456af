"""Empties a person's rows of the log of verdicts, so that the chain still proves all others."""

from pathlib import Path

import polars as pl

from aris_pipeline.audit.hash_chain import CONTENT
from aris_pipeline.audit.log_verification import ERASED
from aris_pipeline.audit.theirs import Theirs
from aris_pipeline.audit.verdict_log import ERASURE, VERDICT, Log, log_files, open_log, read_head
from aris_pipeline.storage import DataStore, Judge, VerdictLog, read_table, write_parquet

_HINT = "see `aris audit log --verify`"
_EMPTIED = tuple(name for name in CONTENT if name != "custom_id")


def judges_with_log(store: DataStore, batch: str) -> list[Judge]:
    """Returns the judges whose verdicts on a batch are logged."""
    return store.judges("verdict_log", batch)


def rows_in_log(store: DataStore, judge: Judge, batch: str, theirs: Theirs) -> int:
    """Returns how many rows of a log are a person's."""
    files = log_files(store.verdict_log(judge, batch))
    return sum(int(_of_person(_read(file), theirs).sum()) for file in files)


def erase_from_log(store: DataStore, judge: Judge, batch: str, theirs: Theirs) -> None:
    """Empties a person's rows; before that, a row for each of their ids witnesses it.

    A call after one that was stopped goes on from there.
    """
    with open_log(store, judge, batch) as log:
        _witness(log, theirs)
        for file in log.files:
            rows = _read(file)
            found = _of_person(rows, theirs)
            if not found.any():
                continue
            empty = pl.lit(None)
            who = [
                ERASED + theirs.hashes.of_id(one) if is_theirs else one
                for one, is_theirs in zip(rows["custom_id"], found, strict=True)
            ]
            emptied = rows.with_columns(
                pl.Series("custom_id", who),
                *(
                    pl.when(found).then(empty).otherwise(pl.col(name)).alias(name)
                    for name in _EMPTIED
                ),
            )
            write_parquet(emptied, file, VerdictLog)


def _witness(log: Log, theirs: Theirs) -> None:
    """Adds the rows that say how many rows are emptied, as far as earlier ones do not say it."""
    rows = log.rows
    found = rows.filter(_of_person(rows, theirs))["custom_id"].to_list()
    due: dict[str, int] = {}
    for one in found:
        who = ERASED + theirs.hashes.of_id(one)
        due[who] = due.get(who, 0) + 1
    for who in due:
        named = rows.filter(custom_id=who)
        emptied = named.filter(pl.col("salt").is_null()).height
        witnessed = named.filter(kind=ERASURE)["erased_rows"].sum()
        due[who] += emptied - int(witnessed)
    new = {who: count for who, count in due.items() if count}
    # A process that was killed may have added them without noting the new end.
    if new or read_head(log.folder) != log.head:
        entries = pl.DataFrame(
            {"custom_id": [*new], "status": "erased", "erased_rows": [*new.values()]},
            schema={"custom_id": pl.String, "status": pl.String, "erased_rows": pl.Int64},
        )
        log.append(entries, ERASURE)


def _of_person(rows: pl.DataFrame, theirs: Theirs) -> pl.Series:
    return theirs.rows(rows.select("custom_id")) & (rows["kind"] == VERDICT)


def _read(file: Path) -> pl.DataFrame:
    return read_table(file, VerdictLog, hint=_HINT)
