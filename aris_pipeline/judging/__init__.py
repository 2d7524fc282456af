"""Who judges a batch and how: settings, rubric and model come together here."""

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
