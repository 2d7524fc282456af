"""Decides who judges a batch and how, from settings, rubric and model."""

from aris_pipeline.judging.assignments import (
    DEFAULT_RUBRIC,
    Assignment,
    Assignments,
    JudgingSettings,
)
from aris_pipeline.judging.engine_profile import EngineProfile

__all__ = [
    "DEFAULT_RUBRIC",
    "Assignment",
    "Assignments",
    "EngineProfile",
    "JudgingSettings",
]
