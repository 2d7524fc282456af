"""Keeps the origin of a prompts file (rubric content and model) in the parquet footer.

Later stages read them there, so answers are always evaluated by the rubric that asked for them,
even if the settings or the rubric's file have changed since.
"""

from pathlib import Path

from pydantic import BaseModel, ValidationError

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
    """Reads the origin of a prompts file.

    Raises:
        DamagedDataError: it has none, or its rubric cannot be used by this version.
    """
    hint = "materialize prompts of this shard"
    footer = read_metadata(prompts, hint=hint)
    if ORIGIN_KEY not in footer:
        raise DamagedDataError(f"{prompts} was not written by this pipeline: {hint}")
    try:
        return PromptOrigin.model_validate_json(footer[ORIGIN_KEY])
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise DamagedDataError(
            f"{prompts} has a rubric that cannot be used ({problem}): correct it, judge the file "
            f"anew, and move {prompts.parents[2]} elsewhere"
        ) from error
