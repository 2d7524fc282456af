"""How many requests Ray Data passes to replicas and back, without the work of the replicas.

    python -m aris_pipeline_tests.ray_requests --replicas 2 --requests 20000

The replicas load no model: one in two requests is answered after 2 s with 305 tokens, the others
after 0.1 s with log-probabilities, as of a row with a schema and a score. So what is measured is
Ray's and ours: the requests a second, and the CPU time of each process for a request.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psutil
from ray.llm._internal.batch.stages.base import StatefulStageUDF

from aris_pipeline.engines import ray_data
from aris_pipeline.engines.protocol import Completion, Request, Sampling
from aris_pipeline.engines.ray_workers import Replica
from aris_pipeline.engines.settings import EngineSettings
from aris_pipeline.models import find_model

_MODEL = "smollm2-135m-instruct"
_PROMPT = list(range(100_000, 100_780))
_SCHEMA = json.dumps(
    {"properties": {f"reason_{n}": {"type": "string", "maxLength": 120} for n in range(12)}}
)
_AT_ONCE = 1126
"""Requests in a replica's vLLM: a tenth more than it works on."""


class StandIn(StatefulStageUDF):
    """Answers after a while, as a replica's stage does."""

    def __init__(self, data_column: str, expected_input_keys: list[str], **_rest: Any) -> None:
        super().__init__(data_column, expected_input_keys)
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def udf(  # type: ignore[override] # as Ray's own stage does
        self, rows: list[dict[str, Any]]
    ) -> AsyncIterator[dict[str, Any]]:
        for answer in asyncio.as_completed([self._answer(row) for row in rows]):
            yield await answer

    async def _answer(self, row: dict[str, Any]) -> dict[str, Any]:
        scored = row["sampling_params"]["logprob_token_ids"]
        async with self._free:
            await asyncio.sleep((0.1 if scored else 2) * random.uniform(0.5, 1.5))
        completion = Completion(
            "",
            text="x" * (4 if scored else 1220),
            finish_reason="stop",
            prompt_tokens=len(row["tokenized_prompt"]),
            output_tokens=1 if scored else 305,
            latency_s=1.0,
            logprobs=dict.fromkeys(scored or (), -1.0),
        )
        return {
            "completion": completion,
            "params": str(row["sampling_params"]),
            self.IDX_IN_BATCH_COLUMN: row[self.IDX_IN_BATCH_COLUMN],
            "__inference_error__": "",
        }


class StandInReplica(Replica):
    """A replica without vLLM."""

    def __init__(self, *, data_column: str, **arguments: Any) -> None:
        self._column = data_column
        self._stage = StandIn(data_column, **arguments)  # type: ignore[assignment]


def requests(count: int) -> Iterator[Request]:
    """Yields an answer and a score of each row."""
    for n in range(0, count, 2):
        prompt = list(_PROMPT)
        yield Request(f"{n}", prompt, Sampling(900), _SCHEMA)
        yield Request(f"{n + 1}", prompt, Sampling(1), logprob_token_ids=(1, 2, 3, 4, 5))


def cpu_seconds() -> dict[int, tuple[str, float]]:
    """Returns the name and the CPU time of each process."""
    found = {}
    for one in psutil.process_iter(["cmdline", "cpu_times"]):
        times = one.info["cpu_times"]
        if times and one.info["cmdline"]:
            found[one.pid] = (" ".join(one.info["cmdline"])[:60], times.user + times.system)
    return found


def main() -> None:
    """Asks, and writes the rate and the busiest processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--requests", type=int, default=20_000)
    asked = parser.parse_args()
    ray_data._REQUESTS_IN_FLIGHT = {True: 4096, False: 4096}
    ray_data.Replica = StandInReplica  # type: ignore[attr-defined]
    settings = EngineSettings(engine="ray", model=_MODEL, replicas=asked.replicas)
    with ray_data.VllmOnRay(find_model(_MODEL), settings) as engine:
        before, begun = cpu_seconds(), time.monotonic()
        answers = sum(1 for _ in engine.generate(requests(asked.requests)))
        took = time.monotonic() - begun
        used = [(took_s - before.get(pid, ("", 0.0))[1], name)
                for pid, (name, took_s) in cpu_seconds().items()]  # fmt: skip
    sys.stdout.write(f"{answers:,} answers in {took:.1f} s: {answers / took:.0f} requests/s\n")
    for seconds, name in sorted(used, reverse=True)[:6]:
        sys.stdout.write(f"{1000 * seconds / answers:8.2f} ms a request  {name}\n")


if __name__ == "__main__":
    main()
