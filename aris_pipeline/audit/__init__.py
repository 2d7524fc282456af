"""Answers an auditor's questions about a batch: is it fair, is it stable, who decided what."""

from aris_pipeline.audit.demographics import Demographics, read_demographics
from aris_pipeline.audit.impact import MeasuredImpact, measure_impact
from aris_pipeline.audit.impact_ratios import FOUR_FIFTHS, compare_categories, in_words
from aris_pipeline.audit.selecting import SCORING, TRIAGE

__all__ = [
    "FOUR_FIFTHS",
    "SCORING",
    "TRIAGE",
    "Demographics",
    "MeasuredImpact",
    "compare_categories",
    "in_words",
    "measure_impact",
    "read_demographics",
]
