from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aris_pipeline.benchmarks import (
    Decision,
    DecisionSettings,
    History,
    decide,
    decided_engine,
    write_decision,
)
from aris_pipeline.errors import ConfigError
from aris_pipeline.models import host_name
from aris_pipeline.storage import DataStore
from aris_pipeline_tests.unit.benchmarks.conftest import measured_runs

RUN = "20261101T000000Z-engines"
OFFLINE, SERVE = ("offline", "m"), ("serve", "m")


def settings(**weights: float) -> DecisionSettings:
    shipped = DecisionSettings.load()
    return shipped.model_copy(update={"weights": {**shipped.weights, **weights}})


def decided(store: DataStore, runs: pl.DataFrame, chosen: DecisionSettings) -> Decision:
    History(store.benchmarks).write_runs(RUN, runs)
    (decision,) = decide(History(store.benchmarks), chosen)
    return decision


def test_scores_are_shares_of_the_best_and_weights_those_that_were_asked_for(
    store: DataStore,
) -> None:
    runs = measured_runs({OFFLINE: [(4.0, 10.0)] * 3, SERVE: [(2.0, 20.0)] * 3})

    decision = decided(store, runs, settings())

    first, second = decision.candidates
    assert first.engine == "offline"
    assert dict(second.scores) == {
        "throughput": 0.5,
        "total_time": 0.5,
        "quality": 1.0,
        "flexibility": 0.8,
    }
    assert second.score.value == pytest.approx(0.4 * 0.5 + 0.3 * 0.5 + 0.2 + 0.1 * 0.8)
    assert decision.clear
    assert decision.verdict == "offline with m wins."


def test_it_says_how_far_a_weight_may_move_before_another_wins(store: DataStore) -> None:
    runs = measured_runs({OFFLINE: [(4.0, 10.0)] * 3, SERVE: [(2.0, 20.0)] * 3})
    decision = decided(store, runs, settings())

    flexibility = decision.margins["flexibility"]

    assert flexibility.low is None
    assert flexibility.high_winner == "serve with m"
    assert flexibility.high is not None
    below, above = flexibility.high - 0.01, flexibility.high + 0.01
    for weight, winner in ((below, "offline"), (above, "serve")):
        others = (1 - weight) / 0.9
        moved = settings(
            throughput=0.4 * others, total_time=0.3 * others, quality=0.2 * others,
            flexibility=weight,
        )  # fmt: skip
        assert decided(store, runs, moved).winner.engine == winner
    # Throughput speaks for the winner: without it the total time still does.
    assert decision.margins["throughput"].low is None


def test_overlapping_intervals_have_no_clear_winner_and_still_a_first(store: DataStore) -> None:
    noisy = [(3.0, 10.0), (5.0, 10.0), (4.0, 10.0)]
    runs = measured_runs({OFFLINE: noisy, SERVE: list(reversed(noisy))})

    decision = decided(store, runs, settings())

    assert not decision.clear
    assert decision.verdict.startswith("No clear winner: serve with m is first")


def test_one_block_is_never_clear(store: DataStore) -> None:
    decision = decided(store, measured_runs({OFFLINE: [(9, 1)], SERVE: [(1, 9)]}), settings())

    assert decision.winner.engine == "offline"
    assert not decision.clear


def test_peers_random_weights_and_fixed_lengths_decide_nothing(store: DataStore) -> None:
    history = History(store.benchmarks)
    history.write_runs("r1", measured_runs({("run-batch", "m"): [(9, 1)]}, run_id="r1"))
    history.write_runs("r2", measured_runs({OFFLINE: [(9, 1)]}, run_id="r2", random_weights=True))
    history.write_runs("r3", measured_runs({OFFLINE: [(9, 1)]}, run_id="r3", fixed_lengths=True))
    history.write_runs("r4", measured_runs({SERVE: [(9, 1)]}, run_id="r4", suite="compare"))

    assert decide(history, settings()) == []
    with pytest.raises(ConfigError, match="no engine was measured yet"):
        write_decision(store, settings())


def test_engines_of_different_runs_are_compared_only_on_equal_work_and_that_is_told(
    store: DataStore,
) -> None:
    history = History(store.benchmarks)
    history.write_runs("r1", measured_runs({OFFLINE: [(4, 9)] * 2}, run_id="r1"))
    history.write_runs("r2", measured_runs({SERVE: [(2, 9)] * 2}, run_id="r2"))
    earlier: dict[str, Any] = {
        "run_id": "r0",
        "workload_digest": "other",
        "started_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    history.write_runs("r0", measured_runs({("ollama", "m"): [(99, 1)]}, **earlier))

    (decision,) = decide(history, settings())

    assert [candidate.engine for candidate in decision.candidates] == ["offline", "serve"]
    assert not decision.one_run


def test_auto_takes_the_winner_of_this_machine_and_model(store: DataStore) -> None:
    runs = measured_runs(
        {OFFLINE: [(4, 10)] * 3, SERVE: [(2, 20)] * 3, ("serve", "n"): [(1, 40)] * 3},
        host=host_name(),
    )
    History(store.benchmarks).write_runs(RUN, runs)
    write_decision(store, settings())

    assert decided_engine(store).engine == "offline"
    assert decided_engine(store, "m").engine == "offline"
    assert decided_engine(store, "n").engine == "serve"
    assert RUN in decided_engine(store).reason
    with pytest.raises(ConfigError, match="no decision about other"):
        decided_engine(store, "other")


def test_auto_without_a_decision_for_this_machine_says_how_to_get_one(store: DataStore) -> None:
    with pytest.raises(ConfigError, match="aris benchmark run"):
        decided_engine(store)
    runs = measured_runs({OFFLINE: [(4, 10)] * 3}, host="another machine", gpu="H100")
    History(store.benchmarks).write_runs(RUN, runs)
    write_decision(store, settings())

    with pytest.raises(ConfigError, match="no decision for this machine"):
        decided_engine(store)


@pytest.mark.parametrize(
    "text",
    [
        "weights: {throughput: 1}",
        "weights: {throughput: 0, total_time: 0, quality: 0, flexibility: 0}\nflexibility: {}",
        "weights: {throughput: -1, total_time: 1, quality: 1, flexibility: 1}\nflexibility: {}",
        "weights: [",
    ],
)
def test_settings_that_weigh_nothing_are_refused_by_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)

    with pytest.raises(ConfigError, match=r"mine\.yaml"):
        DecisionSettings.load(file)
