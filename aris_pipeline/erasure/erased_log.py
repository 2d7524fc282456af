"""Empties a person's rows of the log of verdicts, so that the chain still proves all others."""

from collections import Counter

import polars as pl

from aris_pipeline.audit import EMPTIED, ERASED, ERASURE, VERDICT, Log, log_head, open_log
from aris_pipeline.erasure.hashed_person import HashedPerson
from aris_pipeline.storage import DataStore, Judge, VerdictLog, write_parquet


def rows_in_log(store: DataStore, judge: Judge, batch: str, person: HashedPerson) -> int:
    """Returns how many rows of a log are a person's."""
    return int(_of_person(Log(store, judge, batch).rows, person).sum())


def erase_from_log(store: DataStore, judge: Judge, batch: str, person: HashedPerson) -> None:
    """Empties a person's rows; before that, a row for each of their ids witnesses it.

    A call after one that was stopped goes on from there.
    """
    with open_log(store, judge, batch) as log:
        new = _witnesses(log.rows, person)
        # A process that was killed may have added them without noting the new end.
        if new.height or log_head(store, judge, batch) != log.head:
            log.append(new, ERASURE)
        for file, rows in zip(log.files, log.parts, strict=True):
            found = _of_person(rows, person)
            # The last file is always written, after `head.json`: so the next run looks for verdicts
            # that were made before the erasure and are not logged yet.
            if not found.any() and file != log.files[-1]:
                continue
            who = [
                _erased(one, person) if is_person else one
                for one, is_person in zip(rows["custom_id"], found, strict=True)
            ]
            emptied = (pl.when(~found).then(pl.col(name)).alias(name) for name in EMPTIED)
            write_parquet(
                rows.with_columns(pl.Series("custom_id", who), *emptied), file, VerdictLog
            )


def _witnesses(rows: pl.DataFrame, person: HashedPerson) -> pl.DataFrame:
    """Returns rows that say how many are emptied, as far as earlier ones do not say it."""
    found = rows.filter(_of_person(rows, person))["custom_id"]
    due = Counter(_erased(one, person) for one in found)
    for who in due:
        named = rows.filter(custom_id=who)
        emptied = named.filter(pl.col("salt").is_null()).height
        due[who] += emptied - int(named.filter(kind=ERASURE)["erased_rows"].sum())
    new = {who: count for who, count in due.items() if count}
    return pl.DataFrame(
        {"custom_id": [*new], "status": "erased", "erased_rows": [*new.values()]},
        schema={"custom_id": pl.String, "status": pl.String, "erased_rows": pl.Int64},
    )


def _erased(custom_id: str, person: HashedPerson) -> str:
    """Returns what is in the log in place of an id."""
    return ERASED + person.hashes.of_id(custom_id)


def _of_person(rows: pl.DataFrame, person: HashedPerson) -> pl.Series:
    return person.rows(rows.select("custom_id")) & (rows["kind"] == VERDICT)
