"""Batches that have landed, and the verdicts on them."""

from collections.abc import Callable
from datetime import timedelta

import polars as pl
import pytest

from aris_pipeline.evaluations import evaluation_schema
from aris_pipeline.prompts import Rubric, load_rubric
from aris_pipeline.storage import (
    Batch,
    DataStore,
    Evaluations,
    Judge,
    Shard,
    write_bytes,
    write_parquet,
)
from aris_pipeline_tests.tables import DAY, make_batch, table

JUDGE = Judge("aris-swe-v1", "small")
SHARD = Shard("today", "s000")

Land = Callable[..., Batch]
Recommend = Callable[..., None]


@pytest.fixture(scope="session")
def rubric() -> Rubric:
    return load_rubric("aris-swe-v1")


@pytest.fixture
def land(store: DataStore) -> Land:
    """Lands a batch of so many shards, `days` after the day that all others count from."""

    def write(name: str = SHARD.batch, *, days: int = 0, shards: int = 1) -> Batch:
        made = make_batch(*[1] * shards, name=name)
        batch = made.model_copy(update={"landed_at": DAY + timedelta(days=days)})
        write_bytes(batch.model_dump_json().encode(), store.batch_file(name))
        return batch

    return write


@pytest.fixture
def recommend(store: DataStore, rubric: Rubric) -> Recommend:
    """Writes the verdicts on a shard, given by how often each recommendation is among them."""
    schema = evaluation_schema(rubric)
    others = [name for name in schema.column_names() if name not in Evaluations.column_names()]

    def write(shard: Shard, *, by: Judge = JUDGE, **mix: int) -> None:
        verdicts = [
            option for option in rubric.recommendations for _ in range(mix.get(_name(option), 0))
        ]
        rows = table(Evaluations, *({"score": 1.0} for _ in verdicts)).with_columns(
            pl.lit(None).alias(name) for name in others
        )
        frame = rows.with_columns(recommendation=pl.Series(verdicts, dtype=pl.String))
        write_parquet(frame, store.evaluations(by, shard), schema)

    return write


def _name(option: str) -> str:
    return option.lower().replace(" ", "_")
