"""Prompts through the engine: each row's answer and, for rubric rows, its verdict probabilities."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import polars as pl

from aris_pipeline.engines import Completion, Engine, Request, Sampling
from aris_pipeline.prompts import ScorePlan

_ONE_TOKEN = Sampling(max_tokens=1)


@dataclass(frozen=True)
class Scoring:
    """How to read the model's own verdict probabilities.

    Attributes:
        plan: which tokens to ask for after a prompt.
        calibration_prompt: token ids of the prompt without a profile.
    """

    plan: ScorePlan
    calibration_prompt: list[int]


def generate_rows(
    engine: Engine, prompts: pl.DataFrame, scoring: Scoring | None, run_id: str
) -> Iterator[dict[str, Any]]:
    """Yields a row of `Completions` for each prompt, as it finishes.

    A row's answer and its scoring are separate requests that share the prompt, so the prefix cache
    makes the scoring cost a token or two; the row is finished when all of them are.
    """
    calibration = _calibrate(engine, scoring) if scoring else None
    rows: dict[str, _Row] = {}
    for completion in engine.generate(_requests(prompts, scoring, rows)):
        key, _, node = completion.request_id.partition("#")
        row = rows[key]
        row.waiting_for -= 1
        if node:
            row.node_logprobs[int(node)] = completion.logprobs
        else:
            row.answer = completion
        if row.waiting_for == 0:
            del rows[key]
            yield row.finished(scoring, calibration, engine.info.name, run_id)


@dataclass
class _Row:
    """A row in flight."""

    custom_id: str
    request_key: str
    waiting_for: int
    answer: Completion | None = None
    node_logprobs: dict[int, dict[int, float]] = field(default_factory=dict)

    def finished(
        self, scoring: Scoring | None, calibration: list[float] | None, engine: str, run_id: str
    ) -> dict[str, Any]:
        answer = self.answer
        assert answer is not None, "a row is finished only when its answer is there"  # noqa: S101
        logprobs = _option_logprobs(scoring, self.node_logprobs) if scoring else None
        return {
            "custom_id": self.custom_id,
            "request_key": self.request_key,
            "text": answer.text,
            "finish_reason": answer.finish_reason,
            "prompt_tokens": answer.prompt_tokens,
            "cached_tokens": answer.cached_tokens,
            "output_tokens": answer.output_tokens,
            "latency_s": answer.latency_s,
            "preemptions": answer.preemptions,
            "option_logprobs": logprobs,
            "calibration_logprobs": calibration if logprobs else None,
            "attempt": 1,
            "reused": False,
            "run_id": run_id,
            "engine": engine,
            "error_type": answer.error_type,
            "error_message": answer.error_message,
            "completed_at": datetime.now(UTC),
        }


def _requests(
    prompts: pl.DataFrame, scoring: Scoring | None, rows: dict[str, _Row]
) -> Iterator[Request]:
    nodes = scoring.plan.nodes if scoring else ()
    for prompt in prompts.iter_rows(named=True):
        key, ids = prompt["request_key"], prompt["prompt_token_ids"]
        rows[key] = _Row(prompt["custom_id"], key, waiting_for=1 + len(nodes))
        sampling = Sampling(
            max_tokens=prompt["max_tokens"],
            temperature=prompt["temperature"],
            top_p=prompt["top_p"],
            seed=prompt["seed"],
        )
        yield Request(key, ids, sampling, prompt["response_schema"])
        if scoring:
            yield from _score_requests(key, ids, scoring.plan)


def _score_requests(key: str, prompt_token_ids: list[int], plan: ScorePlan) -> Iterator[Request]:
    for index, (suffix, children) in enumerate(plan.nodes):
        yield Request(
            f"{key}#{index}",
            [*prompt_token_ids, *suffix],
            _ONE_TOKEN,
            logprob_token_ids=tuple(children),
        )


def _calibrate(engine: Engine, scoring: Scoring) -> list[float] | None:
    requests = _score_requests("calibration", scoring.calibration_prompt, scoring.plan)
    found = {
        int(completion.request_id.partition("#")[2]): completion.logprobs
        for completion in engine.generate(requests)
    }
    return _option_logprobs(scoring, found)


def _option_logprobs(scoring: Scoring, found: dict[int, dict[int, float]]) -> list[float] | None:
    """Log-probability of each verdict, or None where the engine gave none for one of the tokens."""
    complete = all(
        set(children) <= found.get(index, {}).keys()
        for index, (_suffix, children) in enumerate(scoring.plan.nodes)
    )
    if not complete:
        return None
    return scoring.plan.option_logprobs([found[index] for index in range(len(found))])
