"""JSON as exports really contain it: NaN is null, raw line breaks in strings are allowed.

`parse_json` raises `ValueError` for whatever is not JSON, nesting beyond the interpreter's limit
and numbers beyond its digit limit included, so that no record can end a run.
"""

import json
from datetime import date, time
from typing import Any

DECODER = json.JSONDecoder(strict=False, parse_constant=lambda _: None)


def parse_json(text: str) -> Any:
    """Parses a whole JSON text."""
    try:
        return DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def json_text(value: object) -> str:
    """Writes JSON text that can be stored as UTF-8; a lone surrogate stays an escape."""
    text = json.dumps(value, ensure_ascii=False, default=_as_text)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return json.dumps(value, default=_as_text)
    return text


def explain(error: ValueError | RecursionError, start: int = 0) -> str:
    """Says in one line why a text is not JSON; positions count from `start`."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos - start + 1}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error)


def _as_text(value: object) -> str:
    if isinstance(value, date | time):
        return value.isoformat()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
