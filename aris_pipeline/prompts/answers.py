"""Defines the answer that a rubric asks for: its JSON schema, and proof of its token budget.

Every string is bounded and has no quotes, backslashes or control characters. Nothing needs an
escape, so a string of n ASCII characters takes at most n tokens. Reasons come before the rating
that they explain, and the recommendation comes last, so that the verdict follows the reasons.
"""

import json
from typing import Any

from aris_pipeline.errors import ConfigError
from aris_pipeline.prompts.rubrics import Rubric
from aris_pipeline.prompts.tokenizers import Tokenizer, token_count

_FIRST_CHARACTER = "[A-Za-z0-9]"
_FURTHER_CHARACTER = r'[^"\\\x00-\x1F\x7F]'
"""The class of JSON itself: only for it does the guidance backend know the allowed tokens in
advance."""


def answer_schema(rubric: Rubric) -> dict[str, Any]:
    """Returns the JSON schema of an answer; its properties are in the order of generation.

    Only the pattern of a string has its bound: with `maxLength` beside it, or with a narrower class
    of characters, the guidance backend walks the whole vocabulary for every token of every row.
    """
    properties: dict[str, Any] = {}
    for criterion in rubric.criteria:
        properties[f"{criterion.name}_reason"] = _text(rubric.reason_chars)
        properties[criterion.name] = {"type": "string", "enum": list(rubric.ratings)}
    for flag in rubric.flags:
        properties[flag.name] = {"type": "boolean"}
    properties["overall_reason"] = _text(rubric.overall_reason_chars)
    properties["recommendation"] = {"type": "string", "enum": list(rubric.recommendations)}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def answer_schema_json(rubric: Rubric) -> str:
    """Returns the schema as the JSON text that prompts and engine carry."""
    return json.dumps(answer_schema(rubric), separators=(",", ":"))


def worst_case_tokens(rubric: Rubric, tokenizer: Tokenizer) -> int:
    r"""Returns the most tokens that an answer can take, its end token included.

    Grammar-constrained generation emits forced text as the tokenizer would (canonical tokens); if
    there is a choice, a model may choose the shortest token. So keys count as they are tokenized.
    The characters of a string, and the quotes and colon before it, count one token each. An
    enumeration counts one token a character, up to the character that decides it. A character
    outside ASCII may take up to four tokens; an answer that is cut off because of them gets a
    larger budget in a repair.
    """
    total = token_count(tokenizer, "{") + token_count(tokenizer, "}") + 1
    total += rubric.reason_chars * len(rubric.criteria) + rubric.overall_reason_chars
    for name, rule in answer_schema(rubric)["properties"].items():
        total += token_count(tokenizer, f',"{name}') + len('":')
        if "enum" in rule:
            total += len('"') + _longest_choice(rule["enum"], tokenizer) + len('"')
        elif rule["type"] == "boolean":
            total += _longest_choice(["true", "false"], tokenizer)
        else:
            total += len('""')
    return total


def check_fits(rubric: Rubric, tokenizer: Tokenizer, max_tokens: int) -> None:
    """Refuses a rubric whose longest possible answer `max_tokens` would cut off.

    Raises:
        ConfigError: the message says by how much to shorten, and which max_tokens would be enough.
    """
    excess = worst_case_tokens(rubric, tokenizer) - max_tokens
    if excess <= 0:
        return
    shorter = -(-excess // len(rubric.criteria))
    raise ConfigError(
        f"rubric '{rubric.id}': the longest possible answer takes {max_tokens + excess} tokens and"
        f" max_tokens is {max_tokens}: lower reason_chars (now {rubric.reason_chars}) by {shorter},"
        f" or overall_reason_chars (now {rubric.overall_reason_chars}) by {excess},"
        f" or set max_tokens to {max_tokens + excess}"
    )


def _text(characters: int) -> dict[str, Any]:
    pattern = f"^{_FIRST_CHARACTER}{_FURTHER_CHARACTER}{{0,{characters - 1}}}$"
    return {"type": "string", "pattern": pattern}


def _longest_choice(options: list[str], tokenizer: Tokenizer) -> int:
    def tokens(option: str) -> int:
        others = [other for other in options if other != option]
        settled = 1 + max(_shared(option, other) for other in others)
        return min(settled + token_count(tokenizer, option[settled:]), len(option))

    return max(tokens(option) for option in options)


def _shared(left: str, right: str) -> int:
    for index, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return index
    return min(len(left), len(right))
