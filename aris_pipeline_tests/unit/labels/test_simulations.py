"""The promises of labels on few simulated batches; `make soak` has a thousand of each."""

import pytest

from aris_pipeline.labels import Design, Promise
from aris_pipeline_tests.soak.label_simulations import coverage, promises

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("k", [50, 200])
def test_figures_are_unbiased_and_their_intervals_hold_the_truth(k: int) -> None:
    for one in coverage(100, 1_000, Design(top=50, borderline=50, random=100), k).to_dicts():
        assert abs(one["bias"]) < 0.03, one
        assert one["covered"] >= 0.9, one


def test_a_shortlist_misses_its_recall_in_few_draws_also_by_an_uneven_design() -> None:
    found = promises(100, 2_000, Design(100, 100, 400), Promise(0.95, 0.9))

    assert found["missed"] <= 0.19
    assert found["refused"] == 0
    assert found["size"] < 2_000
