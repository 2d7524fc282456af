"""Forecasts the cost of a refresh: the rows that would be generated, without generating any."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from aris_pipeline.completions import known_completions
from aris_pipeline.storage import Batch, DataStore, Judge, Shard
from aris_pipeline.throughput import UNKNOWN, measured_pace


@dataclass(frozen=True)
class Forecast:
    """The result of judging a batch now; rows = fresh + stale + reused_in_batch + unrenderable.

    Attributes:
        rows: usable rows that have been validated.
        fresh: rows whose request has an answer.
        stale: rows that would be generated, each a different request.
        reused_in_batch: rows with the same request as a stale one.
        unrenderable: rows that cannot be made into a prompt.
        not_validated: landed rows of shards without raw_candidates; not in `rows`.
        prompt_tokens: tokens of the stale rows' prompts.
        output_tokens: answer tokens of the stale rows, estimated from earlier runs; None without
            any.
        seconds: seconds of generation, estimated in the same way, without the load of the model.
        estimate: the source of these two figures.
    """

    batch: str
    rubric: str
    model: str
    rows: int
    fresh: int
    stale: int
    reused_in_batch: int
    unrenderable: int
    not_validated: int
    prompt_tokens: int
    output_tokens: int | None
    seconds: float | None
    estimate: str

    def as_dict(self) -> dict[str, Any]:
        """Returns the figures under their names."""
        return asdict(self)


def forecast(
    store: DataStore,
    batch: Batch,
    judge: Judge,
    prompts_of: Callable[[Shard], pl.DataFrame],
    on_shard: Callable[[Shard], object] = lambda _shard: None,
) -> Forecast:
    """Forecasts what completing a batch, shard by shard, would generate; writes nothing.

    Args:
        store: the store of the tables.
        batch: the batch alone: rows that an earlier run over other batches would answer are stale.
        judge: the judge that would answer.
        prompts_of: returns the prompts that would be asked.
        on_shard: called as shards are done.
    """
    fates: Counter[str] = Counter()
    asked = pl.Series("request_key", [], pl.String)
    not_validated = prompt_tokens = 0
    for shard, landed in store.rows_of_shards(batch).items():
        if store.raw_candidates(shard).exists():
            prompts = prompts_of(shard).select("request_key", "error", "prompt_tokens")
            askable = prompts.filter(pl.col("error").is_null())["request_key"].unique()
            known = known_completions(store, judge, shard, askable)["request_key"]
            rows = prompts.with_columns(fate=_fate(known, asked))
            fates.update(rows["fate"].to_list())
            prompt_tokens += int(rows.filter(fate="stale")["prompt_tokens"].sum())
            asked = pl.concat([asked, askable])
        else:
            not_validated += landed
        on_shard(shard)
    pace = measured_pace(store, judge)
    output_tokens = round(fates["stale"] * pace.output_tokens_per_row) if pace else None
    return Forecast(
        batch=batch.name,
        rubric=judge.rubric,
        model=judge.model,
        rows=fates.total(),
        fresh=fates["fresh"],
        stale=fates["stale"],
        reused_in_batch=fates["reused_in_batch"],
        unrenderable=fates["unrenderable"],
        not_validated=not_validated,
        prompt_tokens=prompt_tokens,
        output_tokens=output_tokens,
        seconds=round(pace.seconds(fates["stale"], prompt_tokens), 1) if pace else None,
        estimate=pace.source if pace else UNKNOWN,
    )


def _fate(known: pl.Series, asked: pl.Series) -> pl.Expr:
    """Returns what happens to a row, by the answers on disk and the requests of earlier shards."""
    key = pl.col("request_key")
    return (
        pl.when(pl.col("error").is_not_null())
        .then(pl.lit("unrenderable"))
        .when(key.is_in(known.implode()))
        .then(pl.lit("fresh"))
        .when(key.is_in(asked.implode()) | ~key.is_first_distinct())
        .then(pl.lit("reused_in_batch"))
        .otherwise(pl.lit("stale"))
    )
