"""Computes a score from log-probabilities of the verdicts, by pure functions on arrays.

Contextual calibration after Zhao, Wallace, Feng, Klein and Singh, "Calibrate Before Use: Improving
Few-Shot Performance of Language Models" (ICML 2021): a model prefers some answers whatever it
reads. Its preference without a profile is divided out:

    p_i = exp(lp_i - cal_i) / sum_j exp(lp_j - cal_j)

With options from best to worst and value_i = n - 1 - i (4 to 0 for five):

    score = sum_i p_i * value_i        confidence = max_i p_i
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """One entry a row; NaN (and -1 for `likeliest`) if a row cannot be scored."""

    probabilities: Floats
    score: Floats
    confidence: Floats
    likeliest: NDArray[np.int64]


def calibrated_probabilities(logprobs: Floats, calibration: Floats) -> Floats:
    """Returns p, rows by options; rows of NaN if either input has NaN or nothing is possible.

    Args:
        logprobs: log-probability of each option given the candidate's prompt.
        calibration: the same for the prompt without a profile.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = logprobs - calibration
        difference -= difference.max(axis=1, keepdims=True, initial=-np.inf)
        weights = np.exp(difference)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)


def scores(logprobs: Floats, calibration: Floats) -> Scores:
    """Returns probabilities, score, confidence and likeliest option of each row."""
    probabilities = calibrated_probabilities(logprobs, calibration)
    options = probabilities.shape[1]
    unknown = np.isnan(probabilities).any(axis=1)
    likeliest = np.where(unknown, 0.0, np.nan_to_num(probabilities).argmax(axis=1)).astype(np.int64)
    return Scores(
        probabilities=probabilities,
        score=probabilities @ np.arange(options - 1, -1, -1, dtype=np.float64),
        confidence=probabilities.max(axis=1),
        likeliest=np.where(unknown, -1, likeliest),
    )
