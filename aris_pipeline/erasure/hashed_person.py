"""Recognizes a person's rows and records by keyed hashes of id and content, without the id."""

import json
from dataclasses import dataclass

import polars as pl

from aris_pipeline.storage import KeyedHashes

_TEXTS = ("record", "raw")
COMPARED = ("custom_id", *_TEXTS)
"""The columns that show whose a row is."""


@dataclass(frozen=True)
class HashedPerson:
    """A person, known by keyed hashes alone.

    Attributes:
        hashes: of the data directory.
        ids: of the person.
        contents: of the person's records and prompts.
    """

    hashes: KeyedHashes
    ids: frozenset[str]
    contents: frozenset[str]

    def has_id(self, custom_id: str | None) -> bool:
        """Returns whether an id is the person's."""
        return custom_id is not None and self.hashes.of_id(custom_id) in self.ids

    def has_text(self, text: str) -> bool:
        """Returns whether a record, or the messages of a prompt, are the person's."""
        return self.hashes.of_content(text) in self.contents

    def has_record(self, custom_id: str | None, text: str) -> bool:
        """Returns whether a record is the person's, by id or content."""
        return self.has_id(custom_id) or self.has_text(text)

    def rows(self, frame: pl.DataFrame) -> pl.Series:
        """Returns for each row of a table whether it is the person's."""
        found = pl.Series([False] * frame.height, dtype=pl.Boolean)
        if "custom_id" in frame.columns:
            ids = frame["custom_id"].cast(pl.String).to_list()
            found |= pl.Series([self.has_id(one) for one in ids], dtype=pl.Boolean)
        for name in _TEXTS:
            if name in frame.columns:
                texts = frame[name].to_list()
                found |= pl.Series([self.has_text(one) for one in texts], dtype=pl.Boolean)
        return found

    def is_line(self, line: str) -> bool:
        """Returns whether a JSON line of an export is the person's."""
        try:
            value = json.loads(line)
        except ValueError:
            return False
        if not isinstance(value, dict):
            return False
        chat = value.get("messages")
        said = isinstance(chat, list) and self.has_text(chat_text(chat[:-1]))
        return said or self.has_id(value.get("custom_id"))


def chat_text(messages: object) -> str:
    """Returns the one JSON text of a prompt's messages."""
    return json.dumps(messages, sort_keys=True)
