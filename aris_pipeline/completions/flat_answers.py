"""Checks an answer quickly: what passes is valid, the rest is checked again in full.

The general validator builds objects for each property of each answer, which is most of what an
evaluation costs. The answers that rubrics ask for are flat and use a few words of JSON Schema; if a
schema has only those, plain comparisons accept only valid answers.
"""

import re
from collections.abc import Callable
from typing import Any

Check = Callable[[Any], bool]

_WORDS_OF_OBJECT = {"type", "properties", "required", "additionalProperties"}
_WORDS_OF_ARRAY = {"type", "prefixItems", "items", "minItems", "maxItems"}
_WORDS_OF_TEXT = {"type", "pattern", "maxLength"}


def flat_check(schema: dict[str, Any]) -> Check | None:
    """Returns a check for valid answers; its false leaves the question open.

    Args:
        schema: a valid JSON schema.

    Returns:
        The check; None if the schema has more than this understands.
    """
    if schema.get("type") == "array":
        return _array_check(schema)
    properties = schema.get("properties")
    if (
        not schema.keys() <= _WORDS_OF_OBJECT
        or schema.get("type") != "object"
        or schema.get("additionalProperties", True) is not False
        or not isinstance(properties, dict)
    ):
        return None
    required = set(schema.get("required", []))
    checks = {name: _check_of(rule) for name, rule in properties.items()}
    known = {name: check for name, check in checks.items() if check is not None}
    if len(known) < len(checks):
        return None

    def check(answer: Any) -> bool:
        return (
            isinstance(answer, dict)
            and required <= answer.keys()
            and all(name in known and known[name](value) for name, value in answer.items())
        )

    return check


def _array_check(schema: dict[str, Any]) -> Check | None:
    """Returns the check of an array whose values have a rule each, as rubrics ask for."""
    rules = schema.get("prefixItems")
    if schema.keys() != _WORDS_OF_ARRAY or schema["items"] is not False:
        return None
    if not isinstance(rules, list) or not schema["minItems"] == schema["maxItems"] == len(rules):
        return None
    checks = [rule_check for rule in rules if (rule_check := _check_of(rule))]
    if len(checks) < len(rules):
        return None

    def check(answer: Any) -> bool:
        return (
            isinstance(answer, list)
            and len(answer) == len(checks)
            and all(one(value) for one, value in zip(checks, answer, strict=True))
        )

    return check


def _check_of(rule: Any) -> Check | None:
    """Returns the check of one property."""
    if not isinstance(rule, dict):
        return None
    kind, words = rule.get("type"), rule.keys()
    if kind == "boolean" and words == {"type"}:
        return lambda value: isinstance(value, bool)
    if kind == "string" and words == {"type", "enum"}:
        options = frozenset(option for option in rule["enum"] if isinstance(option, str))
        return lambda value: isinstance(value, str) and value in options
    if kind == "string" and words <= _WORDS_OF_TEXT:
        return _text_check(rule.get("pattern", ""), rule.get("maxLength"))
    return None


def _text_check(pattern: str, longest: float | None) -> Check | None:
    try:
        found = re.compile(pattern).search
    except re.error:
        return None

    def check(value: Any) -> bool:
        return (
            isinstance(value, str)
            and (longest is None or len(value) <= longest)
            and found(value) is not None
        )

    return check
