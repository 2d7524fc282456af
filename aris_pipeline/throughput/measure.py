"""Makes the throughput row of a shard from its completions and the figures of their run."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from aris_pipeline.completions import RETRY_STEPS, RunStats, read_stats
from aris_pipeline.storage import (
    Completions,
    DataStore,
    Judge,
    Shard,
    Throughput,
    read_table,
    write_parquet,
)

_SHOWN = (
    "rows",
    "rows_ok",
    "rows_failed",
    "rows_reused",
    "rows_generated",
    "triage",
    "rows_triaged",
    "rows_scored",
    "score_s",
    "rows_poison",
    "repairs_longer",
    "repairs_reseeded",
    "repairs_shortened",
    "engine_restarts",
    "load_s",
    "generate_s",
    "predicted_s",
    "busy_s",
    "starved_s",
    "draining_s",
    "wall_s",
    "req_s",
    "output_tok_s",
    "total_tok_s",
    "success_rate",
    "latency_p50_s",
    "latency_p95_s",
    "preemptions",
    "prefix_hit_rate",
    "kv_cache_peak",
    "gpu_memory_peak_gib",
    "gpu_utilization",
    "gpu_energy_wh",
    "projected_hours_200k",
)


@dataclass(frozen=True)
class Measurement:
    """A row of `Throughput`."""

    row: dict[str, Any]

    def metadata(self) -> dict[str, Any]:
        """Returns the figures that a shard's materialization shows in the UI, if present."""
        shown = {name: self.row[name] for name in _SHOWN}
        return {name: value for name, value in shown.items() if value is not None}


def measure_shard(store: DataStore, judge: Judge, shard: Shard) -> Measurement:
    """Writes the shard's throughput row and returns it.

    Rates count only rows that the run generated, over the seconds of generation; a run that reused
    all answers has no rates.
    """
    path = store.completions(judge, shard)
    completions = read_table(path, Completions, hint="materialize completions of this shard")
    row = _row(completions, read_stats(path))
    write_parquet(pl.DataFrame([row]), store.throughput(judge, shard), Throughput)
    return Measurement(row)


def _row(completions: pl.DataFrame, stats: RunStats) -> dict[str, Any]:
    triaged = pl.col("triaged").fill_null(value=False)
    asked = completions.filter(~triaged)
    generated = asked.filter(~pl.col("reused") & pl.col("error_type").is_null())
    good = completions.filter(
        pl.col("error_type").is_null() & (pl.col("finish_reason") == "stop")
    ).height
    prompt, output = int(generated["prompt_tokens"].sum()), int(generated["output_tokens"].sum())
    cached = int(generated["cached_tokens"].sum())
    req_s = _rate(stats.generated, stats.generate_s)
    rows_s = _rate(stats.scored or stats.generated, stats.generate_s)
    return {
        **stats.model_dump(
            exclude={
                "generated",
                "reused",
                "failed",
                "poison",
                "repairs",
                "triaged",
                "scored",
            }
        ),
        "rows_triaged": completions.height - asked.height,
        "rows_scored": stats.scored,
        "rows_poison": stats.poison,
        **{f"repairs_{step}": stats.repairs.get(step, 0) for step in RETRY_STEPS},
        "rows": completions.height,
        "rows_ok": good,
        "rows_failed": asked.height - good,
        "rows_reused": stats.reused,
        "rows_generated": stats.generated,
        "prompt_tokens": prompt,
        "cached_tokens": cached,
        "output_tokens": output,
        "req_s": req_s,
        "output_tok_s": _rate(output, stats.generate_s),
        "total_tok_s": _rate(prompt + output, stats.generate_s),
        "success_rate": good / asked.height if asked.height else None,
        "latency_p50_s": generated["latency_s"].quantile(0.5),
        "latency_p95_s": generated["latency_s"].quantile(0.95),
        "preemptions": int(generated["preemptions"].sum()),
        "prefix_hit_rate": cached / prompt if prompt else None,
        "projected_hours_5k": _hours(5_000, rows_s),
        "projected_hours_50k": _hours(50_000, rows_s),
        "projected_hours_200k": _hours(200_000, rows_s),
    }


def _rate(count: int, seconds: float) -> float | None:
    return count / seconds if count and seconds > 0 else None


def _hours(rows: int, rows_s: float | None) -> float | None:
    return rows / rows_s / 3600 if rows_s else None
