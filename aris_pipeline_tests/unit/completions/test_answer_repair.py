"""What a row is asked again with, and when its failure is final."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from aris_pipeline.engines import Completion, Request
from aris_pipeline.prompts import answer_schema_json, load_rubric
from aris_pipeline.storage import Prompts
from aris_pipeline_tests.fake_engine import FakeEngine, answer_by_schema
from aris_pipeline_tests.tables import table
from aris_pipeline_tests.unit.completions.conftest import (
    SCORING,
    SHARD,
    Ask,
    Complete,
    cannot_shorten,
    completed,
    generated,
)

SCHEMA = json.dumps({"type": "object", "required": ["verdict"]})
GOOD = '{"verdict": "No"}'


class StubbornEngine(FakeEngine):
    """Answers the n-th request for a row with the n-th of its answers; the last one stays."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        super().__init__(self._next)
        self._answers = answers

    def _next(self, request: Request) -> Completion:
        number = int(request.request_id.partition("@")[2] or 1)
        given = self._answers[min(number, len(self._answers)) - 1]
        return Completion(request.request_id, **{"prompt_tokens": 3, "output_tokens": 9, **given})


def _row(
    *answers: dict[str, Any], prompt: Mapping[str, Any] | None = None, **options: Any
) -> dict[str, Any]:
    prompts = table(Prompts, {"response_schema": SCHEMA, **(prompt or {})})
    (row,) = generated(lambda: StubbornEngine(*answers), prompts, **options)
    return row


def _stop(text: str) -> dict[str, Any]:
    return {"text": text, "finish_reason": "stop"}


TRUNCATED: dict[str, Any] = {"text": '{"verd', "finish_reason": "length"}
TOO_LONG: dict[str, Any] = {"error_type": "prompt_too_long", "error_message": "9,000 tokens"}


def test_a_good_answer_stands_at_the_first_attempt() -> None:
    row = _row(_stop(GOOD))

    assert (row["attempt"], row["overrides"], row["text"]) == (1, None, GOOD)


def test_a_truncated_answer_gets_twice_the_limit() -> None:
    row = _row(TRUNCATED, _stop(GOOD))

    assert row["text"] == GOOD
    assert (row["attempt"], json.loads(row["overrides"])) == (2, {"longer": {"max_tokens": 32}})
    assert [request.sampling.max_tokens for request in FakeEngine.asked] == [16, 32]


def test_a_row_that_is_asked_again_does_not_wait_for_the_rest_of_the_run() -> None:
    prompts = table(Prompts, *({"response_schema": SCHEMA} for _ in range(100)))

    rows = list(generated(lambda: StubbornEngine(TRUNCATED, _stop(GOOD)), prompts))

    asked = [int(request.request_id.partition("@")[2] or 1) for request in FakeEngine.asked]
    assert len(rows) == asked.count(1) == asked.count(2) == 100
    assert 2 in asked[:50]


class LoopingEngine(FakeEngine):
    """Needs `TOKENS` for its answers, as a model that loops up to each string's bound."""

    TOKENS = 760

    def __init__(self) -> None:
        super().__init__(self._loop)

    def _loop(self, request: Request) -> Completion:
        prompt = len(request.prompt_token_ids)
        if request.sampling.max_tokens + prompt > self.info.max_model_len:
            return Completion(request.request_id, **TOO_LONG)
        if request.sampling.max_tokens < self.TOKENS:
            return Completion(request.request_id, **TRUNCATED)
        return answer_by_schema(request)


@pytest.mark.parametrize(
    ("tokens", "steps"),
    [(700, ["longer"]), (1647, ["shortened", "longer"]), (2000, ["shortened"])],
)
def test_no_row_of_a_rubric_is_lost_to_a_model_that_loops(tokens: int, steps: list[str]) -> None:
    schema = answer_schema_json(load_rubric("aris-swe-v2"))
    prompt = {"response_schema": schema, "max_tokens": 400, "prompt_token_ids": [1] * tokens}
    prompts = table(Prompts, *(prompt for _ in range(50)))

    rows = list(generated(LoopingEngine, prompts, shorten=lambda _prompt, limit: [2] * limit))

    assert [row["finish_reason"] for row in rows] == ["stop"] * 50
    assert list(json.loads(rows[0]["overrides"])) == steps


def test_a_larger_limit_ends_with_the_context() -> None:
    row = _row(TRUNCATED, prompt={"max_tokens": 2040})

    assert json.loads(row["overrides"]) == {"longer": {"max_tokens": 2045}}


def test_where_the_context_is_full_a_truncated_answer_is_final() -> None:
    row = _row(TRUNCATED, prompt={"max_tokens": 2045})

    assert (row["attempt"], row["finish_reason"]) == (1, "length")


@pytest.mark.parametrize("text", ["no JSON", "[]", "{}", ""])
def test_an_answer_that_is_not_what_was_asked_for_gets_another_seed(text: str) -> None:
    row = _row(_stop(text), _stop(GOOD), prompt={"seed": 42})

    overrides = json.loads(row["overrides"])
    assert (row["text"], row["attempt"]) == (GOOD, 2)
    assert overrides == {"reseeded": {"seed": 43, "temperature": 0.5}}
    first, second = (request.sampling for request in FakeEngine.asked)
    assert (first.temperature, second.temperature, second.seed) == (0.0, 0.5, 43)


def test_an_aborted_answer_is_asked_once_more() -> None:
    assert _row({"finish_reason": "abort"}, _stop(GOOD))["text"] == GOOD


