"""From prompts to completions: known answers are reused, others generated and persisted."""

from aris_pipeline.completions.answers import AnswerParser, Parsed
from aris_pipeline.completions.generation import Scoring
from aris_pipeline.completions.progress import Progress, ProgressReporter
from aris_pipeline.completions.shard import complete_shard
from aris_pipeline.completions.stats import RunStats, read_stats

__all__ = [
    "AnswerParser",
    "Parsed",
    "Progress",
    "ProgressReporter",
    "RunStats",
    "Scoring",
    "complete_shard",
    "read_stats",
]
