import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import polars as pl
import pytest

from aris_pipeline.engines import Completion, Request
from aris_pipeline.scoring import Scoring
from aris_pipeline.storage import Prompts
from aris_pipeline_tests.fake_engine import FakeEngine, refuse
from aris_pipeline_tests.tables import table
from aris_pipeline_tests.unit.completions.conftest import MAYBE, NO, SCORING, STRONG, YES, generated

TWO = table(Prompts, {}, {"prompt_token_ids": [4, 5]})


class ScriptedEngine(FakeEngine):
    """Answers in an order of its own, and remembers what it has handed out."""

    def __init__(
        self,
        order: Callable[[Request], Any] = lambda _request: 0,
        refuses: Callable[[Request], bool] = lambda _request: False,
    ) -> None:
        super().__init__()
        self._order, self._refuses = order, refuses
        self.handed_out: list[str] = []

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        for request in sorted(requests, key=self._order):
            self.handed_out.append(request.request_id)
            if self._refuses(request):
                yield refuse(request)
            else:
                yield from super().generate([request])


def _same(engine: FakeEngine) -> FakeEngine:
    return engine


def _rows(
    engine: FakeEngine, scoring: Scoring | None = SCORING, prompts: pl.DataFrame = TWO
) -> dict[str, dict[str, Any]]:
    return {row["custom_id"]: row for row in generated(lambda: engine, prompts, scoring)}


def test_a_row_comes_only_when_its_answer_and_all_its_scores_are_there() -> None:
    scores_last = ScriptedEngine(order=lambda request: request.request_id.partition("#")[2])
    answer_last = ScriptedEngine(order=lambda request: "#" not in request.request_id)

    for engine in (scores_last, answer_last):
        for row in generated(partial(_same, engine), TWO, SCORING):
            key = row["request_key"]
            assert {key, f"{key}#0", f"{key}#1"} <= set(engine.handed_out)
            assert row["text"] == "fine"
            assert row["option_logprobs"] is not None


def test_every_prompt_gives_one_row_in_whatever_order_the_engine_answers() -> None:
    prompts = table(Prompts, *({} for _ in range(20)))
    engine = ScriptedEngine(order=lambda request: request.request_id[::-1])

    rows = list(generated(lambda: engine, prompts, SCORING))

    assert sorted(row["request_key"] for row in rows) == sorted(prompts["request_key"])


def test_the_probabilities_of_all_verdicts_add_up_to_one() -> None:
    for row in _rows(FakeEngine()).values():
        for logprobs in (row["option_logprobs"], row["calibration_logprobs"]):
            assert sum(math.exp(value) for value in logprobs) == pytest.approx(1)


def test_the_probability_of_a_verdict_is_the_product_of_its_choices() -> None:
    given = {STRONG: math.log(0.3), MAYBE: math.log(0.1), YES: math.log(0.02), NO: math.log(0.06)}

    class Sure(FakeEngine):
        def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
            for request in requests:
                found = {token: given[token] for token in request.logprob_token_ids}
                yield Completion(request.request_id, "x", "stop", logprobs=found)

    row = _rows(Sure())["c0"]

    probabilities = [math.exp(value) for value in row["option_logprobs"]]
    assert probabilities == pytest.approx([0.75 * 0.25, 0.25, 0.75 * 0.75])


def test_a_refused_score_leaves_the_answer_and_no_half_scored_row() -> None:
    rows = _rows(ScriptedEngine(refuses=lambda request: request.request_id == "k0#1"))

    assert rows["c0"]["text"] == "fine"
    assert rows["c0"]["error_type"] is None
    assert rows["c0"]["option_logprobs"] is rows["c0"]["calibration_logprobs"] is None
    assert rows["c1"]["option_logprobs"] is not None


def test_a_refused_answer_says_why() -> None:
    rows = _rows(ScriptedEngine(refuses=lambda request: request.request_id == "k0"))

    assert (rows["c0"]["error_type"], rows["c0"]["error_message"]) == ("refused", "not this one")
    assert rows["c0"]["text"] is None
    assert rows["c1"]["error_type"] is None


def test_without_calibration_the_raw_scores_stay() -> None:
    engine = ScriptedEngine(refuses=lambda request: request.request_id.startswith("calibration"))

    for row in _rows(engine).values():
        assert row["option_logprobs"] is not None
        assert row["calibration_logprobs"] is None


def test_calibration_is_asked_once_for_all_rows() -> None:
    _rows(FakeEngine())

    asked = [request.request_id for request in FakeEngine.asked]
    assert asked[:2] == ["calibration#0", "calibration#1"]
    assert len(asked) == 2 + 2 * 3
    assert FakeEngine.asked[0].prompt_token_ids == [1, 7]


def test_each_request_of_the_calibration_is_alone_in_an_engine_with_an_empty_prefix_cache() -> None:
    """What shares a step with it would round it differently, and every score with it."""
    together: list[list[str]] = []

    class Recording(FakeEngine):
        def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
            asked = list(requests)
            together.append([request.request_id for request in asked])
            yield from super().generate(asked)

        def reset_prefix_cache(self) -> bool:
            together.append([])
            return True

    _rows(Recording())

    assert together[:3] == [[], ["calibration#0"], ["calibration#1"]]


def test_rows_that_bring_their_own_requests_are_not_scored() -> None:
    rows = _rows(FakeEngine(), scoring=None)

    assert len(FakeEngine.asked) == 2
    assert [row["option_logprobs"] for row in rows.values()] == [None, None]


def test_a_prompt_is_asked_with_its_own_sampling_and_schema() -> None:
    own = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 17, "seed": 5, "response_schema": "{}"}
    _rows(FakeEngine(), scoring=None, prompts=table(Prompts, own))

    (request,) = FakeEngine.asked
    sampling = request.sampling
    assert (sampling.temperature, sampling.top_p) == (0.5, 0.9)
    assert (sampling.max_tokens, sampling.seed) == (17, 5)
    assert request.response_schema == "{}"
