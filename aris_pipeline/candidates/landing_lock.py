"""Lets one process of a host land into, or erase from, a data directory at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from aris_pipeline.storage import DataStore, cannot_write


@contextmanager
def one_landing_at_a_time(store: DataStore) -> Iterator[None]:
    """Waits until no other process of this host lands a file into a store."""
    lock = store.locks / "landing.lock"
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        opened = lock.open("w")
    except OSError as error:
        raise cannot_write(lock, error) from error
    with opened as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
