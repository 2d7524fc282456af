"""Reads fields whose values have another type than in a profile, so that each costs only itself.

Examples: a job outside a list, a date in parts, lines of a description, an object with a name. The
unreadable part of a value is kept under `LEFT`; it has no column.
"""

from collections.abc import Callable, Mapping
from functools import partial
from secrets import token_hex
from typing import Any

from aris_pipeline.candidates.entries import DEGREE_FIELDS, JOB_FIELDS, is_entry
from aris_pipeline.candidates.plain_values import (
    as_date,
    as_text,
    flag_of,
    is_date,
    named,
    only_object,
    paragraphs,
)
from aris_pipeline.candidates.profile_json import unpacked

LEFT = f"left {token_hex(8)}"
"""The key for the rest of the fields beside it; a file cannot have this key."""

Fields = dict[str, Any]
Value = tuple[Any, Any]
"""The part of a value that was read, and the rest of it; None for nothing."""
_Readers = Mapping[str, Callable[[Any], Value]]

_FOR_TEXT = {JOB_FIELDS: "description", DEGREE_FIELDS: "degree"}
_TEXT_ALONE = [{name} for name in _FOR_TEXT.values()]
_DATE = ("year", "month", "day")


def entries_of(value: object, known: frozenset[str]) -> tuple[list[Fields], list[Any]]:
    """Returns the jobs or degrees in a value, which may be a list or not; and the rest.

    Args:
        value: the value of `work_info` or `education_info`.
        known: the fields of an entry.
    """
    if isinstance(value, dict) and not is_entry(value, known):
        value = [_listed(key, item) for key, item in value.items()]
    entries: list[Fields] = []
    left: list[Any] = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, list):
            inner, rest = entries_of(item, known)
            entries += inner
            left += rest
        elif isinstance(item, dict):
            entries.append({key: unpacked(part) for key, part in item.items()})
        elif text := as_text(item):
            entries.append({_FOR_TEXT[known]: text})
        elif isinstance(item, bool):
            left.append(item)
    return entries, left


def is_only_text(entry: Fields) -> bool:
    """Returns whether an entry may be made from a text."""
    return entry.keys() in _TEXT_ALONE


def readable(fields: Mapping[str, Any]) -> Fields:
    """Returns a profile's fields so that each has its type."""
    return _readable(fields, _OF_PROFILES)


def _readable(fields: Mapping[str, Any], readers: _Readers) -> Fields:
    found, left = dict(fields), dict(fields.get(LEFT, {}))
    for name in readers:
        if name in fields:
            found[name], rest = readers[name](fields[name])
            if rest not in (None, "", [], {}):
                left[name] = rest
    return found | {LEFT: left}


def _listed(key: str, item: object) -> object:
    """Returns an item of an object that has jobs by number, by employer or by year."""
    text = as_text(item)
    needs_no_key = not text or isinstance(item, dict | list) or key.isdigit()
    return item if needs_no_key else f"{key}: {text}"


def _text(value: object) -> Value:
    """Reads a text, a number, the name of an object, or a list of them."""
    text, left = named(value)
    return (text, left) if text else (None, None if isinstance(value, str) else value)


def _lines(value: object) -> Value:
    text = paragraphs(value)
    return (text, None) if text else _text(value)


def _date(value: object) -> Value:
    if isinstance(value, list) and all(type(part) is int for part in value):
        value = dict(zip(_DATE, value, strict=False))  # Java writes a list in this form
    value = only_object(value) or value
    if isinstance(value, dict):
        parts = {key: part for key, part in value.items() if is_date({key: part})}
        if is_date(parts) and (date := as_date(parts)):
            return date, {key: value[key] for key in value if key not in parts}
        # One of several texts may be a date, and the others would be lost.
        text, left = named(value)
        return (text, left) if text in map(as_text, value.values()) else (None, value)
    return (None, value) if isinstance(value, list) and len(value) > 1 else _text(value)


def _flag(value: object) -> Value:
    flag = flag_of(value)
    says_nothing = isinstance(value, str) and not as_text(value)
    return flag, None if flag is not None or says_nothing else value


def _entries(readers: _Readers, value: list[Fields]) -> Value:
    return [_readable(entry, readers) for entry in value], None


_OF_JOBS: _Readers = {
    **dict.fromkeys(("title", "company"), _text),
    **dict.fromkeys(("work_start_date", "work_end_date"), _date),
    "is_current": _flag,
    "description": _lines,
}
_OF_DEGREES: _Readers = {
    **dict.fromkeys(("degree", "school", "field_of_study"), _text),
    "end_date": _date,
}
_OF_PROFILES: _Readers = {
    **dict.fromkeys(("first_name", "last_name"), _text),
    "work_info": partial(_entries, _OF_JOBS),
    "education_info": partial(_entries, _OF_DEGREES),
}
