from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import polars as pl
import pytest

from aris_pipeline.completions import Prediction, Progress, RunStats, read_stats
from aris_pipeline.completions.parts import part_files
from aris_pipeline.engines import Completion, Request
from aris_pipeline.errors import DamagedDataError, EngineError, MissingDataError
from aris_pipeline.storage import Completions, DataStore, Shard, write_parquet
from aris_pipeline_tests.fake_engine import FakeEngine, answer_by_schema, refuse
from aris_pipeline_tests.tables import write_table
from aris_pipeline_tests.unit.completions.conftest import (
    JUDGE,
    SCORING,
    SHARD,
    Ask,
    Complete,
    completed,
)

OTHER = Shard("2026-11-22_export", "s000")


class DyingEngine(FakeEngine):
    """Answers three requests, then dies."""

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        for n, completion in enumerate(super().generate(requests)):
            if n == 3:
                raise EngineError("out of memory")
            yield completion


def _counts(stats: RunStats) -> tuple[int, int, int]:
    return stats.generated, stats.reused, stats.failed


def test_every_prompt_has_one_completion_in_its_place(
    ask: Ask, complete: Complete, store: DataStore
) -> None:
    ask(*({"custom_id": name} for name in "zay"))

    stats = complete(scoring=SCORING)

    rows = completed(store)
    assert rows["custom_id"].to_list() == list("zay")
    assert rows["run_id"].unique().to_list() == ["now"]
    assert rows["option_logprobs"].null_count() == 0
    assert _counts(stats) == (3, 0, 0)
    assert stats.load_s > 0
    assert stats.kv_cache_tokens == 10_000
    assert read_stats(store.completions(JUDGE, SHARD)) == stats


def test_identical_prompts_are_generated_once_and_answer_all_their_rows(
    ask: Ask, complete: Complete, store: DataStore
) -> None:
    ask({"request_key": "same"}, {"request_key": "same"}, {})

    assert _counts(complete()) == (2, 1, 0)
    assert len(FakeEngine.asked) == 2
    assert completed(store)["reused"].to_list() == [False, True, False]
    assert completed(store)["text"].to_list() == ["fine"] * 3


def test_what_is_known_is_not_generated_again_and_no_engine_is_loaded(
    ask: Ask, complete: Complete, store: DataStore
) -> None:
    ask({}, {})
    complete(run_id="first")
    FakeEngine.reset()

    stats = complete(run_id="second")

    assert FakeEngine.loads == 0
    assert _counts(stats) == (0, 2, 0)
    assert (stats.generate_s, stats.load_s, stats.engine) == (0, 0, "none")
    assert completed(store)["run_id"].unique().to_list() == ["first"]
    assert completed(store)["reused"].all()


def test_an_answer_of_this_run_to_another_batch_is_reused_not_generated(
    ask: Ask, complete: Complete, store: DataStore
) -> None:
    ask({})
    ask({}, shard=OTHER)
    complete()

    stats = complete(shard=OTHER)

    assert _counts(stats) == (0, 1, 0)
    assert completed(store, OTHER)["reused"].to_list() == [True]


def test_only_rows_with_a_new_key_are_generated(
    ask: Ask, complete: Complete, store: DataStore
) -> None:
    ask({}, {})
    complete()
    FakeEngine.reset()
    ask({}, {"request_key": "changed"})

    assert _counts(complete()) == (1, 1, 0)
    assert [request.request_id for request in FakeEngine.asked] == ["changed"]


def test_a_shard_whose_engine_died_goes_on_where_it_stopped(
    ask: Ask, complete: Complete, store: DataStore
) -> None:
    ask(*({} for _ in range(5)))
    with pytest.raises(EngineError, match="out of memory"):
        complete(DyingEngine)
    assert not store.completions(JUDGE, SHARD).exists()
    FakeEngine.reset()

    stats = complete()

    assert [request.request_id for request in FakeEngine.asked] == ["k3", "k4"]
    assert _counts(stats) == (2, 3, 0)
    assert completed(store).height == 5
    assert part_files(store.completion_parts(JUDGE, SHARD)) == []


