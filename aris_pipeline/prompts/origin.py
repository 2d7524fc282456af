"""Keeps the origin of a prompts file (rubric content and model) in the parquet footer.

Later stages read them there, so answers are always evaluated by the rubric that asked for them,
even if the settings or the rubric's file have changed since.
"""

from pathlib import Path

from pydantic import BaseModel

from aris_pipeline.errors import DamagedDataError
from aris_pipeline.models import EngineIdentity
from aris_pipeline.prompts.rubrics import Rubric
from aris_pipeline.storage import read_metadata

ORIGIN_KEY = "aris.prompt_origin"


class PromptOrigin(BaseModel, frozen=True):
    """The rubric, if any, and the model for which prompts were rendered."""

    rubric: Rubric | None
    identity: EngineIdentity

    def footer(self) -> dict[str, str]:
        """Returns the origin as parquet metadata."""
        return {ORIGIN_KEY: self.model_dump_json()}


def read_origin(prompts: Path) -> PromptOrigin:
    """Reads the origin of a prompts file."""
    hint = "materialize prompts of this shard"
    footer = read_metadata(prompts, hint=hint)
    if ORIGIN_KEY not in footer:
        raise DamagedDataError(f"{prompts} was not written by this pipeline: {hint}")
    return PromptOrigin.model_validate_json(footer[ORIGIN_KEY])
