from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from aris_pipeline.charts import earlier_verdicts
from aris_pipeline.evaluations import evaluation_schema
from aris_pipeline.prompts import Rubric
from aris_pipeline.storage import DataStore, Judge, Shard, write_bytes, write_parquet
from aris_pipeline_tests.tables import make_batch
from aris_pipeline_tests.unit.charts.conftest import evaluated

JUDGE = Judge("aris-swe-v1", "small")
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat"]


class _Week:
    """Batches called mon to sat, landed in this order, of two shards."""

    def __init__(self, store: DataStore, rubric: Rubric) -> None:
        self.store, self._rubric = store, rubric
        for number, name in enumerate(DAYS):
            batch = make_batch(3, 3, name=name)
            batch = batch.model_copy(update={"landed_at": batch.landed_at + timedelta(number)})
            write_bytes(batch.model_dump_json().encode(), store.batch_file(name))

    def judge(self, batch: str, *verdicts: str | None, shard: str = "s000") -> Path:
        path = self.store.evaluations(JUDGE, Shard(batch, shard))
        schema = evaluation_schema(self._rubric)
        rows = evaluated(self._rubric, verdicts)
        missing = {
            name: pl.lit(None, column.dtype)
            for name, column in schema.columns().items()
            if name not in rows.columns
        }
        write_parquet(rows.with_columns(**missing), path, schema)
        return path

    def before(self, batch: str) -> dict[str, list[str]]:
        found = earlier_verdicts(self.store, JUDGE, self.store.batch(batch))
        return {name: rows["recommendation"].to_list() for name, rows in found.items()}


@pytest.fixture
def week(store: DataStore, rubric: Rubric) -> _Week:
    return _Week(store, rubric)


def test_the_last_four_batches_before_are_found_the_newest_first(week: _Week) -> None:
    for day in DAYS:
        week.judge(day, "Yes")

    assert list(week.before("sat")) == ["fri", "thu", "wed", "tue"]
    assert list(week.before("tue")) == ["mon"]
    assert week.before("mon") == {}


def test_valid_verdicts_of_all_shards_count(week: _Week) -> None:
    week.judge("mon", "Yes", None, "No")
    week.judge("mon", "Maybe", shard="s001")

    assert week.before("tue") == {"mon": ["Yes", "No", "Maybe"]}


def test_batches_without_verdicts_are_passed_over(week: _Week) -> None:
    week.judge("mon", "Yes")
    week.judge("tue", None)

    assert list(week.before("fri")) == ["mon"]


def test_a_damaged_shard_is_left_out(week: _Week) -> None:
    week.judge("mon", "Yes")
    damaged = week.judge("mon", "No", shard="s001")
    damaged.write_bytes(damaged.read_bytes()[:-20])

    assert week.before("tue") == {"mon": ["Yes"]}


def test_verdicts_of_another_judge_are_not_compared(week: _Week) -> None:
    week.judge("mon", "Yes")

    tuesday = week.store.batch("tue")
    assert earlier_verdicts(week.store, Judge("aris-swe-v1", "large"), tuesday) == {}
