"""Checks whether a shard is slower than the shards before it on the same hardware."""

from statistics import median
from typing import Any

from aris_pipeline.quality.finding import Finding
from aris_pipeline.quality.other_shards import columns_of
from aris_pipeline.quality.thresholds import Thresholds
from aris_pipeline.storage import DataStore, Judge, Shard, Throughput, read_table

SHARDS_COMPARED = 10
LEAST_SHARDS = 3

_SAME = ("host", "gpu", "engine", "triage")
_COLUMNS = (*_SAME, "started_at", "rows_generated", "req_s")


def throughput_regression(
    store: DataStore, judge: Judge, shard: Shard, thresholds: Thresholds
) -> Finding:
    """Returns whether the shard was about as fast as the last ten comparable ones before it.

    Comparable are shards of the same rubric and model, on the same host, GPU and engine, with the
    same triage if any, of which the run generated between half and twice as many rows: a retry that
    generates the few missing rows of a shard cannot keep the engine full, and is slower although
    nothing is wrong.
    """
    now = read_table(
        store.throughput(judge, shard),
        Throughput,
        hint="materialize throughput of this shard",
        columns=list(_COLUMNS),
    ).row(0, named=True)
    rates = _rates_before(store, judge, now) if now["req_s"] else []
    typical = median(rates) if len(rates) >= LEAST_SHARDS else None
    value = now["req_s"] / typical if typical else None
    if not now["req_s"]:
        detail = "not compared: this run generated no rows"
    elif typical is None:
        detail = (
            f"not compared: {len(rates)} earlier shards of about {now['rows_generated']:,} rows "
            f"on this hardware, and {LEAST_SHARDS} are needed"
        )
    else:
        detail = (
            f"{now['req_s']:.2f} req/s, against {typical:.2f} as the median of {len(rates)} "
            "earlier shards on this hardware"
        )
    return Finding(
        check="throughput_regression",
        passed=value is None or value >= thresholds.min_throughput_ratio,
        severity="warn",
        value=value,
        threshold=thresholds.min_throughput_ratio,
        detail=detail,
        figures={
            "rows_generated": now["rows_generated"],
            "earlier_shards": len(rates),
            **({"req_s": now["req_s"]} if now["req_s"] else {}),
            **({"median_req_s": typical} if typical else {}),
        },
    )


def _rates_before(store: DataStore, judge: Judge, now: dict[str, Any]) -> list[float]:
    """Returns the req/s of the last comparable shards, oldest first."""
    files = store.judged("throughput", judge).glob("batch=*/shard=*/throughput.parquet")
    read = [columns_of(file, *_COLUMNS, schema=Throughput) for file in files]
    rows = [found.row(0, named=True) for found in read if found is not None]
    earlier = sorted((row["started_at"], row["req_s"]) for row in rows if _is_comparable(row, now))
    return [rate for _started_at, rate in earlier[-SHARDS_COMPARED:]]


def _is_comparable(row: dict[str, Any], now: dict[str, Any]) -> bool:
    same = all(row[name] == now[name] for name in _SAME)
    alike = now["rows_generated"] / 2 <= row["rows_generated"] <= now["rows_generated"] * 2
    return same and alike and row["started_at"] < now["started_at"] and bool(row["req_s"])
