"""Defines the answer that a rubric asks for: its JSON schema, and proof of its token budget.

Every string is bounded and has neither quote, backslash nor control characters: nothing needs an
escape, so a string of n ASCII characters takes at most n tokens. Evidence and reason come before
the rating that they explain, and the recommendation comes last, so that it follows the reasons.
"""

import json
import re
from typing import Any

from aris_pipeline.errors import ConfigError
from aris_pipeline.prompts.rubrics import Rubric
from aris_pipeline.prompts.tokenizers import Tokenizer, token_count

_FIRST_CHARACTER = "[A-Za-z0-9]"
_FURTHER_CHARACTER = r'[^"\\\x00-\x1F\x7F]'
"""As JSON has it: for this class alone the guidance backend knows the allowed tokens beforehand."""
_LINE = "[A-Z][0-9]{0,2}"
_EVIDENCE = rf"^(?:-|{_LINE}(?:,{_LINE}){{0,2}})$"
_LONGEST_EVIDENCE = 11
_BOUND = re.compile(r"\{0,(\d+)\}\$$")
_TOKENS_A_CHARACTER = 4
"""The most that one character outside ASCII can take, byte by byte."""
_CHARACTERS_A_TOKEN = 2.5
"""Of reasons cut from real résumés to their full length, 99.5 % of answers have over 3.2 with
SmolLM2's tokenizer; cut from Markdown with tables and code, over 2.6."""

Rules = dict[str, dict[str, Any]]


def answer_rules(rubric: Rubric) -> Rules:
    """Returns the JSON schema of each value of an answer, by name, in the order of generation.

    Only the pattern of a string has its bound: with `maxLength` beside it, or with a narrower class
    of characters, the guidance backend walks the whole vocabulary for every token of every row.
    """
    rules: Rules = {}
    for criterion in rubric.criteria:
        if rubric.evidence:
            rules[f"{criterion.name}_evidence"] = {"type": "string", "pattern": _EVIDENCE}
        rules[f"{criterion.name}_reason"] = _text(rubric.reason_chars)
        rules[criterion.name] = {"type": "string", "enum": list(rubric.rating_options)}
    for flag in rubric.flags:
        rules[flag.name] = {"type": "boolean"}
    rules["overall_reason"] = _text(rubric.overall_reason_chars)
    rules["recommendation"] = {"type": "string", "enum": list(rubric.recommendations)}
    return rules


def answer_schema(rubric: Rubric) -> dict[str, Any]:
    """Returns the JSON schema of an answer: an object, or an array of the same values."""
    rules = answer_rules(rubric)
    if rubric.answer_form == "array":
        return {
            "type": "array",
            "prefixItems": list(rules.values()),
            "items": False,
            "minItems": len(rules),
            "maxItems": len(rules),
        }
    return {
        "type": "object",
        "properties": rules,
        "required": list(rules),
        "additionalProperties": False,
    }


def answer_schema_json(rubric: Rubric) -> str:
    """Returns the schema as the JSON text that prompts and engine carry."""
    return json.dumps(answer_schema(rubric), separators=(",", ":"))


def named_answer(rubric: Rubric, answer: Any) -> dict[str, Any]:
    """Returns the values of a valid answer by their names, whatever its form."""
    if isinstance(answer, list):
        return dict(zip(answer_rules(rubric), answer, strict=True))
    return dict(answer)


def worst_case_tokens(rubric: Rubric, tokenizer: Tokenizer) -> int:
    r"""Returns the most tokens that an answer in ASCII can take, its end token included.

    Grammar-constrained generation emits text that it is forced to as the tokenizer would (canonical
    tokens); if there is a choice, a model may choose the shortest token. So keys count as they are
    tokenized, the characters of a string and the quotes and colon before it one each, and an
    enumeration one a character up to the one that settles it. A character outside ASCII may take
    up to four: `longest_answer_tokens` is what the retry of a cut answer gets.
    """
    return _tokens(rubric, tokenizer, characters_a_token=1.0)


