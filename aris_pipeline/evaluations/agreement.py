"""Estimates from a sample how far triage's top list agrees with that of a full run."""

import math
from dataclasses import dataclass

import polars as pl

from aris_pipeline.completions import Kept, read_stats, sample_of
from aris_pipeline.evaluations.evaluating import rubric_of
from aris_pipeline.storage import Batch, DataStore, Judge, Shard, read_parquet

_Z = 1.96
_COLUMNS = ["request_key", "invalid_reason", "score", "recommendation"]


@dataclass(frozen=True)
class Agreement:
    """The share of the full run's top list that triage's list has as well, with its 95 % interval.

    Attributes:
        top: length of the list, the share of triage.
        sampled: rows that triage had left out, and that were answered to measure this.
        missed: how many of these would have been in the top list.
        estimate: 1 minus the missed rows among all that were left out, divided by the length of the
            list.
        low: the same at the upper end of the interval of `missed` (Wilson, 1927).
        high: the same at the lower end.
    """

    top: int
    sampled: int
    missed: int
    estimate: float
    low: float
    high: float

    def __str__(self) -> str:
        return (
            f"{self.estimate:.0%} of the top {self.top:,} (95 %: {self.low:.0%} to "
            f"{self.high:.0%}; {self.missed:,} of {self.sampled:,} sampled rows were missed)"
        )


def triage_agreement(store: DataStore, judge: Judge, batch: Batch) -> Agreement | None:
    """Compares the batch's list with that of a full run; None without triage or sample."""
    shards = [shard for shard in Shard.all_of(batch) if store.evaluations(judge, shard).exists()]
    runs = [read_stats(store.completions(judge, shard)) for shard in shards]
    run = next((one for one in runs if one.triage is not None), None)
    if run is None or run.triage is None:
        return None
    rubric = rubric_of(store.evaluations(judge, shards[0]))
    if rubric is None:
        return None
    hint = "materialize evaluations of this shard"
    rows = pl.concat(
        read_parquet(store.evaluations(judge, shard), hint=hint, columns=_COLUMNS)
        for shard in shards
    ).unique("request_key", keep="first", maintain_order=True)
    _kept, others = Kept(run.triage, run.triage_cut, run.triage_band).part(rows)
    verdict = pl.col("recommendation").cast(pl.Enum(rubric.recommendations))
    ranked = rows.filter(pl.col("recommendation").is_not_null()).sort(
        verdict, "score", descending=[False, True], nulls_last=True
    )
    top = max(math.ceil(run.triage * rows.height), 1)
    best = ranked.head(top)["request_key"]
    drawn = sample_of(others["request_key"]).implode()
    sampled = others.filter(
        pl.col("request_key").is_in(drawn),
        pl.col("request_key").is_in(ranked["request_key"].implode()),
    )
    if sampled.is_empty():
        return None
    missed = sampled.filter(pl.col("request_key").is_in(best.implode())).height
    low, high = _wilson(missed, sampled.height)
    estimate, worst, luckiest = (
        max(0.0, 1 - rate * others.height / top) for rate in (missed / sampled.height, high, low)
    )
    return Agreement(top, sampled.height, missed, estimate, worst, luckiest)


def _wilson(hits: int, of: int) -> tuple[float, float]:
    """Returns the score interval of a proportion (Wilson 1927, JASA 22, 209 to 212), 95 %."""
    rate, scale = hits / of, 1 + _Z**2 / of
    middle = (rate + _Z**2 / (2 * of)) / scale
    half = _Z * math.sqrt(rate * (1 - rate) / of + _Z**2 / (4 * of**2)) / scale
    return max(0.0, middle - half), min(1.0, middle + half)
