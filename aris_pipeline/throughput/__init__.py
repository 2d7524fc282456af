"""Measures what a shard cost: rates, latencies, memory, energy; and a model's pace from it."""

from aris_pipeline.throughput.measure import Measurement, measure_shard
from aris_pipeline.throughput.pace import UNKNOWN, Pace, measured_pace
from aris_pipeline.throughput.throughput_report import report_batch, report_is_stale

__all__ = [
    "UNKNOWN",
    "Measurement",
    "Pace",
    "measure_shard",
    "measured_pace",
    "report_batch",
    "report_is_stale",
]