def likely_tokens(rubric: Rubric, tokenizer: Tokenizer) -> int:
    """Returns the tokens of an answer in English whose reasons all reach their bound."""
    return _tokens(rubric, tokenizer, characters_a_token=_CHARACTERS_A_TOKEN)


def _tokens(rubric: Rubric, tokenizer: Tokenizer, *, characters_a_token: float) -> int:
    is_object = rubric.answer_form == "object"
    total = token_count(tokenizer, "{") + token_count(tokenizer, "}") + 1
    for name, rule in answer_rules(rubric).items():
        total += token_count(tokenizer, f',"{name}') + len('":') if is_object else len(",")
        if "enum" in rule:
            total += len('"') + _longest_choice(rule["enum"], tokenizer) + len('"')
        elif rule["type"] == "boolean":
            total += _longest_choice(["true", "false"], tokenizer)
        else:
            total += len('""') + _rounded_up(_longest_text(rule), characters_a_token)
    return total


def longest_answer_tokens(
    response_schema: str | None, tokens_a_character: int = _TOKENS_A_CHARACTER
) -> int | None:
    """Returns the tokens that hold any answer to a rubric's schema.

    Args:
        response_schema: JSON text of a schema.
        tokens_a_character: of its texts; by default as many as any script takes, 1 in ASCII.

    Returns:
        None if a text of the answer has no bound that this knows.
    """
    schema = json.loads(response_schema) if response_schema else {}
    properties = schema.get("properties")
    rules = list(properties.values()) if isinstance(properties, dict) else schema.get("prefixItems")
    names = list(properties) if isinstance(properties, dict) else []
    if not rules or not all(isinstance(rule, dict) for rule in rules):
        return None
    total = sum(len(f'"{name}":') for name in names) + len("[]") + 1
    for rule in rules:
        if isinstance(rule.get("enum"), list):
            total += max((len(json.dumps(option)) for option in rule["enum"]), default=0)
        elif rule.get("type") == "boolean":
            total += len("false")
        elif rule.get("pattern") == _EVIDENCE:
            total += _LONGEST_EVIDENCE + len('""')
        elif bound := _BOUND.search(str(rule.get("pattern", ""))):
            total += 1 + int(bound[1]) * tokens_a_character + len('""')
        else:
            return None
    return total + len(rules)


def check_fits(rubric: Rubric, tokenizer: Tokenizer, max_tokens: int) -> None:
    """Refuses a rubric whose answers would often be cut off by `max_tokens`.

    An answer that is cut off all the same is asked for once more with room for any answer.

    Raises:
        ConfigError: the message says by how much to shorten, and which max_tokens would be enough.
    """
    excess = likely_tokens(rubric, tokenizer) - max_tokens
    if excess <= 0:
        return
    # Two more, because the tokens of each reason are rounded up.
    shorter = 2 + -int(-excess * _CHARACTERS_A_TOKEN // len(rubric.criteria))
    lower = f"lower reason_chars (now {rubric.reason_chars}) by {shorter}, or "
    raise ConfigError(
        f"rubric '{rubric.id}': an answer with reasons of full length takes some"
        f" {max_tokens + excess} tokens and max_tokens is {max_tokens}:"
        f" {lower if shorter < rubric.reason_chars else ''}set max_tokens to {max_tokens + excess}"
    )


def _text(characters: int) -> dict[str, Any]:
    pattern = f"^{_FIRST_CHARACTER}{_FURTHER_CHARACTER}{{0,{characters - 1}}}$"
    return {"type": "string", "pattern": pattern}


def _longest_text(rule: dict[str, Any]) -> int:
    bound = _BOUND.search(rule["pattern"])
    return 1 + int(bound[1]) if bound and rule["pattern"] != _EVIDENCE else _LONGEST_EVIDENCE


def _rounded_up(characters: int, characters_a_token: float) -> int:
    return -int(-characters // characters_a_token)


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
