"""Makes prompts from candidates and a rubric."""

from aris_pipeline.prompts.answers import (
    answer_schema,
    answer_schema_json,
    check_fits,
    worst_case_tokens,
)
from aris_pipeline.prompts.frames import lint_static_first
from aris_pipeline.prompts.origin import PromptOrigin, read_origin
from aris_pipeline.prompts.parameters import constraint_of, sampling_of, template_options_of
from aris_pipeline.prompts.profile_prompts import SHORTENED_MARKER
from aris_pipeline.prompts.rendering import PromptCounts, Rendering, render_shard, shard_prompts
from aris_pipeline.prompts.request_keys import request_key
from aris_pipeline.prompts.rubrics import OPENAI, Criterion, Flag, Rubric, load_rubric
from aris_pipeline.prompts.settings import PromptSettings
from aris_pipeline.prompts.shortening import MARKER, room_for_prompt, shorten_prompt
from aris_pipeline.prompts.tokenizers import Tokenizer

__all__ = [
    "MARKER",
    "OPENAI",
    "SHORTENED_MARKER",
    "Criterion",
    "Flag",
    "PromptCounts",
    "PromptOrigin",
    "PromptSettings",
    "Rendering",
    "Rubric",
    "Tokenizer",
    "answer_schema",
    "answer_schema_json",
    "check_fits",
    "constraint_of",
    "lint_static_first",
    "load_rubric",
    "read_origin",
    "render_shard",
    "request_key",
    "room_for_prompt",
    "sampling_of",
    "shard_prompts",
    "shorten_prompt",
    "template_options_of",
    "worst_case_tokens",
]
