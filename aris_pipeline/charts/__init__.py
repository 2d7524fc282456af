"""Small pictures of what people would rather look at than read; they hold counts, never candidates.

Each function draws one picture and returns None where there is nothing to draw. matplotlib is
loaded with the first picture, because it takes most of a second.
"""

from aris_pipeline.charts.before import earlier_verdicts
from aris_pipeline.charts.benchmarks import Bar, side_by_side
from aris_pipeline.charts.canvas import digits, spoken
from aris_pipeline.charts.progress import progress_curve
from aris_pipeline.charts.speed import plan_curve, projection_curve
from aris_pipeline.charts.tokens import token_histogram
from aris_pipeline.charts.verdicts import score_distribution, verdict_mix

__all__ = [
    "Bar",
    "digits",
    "earlier_verdicts",
    "plan_curve",
    "progress_curve",
    "projection_curve",
    "score_distribution",
    "side_by_side",
    "spoken",
    "token_histogram",
    "verdict_mix",
]
