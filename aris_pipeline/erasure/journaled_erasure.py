"""Erases a person from a data directory, whole or not at all, also if the process is killed.

The steps of an erasure are written down first, in keyed hashes, and each step may be done twice.
So `finish_erasure` completes what a killed process has begun.
`docs/decisions/0030-erasure-by-keyed-hashes.md` says why it is made in this way.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from aris_pipeline.candidates import CandidateFile, one_landing_at_a_time
from aris_pipeline.engines import EngineLock
from aris_pipeline.erasure.batch_removal import remove_batch
from aris_pipeline.erasure.erased_files import (
    as_json,
    erase_from_other,
    erase_from_table,
    missing_rows,
    other_files,
    remove_file,
    table_files,
)
from aris_pipeline.erasure.erased_log import erase_from_log
from aris_pipeline.erasure.hashed_person import HashedPerson
from aris_pipeline.erasure.legal_holds import empty_holds
from aris_pipeline.erasure.retention import empty_holds_of
from aris_pipeline.errors import BatchBusyError, DamagedDataError, EngineBusyError
from aris_pipeline.storage import (
    Batch,
    DataStore,
    KeyedHashes,
    add_erased,
    alone_on_batch,
    data_path,
    write_bytes,
)
from aris_pipeline.storage.process_lock import ProcessLock, batch_lock

_JOURNAL = "journal.json"


@dataclass(frozen=True)
class Source:
    """A file of candidates with records of the person, and the batches that were landed from it."""

    file: str
    batches: list[str]


@dataclass(frozen=True)
class Erasure:
    """What is to be erased, as the journal keeps it: no id and no text.

    Attributes:
        ids: keyed hashes of the person's ids.
        contents: keyed hashes of the person's records and prompts.
        batches: the batches with the person.
        everywhere: whether the person is to go from every batch, and from later ones by id.
        sources: the files of candidates with the person.
        removed: other files that are removed as a whole.
    """

    ids: list[str]
    contents: list[str]
    batches: list[str]
    everywhere: bool
    sources: list[Source] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, said: dict[str, Any]) -> Self:
        """Returns an erasure from its form in the journal."""
        return cls(**said | {"sources": [Source(**one) for one in said["sources"]]})

    @property
    def touched(self) -> list[str]:
        """Returns the batches with the person, and those landed from a file that is rewritten."""
        return sorted({*self.batches, *(name for one in self.sources for name in one.batches)})

    def person(self, store: DataStore) -> HashedPerson:
        """Returns what recognizes the person's rows."""
        hashes = KeyedHashes.of(store.erasures)
        return HashedPerson(hashes, frozenset(self.ids), frozenset(self.contents))


def erase(store: DataStore, erasure: Erasure) -> None:
    """Erases a person, in an order in which they cannot come back; the caller holds the locks.

    Raises:
        StorageError: a file cannot be written; `finish_erasure` goes on from there.
        DamagedDataError: a file cannot be read.
    """
    write_bytes(as_json({"person": asdict(erasure)}), store.erasures / _JOURNAL)
    person = erasure.person(store)
    store.remove_leftovers()  # a killed writer may have left the person in one
    add_erased(store.erasures, erasure.ids if erasure.everywhere else [], erasure.contents)
    if erasure.everywhere:
        empty_holds(store, lambda hold: person.has_id(hold.on))
    for source in erasure.sources:
        _erase_from_source(store, source, person)
    for name in erasure.batches:
        for _, file in table_files(store, name):
            erase_from_table(file, person)
        for judge in store.judges("verdict_log", name):
            erase_from_log(store, judge, name, person)
        _count_in_manifest(store, name)
    scope = None if erasure.everywhere else erasure.batches
    for name in erasure.removed:
        remove_file(data_path(name))
    for file in other_files(store):
        erase_from_other(file, person, scope)
    remove_file(store.erasures / _JOURNAL)


