"""Checks whether a judged shard can be trusted, by values and thresholds, and what it cost."""

from aris_pipeline.quality.answers import duplicate_ids, truncation_rate, valid_rate
from aris_pipeline.quality.columns import schema
from aris_pipeline.quality.cost import cost_per_1000_rows
from aris_pipeline.quality.drift import population_stability_index, recommendation_drift
from aris_pipeline.quality.fields import unused_text
from aris_pipeline.quality.finding import Check, Finding
from aris_pipeline.quality.speed import throughput_regression
from aris_pipeline.quality.thresholds import Thresholds
from aris_pipeline.quality.verdicts import contradiction_rate, distinct_reasons, grounded_rate

__all__ = [
    "Check",
    "Finding",
    "Thresholds",
    "contradiction_rate",
    "cost_per_1000_rows",
    "distinct_reasons",
    "duplicate_ids",
    "grounded_rate",
    "population_stability_index",
    "recommendation_drift",
    "schema",
    "throughput_regression",
    "truncation_rate",
    "unused_text",
    "valid_rate",
]
