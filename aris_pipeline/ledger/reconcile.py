"""Checks that each row that went in comes out exactly once: evaluated, failed or quarantined."""

from collections import Counter
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import polars as pl

from aris_pipeline.chain import ROW_TABLES
from aris_pipeline.ledger.faults import Fault, fault, faults_of, labels_of
from aris_pipeline.ledger.rows import ACCOUNTED, rows_of
from aris_pipeline.ledger.tables import ShardTables, places, read_shard
from aris_pipeline.storage import LANDING_SHARD, Batch, DataStore, Judge, Shard


@dataclass(frozen=True)
class Reconciliation:
    """The row counts of a batch, or of one shard of it, as judged by one judge.

    Attributes:
        rows_in: rows of the landed file.
        evaluated: rows with a valid answer.
        failed: rows that were asked and have no valid answer, for a typed reason.
        quarantined: rows that could not be used.
        triaged: rows that were scored and left without an answer on purpose.
        erased: rows of people who were erased; only their number is known.
        missing: rows that went in but are in none of these groups.
        duplicates: rows that a table has more than once.
        orphans: rows of a table that never landed in this shard, or are in quarantine too.
        key_mismatches: rows whose completion answers another prompt than the row has now, or whose
            evaluation judges another completion.
        damaged_files: files that cannot be read, or are missing although a later table needs them.
        faults: all these faults by shard, with examples and the remedy.
    """

    batch: str
    rubric: str | None
    model: str | None
    rows_in: int
    evaluated: int
    failed: int
    quarantined: int
    triaged: int
    erased: int
    missing: int
    duplicates: int
    orphans: int
    key_mismatches: int
    damaged_files: int
    faults: tuple[Fault, ...]

    @property
    def ok(self) -> bool:
        """Returns whether every row is accounted for exactly once."""
        accounted = self.evaluated + self.failed + self.quarantined + self.triaged + self.erased
        return accounted == self.rows_in and not self.faults

    def judgement(self) -> dict[str, str | None]:
        """Returns the batch and its judge, by rubric and model."""
        return {"batch": self.batch, "rubric": self.rubric, "model": self.model}

    def counts(self) -> dict[str, int]:
        """Returns only the counts."""
        return {name: value for name, value in vars(self).items() if isinstance(value, int)}

    def as_dict(self) -> dict[str, Any]:
        """Returns the counts, the verdict and the faults."""
        return {"ok": self.ok, **asdict(self)}

    @staticmethod
    def total(found: "list[Reconciliation]") -> dict[str, Any]:
        """Returns the sum of several reconciliations; ok only if each of them is.

        A batch counts with all its rows once for each of its judges. So the rows in are, also in
        total, the evaluated, failed, quarantined and missing ones. `judgements` says how many pairs
        of batch and judge that are, and `rows_landed` counts each batch once.
        """
        names = [field.name for field in fields(Reconciliation) if field.type is int]
        landed = {one.batch: one.rows_in for one in found}
        return {
            "ok": all(one.ok for one in found),
            **{name: sum(getattr(one, name) for one in found) for name in names},
            "judgements": len(found),
            "rows_landed": sum(landed.values()),
        }


def judges_of(store: DataStore, batch: Batch) -> list[Judge | None]:
    """Returns the judges to reconcile: all that answered rows of the batch.

    If there are none, these are the judges with prompts, so that a batch that stopped there is
    traced up to that stage. Without any prompts it is None.
    """
    judges = store.judges("completions", batch.name)
    evaluated = store.judges("evaluations", batch.name)
    answered = [*judges, *(judge for judge in evaluated if judge not in judges)]
    return [*(answered or store.judges("prompts", batch.name))] or [None]


def reconcile(store: DataStore, batch: Batch, judge: Judge | None) -> Reconciliation:
    """Reconciles a batch with a judge's outputs; without a judge, every usable row is missing.

    It holds the rows of one shard at a time, and only the names of the others.
    """
    shards = Shard.with_quarantine_of(batch)
    return _reconciled(store, batch, judge, shards, _strays(store, batch, judge))


def reconcile_shard(
    store: DataStore, batch: Batch, judge: Judge | None, shard: Shard
) -> Reconciliation:
    """Reconciles one shard of a batch."""
    return _reconciled(store, batch, judge, [shard], [])


def _reconciled(
    store: DataStore, batch: Batch, judge: Judge | None, shards: list[Shard], strays: list[Fault]
) -> Reconciliation:
    own = {shard.name: rows for shard, rows in store.rows_of_shards(batch).items()}
    unread = batch.quarantined - batch.erased.get(LANDING_SHARD, 0)
    expected = {LANDING_SHARD: unread, **own}
    states: Counter[str] = Counter()
    faults: list[Fault] = []
    names = _Names()
    for shard in shards:
        tables = read_shard(store, judge, shard)
        rows = rows_of(tables)
        states.update(rows["state"].to_list())
        faults += faults_of(tables, rows, expected[shard.name])
        names.add(tables)
    faults += [*names.duplicates(), *strays]
    present = sum(expected[shard.name] for shard in shards)
    erased = sum(batch.erased.get(shard.name, 0) for shard in shards)
    kinds: Counter[str] = Counter()
    for one in faults:
        kinds[one.kind] += one.count
    return Reconciliation(
        batch=batch.name,
        rubric=judge.rubric if judge else None,
        model=judge.model if judge else None,
        rows_in=present + erased,
        **{state: states[state] for state in ACCOUNTED},
        erased=erased,
        missing=max(present - sum(states[state] for state in ACCOUNTED), 0),
        duplicates=kinds["duplicate"],
        orphans=kinds["orphan"],
        key_mismatches=kinds["key_mismatch"],
        damaged_files=kinds["damaged_file"],
        faults=tuple(faults),
    )


class _Names:
    """The names of the rows of each table, in all shards of a batch."""

    def __init__(self) -> None:
        self._shards: list[ShardTables] = []
        self._labels: dict[str, list[pl.DataFrame]] = {}

    def add(self, tables: ShardTables) -> None:
        """Adds the rows of a shard; the ids in landing's quarantine need not be distinct."""
        if tables.shard.name == LANDING_SHARD:
            return
        number = pl.lit(len(self._shards), pl.UInt32).alias("shard")
        for table in ("landed", "quarantine", *ROW_TABLES):
            labels = labels_of(tables, table).alias("label").to_frame()
            self._labels.setdefault(table, []).append(labels.with_columns(number))
        self._shards.append(replace(tables, frames={}))

    def duplicates(self) -> list[Fault]:
        """Returns the repeated rows of a table, each in the shard that repeats it."""
        found: list[Fault] = []
        for table, labels in self._labels.items():
            again = pl.concat(labels).filter(~pl.col("label").is_first_distinct())
            for (number,), rows in again.group_by("shard", maintain_order=True):
                found += fault(self._shards[int(number)], "duplicate", table, rows["label"])
        return found


def _strays(store: DataStore, batch: Batch, judge: Judge | None) -> list[Fault]:
    """Returns the rows in shards that the batch does not have."""
    own = {LANDING_SHARD, *(shard.name for shard in Shard.all_of(batch))}
    found: list[Fault] = []
    for table, place in places(store, judge, Shard.numbered(batch.name, 0)).items():
        for stray in sorted(place.parent.parent.glob("shard=*")):
            shard = Shard(batch.name, stray.name.partition("=")[2])
            if shard.name not in own:
                tables = read_shard(store, judge, shard)
                tables.remedies[table] = f"delete {stray}"
                found += fault(tables, "orphan", table, labels_of(tables, table))
    return found
