"""From prompts to completions: what is known is reused, the rest is generated and persisted as it finishes."""

from aris_pipeline.completions.generation import Scoring
from aris_pipeline.completions.progress import Progress, ProgressReporter
from aris_pipeline.completions.shard import complete_shard
from aris_pipeline.completions.stats import RunStats, read_stats

__all__ = ["Progress", "ProgressReporter", "RunStats", "Scoring", "complete_shard", "read_stats"]
