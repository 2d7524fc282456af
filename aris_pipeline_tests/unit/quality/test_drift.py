import math
from collections.abc import Callable

import pytest

from aris_pipeline.quality import (
    Finding,
    Thresholds,
    population_stability_index,
    recommendation_drift,
)
from aris_pipeline.storage import DataStore, Evaluations, Judge, Shard
from aris_pipeline_tests.tables import write_table
from aris_pipeline_tests.unit.quality.conftest import JUDGE, SHARD, Land, Recommend

Before = Callable[..., Shard]


@pytest.fixture
def before(land: Land) -> Before:
    """A batch of one shard that landed so many days before today's."""
    land()

    def write(days: int = 1) -> Shard:
        return Shard.all_of(land(f"{days}-days-ago", days=-days))[0]

    return write


def _drift(store: DataStore, **limits: float) -> Finding:
    return recommendation_drift(store, JUDGE, SHARD, Thresholds(**limits))


def test_a_mix_like_that_of_the_batches_before_passes(
    store: DataStore, before: Before, recommend: Recommend
) -> None:
    recommend(before(1), yes=300, maybe=500, no=200)
    recommend(before(2), yes=320, maybe=470, no=210)
    recommend(SHARD, yes=155, maybe=240, no=105)

    found = _drift(store)

    assert found.passed
    assert found.value == pytest.approx(0, abs=0.01)
    assert found.threshold == 0.25
    assert found.figures["share_yes"] == pytest.approx(0.31)
    assert found.figures["earlier_share_maybe"] == pytest.approx(0.485)
    assert found.figures["earlier_batches"] == 2


def test_a_model_that_says_yes_to_nearly_everybody_is_a_warning(
    store: DataStore, before: Before, recommend: Recommend
) -> None:
    recommend(before(), yes=300, maybe=500, no=200)
    recommend(SHARD, yes=480, maybe=20)

    found = _drift(store)

    assert (found.passed, found.severity) == (False, "warn")
    assert found.value is not None
    assert found.value > 1
    assert _drift(store, max_recommendation_drift=10).passed


def test_the_first_batch_of_a_judge_has_nothing_to_be_compared_with(
    store: DataStore, before: Before, recommend: Recommend
) -> None:
    recommend(before(), by=Judge("aris-swe-v1", "large"), no=500)
    recommend(before(-1), no=500)
    recommend(SHARD, yes=500)

    found = _drift(store)

    assert (found.passed, found.value) == (True, None)
    assert found.detail == "not compared: this judge has judged no earlier batch"


@pytest.mark.parametrize(("now", "then"), [(99, 500), (500, 99), (0, 500)])
def test_few_rows_are_not_compared(
    store: DataStore, before: Before, recommend: Recommend, now: int, then: int
) -> None:
    recommend(before(), no=then)
    recommend(SHARD, yes=now)

    found = _drift(store)

    assert (found.passed, found.value) == (True, None)
    assert f"{now} recommendations against {then} of 1 earlier batches" in found.detail
    assert "fewer than 100" in found.detail


def test_the_last_five_batches_that_were_judged_count(
    store: DataStore, before: Before, recommend: Recommend
) -> None:
    for days in (1, 2, 4, 5, 6):
        recommend(before(days), yes=100)
    before(3)
    recommend(before(7), no=10_000)
    recommend(SHARD, yes=100)

    found = _drift(store)

    assert (found.passed, found.figures["earlier_recommendations"]) == (True, 500)


def test_all_shards_of_an_earlier_batch_count_and_a_damaged_one_does_not(
    store: DataStore, land: Land, recommend: Recommend
) -> None:
    land()
    first, second, third = Shard.all_of(land("earlier", days=-1, shards=3))
    recommend(first, yes=60)
    recommend(second, yes=60)
    recommend(third, yes=60)
    store.evaluations(JUDGE, third).write_bytes(b"half a fi")
    recommend(SHARD, yes=100)

    assert _drift(store).figures["earlier_recommendations"] == 120


def test_answers_to_questions_of_an_openai_file_have_no_recommendations(
    store: DataStore, land: Land
) -> None:
    land()
    judge = Judge("openai", "small")
    write_table(store.evaluations(judge, SHARD), Evaluations, {})

    found = recommendation_drift(store, judge, SHARD, Thresholds())

    assert (found.passed, found.value) == (True, None)
    assert "without a rubric" in found.detail


def test_the_index_is_that_of_the_formula() -> None:
    index = population_stability_index({"yes": 200_000, "no": 800_000}, {"yes": 5, "no": 5})

    assert index == pytest.approx(0.3 * math.log(0.5 / 0.2) + -0.3 * math.log(0.5 / 0.8), rel=1e-4)


def test_equal_mixes_have_an_index_of_nothing_and_the_order_of_the_two_does_not_matter() -> None:
    few, many = {"yes": 100, "no": 300}, {"no": 30_000, "yes": 10_000}

    assert population_stability_index(many, many) == 0
    assert population_stability_index(few, many) == pytest.approx(0, abs=1e-4)
    other = {"yes": 50, "no": 50}
    assert population_stability_index(few, other) == pytest.approx(
        population_stability_index(other, few)
    )


def test_a_verdict_that_only_one_side_has_gives_a_finite_index() -> None:
    index = population_stability_index({"yes": 100}, {"no": 100})

    assert index > 5
    assert math.isfinite(index)
