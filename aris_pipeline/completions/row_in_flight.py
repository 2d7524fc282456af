"""Follows a row through the engine: what it still waits for, and its result."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from aris_pipeline.completions.answer_repair import SHORTENED, Attempt
from aris_pipeline.engines import Completion, Request, RequestId
from aris_pipeline.prompts import sampling_of, template_options_of
from aris_pipeline.scoring.requests import Scoring

POISON = "poison"
"""The `error_type` of a row that killed the engine, at last while it was alone."""

SCORES = ("option_logprobs", "calibration_logprobs")
"""Columns of `Completions` that a prompt may have already, from a triage that scored the row."""


class RowInFlight:
    """A prompt, its current attempt, and the completions received for it.

    Attributes:
        prompt: the row of `Prompts`, with its `SCORES` if it has been scored before.
        attempt: what is asked now.
        deaths: how many engines died while the row was in flight.
    """

    def __init__(self, prompt: Mapping[str, Any], *, answer: bool = True) -> None:
        self.prompt = prompt
        self._is_answered = answer
        self._template_options = template_options_of(prompt)
        self.attempt = Attempt(prompt["prompt_token_ids"], sampling_of(prompt))
        self.deaths = 0
        self._answer = None if answer else self._no_answer()
        self._node_logprobs: dict[int, dict[int, float]] = {}
        self._scored_before = prompt.get(SCORES[0]) is not None
        self._waiting_for = 0

    @property
    def id(self) -> RequestId:
        """Returns the id of the attempt, unique among all requests."""
        return RequestId(self.prompt["request_key"], self.attempt.number)

    @property
    def answer(self) -> Completion:
        """Returns the answer of this attempt; valid only after `takes` has returned true."""
        assert self._answer is not None  # noqa: S101 - a broken promise of this class, not of data
        return self._answer

    def requests(self, scoring: Scoring | None) -> Iterator[Request]:
        """Yields the request for the answer, and those for the score if it is not known yet."""
        scores = []
        if scoring and not self._node_logprobs and not self._scored_before:
            scores = list(scoring.requests(self.id, self.attempt.prompt_token_ids))
        self._waiting_for = self._is_answered + len(scores)
        schema = self.prompt["response_schema"]
        ids = self.attempt.prompt_token_ids
        messages = None if SHORTENED in self.attempt.overrides else self.prompt["messages"]
        if self._is_answered:
            yield Request(
                *(str(self.id), ids, self.attempt.sampling, schema),
                messages=messages,
                template_options=self._template_options,
            )
        yield from scores

    def takes(self, completion: Completion) -> bool:
        """Takes a completion of one of its requests; returns whether it was the last one."""
        node = RequestId.parse(completion.request_id).node
        if node is None:
            self._answer = completion
        else:
            self._node_logprobs[node] = completion.logprobs
        self._waiting_for -= 1
        return self._waiting_for == 0

    def ask_again(self, attempt: Attempt) -> None:
        """Begins another attempt; the score is kept if the prompt stays the same."""
        if attempt.prompt_token_ids != self.attempt.prompt_token_ids:
            self._node_logprobs, self._scored_before = {}, False
        self.attempt, self._answer = attempt, None

    def survive(self) -> None:
        """Notes that the engine died with this row in flight: all of it is asked again."""
        self.deaths += 1
        self._answer, self._node_logprobs = None if self._is_answered else self._no_answer(), {}

    def finished(
        self, scoring: Scoring | None, calibration: list[float] | None, engine: str, run_id: str
    ) -> dict[str, Any]:
        """Returns the row of `Completions`."""
        if self._scored_before:
            scores = {name: self.prompt[name] for name in SCORES}
        else:
            logprobs = scoring.option_logprobs(self._node_logprobs) if scoring else None
            scores = dict(zip(SCORES, (logprobs, calibration if logprobs else None), strict=True))
        return {
            **self._described(self.answer, engine, run_id),
            "triaged": not self._is_answered,
            **scores,
        }

    def poisoned(self, death: Exception, engine: str, run_id: str) -> dict[str, Any]:
        """Returns the row of `Completions` of a request that no engine survives."""
        failure = Completion(
            str(self.id),
            prompt_tokens=len(self.attempt.prompt_token_ids),
            error_type=POISON,
            error_message=f"{self.deaths} engines died of it, the last time alone: {death}",
        )
        return {
            **self._described(failure, engine, run_id),
            "triaged": False,
            **dict.fromkeys(SCORES),
        }

    def _no_answer(self) -> Completion:
        """Returns a stand-in for the answer of a row that is only scored."""
        return Completion(str(self.id), prompt_tokens=len(self.attempt.prompt_token_ids))

    def _described(self, answer: Completion, engine: str, run_id: str) -> dict[str, Any]:
        overrides = self.attempt.overrides
        return {
            "custom_id": self.prompt["custom_id"],
            "request_key": self.prompt["request_key"],
            "text": answer.text,
            "finish_reason": answer.finish_reason,
            "prompt_tokens": answer.prompt_tokens,
            "cached_tokens": answer.cached_tokens,
            "output_tokens": answer.output_tokens,
            "latency_s": answer.latency_s,
            "preemptions": answer.preemptions,
            "attempt": self.attempt.number,
            "overrides": json.dumps(overrides) if overrides else None,
            "reused": False,
            "run_id": run_id,
            "engine": engine,
            "error_type": answer.error_type,
            "error_message": answer.error_message,
            "completed_at": datetime.now(UTC),
        }
