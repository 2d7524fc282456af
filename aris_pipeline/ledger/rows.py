"""Traces the life of every row of a batch: its stage, and the judge that answered it."""

import polars as pl

from aris_pipeline.errors import DamagedDataError
from aris_pipeline.ledger.tables import ShardTables, read_shard
from aris_pipeline.storage import LANDING_SHARD, Batch, DataStore, Judge, Shard

ACCOUNTED = ("evaluated", "failed", "quarantined", "triaged")
"""The states in which a row's life ends."""

ROW_COLUMNS: dict[str, pl.DataType] = {
    "batch": pl.String(),
    "shard": pl.String(),
    "file": pl.String(),
    "line": pl.Int64(),
    "custom_id": pl.String(),
    "state": pl.String(),
    "reason": pl.String(),
    "request_key": pl.String(),
    "attempt": pl.Int32(),
    "overrides": pl.String(),
    "engine": pl.String(),
    "run_id": pl.String(),
    "reused": pl.Boolean(),
}
"""Columns of a traced row.

`state` is evaluated, failed, triaged, quarantined, completed, prompted, usable or landed: the last
stage that the row has passed. `reason` is the quarantine's rule, the reason of the failure, or the
type of the engine's error. `request_key` names the first request, and `attempt` and `overrides` say
which request was answered; these and the columns after them are null for a row without a
completion.
"""


def trace_batch(store: DataStore, batch: Batch, judge: Judge | None) -> pl.DataFrame:
    """Returns one row for each row of the landed file, with the columns `ROW_COLUMNS`.

    Args:
        store: the store of the tables.
        batch: the batch of the rows.
        judge: the judge; without one, rows are traced up to the last stage that needs none.

    Raises:
        DamagedDataError: a file with the rows is missing or cannot be read.
    """
    shards = [*Shard.all_of(batch), Shard(batch.name, LANDING_SHARD)]
    return pl.concat([trace_shard(store, judge, shard) for shard in shards])


def trace_shard(store: DataStore, judge: Judge | None, shard: Shard) -> pl.DataFrame:
    """Returns the rows of one shard, or of the quarantine of landing, as `trace_batch` does."""
    tables = read_shard(store, judge, shard)
    if tables.damaged:
        raise DamagedDataError("; ".join(tables.damaged.values()))
    return rows_of(tables).select(pl.col(name).cast(type_) for name, type_ in ROW_COLUMNS.items())


def rows_of(tables: ShardTables) -> pl.DataFrame:
    """Returns the rows of a shard with their state, and the request_key that each table has."""
    found = tables.frames
    landing = tables.shard.name == LANDING_SHARD
    rows = found["quarantine" if landing else "landed"].select("file", "line", "custom_id")
    rules = found["quarantine"].select("file", "line", "rule").unique(["file", "line"])
    rows = rows.join(rules, on=["file", "line"], how="left", maintain_order="left")
    for stage in (
        found["raw_candidates"].with_columns(usable=pl.lit(value=True)),
        found["prompts"].rename({"request_key": "prompt_key"}),
        found["completions"].rename({"request_key": "completion_key"}),
        found["evaluations"].rename({"request_key": "evaluation_key"}),
    ):
        one_each = stage.unique("custom_id", keep="first")
        rows = rows.join(one_each, on="custom_id", how="left", maintain_order="left")
    return rows.with_columns(
        batch=pl.lit(tables.shard.batch),
        shard=pl.lit(tables.shard.name),
        state=_STATE,
        reason=pl.coalesce("rule", "invalid_reason", "error_type"),
        request_key=pl.coalesce("prompt_key", "completion_key", "evaluation_key"),
    )


_STATE = (
    pl.when(pl.col("rule").is_not_null())
    .then(pl.lit("quarantined"))
    .when(pl.col("is_valid"))
    .then(pl.lit("evaluated"))
    .when(pl.col("invalid_reason") == "triaged")
    .then(pl.lit("triaged"))
    .when(pl.col("evaluation_key").is_not_null())
    .then(pl.lit("failed"))
    .when(pl.col("completion_key").is_not_null())
    .then(pl.lit("completed"))
    .when(pl.col("prompt_key").is_not_null())
    .then(pl.lit("prompted"))
    .when(pl.col("usable"))
    .then(pl.lit("usable"))
    .otherwise(pl.lit("landed"))
)
