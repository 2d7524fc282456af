"""Does everything that went in come out exactly once: evaluated, failed or quarantined?"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from aris_pipeline.storage import LANDING_SHARD, Batch, DataStore, Judge, Shard, read_parquet

_ROW = ["file", "line"]


@dataclass(frozen=True)
class Reconciliation:
    """Row counts of a batch as judged by one judge.

    Attributes:
        rows_in: rows of the landed file.
        evaluated: rows with a valid answer.
        failed: rows that were asked and have no valid answer, for a typed reason.
        quarantined: rows that could not be used.
        missing: landed rows that are in none of these.
        duplicates: rows that were judged more than once.
        orphans: judged or quarantined rows that were never landed, or are both.
    """

    batch: str
    rubric: str | None
    model: str | None
    rows_in: int
    evaluated: int
    failed: int
    quarantined: int
    missing: int
    duplicates: int
    orphans: int

    @property
    def ok(self) -> bool:
        """Whether every row is accounted for exactly once."""
        accounted = self.evaluated + self.failed + self.quarantined
        faults = self.missing + self.duplicates + self.orphans
        return accounted == self.rows_in and faults == 0

    @staticmethod
    def total(found: "list[Reconciliation]") -> dict[str, Any]:
        """The counts of several batches added up; ok only if each of them is."""
        names = [name for name, value in asdict(found[0]).items() if isinstance(value, int)]
        counts = {name: sum(getattr(one, name) for one in found) for name in names}
        return {"ok": all(one.ok for one in found), **counts}

    def as_dict(self) -> dict[str, Any]:
        """The counts and the verdict."""
        return {"ok": self.ok, **asdict(self)}


def reconcile(store: DataStore, batch: Batch, judge: Judge | None) -> Reconciliation:
    """Reconciles a batch with its judge's evaluations; with none, every row is missing."""
    landed = _landed(store, batch)
    landing_quarantine = quarantined_rows(store, Shard(batch.name, LANDING_SHARD)).height
    unusable = pl.concat(
        [quarantined_rows(store, shard) for shard in Shard.all_of(batch)]
        or [quarantined_rows(store, Shard(batch.name, "none"))]
    )
    judged = _judged(store, batch, judge)
    known = judged.join(landed, on=["custom_id", "shard"], how="semi")
    accounted = known.join(landed, on=["custom_id", "shard"]).select(_ROW)
    both = accounted.join(unusable, on=_ROW, how="semi").height
    stray = unusable.join(landed, on=_ROW, how="anti").height
    return Reconciliation(
        batch=batch.name,
        rubric=judge.rubric if judge else None,
        model=judge.model if judge else None,
        rows_in=batch.rows_in,
        evaluated=judged.filter("is_valid").height,
        failed=judged.filter(~pl.col("is_valid")).height,
        quarantined=unusable.height + landing_quarantine,
        missing=landed.join(pl.concat([accounted, unusable]), on=_ROW, how="anti").height,
        duplicates=judged.height - judged.n_unique("custom_id"),
        orphans=(judged.height - known.height) + both + stray,
    )


def quarantined_rows(store: DataStore, shard: Shard) -> pl.DataFrame:
    """Returns file and line of a shard's quarantined rows; none where it has no quarantine."""
    folder = store.quarantine(shard).parent
    files = sorted(folder.glob("*.parquet"))
    frames = [read_parquet(file, hint="it vanished", columns=_ROW) for file in files]
    return pl.concat([pl.DataFrame(schema={"file": pl.String, "line": pl.Int64}), *frames])


def _landed(store: DataStore, batch: Batch) -> pl.DataFrame:
    hint = f"delete {store.batch_file(batch.name)} and land its file again"
    none = pl.DataFrame(schema={"custom_id": pl.String, "file": pl.String, "line": pl.Int64})
    found = [
        read_parquet(store.landed(shard), hint=hint, columns=none.columns).with_columns(
            shard=pl.lit(shard.name)
        )
        for shard in Shard.all_of(batch)
    ]
    return pl.concat([none.with_columns(shard=pl.lit("")), *found])


def _judged(store: DataStore, batch: Batch, judge: Judge | None) -> pl.DataFrame:
    """All rows that a reader of the batch's evaluations meets, also in shards that it never had."""
    none = pl.DataFrame(schema={"custom_id": pl.String, "is_valid": pl.Boolean})
    files: list[Path] = []
    if judge is not None:
        folder = store.judged("evaluations", judge) / f"batch={batch.name}"
        files = sorted(folder.glob("shard=*/*.parquet"))
    found = [
        read_parquet(file, hint="evaluate the shard again", columns=none.columns).with_columns(
            shard=pl.lit(file.parent.name.partition("=")[2])
        )
        for file in files
    ]
    return pl.concat([none.with_columns(shard=pl.lit("")), *found])
