"""Computes the hashes by which a changed, removed or moved row of the log is found.

A row has two hashes, so that its content can be erased and the chain stays whole: one of the
content with a random salt, and one of that hash, what stays, and the hash of the row before.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aris_pipeline.storage import Judge, VerdictLog

_NAMES = VerdictLog.column_names()
CONTENT = tuple(_NAMES[_NAMES.index("custom_id") : _NAMES.index("content_hash")])
"""The columns that the hash of the content is over."""

EMPTIED = tuple(name for name in CONTENT if name != "custom_id")
"""The columns that an erasure empties; the id gives way to a keyed hash."""

_STAYS = ("previous_hash", "sequence", "logged_at", "batch", "kind", "content_hash")
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def first_hash(judge: Judge, batch: str) -> str:
    """Returns what the first row is chained to: a log in the place of another one is found."""
    return _digest({"log": "aris verdict_log", **vars(judge), "batch": batch})


def content_hash(row: Mapping[str, Any]) -> str:
    """Returns the hash of a row's content, which must have its salt.

    Nulls are left out, so that a later version may add columns.
    """
    return _digest({name: row[name] for name in CONTENT if row[name] is not None})


def is_as_logged(row: Mapping[str, Any]) -> bool:
    """Returns whether the hashes of a row fit it; whether the row is in its place is not seen."""
    fits = row["salt"] is None or row["content_hash"] == content_hash(row)
    return bool(fits and row["hash"] == row_hash(row))


def row_hash(row: Mapping[str, Any]) -> str:
    """Returns the hash of a row that has its `content_hash` and `previous_hash`."""
    return _digest({name: row[name] for name in _STAYS})


def _digest(content: Mapping[str, Any]) -> str:
    """Returns the sha256 of the one JSON text of some values."""
    plain = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in content.items()
    }
    return hashlib.sha256(_ENCODER.encode(plain).encode()).hexdigest()
