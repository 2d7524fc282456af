"""Finds the ids, records, prompts and messages of a person, by which all else is found."""

import json
import re

import polars as pl

from aris_pipeline.candidates import CandidateFile
from aris_pipeline.erasure.erased_files import FROM_BACKUP, table_files
from aris_pipeline.erasure.hashed_person import HashedPerson, chat_text
from aris_pipeline.erasure.id_mentions import mention_of, quote_of
from aris_pipeline.storage import Batch, DataStore, KeyedHashes, read_parquet

SAYING = {
    "landed": ["custom_id", "record"],
    "quarantine": ["custom_id", "raw", "message"],
    "prompts": ["custom_id", "messages"],
}
"""The columns of the tables with texts by which a person is found elsewhere."""

_FROM_CONTENT = re.compile(r"([0-9a-f]{16}-)\d+")


class PersonFinder:
    """Collects the ids and the texts of a person, as keyed hashes, over all batches."""

    def __init__(self, store: DataStore, custom_id: str, hashes: KeyedHashes) -> None:
        self._store, self._id, self.hashes = store, custom_id, hashes
        self.ids, self.contents = {hashes.of_id(custom_id)}, set[str]()
        self.named, self._messages = {custom_id}, set[str]()
        self._mention = mention_of(custom_id)
        # Equal records without an id have one digest, and are one person.
        twins = _FROM_CONTENT.fullmatch(custom_id)
        column = pl.col("custom_id")
        self._is_person = column.str.starts_with(twins[1]) if twins else column == custom_id

    @property
    def person(self) -> HashedPerson:
        """Returns what recognizes the rows, by what was found so far."""
        return HashedPerson(self.hashes, frozenset(self.ids), frozenset(self.contents))

    def look_at(self, batch: Batch) -> None:
        """Notes the person's records of a batch, also unusable ones, and their prompts."""
        for table, file in table_files(self._store, batch.name):
            if table not in SAYING:
                continue
            frame = read_parquet(file, hint=FROM_BACKUP, columns=SAYING[table])
            if table == "prompts":
                chats = frame.filter(self._is_person)["messages"].to_list()
                said = [chat_text(json.loads(messages)) for messages in chats]
            elif table == "landed":
                own = frame.filter(self._is_person)
                said = own["record"].to_list()
                self.named |= {*own["custom_id"]}
                self.ids |= {self.hashes.of_id(one) for one in own["custom_id"]}
            else:
                own = frame.filter(is_quarantined(frame, self._id))
                said = own["raw"].to_list()
                self._messages |= {*own["message"]}
            self.contents |= {self.hashes.of_content(text) for text in said}

    def look_at_file(self, file: CandidateFile) -> None:
        """Notes the unusable records of a file that mention the person, and have no id."""
        own = filter(self._mention.search, file.unusable())
        self.contents |= {self.hashes.of_content(text) for text in own}

    def quotes(self) -> list[re.Pattern[str]]:
        """Returns what finds the ids, and the messages about the person's records."""
        quoting = sorted(said for said in self._messages if "'" in said or '"' in said)
        spelled = {form for said in quoting for form in (said, json.dumps(said)[1:-1])}
        messages = [re.compile(re.escape(form)) for form in sorted(spelled)]
        return [*messages, *map(quote_of, sorted(self.named))]


def is_quarantined(frame: pl.DataFrame, custom_id: str) -> pl.Series:
    """Returns which unusable records are of an id: without an id, those that mention it."""
    mention = mention_of(custom_id)
    rows = frame.select("custom_id", "raw", "message").iter_rows()
    return pl.Series(
        [
            known == custom_id if known is not None else any(map(mention.search, (raw, message)))
            for known, raw, message in rows
        ],
        dtype=pl.Boolean,
    )
