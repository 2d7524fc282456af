"""Finds the id of a candidate by one rule for tables and JSON, in whatever form the file has it.

pandas makes 101 a float, Spark makes texts and UUIDs binary, MongoDB wraps them in an object, and
each has its own word for a missing id. All these forms give the same id.
"""

import ast
import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from aris_pipeline.candidates.literals import printed_value
from aris_pipeline.candidates.placeholders import is_placeholder

ID_FIELDS = ("aristotleId", "custom_id", "candidate_id", "id")
"""Fields that identify a candidate, in upper or lower case; the first filled one wins."""

FURTHER_ID_FIELDS = (
    *("applicant_id", "profile_id", "person_id", "resume_id", "cv_id", "employee_id"),
    *("uuid", "guid", "uid"),
)
"""Fields used if none of those is filled; other separators count too, as in `candidateId`."""

_LONGEST_NAME = 40
_SEPARATORS = re.compile(r"[\W_]+")
_WHOLE_NUMBER = re.compile(r"([+-]?\d+)\.0+")
_WRAPPED = re.compile(r"(?:ObjectId|UUID|GUID|NumberLong|NumberInt|Int64|Decimal)\((.*)\)")
_BYTES = re.compile(r"b(?:'[^']*'|\"[^\"]*\")")
_FORMULA = re.compile(r'="([^"]*)"')
_LAST_OF_ODD_TEXTS = frozenset("0'\")}")
_INSIDE_OBJECTS = (
    *("$oid", "$uuid", "$guid", "$numberLong", "$numberInt", "$numberDecimal", "$binary"),
    *("value", "id", "_id", "oid", "uuid"),
)
_DEEPEST = 4
_UUID_BYTES = 16
_LARGEST_WRITTEN_OUT = 10**21


def id_rank(name: str) -> int | None:
    """Returns the rank of a field among those that may hold an id; None for any other field."""
    return _rank(name) if len(name) <= _LONGEST_NAME else None


def id_names(names: Iterable[str]) -> list[str]:
    """Returns the names that mean an id, in the order in which they are looked at."""
    found = [name for name in names if id_rank(name) is not None]
    return sorted(found, key=_rank) if len(found) > 1 else found  # type: ignore[arg-type]


def find_id(record: Mapping[str, Any], names: Iterable[str]) -> tuple[str, str | None]:
    """Returns the id from the first filled field.

    Args:
        record: the candidate.
        names: fields to look at, in order.

    Returns:
        The id, empty if there is none; and, if no field holds an id, the first field with a value
        that cannot be one.
    """
    odd = None
    for name in names:
        text = id_text(record.get(name))
        if text:
            return text, None
        if text is None and odd is None:
            odd = name
    return "", odd


def id_text(value: object) -> str | None:
    """Returns an id as text that every parquet reader accepts.

    Empty for a missing value and for words that mean one; None for a value that cannot be an id.
    """
    if isinstance(value, str):
        return _of_text(value)
    return _of_value(value, _DEEPEST)


def _of_text(value: str) -> str:
    text = value.strip()
    if is_placeholder(text):
        return ""
    if text[-1] in _LAST_OF_ODD_TEXTS:
        text = _of_odd_text(text)
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _of_odd_text(text: str) -> str:
    """Reads ids as programs write numbers, bytes and objects: `101.0`, `="001"`, `b'cand-1'`."""
    if number := _WHOLE_NUMBER.fullmatch(text) or _FORMULA.fullmatch(text):
        return number[1].strip()
    if text.startswith("{") and isinstance(printed := printed_value(text), dict):
        return _of_object(printed, _DEEPEST) or text
    if _BYTES.fullmatch(text):
        try:
            return _of_bytes(ast.literal_eval(text))
        except (ValueError, SyntaxError):
            return text
    if wrapped := _WRAPPED.fullmatch(text):
        return wrapped[1].strip("'\"") or text
    return text


def _of_value(value: object, depth: int) -> str | None:
    found: str | None = None
    if value is None or value in ({}, []):
        found = ""
    elif isinstance(value, str):
        found = _of_text(value)
    elif isinstance(value, bytes):
        found = _of_bytes(value)
    elif isinstance(value, float | Decimal):
        found = _of_number(value)
    elif isinstance(value, dict):
        found = _of_object(value, depth - 1) if depth else None
    elif not isinstance(value, bool | list | tuple):
        found = str(value)
    return found


def _of_object(value: dict[str, Any], depth: int) -> str | None:
    """Reads the id inside `{"$oid": ..}`, `{"value": ..}` and similar objects."""
    if "base64" in value:
        return _of_base64(value["base64"])
    inside = next((value[key] for key in _INSIDE_OBJECTS if key in value), None)
    return _of_value(inside, depth) or None


def _of_number(value: float | Decimal) -> str:
    number = Decimal(value)
    if not number.is_finite():
        return ""
    is_whole = abs(number) < _LARGEST_WRITTEN_OUT and number == int(number)
    return str(int(number)) if is_whole else str(value)


def _of_bytes(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = ""
    if text.isprintable() and (text or not value):
        return _of_text(text)
    return str(UUID(bytes=value)) if len(value) == _UUID_BYTES else value.hex()


def _of_base64(value: object) -> str | None:
    try:
        return _of_bytes(base64.b64decode(value, validate=True)) if isinstance(value, str) else None
    except (binascii.Error, ValueError):
        return None


@lru_cache(maxsize=4096)
def _rank(name: str) -> int | None:
    lowered = name.strip().lower()
    if lowered in _USUAL:
        return 2 * _USUAL[lowered] + (name not in ID_FIELDS)
    place = _FURTHER.get(_SEPARATORS.sub("", lowered))
    # `_id` is MongoDB's own id, and comes after the ids that people gave.
    return None if place is None else _BEHIND + place + (_BEHIND if lowered[:1] == "_" else 0)


_USUAL = {name.lower(): place for place, name in enumerate(ID_FIELDS)}
_FURTHER = {
    _SEPARATORS.sub("", name.lower()): place
    for place, name in enumerate((*ID_FIELDS, *FURTHER_ID_FIELDS))
}
_BEHIND = 100
