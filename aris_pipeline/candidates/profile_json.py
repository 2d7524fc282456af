r"""Reads the JSON of a profile, also if it is inside a text.

A table has `[{"title": ..}]` in a cell, an export encodes `gemData` once or twice, and a CSV file
of pandas has lists as Python prints them: `['Go', 'Rust']`, or `['Go' 'Rust']` for an array.
"""

from collections.abc import Collection
from json import JSONDecoder
from typing import Any

from aris_pipeline.candidates.entries import DEGREE_FIELDS, JOB_FIELDS
from aris_pipeline.candidates.field_names import role_of
from aris_pipeline.candidates.identifiers import id_rank
from aris_pipeline.candidates.json_values import (
    is_nested_beyond,
    parse_json,
    unambiguous,
)
from aris_pipeline.candidates.literals import printed_value

PROFILE_FIELDS = frozenset(
    {
        *("first_name", "last_name", "title", "company", "location"),
        *("work_info", "education_info", "skills", "resume_text"),
    }
)
_KEYS = {"gemData", *PROFILE_FIELDS, *JOB_FIELDS, *DEGREE_FIELDS}
_TIMES_ENCODED = 3
_DEEPEST = 32


class _Used:
    """The keys with a meaning in a record: none may have two values in one object."""

    def __init__(self, named: Collection[str] = ()) -> None:
        self._named = named

    def __contains__(self, key: object) -> bool:
        name = str(key)
        return (
            name in self._named
            or name in _KEYS
            or role_of(name) is not None
            or id_rank(name) is not None
        )


PROFILE_DECODER = unambiguous(_Used())
"""Reads a record; no used key may have two values in one object."""


def decoder_with(named: Collection[str]) -> JSONDecoder:
    """Returns a decoder like `PROFILE_DECODER` for records with further used keys."""
    return unambiguous(_Used(named))


def may_hold_json(value: object) -> bool:
    """Returns whether a value is a text that begins as a list or object does."""
    return isinstance(value, str) and value.lstrip()[:1] in ("[", "{", '"')


def unpacked(value: object) -> Any:
    """Returns a value with its JSON texts, also those in a list, as lists and objects.

    Raises:
        RepeatedKeyError: an object in a text gives a used key two values.
    """
    if isinstance(value, list):
        return [unpacked(item) for item in value] if any(map(may_hold_json, value)) else value
    found = value
    for _ in range(_TIMES_ENCODED):
        if isinstance(found, str) and may_hold_json(found):
            found = _decoded(found.strip())
    if found is value or not isinstance(found, dict | list) or is_nested_beyond(_DEEPEST, found):
        return value
    return unpacked(found) if isinstance(found, list) else found


def _decoded(text: str) -> object:
    try:
        return parse_json(text, PROFILE_DECODER)
    except ValueError:
        return printed_value(text)
