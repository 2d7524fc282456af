"""The configuration of the prompt room."""

from pydantic import BaseModel, Field

DEFAULT_MAX_TOKENS = 400
"""The limit of an answer if neither the settings, the rubric nor the row names one."""


class PromptSettings(BaseModel, frozen=True):
    """How prompts are rendered and answers sampled; rows of OpenAI files override the sampling."""

    redact: bool = Field(
        True, description="keep names, e-mail, phone and profile links out of prompts"
    )
    temperature: float = Field(0.0, ge=0, le=2, description="of sampling; 0 is greedy")
    top_p: float = Field(
        1.0, gt=0, le=1, description="share of the likeliest tokens that sampling chooses from"
    )
    max_tokens: int | None = Field(
        None,
        ge=1,
        description=f"limit of an answer; the rubric's by default, else {DEFAULT_MAX_TOKENS}",
    )
    seed: int | None = Field(
        42,
        description="sampling seed; none where null; an OpenAI row without a seed, sampled at a "
        "temperature, gets one of its own made of this and its custom_id",
    )
    use_example: bool = Field(False, description="show the rubric's worked example to the model")
    shorten: bool = Field(
        False,
        description="cut the middle of an OpenAI row's longest message where it does not fit the "
        "context; by default the row is refused",
    )
