"""Engines that die at work: what is finished stays, the others are asked again, poison is found."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import polars as pl
import pytest

from aris_pipeline.engines import Completion, EngineSession, Request
from aris_pipeline.errors import EngineDiedError, EngineError
from aris_pipeline.storage import DataStore, Prompts
from aris_pipeline_tests.fake_engine import FakeEngine
from aris_pipeline_tests.tables import table
from aris_pipeline_tests.unit.completions.conftest import (
    SCORING,
    Ask,
    Complete,
    completed,
    generated,
)

Deadly = Callable[[Request], bool]


class MortalEngine(FakeEngine):
    """Takes all requests at once and dies of some of them, before it has answered any."""

    def __init__(self, deadly: Deadly = lambda _request: False, window: int = 1_000) -> None:
        super().__init__()
        self._deadly, self._window = deadly, window

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        drawn = iter(requests)
        while batch := list(itertools.islice(drawn, self._window)):
            if any(self._deadly(request) for request in batch):
                raise EngineDiedError("the engine died at work (CUDA error)")
            yield from super().generate(batch)


def _prompts(count: int) -> pl.DataFrame:
    return table(Prompts, *({"prompt_token_ids": [n]} for n in range(count)))


def _is(*keys: str) -> Deadly:
    return lambda request: request.request_id.partition("#")[0] in keys


def _rows(engine: Callable[[], FakeEngine], count: int, **options: Any) -> dict[str, Any]:
    rows = list(generated(engine, _prompts(count), **options))
    assert len({row["request_key"] for row in rows}) == len(rows), "a row came twice"
    return {row["request_key"]: row for row in rows}


def test_after_a_death_the_rows_in_flight_are_asked_again_and_no_others() -> None:
    engines = iter([MortalEngine(_is("k25"), window=10), MortalEngine(window=10)])

    rows = _rows(lambda: next(engines), 100)

    assert len(rows) == 100
    assert {row["error_type"] for row in rows.values()} == {None}
    assert FakeEngine.loads == 2
    asked = [request.request_id for request in FakeEngine.asked]
    assert len(asked) == len(set(asked)) == 100


def test_poison_rows_with_no_other_row_between_them_do_not_end_the_run() -> None:
    rows = _rows(lambda: MortalEngine(_is("k0", "k1", "k2")), 3)

    assert [row["error_type"] for row in rows.values()] == ["poison"] * 3


@pytest.mark.parametrize("count", [1, 2, 100, 700])
def test_a_row_that_kills_every_engine_is_found_and_the_others_are_answered(count: int) -> None:
    poison = f"k{count // 2}"

    rows = _rows(lambda: MortalEngine(_is(poison)), count)

    assert len(rows) == count
    failed = {key for key, row in rows.items() if row["error_type"]}
    assert failed == {poison}
    assert rows[poison]["error_type"] == "poison"
    assert "CUDA error" in rows[poison]["error_message"]


class BrokenEngine(FakeEngine):
    """Dies of whatever it is asked."""

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        for request in requests:
            FakeEngine.asked.append(request)
            cause = "ValueError: too many values to unpack (grammar_masks.py:58)"
            raise EngineDiedError(f"the engine died at work ({cause})", cause=cause)
        yield from ()


def test_an_engine_that_dies_of_what_is_no_row_is_not_loaded_a_third_time() -> None:
    with pytest.raises(EngineError, match=r"two engines in a row died of ValueError.*:58") as died:
        _rows(BrokenEngine, 300)

    assert not isinstance(died.value, EngineDiedError)
    assert FakeEngine.loads == 2
    assert [request.request_id for request in FakeEngine.asked][-1] == "probe"


def test_a_row_that_is_at_fault_is_found_although_its_deaths_have_one_cause() -> None:
    class Poisoned(MortalEngine):
        def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
            try:
                yield from super().generate(requests)
            except EngineDiedError as death:
                raise EngineDiedError(str(death), cause="RuntimeError: CUDA error") from None

    rows = _rows(lambda: Poisoned(_is("k0")), 40)

    assert {key for key, row in rows.items() if row["error_type"]} == {"k0"}


def test_several_poison_rows_are_each_found() -> None:
    poison = {"k3", "k200", "k201", "k399"}

    rows = _rows(lambda: MortalEngine(_is(*poison)), 400)

    assert {key for key, row in rows.items() if row["error_type"] == "poison"} == poison
    assert len(rows) == 400


def test_a_row_whose_scoring_kills_is_poison_too() -> None:
    rows = _rows(
        lambda: MortalEngine(lambda request: request.request_id == "k3#1"), 20, scoring=SCORING
    )

    assert {key for key, row in rows.items() if row["error_type"]} == {"k3"}
    assert all(row["option_logprobs"] for key, row in rows.items() if key != "k3")


def test_an_engine_that_always_dies_ends_the_run_and_says_what_to_do() -> None:
    with pytest.raises(EngineError, match=r"3 restarts in a row .* see to the engine's machine"):
        _rows(lambda: MortalEngine(lambda _request: True), 500)

    assert FakeEngine.loads == 4


def test_an_engine_that_does_not_start_again_is_tried_as_often() -> None:
    tries = 0

    def once() -> FakeEngine:
        nonlocal tries
        tries += 1
        if tries > 1:
            raise EngineError("no memory left")
        return MortalEngine(lambda _request: True)

    with pytest.raises(EngineError, match="does not start again: no memory left"):
        _rows(once, 10)

    assert tries == 4


def test_deaths_with_work_between_them_do_not_add_up() -> None:
    def mortal() -> FakeEngine:
        left = itertools.count()
        return MortalEngine(lambda _request: next(left) == 30, window=10)

    assert len(_rows(mortal, 300)) == 300
    assert FakeEngine.loads > 4


def test_restarts_wait_longer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    session = EngineSession(FakeEngine, backoff_s=5)

    for _death in range(3):
        session.restart(EngineDiedError("died"))

    assert waits == [5, 15, 45]


def test_a_shard_with_a_poison_row_is_whole_and_counts_it(
    ask: Ask, complete: Complete, store: DataStore
) -> None:
    ask(*({"prompt_token_ids": [n]} for n in range(30)))

    stats = complete(lambda: MortalEngine(_is("k7")))

    assert (stats.generated, stats.failed, stats.poison) == (29, 1, 1)
    assert stats.engine_restarts == FakeEngine.loads - 1
    rows = completed(store)
    assert rows.height == 30
    assert rows.filter(rows["error_type"] == "poison")["custom_id"].to_list() == ["c7"]


def test_poison_is_not_tried_again(ask: Ask, complete: Complete) -> None:
    ask(*({"prompt_token_ids": [n]} for n in range(30)))
    complete(lambda: MortalEngine(_is("k7")))
    FakeEngine.reset()

    stats = complete(lambda: MortalEngine(_is("k7")))

    assert FakeEngine.loads == 0
    assert (stats.reused, stats.failed) == (29, 1)
