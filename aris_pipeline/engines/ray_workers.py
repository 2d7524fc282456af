"""What Ray's own processes unpickle: the source of requests, and a replica before it is loaded.

Ray sends the whole dataset to the processes that schedule and read, too. So this module imports no
vLLM, which takes 13 s and half a gigabyte in each of them, one after the other.

A row of the dataset is a batch of requests or of answers, as bytes: Ray's work is per row and per
block, some 7 ms of one process, and it converts nested columns slowly.
"""

import pickle
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask
from ray.util.queue import Queue

ERROR = "__inference_error__"
_USED = ("number", "completion", ERROR)
"""What the engine uses of an answer; Ray sends back the prompt, too."""


def packed(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Returns a batch as a value of the dataset."""
    return pickle.dumps(rows)


def unpacked(batch: bytes) -> list[dict[str, Any]]:
    """Returns the rows of a batch."""
    rows: list[dict[str, Any]] = pickle.loads(batch)  # noqa: S301 - only `packed` writes them
    return rows


class Asked(Datasource):
    """The requests as a source of Ray Data; it has no end, and disappears with Ray."""

    def __init__(self, asked: Queue, column: str) -> None:
        self._asked, self._column = asked, column

    def estimate_inmemory_data_size(self) -> None:
        """Returns None: the size is unknown."""

    def get_read_tasks(self, parallelism: int, *_wishes: Any, **_more: Any) -> list[ReadTask]:
        """Returns tasks, each of which reads the queue as long as the engine is open."""
        unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        read = partial(_blocks, self._asked, self._column)
        return [ReadTask(read, unknown) for _ in range(parallelism)]


def _blocks(asked: Queue, column: str) -> Iterator[pa.Table]:
    """Yields each batch that is put into the queue."""
    while True:
        yield pa.table({column: [asked.get()]})


class Replica:
    """A stage of Ray Data LLM that loads vLLM where it works."""

    def __init__(self, *, data_column: str, **arguments: Any) -> None:
        """Loads the model; arguments as of Ray's `vLLMEngineStageUDF`."""
        from aris_pipeline.engines.ray_replica import OfflineStage  # noqa: PLC0415 - loads vLLM

        self._column = data_column
        self._stage = OfflineStage(data_column=data_column, **arguments)

    async def __call__(self, batch: Mapping[str, Sequence[bytes]]) -> AsyncIterator[dict[str, Any]]:
        """Answers a batch."""
        for asked in batch[self._column]:
            async for answered in self._stage({self._column: unpacked(asked)}):
                rows = [{name: row[name] for name in _USED} for row in answered[self._column]]
                yield {self._column: [packed(rows)]}
