"""Checks whether a shard's answers are complete, valid, and not duplicated."""

import polars as pl

from aris_pipeline.quality.finding import Finding
from aris_pipeline.quality.other_shards import columns_of
from aris_pipeline.quality.thresholds import Thresholds
from aris_pipeline.storage import (
    Completions,
    DataStore,
    Evaluations,
    Judge,
    Prompts,
    Shard,
    read_table,
)

_IDS_SHOWN = 5
_EVALUATE = "materialize evaluations of this shard"


def valid_rate(store: DataStore, judge: Judge, shard: Shard, thresholds: Thresholds) -> Finding:
    """Returns whether enough rows have a valid answer; figures count the others by reason."""
    rows = read_table(
        store.evaluations(judge, shard),
        Evaluations,
        hint=_EVALUATE,
        columns=["is_valid", "invalid_reason"],
    )
    triaged = rows.filter(invalid_reason="triaged").height
    rows = rows.filter(pl.col("invalid_reason").ne_missing("triaged"))
    valid = int(rows["is_valid"].sum())
    reasons = rows["invalid_reason"].drop_nulls().value_counts(sort=True).rows()
    rate = valid / rows.height if rows.height else None
    listed = "".join(f", {count:,} {reason}" for reason, count in reasons)
    return Finding(
        check="valid_rate",
        passed=rate is None or rate >= thresholds.min_valid_rate,
        severity="error",
        value=rate,
        threshold=thresholds.min_valid_rate,
        detail=f"{valid:,} of {rows.height:,} rows are valid{listed}",
        figures={
            "rows": rows.height,
            "valid": valid,
            **({"triaged": triaged} if triaged else {}),
            **{f"invalid_{reason}": count for reason, count in reasons},
        },
    )


def truncation_rate(
    store: DataStore, judge: Judge, shard: Shard, thresholds: Thresholds
) -> Finding:
    """Returns whether few enough answers were cut at their token limit.

    Rows without an answer do not count; a truncated answer that a repair has completed is complete.
    """
    ended = read_table(
        store.completions(judge, shard),
        Completions,
        hint="materialize completions of this shard",
        columns=["finish_reason"],
    )["finish_reason"].drop_nulls()
    shortened = read_table(
        store.prompts(judge, shard),
        Prompts,
        hint="materialize prompts of this shard",
        columns=["shortened"],
    )["shortened"].sum()
    truncated = int((ended == "length").sum())
    rate = truncated / ended.len() if ended.len() else None
    return Finding(
        check="truncation_rate",
        passed=rate is None or rate <= thresholds.max_truncation_rate,
        severity="warn",
        value=rate,
        threshold=thresholds.max_truncation_rate,
        detail=f"{truncated:,} of {ended.len():,} answers reached max_tokens, "
        f"and {shortened:,} prompts were shortened to fit the context",
        figures={
            "answers": ended.len(),
            "truncated_answers": truncated,
            "shortened_prompts": int(shortened),
        },
    )


def duplicate_ids(store: DataStore, judge: Judge, shard: Shard, _thresholds: Thresholds) -> Finding:
    """Returns whether every custom_id is in the shard once, and in no other shard of the batch.

    The value counts the ids that are repeated.
    """
    file = store.evaluations(judge, shard)
    ids = read_table(file, Evaluations, hint=_EVALUATE, columns=["custom_id"])["custom_id"]
    of_batch = Shard.all_of(store.batch(shard.batch))
    places = {store.evaluations(judge, other) for other in of_batch if other != shard}
    # One listing, because an object store needs a request for each file.
    beside = sorted(file.parents[1].glob(f"shard=*/{file.name}"))
    others = [
        found["custom_id"]
        for other in beside
        if other in places and (found := columns_of(other, "custom_id")) is not None
    ]
    elsewhere = pl.concat([ids.clear(), *others])
    within = ids.filter(ids.is_duplicated()).unique(maintain_order=True)
    shared = ids.filter(ids.is_in(elsewhere.implode())).unique(maintain_order=True)
    again = pl.concat([within, shared]).unique(maintain_order=True)
    shown = ", ".join(again.head(_IDS_SHOWN)) + (", ..." if again.len() > _IDS_SHOWN else "")
    named = f"{again.len():,} ids are there more than once: {shown}" if again.len() else ""
    return Finding(
        check="duplicate_ids",
        passed=again.is_empty(),
        severity="error",
        value=again.len(),
        threshold=0,
        detail=named or f"{ids.len():,} ids, none of them in {len(others)} other shards",
        figures={
            "ids": ids.len(),
            "ids_again_in_shard": within.len(),
            "ids_in_other_shards": shared.len(),
            "other_shards": len(others),
        },
    )