def test_an_answer_that_misses_its_constraint_gets_another_seed() -> None:
    choice = json.dumps({"structured_outputs": {"choice": ["yes", "no"]}})
    row = _row(_stop("maybe"), _stop("no"), prompt={"response_schema": None, "parameters": choice})

    assert (row["text"], row["attempt"]) == ("no", 2)


def test_a_row_with_a_schema_that_is_none_is_not_asked_again() -> None:
    row = _row(_stop(GOOD), prompt={"response_schema": '{"type": "nonsense"}'})

    assert row["attempt"] == 1


def test_a_prompt_that_is_too_long_is_shortened_once() -> None:
    row = _row(
        TOO_LONG,
        _stop(GOOD),
        prompt={"prompt_token_ids": [1] * 2040},
        shorten=lambda _prompt, limit: [2] * limit,
    )

    assert row["text"] == GOOD
    overrides = {"shortened": {"prompt_tokens": 2032, "max_tokens": 16}}
    assert json.loads(row["overrides"]) == overrides
    assert FakeEngine.asked[1].prompt_token_ids == [2] * 2032


@pytest.mark.parametrize("may_be_shortened", [True, False, None])
def test_a_limit_beyond_the_context_is_lowered_and_the_prompt_stays(may_be_shortened: bool) -> None:
    prompt = {"max_tokens": 16384, "may_be_shortened": may_be_shortened}
    row = _row(TOO_LONG, _stop(GOOD), prompt=prompt)

    assert json.loads(row["overrides"]) == {"lowered": {"max_tokens": 2045}}
    assert FakeEngine.asked[1].prompt_token_ids == [1, 2, 3]


def test_an_answer_may_claim_half_of_the_context_before_the_prompt_is_cut() -> None:
    row = _row(
        TOO_LONG,
        _stop(GOOD),
        prompt={"prompt_token_ids": [1] * 1500, "max_tokens": 5000},
        shorten=lambda _prompt, limit: [2] * limit,
    )

    overrides = {"shortened": {"prompt_tokens": 1024, "max_tokens": 1024}}
    assert json.loads(row["overrides"]) == overrides


@pytest.mark.parametrize(("tokens", "left"), [(2047, 1), (2048, None), (9000, None)])
def test_a_prompt_that_may_not_be_cut_keeps_what_room_it_leaves_or_is_refused(
    tokens: int, left: int | None
) -> None:
    prompt = {"prompt_token_ids": [1] * tokens, "may_be_shortened": False}
    row = _row(TOO_LONG, _stop(GOOD), prompt=prompt, shorten=lambda _prompt, limit: [2] * limit)

    if left is None:
        assert (row["error_type"], row["overrides"]) == ("prompt_too_long", None)
    else:
        assert json.loads(row["overrides"]) == {"lowered": {"max_tokens": left}}
    assert all(len(request.prompt_token_ids) == tokens for request in FakeEngine.asked)


def test_a_shortened_prompt_is_scored_anew() -> None:
    _row(
        TOO_LONG,
        _stop(GOOD),
        prompt={"prompt_token_ids": [1] * 2040},
        shorten=lambda _prompt, _limit: [2],
        scoring=SCORING,
    )

    scored = [
        request.prompt_token_ids for request in FakeEngine.asked if "@2#" in request.request_id
    ]
    assert scored == [[2, 7], [2, 7, 10]]


def test_what_cannot_be_shortened_fails_with_the_engines_reason() -> None:
    row = _row(TOO_LONG, prompt={"prompt_token_ids": [1] * 2040}, shorten=cannot_shorten)

    assert (row["error_type"], row["attempt"]) == ("prompt_too_long", 1)


def test_each_rung_is_taken_once_and_the_last_answer_is_the_failure() -> None:
    row = _row(TRUNCATED, _stop("no JSON"), TRUNCATED)

    assert (row["attempt"], row["finish_reason"]) == (3, "length")
    assert list(json.loads(row["overrides"])) == ["longer", "reseeded"]


def test_other_refusals_are_final() -> None:
    row = _row({"error_type": "refused", "error_message": "empty prompt"})

    assert (row["attempt"], row["error_type"]) == (1, "refused")


def test_a_score_is_not_asked_for_again_while_the_prompt_is_the_same() -> None:
    row = _row(TRUNCATED, _stop(GOOD), scoring=SCORING)

    assert row["option_logprobs"] is not None
    assert len([one for one in FakeEngine.asked if one.logprob_token_ids]) == 2 + 2


def test_a_repaired_row_is_counted_and_says_what_was_changed(
    ask: Ask, complete: Complete, store: Any
) -> None:
    ask({"response_schema": SCHEMA}, {"prompt_token_ids": [7]})
    stats = complete(lambda: StubbornEngine(TRUNCATED, _stop(GOOD)))

    assert stats.repairs == {"longer": 2, "reseeded": 0, "shortened": 0}
    assert completed(store, SHARD)["attempt"].to_list() == [2, 2]


def test_a_reused_answer_tells_how_it_was_repaired(
    ask: Ask, complete: Complete, store: Any
) -> None:
    ask({"response_schema": SCHEMA})
    complete(lambda: StubbornEngine(TRUNCATED, _stop(GOOD)))

    stats = complete(lambda: StubbornEngine(TRUNCATED))

    assert (stats.reused, stats.generated) == (1, 0)
    assert stats.repairs == {"longer": 0, "reseeded": 0, "shortened": 0}
    row = completed(store).row(0, named=True)
    assert json.loads(row["overrides"]) == {"longer": {"max_tokens": 32}}
