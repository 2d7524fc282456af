from typing import Any

import polars as pl
import pytest

from aris_pipeline.completions.reuse import known_completions
from aris_pipeline.storage import Completions, DataStore, Judge, Shard, write_frame
from aris_pipeline_tests.tables import table, write_table
from aris_pipeline_tests.unit.completions.conftest import JUDGE, SHARD

EARLIER = Shard("2026-10-01_older", "s002")


def _keep(store: DataStore, *rows: dict[str, Any], shard: Shard = EARLIER) -> None:
    write_table(store.completions(JUDGE, shard), Completions, *rows)


def _keep_part(store: DataStore, name: str, *rows: dict[str, Any]) -> None:
    write_table(store.completion_parts(JUDGE, SHARD) / f"part-{name}.parquet", Completions, *rows)


def _known(store: DataStore, *keys: str) -> dict[str, str]:
    found = known_completions(store, JUDGE, SHARD, pl.Series(keys, dtype=pl.String))
    assert found.schema == table(Completions).schema
    return dict(found.select("request_key", "text").iter_rows())


def test_an_answer_is_found_by_its_key_in_another_batch(store: DataStore) -> None:
    _keep(store, {"text": "old"}, {"text": "not asked for"})

    assert _known(store, "k0", "new") == {"k0": "old"}


def test_nothing_is_known_in_an_empty_directory(store: DataStore) -> None:
    assert _known(store, "k0") == {}


def test_another_judges_answers_are_not_ours(store: DataStore) -> None:
    other = store.completions(Judge(JUDGE.rubric, "large"), EARLIER)
    write_table(other, Completions, {})

    assert _known(store, "k0") == {}


@pytest.mark.parametrize(
    "fate",
    [
        {"error_type": "refused", "text": None, "finish_reason": None},
        {"finish_reason": "abort"},
        {"finish_reason": "error"},
    ],
)
def test_a_row_without_an_answer_is_not_reused(store: DataStore, fate: dict[str, Any]) -> None:
    _keep(store, fate, {"text": "good"})

    assert _known(store, "k0", "k1") == {"k1": "good"}


def test_an_answer_that_met_its_token_limit_would_meet_it_again(store: DataStore) -> None:
    _keep(store, {"finish_reason": "length", "text": "and so"})

    assert _known(store, "k0") == {"k0": "and so"}


def test_a_good_answer_is_found_behind_a_failed_one(store: DataStore) -> None:
    _keep_part(store, "a", {"error_type": "refused", "text": None})
    _keep(store, {"text": "good"})

    assert _known(store, "k0") == {"k0": "good"}


def test_one_answer_a_key_and_the_shards_own_parts_come_first(store: DataStore) -> None:
    _keep(store, {"text": "elsewhere"})
    _keep(store, {"text": "elsewhere too"}, shard=SHARD)
    _keep_part(store, "a", {"text": "part"}, {"text": "second"})
    _keep_part(store, "b", {"text": "the same again"})

    assert _known(store, "k0", "k1") == {"k0": "part", "k1": "second"}


def test_a_damaged_file_costs_its_rows_and_is_named_in_a_warning(
    store: DataStore, caplog: pytest.LogCaptureFixture
) -> None:
    _keep(store, {"text": "good"})
    damaged = store.completions(JUDGE, SHARD)
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"half a fi")

    assert _known(store, "k0") == {"k0": "good"}
    (warning,) = caplog.records
    assert warning.levelname == "WARNING"
    assert str(damaged) in warning.getMessage()


@pytest.mark.parametrize("change", ["a column less", "a column more", "another type"])
def test_a_file_of_another_version_costs_its_rows_at_most(
    store: DataStore, caplog: pytest.LogCaptureFixture, change: str
) -> None:
    _keep(store, {"text": "good"})
    frame = table(Completions, {"request_key": "k1", "text": "old"})
    old = {
        "a column less": frame.drop("attempt"),
        "a column more": frame.with_columns(mood=pl.lit("fine")),
        "another type": frame.with_columns(latency_s=pl.lit("fast")),
    }[change]
    write_frame(old, store.completions(JUDGE, SHARD))

    found = _known(store, "k0", "k1")

    if change == "a column more":
        assert found == {"k0": "good", "k1": "old"}
        assert caplog.records == []
    else:
        assert found == {"k0": "good"}
        assert str(store.completions(JUDGE, SHARD)) in caplog.text


def test_a_file_of_a_version_without_repairs_is_reused(
    store: DataStore, caplog: pytest.LogCaptureFixture
) -> None:
    old = table(Completions, {"text": "old"}).drop("overrides")
    write_frame(old, store.completions(JUDGE, EARLIER))

    assert _known(store, "k0") == {"k0": "old"}
    assert caplog.records == []


def test_a_file_that_is_written_anew_during_a_run_is_noticed(store: DataStore) -> None:
    _keep(store, {"text": "first"})
    assert _known(store, "k0", "k1") == {"k0": "first"}

    _keep(store, {"error_type": "refused", "text": None}, {"text": "second"})

    assert _known(store, "k0", "k1") == {"k1": "second"}


def test_of_two_files_with_an_answer_the_first_by_name_gives_it(store: DataStore) -> None:
    _keep(store, {"text": "later"}, {"text": "only here"}, shard=Shard("2026-11-30_b", "s000"))
    _keep(store, {"text": "earlier"}, shard=Shard("2026-10-30_a", "s000"))

    assert _known(store, "k0", "k1") == {"k0": "earlier", "k1": "only here"}
