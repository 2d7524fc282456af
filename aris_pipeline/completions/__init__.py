"""Turns prompts into completions: reuses known answers, generates and persists the others."""

from aris_pipeline.completions.answer_parser import AnswerParser, Parsed
from aris_pipeline.completions.answer_repair import RETRY_STEPS, SHORTENED, Shorten
from aris_pipeline.completions.parts import part_files, remove_finished_parts
from aris_pipeline.completions.progress import Progress, ProgressReporter, Report
from aris_pipeline.completions.reuse import known_completions
from aris_pipeline.completions.run import complete_shards
from aris_pipeline.completions.stats import UNDECIDED_BAND, Prediction, RunStats, read_stats
from aris_pipeline.completions.triage import (
    Keep,
    Kept,
    Triaged,
    sample_of,
    triage_shards,
)

__all__ = [
    "RETRY_STEPS",
    "SHORTENED",
    "UNDECIDED_BAND",
    "AnswerParser",
    "Keep",
    "Kept",
    "Parsed",
    "Prediction",
    "Progress",
    "ProgressReporter",
    "Report",
    "RunStats",
    "Shorten",
    "Triaged",
    "complete_shards",
    "known_completions",
    "part_files",
    "read_stats",
    "remove_finished_parts",
    "sample_of",
    "triage_shards",
]
