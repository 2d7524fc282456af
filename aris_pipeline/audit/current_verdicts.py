"""Reads the verdicts that a batch has now, as the log has them."""

import hashlib
import json

import polars as pl

from aris_pipeline.evaluations import evaluation_schema, rubric_of
from aris_pipeline.prompts import PromptSettings, Rubric
from aris_pipeline.prompts.settings import DEFAULT_MAX_TOKENS
from aris_pipeline.storage import Batch, Completions, DataStore, Judge, Prompts, Shard, read_table

_KEYS = ["custom_id", "request_key"]
_EVALUATED = (
    *_KEYS, "is_valid", "invalid_reason", "score", "run_id", "model_id", "model_revision",
    "rubric_id", "rubric_digest",
)  # fmt: skip
_SAMPLING = ["temperature", "top_p", "seed", "max_tokens"]
_PROMPTED = [*_KEYS, "messages", *_SAMPLING, "parameters", "redaction"]
_ANSWERED = [*_KEYS, "text", "attempt", "overrides"]

OF_VERDICT = (
    "status", "recommendation", "score", "model_id", "model_revision", "rubric_id",
    "rubric_digest", "request_key",
)  # fmt: skip
"""A row is logged again if one of these has changed."""

OF_ANSWER = ("prompt_digest", "answer_digest", "attempt", "overrides")
"""Or one of these; they are not known while a prompt is newer than its verdict."""


def current_verdicts(store: DataStore, judge: Judge, batch: Batch) -> pl.DataFrame:
    """Returns one row for each evaluated row of a batch, valid or not.

    Returns:
        `custom_id`, `shard`, `run_id`, `OF_VERDICT` and `OF_ANSWER`.

    Raises:
        DamagedDataError: a file is damaged.
        MissingDataError: the prompts or completions of a shard with evaluations are missing.
    """
    shards = [one for one in Shard.all_of(batch) if store.evaluations(judge, one).exists()]
    return pl.concat([_of_shard(store, judge, shard) for shard in shards])


def _of_shard(store: DataStore, judge: Judge, shard: Shard) -> pl.DataFrame:
    place = store.evaluations(judge, shard)
    rubric = rubric_of(place)
    columns = [*_EVALUATED, *(["recommendation"] if rubric else [])]
    hint = f"materialize evaluations of partition {shard.key}"
    rows = read_table(place, evaluation_schema(rubric), hint=hint, columns=columns)
    if rubric is None:
        rows = rows.with_columns(recommendation=pl.lit(None, dtype=pl.String))
    prompted, answered = _prompted(store, judge, shard, rubric), _answered(store, judge, shard)
    rows = rows.join(prompted, on=_KEYS, how="left", maintain_order="left")
    rows = rows.join(answered, on=_KEYS, how="left", maintain_order="left")
    overrides = [_as_text(*row) for row in rows.select("settings", "repairs").iter_rows()]
    has_score = pl.col("score").is_not_null()
    status = pl.when(has_score).then(pl.lit("evaluated")).otherwise(pl.lit("unscored"))
    return rows.select(
        *("custom_id", "run_id", "request_key", "score", "model_id", "model_revision"),
        *("rubric_id", "rubric_digest", "prompt_digest", "answer_digest", "attempt"),
        shard=pl.lit(shard.name),
        status=pl.when("is_valid").then(status).otherwise("invalid_reason"),
        recommendation=pl.col("recommendation").cast(pl.String),
        overrides=pl.Series(overrides, dtype=pl.String),
    )


def _prompted(store: DataStore, judge: Judge, shard: Shard, rubric: Rubric | None) -> pl.DataFrame:
    hint = f"materialize prompts of partition {shard.key}"
    rows = read_table(store.prompts(judge, shard), Prompts, hint=hint, columns=_PROMPTED)
    usual = PromptSettings()
    defaults = {
        **{name: getattr(usual, name) for name in _SAMPLING},
        "max_tokens": rubric.max_tokens if rubric else DEFAULT_MAX_TOKENS,
        "parameters": None,
    }
    changed = [
        {name: value for name, value in row.items() if value != defaults[name]}
        for row in rows.select(*defaults).iter_rows(named=True)
    ]
    for found, how in zip(changed, rows["redaction"], strict=True):
        if how == "none":
            found["redact"] = False
    settings = [json.dumps(found) if found else None for found in changed]
    return rows.select(
        *_KEYS,
        prompt_digest=_digests(rows["messages"]),
        settings=pl.Series(settings, dtype=pl.String),
    )


def _answered(store: DataStore, judge: Judge, shard: Shard) -> pl.DataFrame:
    hint = f"materialize completions of partition {shard.key}"
    rows = read_table(store.completions(judge, shard), Completions, hint=hint, columns=_ANSWERED)
    digests = _digests(rows["text"])
    return rows.select(*_KEYS, "attempt", repairs="overrides", answer_digest=digests)


def _digests(texts: pl.Series) -> pl.Series:
    found = [None if one is None else hashlib.sha256(one.encode()).hexdigest() for one in texts]
    return pl.Series(found, dtype=pl.String)


def _as_text(settings: str | None, repairs: str | None) -> str | None:
    """Returns the settings that differ from the default and what repairs changed, as one text."""
    if settings is None and repairs is None:
        return None
    found = json.loads(settings or "{}") | ({"repairs": json.loads(repairs)} if repairs else {})
    return json.dumps(found, sort_keys=True)
