import math

import numpy as np
import pytest

from aris_pipeline.audit.flips import (
    Counted,
    stratified_mean,
    stratified_rate,
    weighted_quantile,
)
from aris_pipeline.audit.shifts import holm, shift_of


def test_the_shift_of_pairs_has_students_interval() -> None:
    """By hand: mean 2, s = 1, t(0.975, 2) = 4.302653; p of t = 2 * sqrt(3)."""
    found = shift_of([1.0, 2.0, 3.0])

    assert found.mean == 2
    assert found.low == pytest.approx(2 - 4.302652730 / math.sqrt(3), abs=1e-9)
    assert found.high == pytest.approx(2 + 4.302652730 / math.sqrt(3), abs=1e-9)
    assert found.p_value == pytest.approx(1 - 2 * math.sqrt(3) / math.sqrt(2 + 12), abs=1e-9)


def test_pairs_that_never_move_are_no_alarm() -> None:
    found = shift_of([0.0] * 30)

    assert (found.low, found.high, found.p_value) == (0, 0, 1)


def test_holm_corrects_by_place_and_never_falls() -> None:
    """The example of S. Holm's rule: 0.01 * 4, 0.03 * 3, 0.04 * 2 (raised to 0.09), 0.2 * 1."""
    assert holm([0.04, 0.01, float("nan"), 0.2, 0.03]) == pytest.approx(
        [0.09, 0.04, float("nan"), 0.2, 0.09], nan_ok=True
    )


def test_a_rate_weighs_strata_by_the_batch_and_not_by_the_sample() -> None:
    found = stratified_rate([Counted(0.1, 5, 10), Counted(0.9, 0, 10)])

    assert found.value == pytest.approx(0.05)
    # Clopper-Pearson of 5 of 10: 0.187086 to 0.812914; of 0 of 10: 0 to 0.308498.
    assert found.low == pytest.approx(0.05 - 0.1 * (0.5 - 0.1870860284), abs=1e-9)
    above = math.hypot(0.1 * (0.8129139716 - 0.5), 0.9 * 0.3084971078)
    assert found.high == pytest.approx(0.05 + above, abs=1e-9)


def test_a_stratum_that_nobody_was_asked_of_may_have_any_rate() -> None:
    found = stratified_rate([Counted(0.5, 0, 100), Counted(0.5, 0, 0)])

    assert found.value == 0
    assert found.high > 0.5


def test_a_mean_weighs_strata_by_the_batch() -> None:
    found = stratified_mean([(0.25, np.array([1.0, 3.0])), (0.75, np.array([0.0, 0.0]))])

    assert found.value == pytest.approx(0.5)
    assert found.high == pytest.approx(0.5 + 1.959964 * 0.25, abs=1e-6)


def test_a_weighted_quantile_holds_at_least_its_share() -> None:
    assert weighted_quantile(np.array([3.0, 1.0, 2.0]), np.array([1.0, 8.0, 1.0]), 0.9) == 2
