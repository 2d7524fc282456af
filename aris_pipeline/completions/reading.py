"""Reads shards in a separate thread, a little ahead of their turn."""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

from aris_pipeline.storage import Shard

_READ_AHEAD = 2
"""Shards that may be in memory before their turn."""

_Read = TypeVar("_Read")


def read_ahead(
    reader: Executor, read: Callable[[Shard], _Read], shards: Iterable[Shard]
) -> Iterator[tuple[Shard, Future[_Read]]]:
    """Yields each shard with the result of reading it, in order."""
    coming = iter(shards)
    reading = deque(
        (shard, reader.submit(read, shard)) for shard in itertools.islice(coming, _READ_AHEAD)
    )
    while reading:
        yield reading.popleft()
        if following := next(coming, None):
            reading.append((following, reader.submit(read, following)))
