from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from aris_pipeline.storage import DataStore, Judge, Shard, write_frame
from aris_pipeline.throughput import measured_pace, pace
from aris_pipeline_tests.tables import DAY

JUDGE = Judge("aris-swe-v1", "small")


@pytest.fixture(autouse=True)
def _this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "gpu_name", lambda: None)
    monkeypatch.setattr(pace, "host_name", lambda: "EPYC, 2 cores")


def _measured(
    store: DataStore, shard: str, *, by: Judge = JUDGE, days: int = 0, **figures: Any
) -> None:
    """Writes the throughput of a shard, given by what matters."""
    row = {
        "run_id": "0123456789ab",
        "started_at": DAY + timedelta(days=days),
        "rows_generated": 100,
        "output_tokens": 5_000,
        "req_s": 2.0,
        "total_tok_s": 1_000.0,
        "host": "EPYC, 2 cores",
        "gpu": None,
        "engine": "vllm-0.32.0",
        **figures,
    }
    types = {"gpu": pl.String, "total_tok_s": pl.Float64, "req_s": pl.Float64}
    types |= {"replicas": pl.Int64} if "replicas" in figures else {}
    frame = pl.DataFrame([row], schema_overrides=types)
    write_frame(frame, store.throughput(by, Shard("2026-11-21_export", shard)))


def test_the_pace_is_the_median_of_the_shards_that_generated_something(store: DataStore) -> None:
    for shard, rate in {"s000": 900.0, "s001": 1_000.0, "s002": 5_000.0}.items():
        _measured(store, shard, total_tok_s=rate)
    _measured(store, "s003", rows_generated=0, output_tokens=0, req_s=None, total_tok_s=None)

    found = measured_pace(store, JUDGE)

    assert found is not None
    assert (found.tokens_per_second, found.output_tokens_per_row) == (1_000, 50)


def test_the_source_names_rates_run_day_and_machine(store: DataStore) -> None:
    _measured(store, "s000", run_id="an older run", days=-1)
    _measured(store, "s001")

    found = measured_pace(store, JUDGE)

    assert found is not None
    assert found.source == (
        "measured: 2.0 req/s, 1,000 tok/s, median of 2 shards, "
        "last in run 01234567 on 2026-11-21 by EPYC, 2 cores"
    )


def test_what_this_machine_did_counts_before_what_another_did(
    store: DataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    _measured(store, "s000", gpu="H100", total_tok_s=30_000.0)
    _measured(store, "s001")

    on_cpu = measured_pace(store, JUDGE)
    monkeypatch.setattr(pace, "gpu_name", lambda: "H100")
    on_gpu = measured_pace(store, JUDGE)

    assert on_cpu is not None
    assert on_gpu is not None
    assert (on_cpu.tokens_per_second, on_gpu.tokens_per_second) == (1_000, 30_000)


def test_another_machines_pace_is_said_to_be_another_machines(store: DataStore) -> None:
    _measured(store, "s000", gpu="H100", total_tok_s=30_000.0)

    found = measured_pace(store, JUDGE)

    assert found is not None
    assert found.source.endswith("by H100, another machine than this")


def test_the_same_rubric_counts_before_others_and_another_model_never(store: DataStore) -> None:
    other = Judge("other-v1", "small")
    _measured(store, "s000", by=other, output_tokens=20_000)
    _measured(store, "s001", by=Judge("aris-swe-v1", "large"))

    before = measured_pace(store, JUDGE)
    _measured(store, "s000")
    after = measured_pace(store, JUDGE)

    assert before is not None
    assert after is not None
    assert (before.output_tokens_per_row, after.output_tokens_per_row) == (200, 50)
    assert "with rubric other-v1" in before.source
    assert "with rubric" not in after.source


def test_a_model_that_never_ran_has_no_pace(store: DataStore) -> None:
    _measured(store, "s000")

    assert measured_pace(store, Judge("aris-swe-v1", "large")) is None


def test_a_damaged_measurement_is_left_out(store: DataStore) -> None:
    _measured(store, "s000")
    damaged = store.throughput(JUDGE, Shard("2026-11-21_export", "s001"))
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"half a fi")

    assert measured_pace(store, JUDGE) is not None


def test_only_the_runs_of_the_gpus_that_are_asked_for_count(store: DataStore) -> None:
    _measured(store, "s000", total_tok_s=900.0)
    _measured(store, "s001", total_tok_s=40_000.0, gpu="NVIDIA H100 80GB HBM3")

    found = measured_pace(store, JUDGE, gpus=["NVIDIA H100 80GB HBM3"])

    assert found is not None
    assert (found.tokens_per_second, found.elsewhere) == (40_000, False)
    assert measured_pace(store, JUDGE, gpus=["NVIDIA L4"]) is None
    assert measured_pace(store, JUDGE, gpus=[]) is None


def test_the_slowest_and_the_fastest_shard_are_known_and_whether_it_was_elsewhere(
    store: DataStore,
) -> None:
    for shard, rate in {"s000": 900.0, "s001": 1_000.0, "s002": 5_000.0}.items():
        _measured(store, shard, total_tok_s=rate, host="another")

    found = measured_pace(store, JUDGE)

    assert found is not None
    assert (found.slowest, found.fastest, found.elsewhere) == (900, 5_000, True)
    assert found.seconds(rows=10, prompt_tokens=500) == (500 + 10 * 50) / 1_000


def test_the_rate_of_some_replicas_is_scaled_to_those_that_are_asked_for(store: DataStore) -> None:
    gpu = "NVIDIA H100 80GB HBM3"
    _measured(store, "s000", total_tok_s=40_000.0, gpu=gpu)  # before replicas were counted
    _measured(store, "s001", total_tok_s=80_000.0, req_s=4.0, gpu=gpu, replicas=2)

    found = measured_pace(store, JUDGE, gpus=[gpu], replicas=8)

    assert found is not None
    assert (found.slowest, found.tokens_per_second, found.fastest) == (320_000,) * 3
    assert found.source.startswith("measured: 16.0 req/s, 320,000 tok/s")
    assert found.source.endswith(f"by {gpu}, taken from 1 and 2 to 8 replicas")


def test_replicas_on_a_cpu_share_its_cores_and_scale_nothing(store: DataStore) -> None:
    _measured(store, "s000", replicas=2)

    found = measured_pace(store, JUDGE, replicas=4)

    assert found is not None
    assert found.tokens_per_second == 1_000
    assert "replicas" not in found.source


def test_runs_with_as_many_engines_on_a_gpu_count_before_others(store: DataStore) -> None:
    _measured(store, "s000", total_tok_s=150_000.0, engine="vllm-0.33.0")
    _measured(store, "s001", total_tok_s=170_000.0, engine="vllm-0.33.0-x2")

    found = {number: measured_pace(store, JUDGE, engines_per_gpu=number) for number in (1, 2, 3)}

    rates = [pace and pace.tokens_per_second for pace in found.values()]
    assert rates == [150_000, 170_000, 160_000]
    others = [pace is not None and "with other engines" in pace.source for pace in found.values()]
    assert others == [False, False, True]
