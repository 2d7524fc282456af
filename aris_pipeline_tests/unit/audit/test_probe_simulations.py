"""Whether the figures of probe and stability hold, on few simulated judges."""

import pytest

from aris_pipeline_tests.soak.audit_simulations import alarms, coverage

pytestmark = pytest.mark.slow


def test_a_bias_is_found_and_the_placebo_is_not() -> None:
    found = alarms(range(20), rows=100, bias=-0.3)

    assert found["found"] == 1
    assert abs(found["mean_shift"] + 0.3) < 0.03
    assert found["false_alarms"] <= 0.15
    assert found["placebo"] <= 0.2


def test_a_judge_without_bias_raises_few_alarms() -> None:
    assert alarms(range(40), rows=40)["any_alarm"] <= 0.13


@pytest.mark.parametrize(("at_border", "elsewhere"), [(0.05, 0.05), (0.3, 0.01)])
def test_the_intervals_of_the_flip_rate_hold_the_truth(at_border: float, elsewhere: float) -> None:
    held = coverage(range(40), batch=2_000, rows=200, at_border=at_border, elsewhere=elsewhere)

    assert min(held.values()) >= 0.9
