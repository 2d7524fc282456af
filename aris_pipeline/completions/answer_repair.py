"""Repairs unusable answers: decides how the next attempt of a row differs.

| the answer | the next attempt | step |
|---|---|---|
| reached its token limit | twice the limit, or room for any answer to a rubric | `longer` |
| is not finished, or not what was asked for | another seed, at a temperature | `reseeded` |
| none: prompt and limit exceed the context | the limit that the prompt allows | `lowered` |
| none: so does the prompt, which may be cut | a shorter prompt | `shortened` |

Each step is taken at most once a row; a fault that remains is the row's typed failure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aris_pipeline.completions.answer_parser import AnswerParser
from aris_pipeline.engines import Completion, Sampling
from aris_pipeline.prompts import constraint_of, longest_answer_tokens, room_for_prompt

LONGER, RESEEDED, SHORTENED = RETRY_STEPS = ("longer", "reseeded", "shortened")
LOWERED = "lowered"
"""This step does not count as a repair: vLLM's own server lowers a limit in the same way."""

TOO_LONG = "prompt_too_long"

Shorten = Callable[[Mapping[str, Any], int], list[int] | None]
"""Takes a row of `Prompts` and a limit in tokens; returns a prompt within the limit, or None."""

_RESEEDED_TEMPERATURE = 0.5
"""A greedy answer does not depend on the seed, so a second one must not be greedy."""


@dataclass(frozen=True)
class Attempt:
    """One request for a row's answer.

    Attributes:
        prompt_token_ids: the prompt.
        sampling: how to sample the answer.
        overrides: what each step has changed about the first attempt, in order.
    """

    prompt_token_ids: list[int]
    sampling: Sampling
    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """Returns the number of the attempt; the first request has 1."""
        return 1 + len(self.overrides)


class RepairPolicy:
    """Decides whether an answer stands and, if not, what to ask next."""

    def __init__(self, max_model_len: int, shorten: Shorten) -> None:
        self._max_model_len = max_model_len
        self._shorten = shorten
        self._parsers: dict[tuple[str | None, str | None], AnswerParser] = {}

    def next_attempt(
        self, prompt: Mapping[str, Any], attempt: Attempt, answer: Completion
    ) -> Attempt | None:
        """Returns the attempt after this one, or None if the answer stands or nothing helps."""
        if answer.error_type is not None:
            return self._fitted(prompt, attempt) if answer.error_type == TOO_LONG else None
        reason = self._parser(prompt).parse(answer.text, answer.finish_reason).invalid_reason
        if reason == "truncated":
            return self._longer(prompt, attempt)
        return None if reason in (None, "bad_schema") else _reseeded(attempt)

    def _parser(self, prompt: Mapping[str, Any]) -> AnswerParser:
        asked = prompt["response_schema"], prompt["parameters"]
        if asked not in self._parsers:
            self._parsers[asked] = AnswerParser(asked[0], constraint_of(asked[1]))
        return self._parsers[asked]

    def _longer(self, prompt: Mapping[str, Any], attempt: Attempt) -> Attempt | None:
        """Raises the limit; cuts a prompt, if it may be, that leaves too little room for a verdict.

        A rubric's answers are bounded, so that with room for the longest one none is cut off again.
        """
        limit = attempt.sampling.max_tokens
        wanted = max(2 * limit, longest_answer_tokens(prompt["response_schema"]) or 0)
        room = self._max_model_len - len(attempt.prompt_token_ids)
        may_be_cut = prompt["may_be_shortened"] is not False and not attempt.overrides
        if room < _verdict_tokens(prompt) and may_be_cut:
            ids = self._shorten(
                prompt, room_for_prompt(self._max_model_len, _verdict_tokens(prompt))
            )
            if ids is not None:
                noted = {"prompt_tokens": len(ids)}
                cut = replace(attempt, prompt_token_ids=ids)
                attempt = _overridden(cut, SHORTENED, noted=noted) or attempt
                room = self._max_model_len - len(ids)
        longer = min(wanted, room)
        return _overridden(attempt, LONGER, max_tokens=longer) if longer > limit else None

    def _fitted(self, prompt: Mapping[str, Any], attempt: Attempt) -> Attempt | None:
        """Lowers the answer's limit; cuts a prompt that leaves too little room, if that is allowed.

        Files of versions that cut every prompt do not say whether it is allowed.
        """
        limit = attempt.sampling.max_tokens
        may_be_cut = prompt["may_be_shortened"] is not False
        most = self._max_model_len - 1
        if may_be_cut:
            most = room_for_prompt(self._max_model_len, max(limit, _verdict_tokens(prompt)))
        if len(attempt.prompt_token_ids) <= most:
            room = self._max_model_len - len(attempt.prompt_token_ids)
            return _overridden(attempt, LOWERED, max_tokens=room) if room < limit else None
        ids = self._shorten(prompt, most) if may_be_cut else None
        if ids is None:
            return None
        return _overridden(
            replace(attempt, prompt_token_ids=ids),
            SHORTENED,
            max_tokens=self._max_model_len - most,
            noted={"prompt_tokens": len(ids)},
        )


def _verdict_tokens(prompt: Mapping[str, Any]) -> int:
    """Returns the tokens of the longest verdict in ASCII; 0 if the row asks for none."""
    return longest_answer_tokens(prompt["response_schema"], tokens_a_character=1) or 0


def _reseeded(attempt: Attempt) -> Attempt | None:
    seed = (attempt.sampling.seed or 0) + 1
    temperature = attempt.sampling.temperature or _RESEEDED_TEMPERATURE
    return _overridden(attempt, RESEEDED, seed=seed, temperature=temperature)


def _overridden(
    attempt: Attempt, step: str, *, noted: Mapping[str, Any] | None = None, **sampling: Any
) -> Attempt | None:
    """Returns the next attempt; None if the step has been taken."""
    if step in attempt.overrides:
        return None
    return replace(
        attempt,
        sampling=replace(attempt.sampling, **sampling),
        overrides={**attempt.overrides, step: {**(noted or {}), **sampling}},
    )