def finish_erasure(store: DataStore) -> list[Path] | None:
    """Completes an erasure that was stopped, unless its process is still at it.

    Returns:
        The files that it has removed as a whole; None if there was none to complete.

    Raises:
        BatchBusyError: another process runs one of its batches.
        StorageError: a file cannot be written.
        DamagedDataError: a file cannot be read.
    """
    journal = store.erasures / _JOURNAL
    if not journal.exists():
        return None
    lock = _erasing(store)
    if not lock.acquire():
        return None
    try:
        if not journal.exists():
            return None
        try:
            said = json.loads(journal.read_bytes())
            whole = said.get("batches")
            erasure = Erasure.parse(said["person"]) if whole is None else None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedDataError(
                f"{journal} cannot be read ({error}): remove it, then purge the person again"
            ) from error
        if erasure is None:
            with _batches_locked(store, whole), one_landing_at_a_time(store):
                _go_on_removing(store, whole)
        else:
            with _batches_locked(store, erasure.touched), one_landing_at_a_time(store):
                erase(store, erasure)
        return [data_path(one) for one in erasure.removed] if erasure else []
    finally:
        lock.release()


@contextmanager
def locked(store: DataStore, batches: Sequence[str]) -> Iterator[None]:
    """Keeps runs of these batches, landings and other erasures away.

    Raises:
        BatchBusyError: one of them is at work.
    """
    lock = _erasing(store)
    if not lock.acquire():
        raise BatchBusyError(f"{lock.holder()} erases rows of {store.root}: wait for it to finish")
    try:
        with _batches_locked(store, batches), one_landing_at_a_time(store):
            yield
    finally:
        lock.release()


def remove_batches(store: DataStore, names: Sequence[str]) -> None:
    """Removes whole batches, by way of the journal; the caller holds the locks."""
    empty_holds_of(store, names)  # first, because it reads what goes
    write_bytes(as_json({"batches": [*names]}), store.erasures / _JOURNAL)
    _go_on_removing(store, names)


def _go_on_removing(store: DataStore, names: Sequence[str]) -> None:
    for name in names:
        remove_batch(store, name)
    remove_file(store.erasures / _JOURNAL)


def _erasing(store: DataStore) -> ProcessLock:
    return ProcessLock(store.locks / "locks" / "erasure.lock")


@contextmanager
def _batches_locked(store: DataStore, batches: Sequence[str]) -> Iterator[None]:
    with ExitStack() as stack:
        for name in sorted(batches):
            stack.enter_context(alone_on_batch(store.locks, name))
            _refuse_if_generating(store, name)
        yield
    for name in batches:
        if not store.batch_file(name).exists():
            batch_lock(store.locks, name).remove()


def _refuse_if_generating(store: DataStore, batch: str) -> None:
    """Raises an error if a run of the UI answers this batch: it holds the engine, and has parts."""
    parts = store.root.glob(f".work/completions/rubric=*/model=*/batch={batch}/*/*.parquet")
    if next(iter(parts), None) is None:
        return
    try:
        EngineLock.check()
    except EngineBusyError as error:
        raise BatchBusyError(f"batch {batch} may be running now: {error}") from error


def _erase_from_source(store: DataStore, source: Source, person: HashedPerson) -> None:
    path = Path(source.file)
    if not path.exists():
        return
    batches = [store.batch(name) for name in source.batches]
    files = [CandidateFile.of_batch(store, path, batch) for batch in batches]
    file = files[0] if files else CandidateFile.found(path)
    if file.count(person.has_record):
        write_bytes(file.without(person.has_record), path)
    # The file without the person is the same batch still: it must not land as another one.
    for batch, one in zip(batches, files, strict=True):
        if not batch.is_of(one.digest):
            digests = [*batch.digests_after_erasure, one.digest]
            _write_manifest(store, batch.model_copy(update={"digests_after_erasure": digests}))


def _count_in_manifest(store: DataStore, name: str) -> None:
    """Notes how many rows are erased: what landed less what is there, however often it is done."""
    batch = store.batch(name)
    erased = missing_rows(store, batch)
    if erased != batch.erased:
        _write_manifest(store, batch.model_copy(update={"erased": erased}))


def _write_manifest(store: DataStore, batch: Batch) -> None:
    write_bytes(batch.model_dump_json(indent=2).encode(), store.batch_file(batch.name))
