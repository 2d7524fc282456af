from typing import Any

import polars as pl
import pytest

from aris_pipeline.completions import RunStats
from aris_pipeline.errors import MissingDataError
from aris_pipeline.storage import Completions, DataStore, Judge, Shard, write_parquet
from aris_pipeline.throughput import measure_shard
from aris_pipeline_tests.tables import DAY, table

JUDGE = Judge("aris-swe-v1", "small")
SHARD = Shard("2026-11-21_export", "s000")

REUSED = {"reused": True, "prompt_tokens": 1_000, "output_tokens": 1_000, "cached_tokens": 1_000}
FAILED = {"error_type": "refused", "text": None, "finish_reason": None, "output_tokens": 0}


def _measure(store: DataStore, *rows: dict[str, Any], **figures: Any) -> dict[str, Any]:
    """Measures a shard with these completions, whose run had these figures."""
    given: dict[str, Any] = {"generate_s": 0.0, **figures}
    stats = RunStats(run_id="now", started_at=DAY, wall_s=10.0, **given)
    write_parquet(
        table(Completions, *rows),
        store.completions(JUDGE, SHARD),
        Completions,
        metadata={"aris.run_stats": stats.model_dump_json()},
    )
    measurement = measure_shard(store, JUDGE, SHARD)
    (row,) = pl.read_parquet(store.throughput(JUDGE, SHARD)).to_dicts()
    shown = measurement.metadata()
    assert shown.items() <= row.items(), "the UI shows what the file says"
    assert None not in shown.values()
    return row


def test_rates_count_only_what_the_run_generated(store: DataStore) -> None:
    rows = [{"prompt_tokens": 800, "output_tokens": 100, "cached_tokens": 600} for _ in range(20)]

    row = _measure(store, *rows, REUSED, REUSED, generated=20, reused=2, failed=0, generate_s=8.0)

    assert (row["rows"], row["rows_generated"], row["rows_reused"]) == (22, 20, 2)
    assert (row["prompt_tokens"], row["output_tokens"]) == (16_000, 2_000)
    assert row["req_s"] == pytest.approx(2.5)
    assert row["output_tok_s"] == pytest.approx(250)
    assert row["total_tok_s"] == pytest.approx(2_250)
    assert row["prefix_hit_rate"] == pytest.approx(0.75)


def test_larger_batches_are_projected_from_the_rate(store: DataStore) -> None:
    row = _measure(store, {}, generated=1, reused=0, failed=0, generate_s=0.4)

    assert row["projected_hours_5k"] == pytest.approx(2_000 / 3_600)
    assert row["projected_hours_50k"] == pytest.approx(20_000 / 3_600)
    assert row["projected_hours_200k"] == pytest.approx(80_000 / 3_600)


def test_a_run_that_reused_everything_has_counts_and_no_rates(store: DataStore) -> None:
    row = _measure(store, REUSED, REUSED, generated=0, reused=2, failed=0)

    assert (row["rows"], row["rows_ok"], row["rows_reused"]) == (2, 2, 2)
    assert row["success_rate"] == 1
    rates = [name for name in row if name.endswith("_s") and name[:3] in ("req", "out", "tot")]
    unknown = [*rates, "latency_p50_s", "latency_p95_s", "prefix_hit_rate", "projected_hours_200k"]
    assert [row[name] for name in unknown] == [None] * 7


def test_failed_rows_lower_the_success_rate_and_not_the_speed(store: DataStore) -> None:
    refused = {**FAILED, "prompt_tokens": 9_000}
    unrenderable = {**FAILED, "error_type": "unrenderable"}
    truncated = {"finish_reason": "length", "prompt_tokens": 10, "output_tokens": 10}

    row = _measure(
        store,
        {"prompt_tokens": 10, "output_tokens": 10},
        truncated,
        refused,
        unrenderable,
        generated=2,
        reused=0,
        failed=2,
        generate_s=1.0,
    )

    assert (row["rows_ok"], row["rows_failed"], row["success_rate"]) == (1, 3, 0.25)
    assert (row["req_s"], row["total_tok_s"]) == (2, 40)


def test_latency_percentiles_and_preemptions_are_those_of_generated_rows(store: DataStore) -> None:
    rows = [{"latency_s": float(n), "preemptions": 1} for n in range(101)]

    row = _measure(
        store,
        *rows,
        {**REUSED, "latency_s": 9_999.0, "preemptions": 50},
        generated=101,
        reused=1,
        failed=0,
        generate_s=1.0,
    )

    assert (row["latency_p50_s"], row["latency_p95_s"]) == (50, 95)
    assert row["preemptions"] == 101


def test_figures_that_the_machine_cannot_measure_are_null(store: DataStore) -> None:
    figures = {"cpu_percent": 93.5, "rss_peak_gib": 3.3, "kv_cache_peak": 0.5}
    row = _measure(store, {}, generated=1, reused=0, failed=0, generate_s=1.0, gpu=None, **figures)

    assert {name: row[name] for name in figures} == figures
    gpu = [name for name in row if name.startswith("gpu")]
    assert gpu == ["gpu_memory_peak_gib", "gpu_utilization", "gpu_energy_wh", "gpu"]
    assert [row[name] for name in gpu] == [None] * 4
    assert "cores" in row["host"]


def test_a_shard_without_rows_has_no_rates(store: DataStore) -> None:
    row = _measure(store, generated=0, reused=0, failed=0)

    assert (row["rows"], row["success_rate"], row["req_s"]) == (0, None, None)


def test_without_completions_it_says_what_to_run(store: DataStore) -> None:
    with pytest.raises(MissingDataError, match="materialize completions of this shard"):
        measure_shard(store, JUDGE, SHARD)


def test_what_was_predicted_stands_beside_what_it_took(store: DataStore) -> None:
    counts = {"generated": 1, "reused": 0, "failed": 0, "generate_s": 8.0}

    row = _measure(store, {}, **counts, predicted_s=7.5, predicted_from="measured: so")
    assert (row["generate_s"], row["predicted_s"]) == (8.0, 7.5)
    assert row["predicted_from"] == "measured: so"

    unknown = _measure(store, {}, **counts, predicted_from="no run yet")
    assert (unknown["predicted_s"], unknown["predicted_from"]) == (None, "no run yet")
