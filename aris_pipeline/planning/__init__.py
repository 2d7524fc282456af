"""Answers from a model's config, without loading it: will it fit, and how long will it take?"""

from aris_pipeline.planning.plan import PROJECTED_ROWS, Model, Plan, make_plan
from aris_pipeline.planning.prediction import misfit, predictor
from aris_pipeline.planning.workload import GIVEN, USUAL, AnswerLength, Workload, declared, of_batch

__all__ = [
    "GIVEN",
    "PROJECTED_ROWS",
    "USUAL",
    "AnswerLength",
    "Model",
    "Plan",
    "Workload",
    "declared",
    "make_plan",
    "misfit",
    "of_batch",
    "predictor",
]
