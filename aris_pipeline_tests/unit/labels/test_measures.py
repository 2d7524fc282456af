"""The figures against cases that can be counted by hand."""

import numpy as np
import pytest

from aris_pipeline.labels import measures
from aris_pipeline.labels.measures import Floats

YES = np.array([1.0, 1.0, 0.0, 1.0, 0.0])
NO = 1 - YES
SCORE = np.array([5.0, 4.0, 3.0, 2.0, 1.0])
HEAD = SCORE > 3


def test_precision_and_recall_count_rows() -> None:
    assert measures.precision(YES, NO, HEAD) == 1.0
    assert measures.recall(YES, HEAD) == pytest.approx(2 / 3)


def test_a_row_that_speaks_for_many_counts_as_many() -> None:
    weight = np.array([1.0, 1.0, 10.0, 10.0, 10.0])

    assert measures.recall(YES * weight, HEAD) == pytest.approx(2 / 12)


def test_auc_is_the_share_of_pairs_in_the_right_order_ties_as_half() -> None:
    assert measures.auc(YES, NO, SCORE) == pytest.approx(5 / 6)
    assert measures.auc(YES, NO, np.zeros(5)) == pytest.approx(0.5)
    assert measures.auc(YES, NO, np.array([2.0, 2.0, 2.0, 1.0, 0.0])) == pytest.approx(4 / 6)


def test_without_a_yes_or_a_no_there_is_no_auc_and_no_recall() -> None:
    assert np.isnan(measures.auc(np.ones(5), np.zeros(5), SCORE))
    assert np.isnan(measures.recall(np.zeros(5), HEAD))


def test_brier_is_the_mean_squared_distance() -> None:
    chance = np.array([1.0, 0.5, 0.0, 1.0, 0.5])

    assert measures.brier(YES, NO, chance) == pytest.approx((0.25 + 0.25) / 5)


def test_bins_hold_equal_mass_and_rise() -> None:
    bins = measures.equal_mass_bins(np.linspace(0, 1, 10), np.ones(10), 5)
    heavy = measures.equal_mass_bins(np.array([0.1, 0.2, 0.3]), np.array([2.0, 1.0, 1.0]), 2)

    assert bins.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert heavy.tolist() == [0, 1, 1]


def test_calibration_error_is_0_if_as_many_advance_as_predicted() -> None:
    chance = np.full(4, 0.5)
    bins = np.array([0, 0, 1, 1])
    even, uneven = np.array([1.0, 0.0, 1.0, 0.0]), np.array([1.0, 1.0, 0.0, 0.0])

    assert measures.calibration_error(even, 1 - even, chance, bins) == 0
    assert measures.calibration_error(uneven, 1 - uneven, chance, bins) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("table", "kappa"),
    [
        (np.eye(3), 1.0),
        (np.ones((3, 3)), 0.0),
        (np.fliplr(np.eye(3)), -1.0),
        (np.array([[2.0, 1.0], [1.0, 4.0]]), 1 - (2 / 8) / ((3 * 5 + 5 * 3) / 64)),
    ],
)
def test_kappa_is_1_for_full_agreement_and_0_for_chance(table: Floats, kappa: float) -> None:
    assert measures.quadratic_kappa(table) == pytest.approx(kappa)


def test_a_far_miss_weighs_more_than_a_near_one() -> None:
    near = np.array([[3.0, 1.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0]])
    far = np.array([[3.0, 0.0, 1.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0]])

    assert measures.quadratic_kappa(near) > measures.quadratic_kappa(far)


def test_figures_take_many_resamples_at_once() -> None:
    yes = np.stack([YES, 1 - YES])

    both = measures.auc(yes, 1 - yes, SCORE)

    assert both.tolist() == pytest.approx([5 / 6, 1 / 6])
