"""Reports the total cost of a batch, from the throughput of its shards."""

from datetime import timedelta
from typing import Any

import polars as pl

from aris_pipeline.storage import (
    Batch,
    DataStore,
    Judge,
    Shard,
    Throughput,
    ThroughputReport,
    may_be_newer,
    read_table,
    write_parquet,
)

_SUMS = [
    *("rows", "rows_ok", "rows_failed", "rows_reused", "rows_generated", "rows_poison"),
    *("rows_triaged", "rows_scored", "score_s"),
    *("load_s", "generate_s", "busy_s", "starved_s", "draining_s"),
    *("prompt_tokens", "cached_tokens", "output_tokens"),
    *("preemptions", "engine_restarts", "gpu_energy_wh"),
]
_PEAKS = ["latency_p95_s", "gpu_memory_peak_gib"]
_LATEST = ["host", "gpu", "engine"]


def report_batch(store: DataStore, judge: Judge, batch: Batch) -> dict[str, Any] | None:
    """Sums up the shards of a batch, writes `throughput_report` and returns its row.

    Returns:
        None, and nothing is written, if no shard has throughput.

    Raises:
        DamagedDataError: the throughput of a shard is damaged.
    """
    frames = [
        read_table(file, Throughput, hint="materialize throughput of this shard").with_columns(
            shard=pl.lit(shard.name)
        )
        for shard in Shard.all_of(batch)
        if (file := store.throughput(judge, shard)).exists()
    ]
    if not frames:
        return None
    row = _summed(pl.concat(frames).sort("started_at"), batch)
    write_parquet(pl.DataFrame([row]), store.throughput_report(judge, batch.name), ThroughputReport)
    return row


def report_is_stale(store: DataStore, judge: Judge, batch: Batch) -> bool:
    """Returns whether a shard of the batch was measured after the batch was last reported on."""
    report = store.throughput_report(judge, batch.name)
    measured = [
        file for shard in Shard.all_of(batch) if (file := store.throughput(judge, shard)).exists()
    ]
    return bool(measured) and (
        not report.exists() or any(may_be_newer(file, report) for file in measured)
    )


def _summed(shards: pl.DataFrame, batch: Batch) -> dict[str, Any]:
    sums: dict[str, Any] = shards.select(pl.col(_SUMS).sum()).row(0, named=True)
    peaks: dict[str, Any] = shards.select(pl.col(_PEAKS).max()).row(0, named=True)
    latest: dict[str, Any] = shards.select(_LATEST).row(-1, named=True)
    ended = pl.col("started_at") + pl.duration(seconds=pl.col("load_s") + pl.col("wall_s"))
    slowest = shards.drop_nulls("req_s").sort("req_s").head(1).rows(named=True)
    seconds, energy = sums["generate_s"], shards["gpu_energy_wh"].drop_nulls()
    tokens = sums["prompt_tokens"] + sums["output_tokens"]
    req_s = _rate(sums["rows_generated"], seconds)
    rows_s = _rate(sums["rows_scored"] or sums["rows_generated"], seconds)
    return {
        **{name: sums[name] for name in _SUMS if name != "cached_tokens"},
        **peaks,
        **latest,
        "shards": len(batch.shard_rows),
        "shards_measured": shards.height,
        "rows_in": batch.rows_in,
        "rows_quarantined": batch.quarantined,
        "success_rate": _rate(sums["rows_ok"], sums["rows"] - sums["rows_triaged"]),
        "started_at": shards["started_at"].min(),
        "finished_at": shards.select(ended.max()).item(),
        "loads": shards.filter(pl.col("load_s") > 0).height,
        "between_shards_s": _longest_gap(shards, ended),
        "req_s": req_s,
        "output_tok_s": _rate(sums["output_tokens"], seconds),
        "total_tok_s": _rate(tokens, seconds),
        "slowest_shard": slowest[0]["shard"] if slowest else None,
        "slowest_req_s": slowest[0]["req_s"] if slowest else None,
        "prefix_hit_rate": _rate(sums["cached_tokens"], sums["prompt_tokens"]),
        "gpu_energy_wh": energy.sum() if energy.len() else None,
        "projected_hours_200k": 200_000 / rows_s / 3600 if rows_s else None,
    }


def _longest_gap(shards: pl.DataFrame, ended: pl.Expr) -> float | None:
    """Returns the longest time, in seconds, between a shard's end and the next start in its run."""
    gaps = shards.select((pl.col("started_at") - ended.shift(1)).over("run_id").alias("gap"))[
        "gap"
    ].drop_nulls()
    longest = gaps.max()
    return max(longest.total_seconds(), 0.0) if isinstance(longest, timedelta) else None


def _rate(count: float, of: float) -> float | None:
    return count / of if count and of > 0 else None
