"""The repair ladder: what a row is asked again with, when its answer is no use.

| the answer | the next attempt | rung |
|---|---|---|
| reached its token limit | twice the limit, as far as the context allows | `longer` |
| is not finished, or not what the schema asks for | another seed, at a temperature | `reseeded` |
| none: prompt and limit exceed the context | a shorter prompt | `shortened` |

Each rung is taken at most once a row; what is left wrong after that is the row's typed failure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aris_pipeline.completions.answers import AnswerParser
from aris_pipeline.engines import Completion, Sampling

LONGER, RESEEDED, SHORTENED = RUNGS = ("longer", "reseeded", "shortened")

Shorten = Callable[[Mapping[str, Any], int], list[int] | None]
"""From a row of `Prompts` and a limit in tokens to a prompt that keeps it, or None."""

_RESEEDED_TEMPERATURE = 0.5
"""A greedy answer does not depend on the seed, so a second one must not be greedy."""


@dataclass(frozen=True)
class Attempt:
    """What is asked for a row.

    Attributes:
        prompt_token_ids: the prompt.
        sampling: how to sample the answer.
        overrides: what each rung has changed about the first attempt, in order.
    """

    prompt_token_ids: list[int]
    sampling: Sampling
    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """1 for the first request."""
        return 1 + len(self.overrides)


class RepairLadder:
    """Decides whether an answer stands, and what to ask where it does not."""

    def __init__(self, max_model_len: int, shorten: Shorten) -> None:
        self._max_model_len = max_model_len
        self._shorten = shorten
        self._parsers: dict[str | None, AnswerParser] = {}

    def next_attempt(
        self, prompt: Mapping[str, Any], attempt: Attempt, answer: Completion
    ) -> Attempt | None:
        """Returns the attempt after this one, or None where the answer stands or nothing helps."""
        rung = self._rung(prompt["response_schema"], answer)
        if rung is None or rung in attempt.overrides:
            return None
        if rung == LONGER:
            return self._longer(attempt)
        if rung == RESEEDED:
            return _reseeded(attempt)
        return self._shortened(prompt, attempt)

    def _rung(self, schema: str | None, answer: Completion) -> str | None:
        if answer.error_type is not None:
            return SHORTENED if answer.error_type == "prompt_too_long" else None
        if schema not in self._parsers:
            self._parsers[schema] = AnswerParser(schema)
        reason = self._parsers[schema].parse(answer.text, answer.finish_reason).invalid_reason
        if reason == "truncated":
            return LONGER
        return None if reason in (None, "bad_schema") else RESEEDED

    def _longer(self, attempt: Attempt) -> Attempt | None:
        limit = attempt.sampling.max_tokens
        room = self._max_model_len - len(attempt.prompt_token_ids)
        longer = min(2 * limit, room)
        return _overridden(attempt, LONGER, max_tokens=longer) if longer > limit else None

    def _shortened(self, prompt: Mapping[str, Any], attempt: Attempt) -> Attempt | None:
        """Half of the context is the most that an answer may claim from a prompt."""
        max_tokens = min(attempt.sampling.max_tokens, self._max_model_len // 2)
        limit = self._max_model_len - max_tokens
        ids: list[int] | None = attempt.prompt_token_ids
        if len(attempt.prompt_token_ids) > limit:
            ids = self._shorten(prompt, limit)
        if ids is None:
            return None
        shorter = replace(attempt, prompt_token_ids=ids)
        return _overridden(
            shorter, SHORTENED, max_tokens=max_tokens, noted={"prompt_tokens": len(ids)}
        )


def _reseeded(attempt: Attempt) -> Attempt:
    seed = (attempt.sampling.seed or 0) + 1
    temperature = attempt.sampling.temperature or _RESEEDED_TEMPERATURE
    return _overridden(attempt, RESEEDED, seed=seed, temperature=temperature)


def _overridden(
    attempt: Attempt, rung: str, *, noted: Mapping[str, Any] | None = None, **sampling: Any
) -> Attempt:
    return replace(
        attempt,
        sampling=replace(attempt.sampling, **sampling),
        overrides={**attempt.overrides, rung: {**(noted or {}), **sampling}},
    )
