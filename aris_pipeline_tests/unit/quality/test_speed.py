from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from aris_pipeline.quality import Finding, Thresholds, cost_per_1000_rows, throughput_regression
from aris_pipeline.storage import DataStore, Judge, Shard, write_frame
from aris_pipeline_tests.tables import DAY
from aris_pipeline_tests.unit.quality.conftest import JUDGE, SHARD


def _measured(
    store: DataStore,
    shard: Shard,
    req_s: float | None,
    *,
    by: Judge = JUDGE,
    hours: float = 0,
    **figures: Any,
) -> None:
    """Writes the throughput of a shard that was judged so many hours after the one in question."""
    row = {
        "started_at": DAY + timedelta(hours=hours),
        "rows_generated": 5_000,
        "req_s": req_s,
        "host": "EPYC, 16 cores",
        "gpu": "H100",
        "engine": "vllm 0.26.0",
        **figures,
    }
    types = {"req_s": pl.Float64, "gpu": pl.String}
    write_frame(pl.DataFrame([row], schema_overrides=types), store.throughput(by, shard))


def _earlier(store: DataStore, *rates: float, **figures: Any) -> None:
    """Writes what shards before did, the latest first."""
    for number, rate in enumerate(rates):
        _measured(store, Shard.numbered("earlier", number), rate, hours=-1 - number, **figures)


def _regression(store: DataStore) -> Finding:
    return throughput_regression(store, JUDGE, SHARD, Thresholds())


def test_a_shard_about_as_fast_as_those_before_passes_with_the_ratio(store: DataStore) -> None:
    _earlier(store, 30, 40, 50)
    _measured(store, SHARD, 36)

    found = _regression(store)

    assert (found.passed, found.value, found.threshold) == (True, 0.9, 0.7)
    assert found.detail == (
        "36.00 req/s, against 40.00 as the median of 3 earlier shards on this hardware"
    )


def test_a_shard_that_is_much_slower_is_a_warning(store: DataStore) -> None:
    _earlier(store, 30, 40, 50)
    _measured(store, SHARD, 20)

    found = _regression(store)

    assert (found.passed, found.severity, found.value) == (False, "warn", 0.5)
    assert (found.figures["req_s"], found.figures["median_req_s"]) == (20, 40)


def test_only_the_last_ten_count(store: DataStore) -> None:
    _earlier(store, *[40.0] * 10, *[4_000.0] * 30)
    _measured(store, SHARD, 40)

    found = _regression(store)

    assert (found.value, found.figures["earlier_shards"]) == (1, 10)


def test_fewer_than_three_earlier_shards_are_no_measure(store: DataStore) -> None:
    _earlier(store, 400, 400)
    _measured(store, SHARD, 20)

    found = _regression(store)

    assert (found.passed, found.value) == (True, None)
    assert "2 earlier shards" in found.detail
    assert "3 are needed" in found.detail


@pytest.mark.parametrize(
    "other",
    [
        {"gpu": "RTX 4080"},
        {"gpu": None},
        {"host": "laptop"},
        {"engine": "vllm 0.32.0"},
        {"by": Judge("aris-swe-v1", "large")},
        {"by": Judge("other-v1", "small")},
        {"rows_generated": 40},
        {"rows_generated": 20_000},
    ],
)
def test_what_is_not_comparable_does_not_count(store: DataStore, other: dict[str, Any]) -> None:
    _earlier(store, 400, 400, 400, **other)
    _measured(store, SHARD, 20)

    found = _regression(store)

    assert (found.passed, found.figures["earlier_shards"]) == (True, 0)


def test_machines_without_a_gpu_are_compared_too(store: DataStore) -> None:
    _earlier(store, 2, 2, 2, gpu=None)
    _measured(store, SHARD, 1, gpu=None)

    assert _regression(store).value == 0.5


def test_later_shards_and_damaged_files_do_not_count(store: DataStore) -> None:
    _earlier(store, 40, 40, 40)
    _measured(store, Shard("later", "s000"), 4_000, hours=1)
    damaged = store.throughput(JUDGE, Shard("broken", "s000"))
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"half a fi")
    _measured(store, SHARD, 40)

    found = _regression(store)

    assert (found.value, found.figures["earlier_shards"]) == (1, 3)


def test_a_retry_of_the_few_missing_rows_is_not_compared_with_whole_shards(
    store: DataStore,
) -> None:
    _earlier(store, 40, 40, 40)
    _measured(store, SHARD, 3, rows_generated=12)

    found = _regression(store)

    assert found.passed
    assert "0 earlier shards of about 12 rows" in found.detail


def test_a_run_that_generated_nothing_is_not_compared(store: DataStore) -> None:
    _earlier(store, 40, 40, 40)
    _measured(store, SHARD, None, rows_generated=0)

    found = _regression(store)

    assert (found.passed, found.value) == (True, None)
    assert found.detail == "not compared: this run generated no rows"


RUN = {"load_s": 60.0, "wall_s": 1_740.0, "rows_generated": 5_000, "rows_ok": 4_000}


def test_a_thousand_evaluated_rows_cost_the_hours_of_loading_and_judging() -> None:
    assert cost_per_1000_rows(RUN, 4.0) == pytest.approx(0.5 * 4.0 / 4)


def test_rows_that_were_taken_over_cost_nothing_again() -> None:
    retry = {"load_s": 60.0, "wall_s": 30.0, "rows_generated": 100, "rows_ok": 5_000}

    assert cost_per_1000_rows(retry, 4.0) == pytest.approx(90 / 3600 * 4.0 * 10)


def test_without_a_price_or_rows_of_its_own_a_run_has_no_cost() -> None:
    assert cost_per_1000_rows(RUN, None) is None
    assert cost_per_1000_rows({**RUN, "rows_generated": 0}, 4.0) is None
    assert cost_per_1000_rows({**RUN, "rows_ok": 0}, 4.0) is None
