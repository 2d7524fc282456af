import pytest

from aris_pipeline.charts import Bar, side_by_side
from aris_pipeline_tests.unit.charts.conftest import assert_fits_the_event_log

ARM = Bar("offline gemma-3-4b-it", 28.0, 26.5, 29.1, [26.5, 28.2, 29.1])


@pytest.mark.parametrize("arms", [1, 2, 6, 12])
def test_any_number_of_arms_stands_side_by_side(arms: int) -> None:
    assert_fits_the_event_log(side_by_side([ARM] * arms, "requests/s", "Requests per second"))


def test_an_arm_of_one_block_has_a_bar_without_an_interval() -> None:
    single = side_by_side([Bar("a", 1.0, None, None, [1.0])], "requests/s", "One")

    assert_fits_the_event_log(single)
    assert single != side_by_side([Bar("a", 1.0, 0.5, 1.5, [1.0])], "requests/s", "One")


def test_without_arms_there_is_no_picture() -> None:
    assert side_by_side([], "requests/s", "Nothing") is None
