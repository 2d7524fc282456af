"""What a reader yields for every record of a file: the record, or the reason why there is none.

Readers never raise for a record. What they raise, `InputError`, concerns the file as a whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Rule = Literal[
    "malformed_json",
    "malformed_row",
    "not_an_object",
    "duplicate_key",
    "missing_id",
    "duplicate_id",
    "over_size",
    "wrong_type",
    "invalid_parameter",
    "no_usable_text",
]

ID_FIELDS = ("aristotleId", "custom_id", "candidate_id", "id")
"""Fields that identify a candidate, the first that is filled wins."""

RAW_LIMIT = 64 * 1024
"""Characters of an unusable record that the quarantine keeps."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record that landing can store.

    Attributes:
        line: 1-based line in the file; for JSON arrays and parquet the record's number.
        text: the record as JSON text.
        custom_id: its id; `None` where it has none and gets one from its content.
        model: the model that an OpenAI request asks for.
    """

    line: int
    text: str
    custom_id: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that is not usable, with the rule it broke; the columns of the quarantine."""

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

    def read(self) -> Iterator[Entry]:
        """Yields one entry a record."""
        ...


def over_size(line: int, size: str, limit: int, raw: str, custom_id: str | None = None) -> Rejected:
    """The rejection of a record that is larger than `limit` bytes."""
    message = f"the record is larger than {limit:,} bytes ({size})"
    return Rejected(line, "over_size", message, raw, custom_id=custom_id)


def accept_candidate(
    value: object, line: int, text: str, id_fields: Sequence[str] = ID_FIELDS
) -> Entry:
    """Checks a parsed JSON value as far as landing does: it is an object and has an id."""
    if not isinstance(value, dict):
        message = f"expected a JSON object, found {json_type(value)}"
        return Rejected(line, "not_an_object", message, text)
    for field in id_fields:
        found = value.get(field)
        if isinstance(found, bool) or not isinstance(found, str | int | None):
            message = f"expected text, found {json_type(found)}"
            return Rejected(line, "wrong_type", message, text, field=field)
        custom_id = clean_id(found)
        if custom_id:
            return Record(line, text, custom_id)
    message = f"none of these fields holds an id: {', '.join(id_fields)}"
    return Rejected(line, "missing_id", message, text, field=id_fields[0])


def clean_id(value: str | int | None) -> str:
    """Returns an id as text that every parquet reader accepts; empty where there is none."""
    if value is None:
        return ""
    return str(value).strip().encode("utf-8", "replace").decode("utf-8")


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
