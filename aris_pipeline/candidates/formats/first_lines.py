"""Recognizes the form of a text by its first lines: a table, one JSON document, or JSON Lines."""

import json
import re
from collections.abc import Sequence

from aris_pipeline.candidates.decoding import BOM, decode

_JSON = re.compile(r'\{\s*(?:"|\}|$)|\[\s*(?:\{|$)')
_DOCUMENT = re.compile(r'\{\s*"(?:metadata|candidates)"\s*:\s*[{\[]')
_DELIMITED = re.compile(r"[^,;\t|]*[,;\t|]")
_LINES_TO_TRY = 100


def first_lines(head: bytes) -> list[str]:
    """Returns the first lines of a text that are not blank.

    Args:
        head: its first bytes, as UTF-8.
    """
    lines = [line.strip(f"{BOM} \t\r\n") for line in decode(head).split("\n")]
    return [line for line in lines if line][:_LINES_TO_TRY]


def is_table(lines: Sequence[str]) -> bool:
    """Returns whether the first lines hold a delimiter."""
    return all(_DELIMITED.match(line) for line in lines[:2])


def begins_json(line: str) -> bool:
    """Returns whether a line begins as an object, or as an array of objects."""
    return _JSON.match(line) is not None


def begins_document(line: str) -> bool:
    """Returns whether a line begins as an Aris export."""
    return _DOCUMENT.match(line) is not None


def is_object(line: str) -> bool:
    """Returns whether a line is a JSON object by itself."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
