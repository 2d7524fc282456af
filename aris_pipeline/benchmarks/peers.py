"""Arms beside the engines that share a loaded model: our whole completions stage, and bare vLLM."""

import dataclasses
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import polars as pl

from aris_pipeline.benchmarks.arms import Answered, Host, Hosted, VllmHost
from aris_pipeline.benchmarks.workload import Workload
from aris_pipeline.completions import complete_shards
from aris_pipeline.engines import (
    Completion,
    Engine,
    EngineInfo,
    EngineLock,
    EngineSession,
    Request,
    completion_of,
)
from aris_pipeline.storage import (
    Completions,
    DataStore,
    Judge,
    Prompts,
    Shard,
    read_table,
    write_parquet,
)
from aris_pipeline.storage.schemas import polars_schema

_JUDGE = Judge("benchmark", "benchmark")
_REPEATED = "@"


@dataclass(frozen=True)
class StageArm(Hosted):
    """Our completions stage: prompts parquet in, committed completions parquet out."""

    host: Host
    lock: EngineLock
    engine: str = "stage"
    note: str | None = (
        "our completions stage: reads prompts, checks each answer, keeps rows safe as they finish "
        "and commits the file; repairs get the first answer again"
    )

    def answer(self, workload: Workload) -> Answered:
        """Answers all requests of a block, in a data directory that is thrown away."""
        with tempfile.TemporaryDirectory(prefix="aris-benchmark-") as place:
            store = DataStore(Path(place))
            shard = Shard.numbered("benchmark", 0)
            write_parquet(_prompts(workload), store.prompts(_JUDGE, shard), Prompts)
            asked = {f"key-{request.request_id}": request for request in workload.requests}
            once = _AskedOnce(self.host.engine, asked)
            session = EngineSession(lambda: once, lock=self.lock)
            started = time.monotonic()
            outcomes = complete_shards(
                *(store, _JUDGE, [shard], session),
                scoring=None,
                shorten=lambda _prompt, _limit: None,
                run_id="benchmark",
                on_written=lambda _shard, stats: stats,
            )
            for _shard, outcome in outcomes:
                if isinstance(outcome, Exception):
                    raise outcome
            processing_s = time.monotonic() - started
            rows = read_table(store.completions(_JUDGE, shard), Completions, hint="just written")
        return Answered([_completion(row) for row in rows.iter_rows(named=True)], processing_s)


class _AskedOnce:
    """An engine that generates every row once: a repair would be work that no peer does.

    The stage checks the answers as ever; what it asks again gets the first answer again.
    """

    def __init__(self, engine: Engine, asked: dict[str, Request]) -> None:
        self._engine, self._asked = engine, asked
        self._answers: dict[str, Completion] = {}

    @property
    def info(self) -> EngineInfo:
        return self._engine.info

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        repeated: deque[Completion] = deque()

        def fresh() -> Iterator[Request]:
            for request in requests:
                key, again, _ = request.request_id.partition(_REPEATED)
                if again:
                    answer = self._answers[key]
                    repeated.append(dataclasses.replace(answer, request_id=request.request_id))
                else:
                    # The prompts table does not say that an answer must have a fixed length.
                    yield dataclasses.replace(request, sampling=self._asked[key].sampling)

        for completion in self._engine.generate(fresh()):
            self._answers[completion.request_id] = completion
            yield completion
            while repeated:
                yield repeated.popleft()
        yield from repeated

    def kv_cache_usage(self) -> float | None:
        return self._engine.kv_cache_usage()

    def close(self) -> None:
        """Leaves the engine to its host."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None: ...


def _prompts(workload: Workload) -> pl.DataFrame:
    """The rows of `Prompts`, each with a key of its own, so that none answers for another."""
    rows = [
        {
            "custom_id": request.request_id,
            "messages": request.messages or "[]",
            "prompt_token_ids": request.prompt_token_ids,
            "prompt_tokens": len(request.prompt_token_ids),
            "static_prefix_tokens": 0,
            "temperature": request.sampling.temperature,
            "top_p": request.sampling.top_p,
            "max_tokens": request.sampling.max_tokens,
            "seed": request.sampling.seed,
            "response_schema": request.response_schema,
            "shortened": False,
            "suspected_instructions": False,
            "request_key": f"key-{request.request_id}",
        }
        for request in workload.requests
    ]
    return pl.DataFrame(rows, schema=polars_schema(Prompts))


def _completion(row: dict[str, Any]) -> Completion:
    return Completion(
        row["custom_id"],
        text=row["text"],
        finish_reason=row["finish_reason"],
        prompt_tokens=row["prompt_tokens"],
        cached_tokens=row["cached_tokens"],
        output_tokens=row["output_tokens"],
        latency_s=row["latency_s"],
        preemptions=row["preemptions"],
        error_type=row["error_type"],
        error_message=row["error_message"],
    )


@dataclass(frozen=True)
class GenerateArm(Hosted):
    """One bare `vllm.LLM.generate` over all rows: the least code, and nothing kept on the way."""

    host: VllmHost
    engine: str = "llm-generate"
    note: str | None = "one call for all rows; nothing is kept until the last is done"

    def answer(self, workload: Workload) -> Answered:
        """Answers all requests of a block."""
        from vllm.inputs import tokens_input  # noqa: PLC0415 - an extra, and seconds of import

        started = time.monotonic()
        outputs = self.host.llm.generate(
            [tokens_input(request.prompt_token_ids) for request in workload.requests],
            [self.host.offline.sampling_params(request) for request in workload.requests],
            use_tqdm=False,
        )
        processing_s = time.monotonic() - started
        answered = [
            dataclasses.replace(completion_of(output), request_id=request.request_id)
            for request, output in zip(workload.requests, outputs, strict=True)
        ]
        return Answered(answered, processing_s)
