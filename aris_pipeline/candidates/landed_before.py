"""Finds out whether a content has landed before, and whether all its output still exists.

A batch whose manifest or files were damaged or lost is cut again under the same name and in the
same shards, so that everything made from it still fits.
"""

import json
import logging
import time
from contextlib import suppress
from dataclasses import dataclass

from aris_pipeline.errors import DamagedDataError, MissingDataError, StorageError
from aris_pipeline.storage import (
    LANDING_SHARD,
    Batch,
    DataStore,
    ObjectPath,
    Shard,
    read_metadata,
    read_parquet,
    remove_tree,
)

DIGEST_KEY, SHARD_SIZE_KEY, OPTIONS_KEY = "digest", "shard_size", "options"
"""Footer key of landed shards: a copy of the manifest, in case the manifest is damaged."""

_LOG = logging.getLogger(__name__)
_HINT = "it is written again"
_DEAD_AFTER_S = 24 * 3600
"""Age of a landing's last file after which it counts as dead, if no lock of this host can tell."""


@dataclass(frozen=True)
class EarlierLanding:
    """The earlier landing of a content.

    Attributes:
        name: the name of the batch.
        shard_size: the rows of a shard.
        batch: the batch, if all that landing wrote of it is still there.
        digests: of the file after erasures.
    """

    name: str
    shard_size: int
    batch: Batch | None
    digests: tuple[str, ...] = ()


def find_earlier(store: DataStore, digest: str) -> EarlierLanding | None:
    """Returns the earlier landing of the content with this digest, if there is one."""
    unreadable = [name for name in _without_manifest(store) if _is_in_use(store, name)]
    for manifest in store.batch_files():
        try:
            batch = Batch.read(manifest)
        except DamagedDataError as error:
            _LOG.warning("%s", error)
            unreadable.append(manifest.stem)
            continue
        if batch.is_of(digest):
            whole = _is_whole(store, batch)
            return EarlierLanding(
                *(batch.name, max(batch.shard_rows), batch if whole else None),
                digests=(batch.digest, *batch.digests_after_erasure),
            )
    for name in unreadable:
        with suppress(DamagedDataError, MissingDataError):
            footer = read_metadata(store.landed(Shard.numbered(name, 0)), hint=_HINT)
            if footer.get(DIGEST_KEY) == digest:
                return EarlierLanding(name, int(footer[SHARD_SIZE_KEY]), None)
    return None


def free_name(store: DataStore, wanted: str, digest: str, shard_size: int) -> tuple[str, int]:
    """Returns a name for a content that has not landed, and the number of rows of its shards.

    No lock keeps other hosts off an object store. There a name is claimed for a content and a size.
    Two landings of the same content at once, or another one after a kill, write the same files
    under the same names.

    Args:
        store: the store in which it lands.
        wanted: the name; part of the digest is added if another batch has it.
        digest: the digest of the content.
        shard_size: the wanted size; the first claim of the name for this content decides.
    """
    taken = store.batch_file(wanted).exists() or _is_in_use(store, wanted)
    for name in (wanted, f"{wanted}-{digest[:8]}")[taken:]:
        if not isinstance(store.root, ObjectPath):
            remove_tables(store, name)
            return name, shard_size
        claim = store.root / ".work" / "landing" / f"{name}.json"
        mine = {DIGEST_KEY: digest, SHARD_SIZE_KEY: shard_size}
        if claim.create(json.dumps(mine).encode()):
            return name, shard_size
        said = json.loads(claim.read_bytes())
        if said[DIGEST_KEY] == digest:
            return name, int(said[SHARD_SIZE_KEY])
    raise StorageError(f"{wanted} is the name of other batches in {store.root}: rename the file")


def remove_dead_landings(store: DataStore) -> None:
    """Removes the tables of landings that were killed before they wrote their manifest."""
    for name, written in _without_manifest(store).items():
        on_other_host = isinstance(store.root, ObjectPath) and time.time() - written < _DEAD_AFTER_S
        if not on_other_host and not _is_in_use(store, name):
            remove_tables(store, name)


def remove_tables(store: DataStore, name: str) -> None:
    """Removes what landing and validation have written of a batch."""
    shard = Shard.numbered(name, 0)
    for path in (store.landed(shard), store.quarantine(shard), store.raw_candidates(shard)):
        remove_tree(path.parent.parent)


def _without_manifest(store: DataStore) -> dict[str, float]:
    """Returns the names of landed batches without a manifest, with the time of the last change."""
    landed = store.landed(Shard.numbered("*", 0)).parents[2].glob("batch=*")
    found = {place.name.partition("=")[2]: place for place in sorted(landed)}
    return {
        name: place.stat().st_mtime
        for name, place in found.items()
        if not store.batch_file(name).exists()
    }


def _is_in_use(store: DataStore, name: str) -> bool:
    """Returns whether anything was made from a batch: then it had a manifest."""
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
    expected = [*store.rows_of_shards(batch).values()]
    erased = batch.erased.get(LANDING_SHARD, 0)
    return landed == expected and quarantined == batch.quarantined - erased
