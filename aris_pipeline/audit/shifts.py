"""Says how far scores move when one thing is changed, and whether that is more than chance.

The differences of pairs, changed minus reference, have a mean with Student's interval:

    mean +- t(0.975, n - 1) * s / sqrt(n)

and the p-value of the paired t-test (Student, "The probable error of a mean", Biometrika 6, 1908).
Where many signals are tested, one of them would look like an effect by chance. Holm's step-down
correction keeps the probability of any false alarm below the level (S. Holm, "A simple sequentially
rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979): of m p-values the
one at place i, from 0, is multiplied by m - i, and never falls below one before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aris_pipeline.errors import ConfigError

Floats = NDArray[np.float64]

LEVEL = 0.05
LEAST_PAIRS = 10
"""Student's interval takes the mean of the differences as normal, which a few need not have."""


@dataclass(frozen=True)
class Shift:
    """The mean difference of pairs in points of the score; NaN if there are under two pairs."""

    pairs: int
    mean: float
    low: float
    high: float
    p_value: float


def shift_of(differences: Sequence[float] | Floats) -> Shift:
    """Returns the mean of differences with its 95 % interval.

    Args:
        differences: score of the changed minus that of the reference profile, one a pair.

    Raises:
        ConfigError: scipy is not installed.
    """
    found = np.asarray(differences, dtype=np.float64)
    if len(found) < 2:  # noqa: PLR2004 - a spread needs two
        return Shift(len(found), float(found[0]) if len(found) else np.nan, *[np.nan] * 3)
    mean, error = found.mean(), found.std(ddof=1) / np.sqrt(len(found))
    if error == 0:
        return Shift(len(found), float(mean), float(mean), float(mean), float(mean == 0))
    student = scipy_stats().t(len(found) - 1)
    far = student.ppf(1 - LEVEL / 2) * error
    p_value = 2 * student.sf(abs(mean) / error)
    return Shift(len(found), float(mean), float(mean - far), float(mean + far), float(p_value))


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns p-values that are corrected for their number, in the same order.

    Args:
        p_values: of tests that can each raise an alarm; NaN for one that could not be done.
    """
    order = [int(at) for at in np.argsort(p_values) if not np.isnan(p_values[at])]
    corrected, highest = [np.nan] * len(p_values), 0.0
    for passed, at in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - passed) * p_values[at]))
        corrected[at] = highest
    return corrected


def scipy_stats() -> Any:
    """Returns scipy's statistics.

    Raises:
        ConfigError: scipy is not installed.
    """
    try:
        from scipy import stats  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigError(
            'the audit needs scipy: run `pip install -e ".[labels]"`, or `make setup`'
        ) from error
    return stats
