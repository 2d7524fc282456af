"""Decides who judges a batch and how, from settings, rubric and model."""

from aris_pipeline.judging.assignments import (
    Assignment,
    Assignments,
    JudgingSettings,
)
from aris_pipeline.judging.engine_profile import EngineProfile

__all__ = [
    "Assignment",
    "Assignments",
    "EngineProfile",
    "JudgingSettings",
]
