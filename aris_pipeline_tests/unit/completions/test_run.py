"""Many shards through one engine: its rows cross their borders, and each ends for itself."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import polars as pl
import pytest

from aris_pipeline.completions import RunStats, complete_shards, parts
from aris_pipeline.completions.parts import part_files
from aris_pipeline.engines import Completion, Engine, EngineSession, Request
from aris_pipeline.errors import DamagedDataError, EngineDiedError, EngineError, StorageError
from aris_pipeline.storage import DataStore, Shard
from aris_pipeline_tests.fake_engine import FakeEngine, answer_by_schema
from aris_pipeline_tests.unit.completions.conftest import (
    JUDGE,
    SCORING,
    Ask,
    cannot_shorten,
    completed,
)

FIRST, SECOND, THIRD = SHARDS = [Shard("2026-11-21_export", f"s00{n}") for n in range(3)]

Outcomes = list[tuple[str, RunStats | Exception]]


class WindowEngine(FakeEngine):
    """Works on `window` requests at once and finishes them in an order of its own."""

    window = 4

    def __init__(self, last: Callable[[Request], Any] = lambda _request: 0) -> None:
        super().__init__()
        self._last = last

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        waiting, live = iter(requests), list[Request]()
        while True:
            live += itertools.islice(waiting, self.window - len(live))
            if not live:
                return
            live.sort(key=self._last)
            yield from super().generate([live.pop(0)])


def rows(tag: str, count: int, *more: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"custom_id": f"{tag}{n}", "request_key": f"{tag}-{n}"} for n in range(count)] + [*more]


def run(
    store: DataStore,
    shards: Sequence[Shard] = SHARDS,
    engine: Callable[[], Engine] = WindowEngine,
    outcomes: Outcomes | None = None,
) -> Outcomes:
    outcomes = [] if outcomes is None else outcomes
    with EngineSession(engine, backoff_s=0) as session:
        for shard, outcome in complete_shards(
            *(store, JUDGE, shards, session),
            scoring=None,
            shorten=cannot_shorten,
            run_id="now",
            on_written=lambda _shard, stats: stats,
        ):
            outcomes.append((shard.name, outcome))
    return outcomes


def stats_of(outcomes: Outcomes) -> dict[str, RunStats]:
    found = {}
    for name, outcome in outcomes:
        assert isinstance(outcome, RunStats), outcome
        found[name] = outcome
    return found


def asked() -> list[str]:
    return [request.request_id for request in FakeEngine.asked]


def test_the_next_shards_rows_enter_while_the_last_ones_are_in_flight(
    ask: Ask, store: DataStore
) -> None:
    for tag, shard in zip("abc", SHARDS, strict=True):
        ask(*rows(tag, 5), shard=shard)

    # The first row of the first shard takes longer than all others.
    outcomes = run(store, engine=lambda: WindowEngine(lambda one: one.request_id == "a-0"))

    assert asked()[-1] == "a-0"
    assert [name for name, _ in outcomes] == ["s001", "s002", "s000"]
    assert {name: one.generated for name, one in stats_of(outcomes).items()} == {
        "s000": 5,
        "s001": 5,
        "s002": 5,
    }
    assert FakeEngine.loads == 1


def test_a_shard_is_on_the_disk_when_it_is_told(ask: Ask, store: DataStore) -> None:
    for tag, shard in zip("abc", SHARDS, strict=True):
        ask(*rows(tag, 5), shard=shard)

    with EngineSession(WindowEngine) as session:
        for shard, _stats in complete_shards(
            *(store, JUDGE, SHARDS, session),
            scoring=SCORING,
            shorten=cannot_shorten,
            run_id="now",
            on_written=lambda _shard, stats: stats,
        ):
            assert completed(store, shard).height == 5
            assert part_files(store.completion_parts(JUDGE, shard)) == []


def test_a_request_of_two_shards_is_generated_once_whichever_comes_first(
    ask: Ask, store: DataStore
) -> None:
    twin = {"custom_id": "twin", "request_key": "same"}
    ask(*rows("a", 3, {**twin}), shard=FIRST)
    ask(*rows("b", 3, {**twin}), shard=SECOND)
    ask({**twin}, shard=THIRD)

    slow = run(store, engine=lambda: WindowEngine(lambda one: one.request_id == "same"))

    assert sorted(asked()) == sorted(
        [*(f"a-{n}" for n in range(3)), *(f"b-{n}" for n in range(3)), "same"]
    )
    counts = {name: (one.generated, one.reused) for name, one in stats_of(slow).items()}
    assert counts == {"s000": (4, 0), "s001": (3, 1), "s002": (0, 1)}
    for shard in SHARDS:
        assert completed(store, shard).filter(custom_id="twin")["text"].to_list() == ["fine"]
    assert completed(store, THIRD)["reused"].to_list() == [True]


@pytest.mark.parametrize("bad", SHARDS)
def test_a_damaged_prompts_file_fails_its_shard_alone(
    ask: Ask, store: DataStore, bad: Shard
) -> None:
    for tag, shard in zip("abc", SHARDS, strict=True):
        ask(*rows(tag, 5), shard=shard)
    store.prompts(JUDGE, bad).write_bytes(b"half a fi")

    outcomes = dict(run(store))

    assert isinstance(outcomes.pop(bad.name), DamagedDataError)
    assert {one.generated for one in stats_of([*outcomes.items()]).values()} == {5}


def test_a_shard_whose_file_cannot_be_written_fails_alone_and_keeps_its_rows(
    ask: Ask, store: DataStore
) -> None:
    for tag, shard in zip("abc", SHARDS, strict=True):
        ask(*rows(tag, 5), shard=shard)
    store.completions(JUDGE, SECOND).mkdir(parents=True)

    outcomes = dict(run(store))

    assert isinstance(outcomes["s001"], StorageError)
    store.completions(JUDGE, SECOND).rmdir()
    FakeEngine.reset()
    assert stats_of(run(store))["s001"].reused == 5
    assert asked() == []


def test_of_a_shard_whose_parts_cannot_be_written_no_more_is_asked(
    ask: Ask, store: DataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "MAX_ROWS_AT_RISK", 4)
    shared = {"custom_id": "twin", "request_key": "a-99"}
    ask(*rows("a", 100), shard=FIRST)
    ask(*rows("b", 5, shared), shard=SECOND)
    in_the_way = store.completion_parts(JUDGE, FIRST)
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("a file where the directory should be")

    outcomes = dict(run(store, [FIRST, SECOND]))

    assert isinstance(outcomes["s000"], StorageError)
    assert len([key for key in asked() if key.startswith("a")]) < 20
    assert "a-99" in asked(), "the other shard needs it"
    assert completed(store, SECOND)["text"].to_list() == ["fine"] * 6


def test_an_engine_that_fails_ends_the_run_and_leaves_what_is_finished(
    ask: Ask, store: DataStore
) -> None:
    class Dying(WindowEngine):
        def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
            for number, completion in enumerate(super().generate(requests)):
                if number == 7:
                    raise EngineError("out of memory")
                yield completion

    for tag, shard in zip("abc", SHARDS, strict=True):
        ask(*rows(tag, 5), shard=shard)
    told: Outcomes = []

    with pytest.raises(EngineError, match="out of memory"):
        run(store, engine=Dying, outcomes=told)

    assert [name for name, _ in told] == ["s000"]
    FakeEngine.reset()
    again = stats_of(run(store))
    assert {name: one.generated for name, one in again.items()} == {"s000": 0, "s001": 3, "s002": 5}


def test_a_run_that_is_left_keeps_the_finished_rows_of_all_open_shards(
    ask: Ask, store: DataStore
) -> None:
    class Stopped(WindowEngine):
        def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
            for number, completion in enumerate(super().generate(requests)):
                if number == 9:
                    raise KeyboardInterrupt
                yield completion

    for tag, shard in zip("abc", SHARDS, strict=True):
        ask(*rows(tag, 5), shard=shard)
    with pytest.raises(KeyboardInterrupt):
        run(store, engine=lambda: Stopped(lambda one: one.request_id in ("a-0", "b-0")))
    FakeEngine.reset()

    assert sum(one.generated for one in stats_of(run(store)).values()) == 15 - 9
    assert len(asked()) == 15 - 9


def test_rows_in_flight_of_two_shards_survive_the_death_of_an_engine(
    ask: Ask, store: DataStore
) -> None:
    class Mortal(WindowEngine):
        def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
            for completion in super().generate(requests):
                if completion.request_id == "b-1" and FakeEngine.loads == 1:
                    raise EngineDiedError("the engine died at work")
                yield completion

    for tag, shard in zip("abc", SHARDS, strict=True):
        ask(*rows(tag, 5), shard=shard)

    stats = stats_of(run(store, engine=lambda: Mortal(lambda one: one.request_id == "a-0")))

    assert {one.generated for one in stats.values()} == {5}
    assert sum(one.engine_restarts for one in stats.values()) == 1


def test_the_engines_time_adds_up_to_the_runs_and_tells_what_it_waited_for(
    ask: Ask, store: DataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = itertools.count()
    monkeypatch.setattr("time.perf_counter", lambda: float(next(seconds)))
    for tag, shard in zip("abc", SHARDS, strict=True):
        ask(*rows(tag, 5), shard=shard)

    stats = stats_of(run(store)).values()

    for one in stats:
        assert one.busy_s + one.starved_s + one.draining_s == one.generate_s > 0
    # The clock was read once a second: at its first and at its last lap, and all seconds between.
    assert sum(one.generate_s for one in stats) == pytest.approx(next(seconds) - 1, abs=3)
    assert sum(one.draining_s for one in stats) > 0


def test_an_engine_that_holds_all_rows_of_a_run_is_busy_until_the_first_is_finished(
    ask: Ask, store: DataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0

    class Slow(FakeEngine):
        def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
            nonlocal now
            for request in list(requests):
                now += 10
                yield answer_by_schema(request)

    monkeypatch.setattr("time.perf_counter", lambda: now)
    ask(*rows("a", 3), shard=FIRST)

    (stats,) = stats_of(run(store, [FIRST], Slow)).values()

    assert (stats.busy_s, stats.starved_s, stats.draining_s) == (10, 0, 20)


def test_what_is_known_of_all_shards_loads_no_engine(ask: Ask, store: DataStore) -> None:
    for tag, shard in zip("abc", SHARDS, strict=True):
        ask(*rows(tag, 5), shard=shard)
    run(store)
    FakeEngine.reset()

    stats = stats_of(run(store))

    assert [*stats] == ["s000", "s001", "s002"]
    assert FakeEngine.loads == 0
    assert {one.generate_s for one in stats.values()} == {0}


def test_more_shards_than_are_read_ahead_are_all_completed(ask: Ask, store: DataStore) -> None:
    many = [Shard("2026-11-21_export", f"s{n:03d}") for n in range(30)]
    for number, shard in enumerate(many):
        ask(*rows(f"r{number}x", 2), shard=shard)

    stats = stats_of(run(store, many))

    assert len(stats) == 30
    assert pl.concat([completed(store, shard) for shard in many])["text"].null_count() == 0
