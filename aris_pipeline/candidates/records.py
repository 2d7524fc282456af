"""Defines what a reader yields for every record of a file: the record, or the reason why not.

Readers never raise for a record. They raise `InputError` only for the file as a whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from aris_pipeline.candidates.identifiers import find_id, id_names
from aris_pipeline.candidates.stray_bytes import StrayBytes

Rule = Literal[
    "malformed_json",
    "malformed_row",
    "wrong_encoding",
    "not_an_object",
    "duplicate_key",
    "missing_id",
    "duplicate_id",
    "over_size",
    "wrong_type",
    "invalid_parameter",
    "no_usable_text",
]

RAW_LIMIT = 64 * 1024
"""The number of characters of an unusable record that the quarantine keeps."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record that landing can store.

    Attributes:
        line: 1-based line in the file; for JSON arrays and parquet the record's number.
        text: the record as JSON text.
        custom_id: its id; `None` if it has none and gets one from its content.
        model: the model that an OpenAI request asks for.
    """

    line: int
    text: str
    custom_id: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """An unusable record, with the rule that it breaks; the columns of the quarantine."""

    line: int
    rule: Rule
    message: str
    raw: str
    field: str | None = None
    custom_id: str | None = None


Entry = Record | Rejected


class Reader(Protocol):
    """Reads the records of one file in order, in bounded memory."""

    id_column: str | None
    strays: StrayBytes

    def read(self) -> Iterator[Entry]:
        """Yields one entry a record."""
        ...


def over_size(line: int, size: str, limit: int, raw: str, custom_id: str | None = None) -> Rejected:
    """Returns the rejection of a record that is larger than `limit` bytes."""
    message = f"the record is larger than {limit:,} bytes ({size})"
    return Rejected(line, "over_size", message, raw, custom_id=custom_id)


def wrong_encoding(line: int, raw: str, custom_id: str | None = None) -> Rejected:
    """Returns the rejection of a record that would be judged on mojibake."""
    message = (
        "its text is neither UTF-8 nor Latin-1: save the file in one encoding, or name it with "
        "--encoding"
    )
    return Rejected(line, "wrong_encoding", message, raw, custom_id=custom_id)


def accept_candidate(
    value: object, line: int, text: str, id_fields: Sequence[str] | None = None
) -> Entry:
    """Checks, as landing does, that a parsed JSON value is an object, and finds its id.

    Args:
        value: the parsed value.
        line: its place in the file.
        text: the value as JSON text.
        id_fields: the fields to look at; by default those that are known to hold an id.
    """
    if not isinstance(value, dict):
        message = f"expected a JSON object, found {json_type(value)}"
        return Rejected(line, "not_an_object", message, text)
    return identified(value, line, text, id_names(value) if id_fields is None else id_fields)


def identified(
    record: Mapping[str, Any], line: int, text: str, id_fields: Sequence[str]
) -> Record | Rejected:
    """Returns a record with its id, if it has one; a rejection if the value cannot be an id."""
    custom_id, odd = find_id(record, id_fields)
    if odd is None:
        return Record(line, text, custom_id or None)
    message = f"expected text or a whole number as id, found {json_type(record[odd])}"
    return Rejected(line, "wrong_type", message, text, field=odd)


def json_type(value: object) -> str:
    """Names the JSON type of a parsed value, for messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list | tuple) else "an object"
