"""Removes whole batches: all that was landed, made, labeled, decided and exported of them."""

from contextlib import suppress
from pathlib import Path

from aris_pipeline.candidates import CandidateFile
from aris_pipeline.erasure.erased_files import other_files, remove_file
from aris_pipeline.errors import ArisError
from aris_pipeline.storage import Batch, DataStore, ObjectPath, remove_tree

_PLACES = (
    "*/batch={}",
    "*/rubric=*/model=*/batch={}",
    ".work/*/rubric=*/model=*/batch={}",
)


def places_of(store: DataStore, name: str) -> list[Path]:
    """Returns the directories with tables, pages and part files of a batch."""
    return sorted({place for pattern in _PLACES for place in store.root.glob(pattern.format(name))})


def exports_of(store: DataStore, name: str) -> list[Path]:
    """Returns the exported files of a batch in the data directory."""
    starts = f"{name}."
    return [
        file
        for file in other_files(store)
        if any(part.startswith(starts) for part in file.parts[len(store.root.parts) :])
    ]


def landed_files_of(store: DataStore, batch: Batch) -> list[Path]:
    """Returns the file in the landing directory that a batch was landed from, if it is there."""
    file = store.landing / batch.source_file
    if isinstance(file, ObjectPath) or not file.is_file():
        return []
    with suppress(ArisError):
        if batch.is_of(CandidateFile.of_batch(store, file, batch).digest):
            return [file]
    return []


def remove_batch(store: DataStore, name: str) -> None:
    """Removes a batch, its manifest last; what a killed process has removed may be gone."""
    if not store.batch_file(name).exists():
        return
    files = [*landed_files_of(store, store.batch(name)), *exports_of(store, name)]
    for file in files:
        remove_file(file)
        remove_file(file.with_name(f"{file.name}.ok"))
    for place in places_of(store, name):
        remove_tree(place)
    remove_file(store.batch_file(name))
