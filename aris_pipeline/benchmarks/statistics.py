"""Intervals and agreement: how sure a figure is, and how far two judges agree."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
_SEED = 20_261_101
"""Fixed, so that equal figures have equal intervals in every report."""
_LEVEL = (2.5, 97.5)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval.

    Attributes:
        value: of the sample itself.
        low: 2.5th percentile over resamples; None where there is but one observation.
        high: 97.5th percentile.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def overlaps(self, other: "Interval") -> bool:
        """Whether the two cannot be told apart; an estimate without an interval never can."""
        if self.low is None or self.high is None or other.low is None or other.high is None:
            return True
        return self.low <= other.high and other.low <= self.high


def mean_interval(values: Sequence[float]) -> Interval:
    """Returns the mean with its percentile bootstrap interval.

    The percentile method of B. Efron, "Bootstrap methods: another look at the jackknife", Annals
    of Statistics 7 (1979); Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), ch. 13.
    With few observations it is too narrow: of three blocks it never leaves the range between the
    smallest and the largest.

    Args:
        values: one an observation (a block, a row), at least one.
    """
    observed = np.asarray(values, dtype=np.float64)
    if len(observed) == 1:
        return Interval(float(observed[0]))
    means = resampled_means(observed)
    low, high = np.percentile(means, _LEVEL)
    return Interval(float(observed.mean()), float(low), float(high))


def ratio_interval(ours: Sequence[float], theirs: Sequence[float]) -> Interval:
    """Returns the ratio of two arms with its interval, paired by block.

    The geometric mean of the blocks' ratios: what both arms of a block share, such as a warmer or
    busier machine, drops out, and the ratio of the other to the one is its inverse.

    Args:
        ours: a positive figure a block.
        theirs: the other arm's in the same blocks.
    """
    logs = mean_interval(list(np.log(np.asarray(ours) / np.asarray(theirs))))
    if logs.low is None or logs.high is None:
        return Interval(float(np.exp(logs.value)))
    return Interval(*(float(np.exp(end)) for end in (logs.value, logs.low, logs.high)))


def resampled_means(observed: Floats) -> Floats:
    """Returns the means of `RESAMPLES` samples drawn with replacement."""
    # The mean of a resample is a weighted sum; multinomial counts save drawing every row.
    random, count = np.random.default_rng(_SEED), len(observed)
    counts = random.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    means: Floats = counts @ observed / count
    return means


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """Returns how far two raters agree beyond chance.

    J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological
    Measurement 20 (1960): (p_o - p_e) / (1 - p_e), where p_o is the observed agreement and p_e the
    one that the raters' own frequencies would give by chance.

    Args:
        first: a category a row.
        second: the other rater's of the same rows.

    Returns:
        1 is full agreement, 0 what chance gives; None without rows, or where both raters give every
        row the same single category, so that there is nothing to agree about.
    """
    rows = len(first)
    if rows == 0:
        return None
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / rows
    of_first, of_second = Counter(first), Counter(second)
    chance = sum(count * of_second[category] for category, count in of_first.items()) / rows**2
    if chance == 1:
        return None
    return (observed - chance) / (1 - chance)
