"""`vllm run-batch` as an arm: vLLM's own program for OpenAI batch files."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aris_pipeline.benchmarks.arms import Answered, Host
from aris_pipeline.benchmarks.workload import Workload
from aris_pipeline.engines import (
    Completion,
    EngineSettings,
    as_flags,
    engine_args,
    server_environment,
)
from aris_pipeline.errors import EngineError
from aris_pipeline.models import ModelCard, gpu_count, load_tokenizer

_LOG_LINES = 15
_AS_IT_IS = "{{ messages[0]['content'] }}"
"""A chat template that shows the rendered prompt unchanged."""


@dataclass(frozen=True)
class RunBatchArm:
    """`vllm run-batch`: a process of its own that loads, answers an OpenAI file and ends.

    The rendered prompt goes as the one message of a chat whose template shows it unchanged, because
    this program takes no token ids; `prompt_tokens` tells whether it was tokenized alike.
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
                env=server_environment(self.settings, on_gpu=gpu_count() > 0),
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
