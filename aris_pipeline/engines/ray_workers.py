"""What Ray's own processes unpickle: the source of requests, and a replica before it is loaded.

Ray sends the whole dataset to the processes that schedule and read, too. So this module imports no
vLLM, which takes 13 s and half a gigabyte in each of them, one after the other.
"""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pandas as pd
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask
from ray.util.queue import Queue


class Asked(Datasource):
    """The requests as a source of Ray Data; it has no end, and disappears with Ray."""

    def __init__(self, asked: Queue) -> None:
        self._asked = asked

    def estimate_inmemory_data_size(self) -> None:
        """Returns None: the size is unknown."""

    def get_read_tasks(self, parallelism: int, *_wishes: Any, **_more: Any) -> list[ReadTask]:
        """Returns tasks, each of which reads the queue as long as the engine is open."""
        unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [ReadTask(partial(_blocks, self._asked), unknown) for _ in range(parallelism)]


def _blocks(asked: Queue) -> Iterator[pd.DataFrame]:
    """Yields each batch that is put into the queue."""
    while True:
        yield asked.get()


class Replica:
    """A stage of Ray Data LLM that loads vLLM where it works."""

    def __init__(self, **arguments: Any) -> None:
        """Loads the model; arguments as of Ray's `vLLMEngineStageUDF`."""
        from aris_pipeline.engines.ray_replica import OfflineStage  # noqa: PLC0415 - loads vLLM

        self._stage = OfflineStage(**arguments)

    async def __call__(self, batch: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Answers a batch."""
        async for answered in self._stage(batch):
            yield answered