def test_a_prompt_that_could_not_be_rendered_is_a_failed_row_and_never_asked(
    ask: Ask, complete: Complete, store: DataStore
) -> None:
    ask({"error": "role 'wizard' is unknown"}, {})

    assert _counts(complete()) == (1, 0, 1)
    assert [request.request_id for request in FakeEngine.asked] == ["k1"]
    failed = completed(store).row(0, named=True)
    assert (failed["error_type"], failed["error_message"]) == (
        "unrenderable",
        "role 'wizard' is unknown",
    )
    assert not failed["reused"]


def test_a_refused_row_and_its_twin_fail_and_are_neither_generated_nor_reused(
    ask: Ask, complete: Complete, store: DataStore
) -> None:
    ask({"request_key": "bad"}, {"request_key": "bad"}, {})

    def answer(request: Request) -> Completion:
        return refuse(request) if request.request_id == "bad" else answer_by_schema(request)

    stats = complete(lambda: FakeEngine(answer))

    assert _counts(stats) == (1, 0, 2)
    assert completed(store)["error_type"].to_list() == ["refused", "refused", None]
    assert completed(store)["reused"].to_list() == [False] * 3


def test_a_refused_row_is_asked_again_by_the_next_run(ask: Ask, complete: Complete) -> None:
    ask({}, {})
    complete(lambda: FakeEngine(refuse))
    FakeEngine.reset()

    assert _counts(complete()) == (2, 0, 0)


def test_a_shard_without_rows_is_complete_at_once(
    ask: Ask, complete: Complete, store: DataStore
) -> None:
    ask()

    assert _counts(complete()) == (0, 0, 0)
    assert FakeEngine.loads == 0
    assert completed(store).height == 0


def test_without_prompts_it_says_what_to_run(complete: Complete) -> None:
    with pytest.raises(MissingDataError, match="materialize prompts of this shard"):
        complete()


def test_progress_counts_rows_that_are_to_be_generated(ask: Ask, complete: Complete) -> None:
    ask({}, {"request_key": "k0"}, {}, {"error": "bad role"})
    seen: list[Progress] = []

    @contextmanager
    def report(look: Callable[[], Progress]) -> Iterator[Callable[[], None]]:
        seen.append(look())
        yield lambda: seen.append(look())

    complete(report=report)

    assert [(progress.done, progress.total) for progress in seen] == [(0, 0), (1, 2), (2, 2)]
    assert [progress.row_tokens for progress in seen] == [0, 3 + 5, 2 * (3 + 5)]
    assert 0 < seen[1].seconds <= seen[2].seconds


def test_a_completions_file_from_elsewhere_is_named(store: DataStore) -> None:
    file = store.completions(JUDGE, SHARD)
    write_table(file, Completions, {})
    with pytest.raises(DamagedDataError, match="not written by this pipeline"):
        read_stats(file)

    write_parquet(pl.read_parquet(file), file, Completions, metadata={"aris.run_stats": "{}"})
    with pytest.raises(DamagedDataError, match="another version"):
        read_stats(file)


def test_a_shard_says_before_it_generates_how_long_that_is_expected_to_take(
    ask: Ask, complete: Complete
) -> None:
    asked: list[tuple[float, ...]] = []

    def predict(*work: float) -> Prediction:
        asked.append(work)
        return Prediction(2.5, "measured: so")

    ask({}, {}, {"request_key": "k0"})
    first = complete(predict=predict)
    again = complete(predict=predict)

    assert asked == [(2, 6, 1)], "only what is to be generated, and only where something is"
    assert (first.predicted_s, first.predicted_from) == (2.5, "measured: so")
    assert first.metadata()["predicted_s"] == 2.5
    assert (again.predicted_s, again.predicted_from) == (None, None)
