"""Checks whether the mix of recommendations has moved away from that of earlier batches."""

import math
from collections import Counter
from collections.abc import Mapping

import polars as pl

from aris_pipeline.prompts import OPENAI
from aris_pipeline.quality.finding import Finding
from aris_pipeline.quality.other_shards import columns_of
from aris_pipeline.quality.thresholds import Thresholds
from aris_pipeline.storage import Batch, DataStore, Judge, Shard, read_parquet

BATCHES_COMPARED = 5
LEAST_ROWS = 100
"""With fewer rows on either side the index is mostly chance. For samples of n and m rows from one
population and k bins it is (k - 1) (1 / n + 1 / m) on average (B. Yurdakul, "Statistical Properties
of Population Stability Index", 2018): 0.08 for 100 rows on each side and five bins."""

_VERDICT = "recommendation"
_EMPTY_BIN = 0.5


def recommendation_drift(
    store: DataStore, judge: Judge, shard: Shard, thresholds: Thresholds
) -> Finding:
    """Returns whether the shard's mix of recommendations is that of the judge's last batches.

    It compares the shard with up to five batches that landed before this one, taken together.
    """
    now = _mix_of_shard(store, judge, shard)
    before, batches = _mix_before(store, judge, store.batch(shard.batch))
    enough = min(now.total(), before.total()) >= LEAST_ROWS
    value = population_stability_index(before, now) if enough else None
    if judge.rubric == OPENAI:
        detail = "not compared: without a rubric there are no recommendations"
    elif not batches:
        detail = "not compared: this judge has judged no earlier batch"
    elif value is None:
        detail = (
            f"not compared: {now.total():,} recommendations against {before.total():,} of "
            f"{batches} earlier batches, and fewer than {LEAST_ROWS} on a side are mostly chance"
        )
    else:
        detail = (
            f"index {value:.3f} over {now.total():,} recommendations against {before.total():,} "
            f"of {batches} earlier batches"
        )
    return Finding(
        check="recommendation_drift",
        passed=value is None or value <= thresholds.max_recommendation_drift,
        severity="warn",
        value=value,
        threshold=thresholds.max_recommendation_drift,
        detail=detail,
        figures={
            "recommendations": now.total(),
            "earlier_recommendations": before.total(),
            "earlier_batches": batches,
            **_shares("share", now),
            **_shares("earlier_share", before),
        },
    )


def population_stability_index(expected: Mapping[str, int], actual: Mapping[str, int]) -> float:
    """Returns the distance of one distribution over named bins from another; 0 if they are equal.

        PSI = sum_i (a_i - e_i) ln(a_i / e_i)

    over the shares a_i and e_i of bin i, after N. Siddiqi, "Credit Risk Scorecards" (Wiley, 2006),
    who reads below 0.10 as no change, to 0.25 as some, and above as a shift. Half a row is added
    to each bin of both sides, so that a bin that is empty on one side has a finite index.

    Args:
        expected: rows by bin, of the reference.
        actual: rows by bin, of what is compared with it.
    """
    bins = expected.keys() | actual.keys()

    def share(counts: Mapping[str, int], name: str) -> float:
        return (counts.get(name, 0) + _EMPTY_BIN) / (sum(counts.values()) + _EMPTY_BIN * len(bins))

    pairs = [(share(expected, name), share(actual, name)) for name in bins]
    return math.fsum((a - e) * math.log(a / e) for e, a in pairs)


def _mix_of_shard(store: DataStore, judge: Judge, shard: Shard) -> Counter[str]:
    if judge.rubric == OPENAI:
        return Counter()
    rows = read_parquet(
        store.evaluations(judge, shard),
        hint="materialize evaluations of this shard",
        columns=[_VERDICT],
    )
    return _mix(rows)


def _mix_before(store: DataStore, judge: Judge, batch: Batch) -> tuple[Counter[str], int]:
    """Returns the recommendations of the last batches before this one, and their number."""
    mix: Counter[str] = Counter()
    batches = 0
    landed = store.batches(complain=lambda _damaged: None)
    for earlier in reversed([one for one in landed if one.landed_at < batch.landed_at]):
        found = _mix_of_batch(store, judge, earlier)
        if found:
            mix += found
            batches += 1
        if batches == BATCHES_COMPARED:
            break
    return mix, batches


def _mix_of_batch(store: DataStore, judge: Judge, batch: Batch) -> Counter[str]:
    mix: Counter[str] = Counter()
    for shard in Shard.all_of(batch):
        found = columns_of(store.evaluations(judge, shard), _VERDICT)
        if found is not None:
            mix += _mix(found)
    return mix


def _mix(rows: pl.DataFrame) -> Counter[str]:
    return Counter(dict(rows[_VERDICT].drop_nulls().cast(pl.String).value_counts().iter_rows()))


def _shares(prefix: str, mix: Counter[str]) -> dict[str, float]:
    return {
        f"{prefix}_{verdict.lower().replace(' ', '_')}": count / mix.total()
        for verdict, count in sorted(mix.items())
    }
