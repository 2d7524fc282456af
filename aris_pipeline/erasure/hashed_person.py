"""Recognizes a person's rows and records by keyed hashes of id and content, without the id."""

import json

import polars as pl

from aris_pipeline.storage import HashedPeople

COMPARED = ("custom_id", "record", "raw")
"""The columns that show whose a row is."""


class HashedPerson(HashedPeople):
    """A person to be erased, who is known by keyed hashes alone."""

    def rows(self, frame: pl.DataFrame) -> pl.Series:
        """Returns for each row of a table whether it is the person's."""
        found = pl.Series([False] * frame.height, dtype=pl.Boolean)
        for name in {*COMPARED} & {*frame.columns}:
            is_theirs = self.has_id if name == "custom_id" else self.has_text
            cells = frame[name].cast(pl.String).to_list()
            found |= pl.Series([is_theirs(one) for one in cells], dtype=pl.Boolean)
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
