"""Reads JSON as exports really contain it: NaN is null, raw line breaks in strings are allowed.

`parse_json` raises `ValueError` for everything that is not JSON, including nesting and numbers
beyond the interpreter's limits, so that no record can end a run.
"""

import json
import math
from collections.abc import Callable, Container
from datetime import date, time
from typing import Any

from aris_pipeline.candidates.decoding import decode

_TOO_DEEP = "it is nested too deeply"


class RepeatedKeyError(Exception):
    """An object of a JSON text gives one key two values, and it is unknown which one is meant."""

    def __init__(self, key: str) -> None:
        super().__init__("the field stands twice in one object, with different values")
        self.key = key.encode("utf-8", "replace").decode()


def decoder(
    object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None,
) -> json.JSONDecoder:
    """Returns a decoder of such JSON."""
    return json.JSONDecoder(
        strict=False,
        parse_constant=lambda _: None,
        parse_float=_finite,
        object_pairs_hook=object_pairs_hook,
    )


def unambiguous(keys: Container[str] | None = None) -> json.JSONDecoder:
    """Returns a decoder that raises `RepeatedKeyError` for some keys, or for all."""

    def as_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            for key, value in pairs:
                if found[key] != value and (keys is None or key in keys):
                    raise RepeatedKeyError(key)
        return found

    return decoder(as_dict)


def parse_json(text: str, by: json.JSONDecoder | None = None) -> Any:
    """Parses a whole JSON text."""
    try:
        return (by or DECODER).decode(text)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error


def is_nested_beyond(levels: int, value: object) -> bool:
    """Returns whether a parsed value has more levels of arrays and objects."""
    inside = [value]
    for _ in range(levels + 1):
        inside = [
            item
            for one in inside
            if isinstance(one, dict | list)
            for item in (one.values() if isinstance(one, dict) else one)
        ]
        if not inside:
            return False
    return True


def json_text(value: object) -> str:
    """Writes JSON text that can be stored as UTF-8; a lone surrogate stays an escape."""
    text = _ENCODER.encode(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return json.dumps(value, default=_as_text)
    return text


def explain(error: ValueError | RecursionError, start: int = 0) -> str:
    """Explains in one line why a text is not JSON; positions count from `start`."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos - start + 1}"
    if isinstance(error, RecursionError):
        return _TOO_DEEP
    return str(error)


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _as_text(value: object) -> str:
    if isinstance(value, date | time):
        return value.isoformat()
    return decode(value) if isinstance(value, bytes) else str(value)


DECODER = decoder()
_ENCODER = json.JSONEncoder(ensure_ascii=False, default=_as_text)
