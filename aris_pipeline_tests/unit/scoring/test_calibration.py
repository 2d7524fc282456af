import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aris_pipeline.scoring import calibrated_probabilities, scores

_LOGPROBS = st.lists(st.floats(-50, 0), min_size=5, max_size=5)


def test_a_model_that_says_the_same_without_a_profile_is_undecided() -> None:
    lp = np.log([[0.7, 0.1, 0.1, 0.05, 0.05]])
    found = scores(lp, lp)
    assert found.probabilities[0] == pytest.approx([0.2] * 5)
    assert found.score[0] == pytest.approx(2)
    assert found.confidence[0] == pytest.approx(0.2)


def test_what_rises_above_the_prejudice_wins() -> None:
    prejudice = np.log([[0.8, 0.1, 0.1]])
    seen = np.log([[0.6, 0.3, 0.1]])
    found = scores(seen, prejudice)
    weights = np.array([0.75, 3, 1])
    assert found.probabilities[0] == pytest.approx(weights / weights.sum())
    assert found.likeliest[0] == 1


def test_certainty_of_the_best_scores_the_most_and_of_the_worst_nothing() -> None:
    even = np.zeros((2, 5))
    seen = np.full((2, 5), -math.inf)
    seen[0, 0] = seen[1, 4] = 0
    assert scores(seen, even).score.tolist() == [4, 0]


def test_rows_without_logprobs_are_not_scored() -> None:
    seen = np.zeros((3, 5))
    calibration = np.zeros((3, 5))
    seen[0] = calibration[1] = math.nan
    found = scores(seen, calibration)
    assert np.isnan(found.score).tolist() == [True, True, False]
    assert found.likeliest.tolist()[:2] == [-1, -1]


def test_no_rows_are_no_scores() -> None:
    assert scores(np.empty((0, 5)), np.empty((0, 5))).score.shape == (0,)


@given(logprobs=_LOGPROBS, calibration=_LOGPROBS)
def test_probabilities_sum_to_one_and_the_score_stays_on_the_scale(
    logprobs: list[float], calibration: list[float]
) -> None:
    found = scores(np.array([logprobs]), np.array([calibration]))
    assert found.probabilities.sum() == pytest.approx(1)
    assert -1e-9 <= found.score[0] <= 4 + 1e-9
    assert 0.2 - 1e-9 <= found.confidence[0] <= 1 + 1e-9


@given(logprobs=_LOGPROBS, calibration=_LOGPROBS, shift=st.floats(-5, 5))
def test_a_common_shift_of_the_logprobs_changes_nothing(
    logprobs: list[float], calibration: list[float], shift: float
) -> None:
    lp, cal = np.array([logprobs]), np.array([calibration])
    assert calibrated_probabilities(lp + shift, cal) == pytest.approx(
        calibrated_probabilities(lp, cal)
    )
