"""Arms beside the engines: our whole completions stage, and what vLLM itself offers for batches."""

import dataclasses
import json
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import polars as pl

from aris_pipeline.benchmarks.arms import Answered, Host, VllmHost
from aris_pipeline.benchmarks.workload import Workload
from aris_pipeline.completions import complete_shard
from aris_pipeline.engines import (
    Completion,
    Engine,
    EngineInfo,
    EngineLock,
    EngineSession,
    EngineSettings,
    ModelCard,
    Request,
    as_flags,
    completion_of,
    engine_args,
    gpu_count,
    load_tokenizer,
    server_environment,
)
from aris_pipeline.errors import EngineError
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

_JUDGE, _SHARD = Judge("benchmark", "benchmark"), Shard("benchmark", "s000")
_REPEATED = "@"
_LOG_LINES = 15
_AS_IT_IS = "{{ messages[0]['content'] }}"
"""A chat template that shows the rendered prompt unchanged."""


@dataclass(frozen=True)
class StageArm:
    """Our completions stage: prompts parquet in, committed completions parquet out."""

    host: Host
    lock: EngineLock
    engine: str = "stage"
    note: str | None = (
        "our completions stage: reads prompts, checks each answer, keeps rows safe as they finish "
        "and commits the file; repairs get the first answer again"
    )

    @property
    def card(self) -> ModelCard:
        """The model."""
        return self.host.card

    @property
    def settings(self) -> EngineSettings:
        """How the model is loaded and driven."""
        return self.host.settings

    def answer(self, workload: Workload) -> Answered:
        """Answers all requests of a block, in a data directory that is thrown away."""
        with tempfile.TemporaryDirectory(prefix="aris-benchmark-") as place:
            store = DataStore(Path(place))
            write_parquet(_prompts(workload), store.prompts(_JUDGE, _SHARD), Prompts)
            asked = {f"key-{request.request_id}": request for request in workload.requests}
            once = _AskedOnce(self.host.engine, asked)
            session = EngineSession(lambda: once, lock=self.lock)
            started = time.monotonic()
            complete_shard(
                store,
                _JUDGE,
                _SHARD,
                session,
                scoring=None,
                shorten=lambda _prompt, _limit: None,
                run_id="benchmark",
            )
            processing_s = time.monotonic() - started
            rows = read_table(store.completions(_JUDGE, _SHARD), Completions, hint="just written")
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
class GenerateArm:
    """One bare `vllm.LLM.generate` over all rows: the least code, and nothing kept on the way."""

    host: VllmHost
    engine: str = "llm-generate"
    note: str | None = "one call for all rows; nothing is kept until the last is done"

    @property
    def card(self) -> ModelCard:
        """The model."""
        return self.host.card

    @property
    def settings(self) -> EngineSettings:
        """How the model is loaded and driven."""
        return self.host.settings

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


@dataclass(frozen=True)
class RunBatchArm:
    """`vllm run-batch`: a process of its own that loads, answers an OpenAI file and ends.

    The rendered prompt goes as the one message of a chat whose template shows it unchanged, because
    this program takes no token ids; `prompt_tokens` tells whether it was tokenised alike.
    """

    card: ModelCard
    settings: EngineSettings
    engine: str = "run-batch"
    host: Host | None = None
    note: str | None = (
        "a process a block, never warm: processing is its own time from reading the file to "
        "writing the answers; it tells no latencies"
    )

    def answer(self, workload: Workload) -> Answered:
        """Answers all requests of a block.

        Raises:
            EngineError: the process failed; the message ends with what it said last.
        """
        with tempfile.TemporaryDirectory(prefix="aris-benchmark-") as place:
            asked, answers, took = (Path(place) / name for name in ("in", "out", "took"))
            template = Path(place) / "as-it-is.jinja"
            template.write_text(_AS_IT_IS)
            asked.write_text("".join(self._lines(workload)), encoding="utf-8")
            arguments = [
                *("-m", "aris_pipeline.benchmarks.timed_run_batch", str(took)),
                *("-i", str(asked), "-o", str(answers)),
                *("--chat-template", str(template), "--enable-prompt-tokens-details"),
                *as_flags(engine_args(self.card, self.settings, on_gpu=gpu_count() > 0)),
            ]
            started = time.monotonic()
            ended = subprocess.run(  # noqa: S603 - our own interpreter and arguments
                [sys.executable, *arguments],
                env=server_environment(on_gpu=gpu_count() > 0),
                check=False,
                capture_output=True,
                text=True,
            )
            total_s = time.monotonic() - started
            if ended.returncode or not took.exists():
                said = "\n".join(ended.stderr.splitlines()[-_LOG_LINES:])
                raise EngineError(f"vllm run-batch ended with code {ended.returncode}: {said}")
            processing_s = float(took.read_text())
            completions = [_from_line(line) for line in answers.read_text("utf-8").splitlines()]
        return Answered(completions, processing_s, load_s=total_s - processing_s)

    def _lines(self, workload: Workload) -> Iterator[str]:
        tokenizer = load_tokenizer(self.card)
        for request in workload.requests:
            sampling = request.sampling
            body: dict[str, Any] = {
                "model": engine_args(self.card, self.settings, on_gpu=False)["model"],
                "messages": [
                    {"role": "user", "content": tokenizer.decode(request.prompt_token_ids)}
                ],
                "max_completion_tokens": sampling.max_tokens,
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "ignore_eos": sampling.ignore_eos,
            }
            if sampling.temperature > 0 and gpu_count() > 0:
                body["seed"] = sampling.seed
            if request.response_schema:
                schema = json.loads(request.response_schema)
                body["response_format"] = {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": schema},
                }
            line = {
                "custom_id": request.request_id,
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": body,
            }
            yield json.dumps(line) + "\n"


def _from_line(line: str) -> Completion:
    found = json.loads(line)
    response = found["response"]
    if found["error"] or response is None or response["status_code"] != 200:  # noqa: PLR2004
        message = json.dumps(found["error"] or response)
        return Completion(found["custom_id"], error_type="refused", error_message=message)
    body = response["body"]
    choice, usage = body["choices"][0], body["usage"]
    return Completion(
        found["custom_id"],
        text=choice["message"]["content"],
        finish_reason=choice["finish_reason"],
        prompt_tokens=usage["prompt_tokens"],
        cached_tokens=(usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0,
        output_tokens=usage["completion_tokens"],
    )
