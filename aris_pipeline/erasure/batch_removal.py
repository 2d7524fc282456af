"""Removes whole batches: all that was landed, made, labeled, decided and exported of them."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from aris_pipeline.audit import log_lock
from aris_pipeline.candidates import CandidateFile
from aris_pipeline.erasure.erased_files import other_files, remove_file
from aris_pipeline.errors import ArisError
from aris_pipeline.storage import Batch, DataStore, ObjectPath, remove_tree

_TABLES = ("*/batch={}", "*/rubric=*/model=*/batch={}", ".work/*/rubric=*/model=*/batch={}")


def remove_batch(store: DataStore, name: str) -> None:
    """Removes a batch, its manifest last; what a killed process has removed may be gone."""
    if not store.batch_file(name).exists():
        return
    for file in [*_landed_file(store, name), *_exports(store, name)]:
        remove_file(file)
        remove_file(file.with_name(f"{file.name}.ok"))
    for judge in store.judges("verdict_log", name):
        log_lock(store, judge, name).remove()  # its name is the batch's, too
    for pattern in _TABLES:
        for place in [*store.root.glob(pattern.format(name))]:
            remove_tree(place)
    remove_file(store.batch_file(name))


def _landed_file(store: DataStore, name: str) -> Iterator[Path]:
    """Yields the file in the landing directory that this batch alone was landed from."""
    batch = store.batch(name)
    file = store.landing / batch.source_file
    if isinstance(file, ObjectPath) or not file.is_file():
        return

    def is_its_file(one: Batch) -> bool:
        return one.is_of(CandidateFile.of_batch(store, file, one).digest)

    with suppress(ArisError):
        same_name = [one for one in store.batches() if one.source_file == batch.source_file]
        if is_its_file(batch) and not any(is_its_file(one) for one in same_name if one != batch):
            yield file


def _exports(store: DataStore, name: str) -> Iterator[Path]:
    """Yields the exported files of a batch in the data directory."""
    for file in other_files(store):
        if any(part.startswith(f"{name}.") for part in file.parts[len(store.root.parts) :]):
            yield file
