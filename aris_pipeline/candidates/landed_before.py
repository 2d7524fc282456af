"""Whether a content has landed before, and whether all that it became is still there.

A batch whose manifest or files were damaged or lost since is cut anew under the same name, in the
same shards, so that everything that was made of it still fits.
"""

import logging
from contextlib import suppress
from dataclasses import dataclass

from aris_pipeline.errors import DamagedDataError, MissingDataError
from aris_pipeline.storage import (
    LANDING_SHARD,
    Batch,
    DataStore,
    Shard,
    read_metadata,
    read_parquet,
    remove_tree,
)

DIGEST_KEY, SHARD_SIZE_KEY = "digest", "shard_size"
"""In the footer of landed shards: what the manifest says, should it be damaged."""

_LOG = logging.getLogger(__name__)
_HINT = "it is written again"


@dataclass(frozen=True)
class EarlierLanding:
    """What a content became before.

    Attributes:
        name: of the batch.
        shard_size: rows of a shard.
        batch: the batch, if all that landing wrote of it is still there.
    """

    name: str
    shard_size: int
    batch: Batch | None


def find_earlier(store: DataStore, digest: str) -> EarlierLanding | None:
    """Returns what the content with a digest became before, if it has landed."""
    unreadable = [name for name in _without_manifest(store) if _is_in_use(store, name)]
    for manifest in store.batch_files():
        try:
            batch = Batch.read(manifest)
        except DamagedDataError as error:
            _LOG.warning("%s", error)
            unreadable.append(manifest.stem)
            continue
        if batch.digest == digest:
            whole = _is_whole(store, batch)
            return EarlierLanding(batch.name, max(batch.shard_rows), batch if whole else None)
    for name in unreadable:
        with suppress(DamagedDataError, MissingDataError):
            footer = read_metadata(store.landed(Shard.numbered(name, 0)), hint=_HINT)
            if footer.get(DIGEST_KEY) == digest:
                return EarlierLanding(name, int(footer[SHARD_SIZE_KEY]), None)
    return None


def is_taken(store: DataStore, name: str) -> bool:
    """Whether a batch has this name, or had it until its manifest was lost."""
    return store.batch_file(name).exists() or _is_in_use(store, name)


def remove_dead_landings(store: DataStore) -> None:
    """Removes the tables of landings that were killed before they wrote their manifest."""
    for name in _without_manifest(store):
        if not _is_in_use(store, name):
            remove_tables(store, name)


def remove_tables(store: DataStore, name: str) -> None:
    """Removes what landing and validation have written of a batch."""
    shard = Shard.numbered(name, 0)
    for path in (store.landed(shard), store.quarantine(shard), store.raw_candidates(shard)):
        remove_tree(path.parent.parent)


def _without_manifest(store: DataStore) -> list[str]:
    landed = store.landed(Shard.numbered("*", 0)).parents[2].glob("batch=*")
    names = [directory.name.partition("=")[2] for directory in sorted(landed)]
    return [name for name in names if not store.batch_file(name).exists()]


def _is_in_use(store: DataStore, name: str) -> bool:
    """Whether anything was made of a batch: then it had a manifest."""
    return store.raw_candidates(Shard.numbered(name, 0)).parents[1].exists()


def _is_whole(store: DataStore, batch: Batch) -> bool:
    quarantine = store.quarantine(Shard(batch.name, LANDING_SHARD)).parent
    try:
        landed = [
            read_parquet(store.landed(shard), hint=_HINT, columns=["line"]).height
            for shard in Shard.all_of(batch)
        ]
        quarantined = sum(
            read_parquet(file, hint=_HINT, columns=["line"]).height
            for file in quarantine.glob("*.parquet")
        )
    except (DamagedDataError, MissingDataError) as error:
        _LOG.warning("%s", error)
        return False
    return landed == batch.shard_rows and quarantined == batch.quarantined
