"""What a rubric costs in tokens, and whether it fits a context, known without a model."""

from dataclasses import asdict, dataclass
from typing import Any

from aris_pipeline.errors import ConfigError
from aris_pipeline.prompts.answer_schema import (
    answer_schema_json,
    check_fits,
    likely_tokens,
    longest_answer_tokens,
)
from aris_pipeline.prompts.frames import build_frame, lint_static_first, room_for_profile
from aris_pipeline.prompts.rubrics import Rubric
from aris_pipeline.prompts.tokenizers import Tokenizer


@dataclass(frozen=True)
class RubricCosts:
    """The tokens of a rubric's prompts and answers.

    Attributes:
        static_prompt_tokens: of every prompt, before and after the profile; the prefix cache holds
            those before it.
        likely_answer_tokens: of an answer in English whose reasons are all as long as they may be.
        longest_answer_tokens: of any answer in any script; what a cut answer's retry gets.
        max_tokens: of the first attempt.
        room_for_profile: tokens that the context leaves for a profile.
        problem: why the rubric cannot be used; empty if it can.
    """

    static_prompt_tokens: int
    likely_answer_tokens: int
    longest_answer_tokens: int
    max_tokens: int
    room_for_profile: int
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Returns the figures by name."""
        return asdict(self)


def rubric_costs(rubric: Rubric, tokenizer: Tokenizer, max_model_len: int) -> RubricCosts:
    """Returns what a rubric costs with a model's tokenizer.

    Args:
        rubric: to be used.
        tokenizer: of the model.
        max_model_len: the context in tokens.
    """
    frame = build_frame(rubric, tokenizer)
    static = len(frame.head_ids) + len(frame.tail_ids)
    problem = ""
    try:
        lint_static_first(rubric, tokenizer)
        check_fits(rubric, tokenizer, rubric.max_tokens)
        room_for_profile(frame, rubric.max_tokens, max_model_len)
    except ConfigError as error:
        problem = str(error)
    return RubricCosts(
        static_prompt_tokens=static,
        likely_answer_tokens=likely_tokens(rubric, tokenizer),
        longest_answer_tokens=longest_answer_tokens(answer_schema_json(rubric)) or 0,
        max_tokens=rubric.max_tokens,
        room_for_profile=max(max_model_len - static - rubric.max_tokens - 1, 0),
        problem=problem,
    )
