"""Makes prompts from candidates and a rubric."""

from aris_pipeline.prompts.answer_schema import (
    answer_schema,
    answer_schema_json,
    check_fits,
    likely_tokens,
    longest_answer_tokens,
    named_answer,
    worst_case_tokens,
)
from aris_pipeline.prompts.facts import FACT_COLUMNS
from aris_pipeline.prompts.frames import lint_static_first
from aris_pipeline.prompts.origin import PromptOrigin, read_origin
from aris_pipeline.prompts.parameters import constraint_of, sampling_of, template_options_of
from aris_pipeline.prompts.profile_lines import lines_of_profile, quoted, shown_profile
from aris_pipeline.prompts.profile_prompts import SHORTENED_MARKER
from aris_pipeline.prompts.rendering import (
    PromptCounts,
    Rendering,
    render_candidates,
    render_shard,
    shard_prompts,
)
from aris_pipeline.prompts.rubric_costs import RubricCosts, rubric_costs
from aris_pipeline.prompts.rubrics import (
    DEFAULT_RUBRIC,
    OPENAI,
    Criterion,
    Rubric,
    load_rubric,
    new_rubric,
    read_rubric,
    rubric_as_judged,
)
from aris_pipeline.prompts.settings import PromptSettings
from aris_pipeline.prompts.shortening import MARKER, room_for_prompt, shorten_prompt
from aris_pipeline.prompts.tokenizers import Tokenizer

__all__ = [
    "DEFAULT_RUBRIC",
    "FACT_COLUMNS",
    "MARKER",
    "OPENAI",
    "SHORTENED_MARKER",
    "Criterion",
    "PromptCounts",
    "PromptOrigin",
    "PromptSettings",
    "Rendering",
    "Rubric",
    "RubricCosts",
    "Tokenizer",
    "answer_schema",
    "answer_schema_json",
    "check_fits",
    "constraint_of",
    "likely_tokens",
    "lines_of_profile",
    "lint_static_first",
    "load_rubric",
    "longest_answer_tokens",
    "named_answer",
    "new_rubric",
    "quoted",
    "read_origin",
    "read_rubric",
    "render_candidates",
    "render_shard",
    "room_for_prompt",
    "rubric_as_judged",
    "rubric_costs",
    "sampling_of",
    "shard_prompts",
    "shorten_prompt",
    "shown_profile",
    "template_options_of",
    "worst_case_tokens",
]
