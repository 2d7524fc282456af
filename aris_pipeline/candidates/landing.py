"""Lands a file: it becomes a batch of shards, read once and written in bounded memory.

The manifest is written last, so a batch that has one is whole. The files of a killed landing have
no manifest, and are replaced. One landing runs at a time in a data directory: the sensor and the
command line may find the same file.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path

from aris_pipeline.candidates.column_map import COLUMNS_KEY, like
from aris_pipeline.candidates.field_counts import field_names_of
from aris_pipeline.candidates.file_state import changed, file_state
from aris_pipeline.candidates.findings import Findings
from aris_pipeline.candidates.formats import detect_format, find_format, open_reader
from aris_pipeline.candidates.formats.format import Format
from aris_pipeline.candidates.landed_before import (
    DIGEST_KEY,
    OPTIONS_KEY,
    SHARD_SIZE_KEY,
    find_earlier,
    free_name,
    remove_dead_landings,
    remove_tables,
)
from aris_pipeline.candidates.landing_lock import one_landing_at_a_time
from aris_pipeline.candidates.landing_options import LandingOptions
from aris_pipeline.candidates.naming import batch_digest, batch_name
from aris_pipeline.candidates.records import Entry, Record, Rejected
from aris_pipeline.candidates.validation import fields_of_records
from aris_pipeline.candidates.writers import QuarantineWriter, ShardWriter, quarantined_text
from aris_pipeline.errors import InputError
from aris_pipeline.storage import (
    LANDING_SHARD,
    Batch,
    DataStore,
    HashedPeople,
    write_bytes,
)

_DEFAULT_OPTIONS = LandingOptions()
_ID_SHOWN = 80
_RECORDS_LOOKED_AT = 200
"""How many records are searched for the fields of a file; validation counts all records."""


def land_file(
    store: DataStore,
    file: Path,
    options: LandingOptions = _DEFAULT_OPTIONS,
    *,
    on: date | None = None,
) -> Batch:
    """Lands `file`, or returns the batch from its earlier landing.

    Args:
        store: the store to which the batch is written.
        file: the file; it is only read.
        options: how to read it.
        on: the date in the batch's name; today by default.

    Returns:
        The batch, with its manifest written.

    Raises:
        InputError: the file is missing or empty, its format is not known, or no record of it is
            usable. No manifest is left then.
    """
    state = file_state(file)
    file_format = find_format(options.format) if options.format else detect_format(file, options)
    digest = batch_digest(file, file_format.name, options)
    with one_landing_at_a_time(store):
        store.remove_leftovers()
        remove_dead_landings(store)
        earlier = find_earlier(store, digest)
        if earlier is None:
            name = batch_name(file, on or datetime.now(UTC).date(), options.limit)
            name, shard_size = free_name(store, name, digest, options.shard_size)
            options = options.model_copy(update={"shard_size": shard_size})
            target = _Target(name, digest, file_format, again=False)
        elif earlier.batch is not None:
            return earlier.batch
        else:
            others = tuple(one for one in earlier.digests if one != digest)
            target = _Target(earlier.name, digest, file_format, again=True, other_digests=others)
            options = options.model_copy(update={"shard_size": earlier.shard_size})
        try:
            landing = _Landing(store, file, target, options)
            landing.run()
        except InputError as error:
            if file_state(file) != state:
                raise changed(file) from error
            raise
        if file_state(file) != state:
            landing.discard()
            raise changed(file)
        return landing.register()


def landed_as(store: DataStore, file: Path) -> Batch | None:
    """Returns the batch as which all of a file has landed by default options, if it is whole."""
    options = LandingOptions()
    digest = batch_digest(file, detect_format(file, options).name, options)
    earlier = find_earlier(store, digest)
    return earlier.batch if earlier else None


@dataclass(frozen=True)
class _Target:
    """The batch that a landing writes.

    Attributes:
        name: the name of the batch.
        digest: the digest of content and options.
        format: the format in which the file is read.
        again: whether it has landed before; if the landing then fails, existing files stay.
        other_digests: of the same file with or without people who were erased.
    """

    name: str
    digest: str
    format: Format
    again: bool
    other_digests: tuple[str, ...] = ()


class _Landing:
    """One pass over one file."""

    def __init__(
        self,
        store: DataStore,
        file: Path,
        target: _Target,
        options: LandingOptions,
    ) -> None:
        self._store = store
        self._file = file
        self._target = target
        self._options = options
        self._reader = open_reader(file, target.format, options)
        self._metadata = metadata = {
            "format": target.format.name,
            "text_column": options.text_column or "",
            "id_column": self._reader.id_column or "",
            DIGEST_KEY: target.digest,
            SHARD_SIZE_KEY: str(options.shard_size),
            OPTIONS_KEY: options.model_dump_json(exclude={"columns"}),
        }
        if options.columns is not None:
            metadata[COLUMNS_KEY] = options.columns.model_dump_json(by_alias=True)
        self._shards = ShardWriter(store, target.name, file.name, options.shard_size, metadata)
        self._quarantine = QuarantineWriter(store, target.name, file.name)
        self._findings = Findings()
        self._erased_people = HashedPeople.erased(store.erasures)
        self._quarantine_erased = 0
        self._first_lines: dict[str, int] = {}
        self._occurrences: Counter[str] = Counter()
        self._models: set[str] = set()
        self._first: list[tuple[str, str]] = []
        self._unseen = {
            path: (_as_keys(path), where)
            for path, where in (() if target.format.is_table else options.named_paths())
            if path != options.id_field
        }

    def run(self) -> None:
        """Writes shards and quarantine."""
        try:
            for entry in self._entries():
                self._store_entry(entry)
            self._shards.flush()
            self._quarantine.close()
        except BaseException:
            self.discard()
            raise
        if sum(self._shards.shard_rows) == sum(self._shards.erased.values()):
            raise self._nothing_usable()
        if self._unseen:
            self.discard()
            raise self._no_such_field()

    def register(self) -> Batch:
        """Writes the manifest."""
        batch = Batch(
            name=self._target.name,
            digest=self._target.digest,
            source_file=self._file.name,
            format=self._target.format.name,
            shard_rows=self._shards.shard_rows,
            quarantined=self._quarantine.rows + self._quarantine_erased,
            erased=self._erased,
            digests_after_erasure=[*self._target.other_digests],
            requested_models=sorted(self._models),
            warnings=[*self._reader.strays.warnings(), *self._erasure_in_words()],
            fields=fields_of_records(self._first, self._metadata),
            landed_at=datetime.now(UTC),
            exported_on=getattr(self._reader, "exported_on", None),
        )
        write_bytes(batch.model_dump_json(indent=2).encode(), self._store.batch_file(batch.name))
        return batch

    def discard(self) -> None:
        """Removes what was written, unless the batch had landed before."""
        if not self._target.again:
            remove_tables(self._store, self._target.name)

    def _entries(self) -> Iterator[Entry]:
        return islice(self._reader.read(), self._options.limit)

    def _store_entry(self, entry: Entry) -> None:
        if isinstance(entry, Record):
            custom_id = entry.custom_id or self._id_from_content(entry.text)
            first = self._first_lines.setdefault(custom_id, entry.line)
            if first == entry.line:
                if self._is_erased(custom_id, entry.text):
                    self._shards.leave_out(entry)
                    return
                self._shards.write(entry, custom_id)
                if self._unseen:
                    self._look_for_named(entry.text)
                if len(self._first) < _RECORDS_LOOKED_AT:
                    self._first.append((entry.text, custom_id))
                if entry.model is not None:
                    self._models.add(entry.model)
                return
            shown = custom_id[:_ID_SHOWN]
            message = f"the id {shown!r} is already that of line {first}, which stays"
            entry = Rejected(entry.line, "duplicate_id", message, entry.text, custom_id=custom_id)
        # Of a record that was in quarantine alone, the list has what quarantine had kept.
        kept = quarantined_text(entry.raw)
        if any(self._is_erased(entry.custom_id, text) for text in (entry.raw, kept)):
            self._quarantine_erased += 1
            return
        self._quarantine.write(entry)
        self._findings.add(entry.rule, entry.line, entry.message)

    def _is_erased(self, custom_id: str | None, text: str) -> bool:
        return self._erased_people is not None and self._erased_people.has_record(custom_id, text)

    @property
    def _erased(self) -> dict[str, int]:
        unread = self._quarantine_erased
        return {**self._shards.erased, **({LANDING_SHARD: unread} if unread else {})}

    def _erasure_in_words(self) -> list[str]:
        count = sum(self._erased.values())
        return [f"records of people who were erased are left out: {count:,}"] if count else []

    def _id_from_content(self, text: str) -> str:
        """Returns an id that is the same in every landing; identical rows are counted apart."""
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        self._occurrences[digest] += 1
        return f"{digest}-{self._occurrences[digest]}"

    def _look_for_named(self, text: str) -> None:
        """Notes which of the named fields a record has."""
        for path, (keys, _) in list(self._unseen.items()):
            if any(key in text for key in keys):
                del self._unseen[path]

    def _no_such_field(self) -> InputError:
        path, (_, where) = next(iter(self._unseen.items()))
        return InputError(
            f"no record of {self._file} has the field '{path}' ({where})"
            f"{like(path, field_names_of(text for text, _ in self._first))}: "
            "correct its name, or leave it out to have fields known by name"
        )

    def _nothing_usable(self) -> InputError:
        name, remedy = self._target.format.name, self._target.format.remedy
        if erased := sum(self._erased.values()):
            self.discard()
            return InputError(
                f"{self._file} holds no usable record but {erased:,} of people who were erased, "
                "and they are not taken in again: see `aris purge`"
            )
        if not self._quarantine.rows:
            self.discard()
            return InputError(f"{self._file} holds no record. {remedy}")
        return InputError(
            f"{self._file} holds no usable record (read as {name}): {self._findings}. "
            f"Raw text and reasons: {self._quarantine.path.parent}. {remedy}"
        )


def _as_keys(path: str) -> tuple[str, ...]:
    """Returns the forms in which JSON text may write a path, or its last name, as a key."""
    names = (path, path.rpartition(".")[2])
    return tuple(json.dumps(name, ensure_ascii=plain) for name in names for plain in (True, False))
