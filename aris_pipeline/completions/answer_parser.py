"""Judges the form of an answer by its text: valid, or why not."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Never

import regex  # type: ignore[import-untyped]
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

from aris_pipeline.completions.flat_answers import Check, flat_check
from aris_pipeline.prompts import MARKER, SHORTENED_MARKER

_DETAIL_CHARACTERS = 300
_MATCH_S = 0.1
"""A regex from a file may take forever on an answer; the engine's own matcher does not
backtrack."""
_MARKERS = frozenset({MARKER, SHORTENED_MARKER.strip()})


@dataclass(frozen=True, slots=True)
class Parsed:
    """An answer: `invalid_reason` is null if it is valid."""

    answer: Any = None
    answer_json: str | None = None
    invalid_reason: str | None = None
    invalid_detail: str | None = None


class AnswerParser:
    """Parses answers by one JSON schema or constraint; without one, any text is an answer."""

    def __init__(
        self, response_schema: str | None, constraint: Mapping[str, Any] | None = None
    ) -> None:
        """Prepares for the answers to requests with the same schema or constraint.

        Args:
            response_schema: JSON text of the schema.
            constraint: a `choice` or `regex` in its place; a `grammar` only the engine understands.
        """
        self._constraint = constraint or {}
        self.schema: dict[str, Any] = json.loads(response_schema) if response_schema else {}
        self._validator: Draft202012Validator | None = None
        self._bad_schema: str | None = None
        self._quick: Check | None = None
        if response_schema is None:
            return
        try:
            Draft202012Validator.check_schema(self.schema)
        except SchemaError as error:
            self._bad_schema = error.message
        self._quick = None if self._bad_schema else flat_check(self.schema)
        # The registry is empty: a schema from a file must not make us fetch its references.
        self._validator = Draft202012Validator(self.schema, registry=Registry())

    def parse(self, text: str | None, finish_reason: str | None) -> Parsed:
        """Returns the answer or the reason why it is not one."""
        if finish_reason == "length":
            return _invalid("truncated", "the answer reached max_tokens")
        if finish_reason != "stop":
            return _invalid("not_finished", f"finish_reason is {finish_reason}")
        if not text or not text.strip():
            return _invalid("empty", "the answer has no text")
        if self._validator is None:
            return self._constrained(text)
        if self._bad_schema is not None:
            return _invalid("bad_schema", self._bad_schema)
        return self._parse_json(text, self._validator)

    def _constrained(self, text: str) -> Parsed:
        if text.strip() in _MARKERS:
            return _invalid("empty", "the answer is only the mark of what was cut from the prompt")
        choices = self._constraint.get("choice")
        if choices is not None and text not in choices:
            return _invalid("schema_violation", f"the answer is none of {', '.join(choices)}")
        pattern = self._constraint.get("regex")
        if pattern is not None and not _matches(pattern, text):
            return _invalid("schema_violation", f"the answer does not match {pattern}")
        return Parsed()

    def _parse_json(self, text: str, validator: Draft202012Validator) -> Parsed:
        try:
            answer = json.loads(text, parse_constant=_refuse_constant)
            answer_json = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
            answer_json.encode()  # a lone surrogate cannot be stored
        except (ValueError, RecursionError) as error:
            return _invalid("malformed_json", str(error))
        try:
            if (self._quick and self._quick(answer)) or validator.is_valid(answer):
                return Parsed(answer, answer_json)
            violation = best_match(validator.iter_errors(answer))
        except (Unresolvable, RecursionError) as problem:
            return _invalid("bad_schema", str(problem))
        where = ".".join(str(part) for part in violation.absolute_path) or "answer"
        return _invalid("schema_violation", f"{where}: {violation.message}")


def _invalid(reason: str, detail: str) -> Parsed:
    return Parsed(invalid_reason=reason, invalid_detail=detail[:_DETAIL_CHARACTERS])


def _matches(pattern: str, text: str) -> bool:
    """Returns whether a whole answer matches; if this cannot tell, the engine is trusted."""
    try:
        return regex.fullmatch(pattern, text, timeout=_MATCH_S) is not None
    except (regex.error, TimeoutError):
        return True


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")
