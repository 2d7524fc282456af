"""Says how often something happens in a batch of which two strata were asked, by pure functions.

A design asks h = 1, 2 strata with the shares W_h of the batch. The rate of the batch is
sum_h W_h p_h: each stratum weighs by its rows in the batch, not by how many of them were asked.
The interval of a stratum is exact (C. Clopper and E. Pearson, Biometrika 26, 1934), and that of the
sum follows from those of the strata (G. Zou, W. Huang and X. Zhang, "A note on confidence interval
estimation for a linear function of binomial proportions", CSDA 53, 2009):

    low = p - sqrt(sum_h W_h^2 (p_h - low_h)^2),  high = p + sqrt(sum_h W_h^2 (high_h - p_h)^2)

A mean of the batch is sum_h W_h mean_h with sqrt(sum_h W_h^2 s_h^2 / n_h) as its standard error
(W. Cochran, Sampling Techniques, 1977, chapter 5).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from aris_pipeline.audit.shifts import LEVEL, Floats, scipy_stats

_Z = 1.959964
"""Quantile 0.975 of the normal distribution."""


class Interval(NamedTuple):
    """A figure with its 95 % interval; NaN if nothing was asked."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Counted:
    """What was counted in a stratum.

    Attributes:
        share: its rows, as a share of all that the rate is about.
        hits: rows asked in which it happened.
        rows: rows asked.
    """

    share: float
    hits: int
    rows: int


def stratified_rate(strata: Sequence[Counted]) -> Interval:
    """Returns the rate over strata; one of which nobody was asked may have any rate from 0 to 1.

    Raises:
        ConfigError: scipy is not installed.
    """
    hits, rows = sum(one.hits for one in strata), sum(one.rows for one in strata)
    if not rows:
        return Interval(np.nan, np.nan, np.nan)
    value = below = above = 0.0
    for one in strata:
        rate, low, high = hits / rows, 0.0, 1.0
        if one.rows:
            rate = one.hits / one.rows
            exact = scipy_stats().binomtest(one.hits, one.rows).proportion_ci(1 - LEVEL)
            low, high = exact.low, exact.high
        value += one.share * rate
        below += (one.share * (rate - low)) ** 2
        above += (one.share * (high - rate)) ** 2
    return Interval(value, max(value - below**0.5, 0.0), min(value + above**0.5, 1.0))


def stratified_mean(strata: Sequence[tuple[float, Floats]]) -> Interval:
    """Returns the mean over strata, each given by its share of the batch and its values.

    A stratum without values is left out, and the others weigh more.
    """
    known = [(share, values) for share, values in strata if len(values)]
    total = sum(share for share, _ in known)
    if not total:
        return Interval(np.nan, np.nan, np.nan)
    mean = sum(share / total * values.mean() for share, values in known)
    if any(len(values) == 1 for _, values in known):
        return Interval(float(mean), np.nan, np.nan)
    error = sum((share / total) ** 2 * values.var(ddof=1) / len(values) for share, values in known)
    far = _Z * error**0.5
    return Interval(float(mean), float(mean - far), float(mean + far))


def weighted_quantile(values: Floats, weight: Floats, share: float) -> float:
    """Returns the least value that at least `share` of the weight does not exceed."""
    if not len(values):
        return np.nan
    order = np.argsort(values, kind="stable")
    passed = np.cumsum(weight[order]) / weight.sum()
    return float(values[order][np.searchsorted(passed, share - 1e-12)])
