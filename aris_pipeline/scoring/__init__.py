"""Scores rows by the model's own probabilities of the verdicts: requests for them, and scores."""

from aris_pipeline.scoring.calibration import calibrated_probabilities, scores
from aris_pipeline.scoring.requests import Scoring
from aris_pipeline.scoring.score_plan import (
    ScoreNode,
    ScorePlan,
    build_score_plan,
    calibration_prompt,
)

__all__ = [
    "ScoreNode",
    "ScorePlan",
    "Scoring",
    "build_score_plan",
    "calibrated_probabilities",
    "calibration_prompt",
    "scores",
]
