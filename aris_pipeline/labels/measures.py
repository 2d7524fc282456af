"""Measures a judge against what people said, by pure functions on arrays.

Every function takes masses: an array that ends in rows and options. The mass of a row's option is
the number of rows of the batch that the row speaks for, shared out over its raters' labels. A
leading axis, if there is one, holds resamples, and the result has one figure for each.

| name | shape | holds |
|---|---|---|
| masses | (..., rows, options) | as above, options from best to worst |
| yes, no | (..., rows) | the mass of the options that advance a candidate, and of the others |
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BINS = 5
"""Bins of the calibration error."""


def split(masses: Floats, advancing: int) -> tuple[Floats, Floats]:
    """Returns yes and no: the first options advance a candidate.

    Args:
        masses: by row and option.
        advancing: how many options advance.
    """
    return masses[..., :advancing].sum(-1), masses[..., advancing:].sum(-1)


def precision(yes: Floats, no: Floats, chosen: NDArray[np.bool_]) -> Floats:
    """Returns the share of the chosen rows that people advance; NaN if none is labeled."""
    found = yes[..., chosen].sum(-1)
    return _over(found, found + no[..., chosen].sum(-1))


def recall(yes: Floats, chosen: NDArray[np.bool_]) -> Floats:
    """Returns the share of all whom people advance that is among the chosen; NaN without any."""
    return _over(yes[..., chosen].sum(-1), yes.sum(-1))


def auc(yes: Floats, no: Floats, score: Floats) -> Floats:
    """Returns how often a yes has the higher score than a no, ties as half; NaN if one is missing.

    The area under the ROC curve by ranks (J. A. Hanley and B. J. McNeil, Radiology 143, 1982):
    sum_i yes_i (no below i + no beside i / 2) / (sum yes * sum no).
    """
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=np.nan) != 0)
    yes_of, no_of = (np.add.reduceat(one[..., order], starts, axis=-1) for one in (yes, no))
    below = np.cumsum(no_of, axis=-1) - no_of / 2
    return _over((yes_of * below).sum(-1), yes.sum(-1) * no.sum(-1))


def brier(yes: Floats, no: Floats, chance: Floats) -> Floats:
    """Returns the mean squared distance of a probability from the truth (G. W. Brier, 1950)."""
    return _over((yes * (1 - chance) ** 2 + no * chance**2).sum(-1), (yes + no).sum(-1))


def equal_mass_bins(chance: Floats, weight: Floats, bins: int = BINS) -> Ints:
    """Returns each row's bin, 0 to bins - 1: of rising probability and about equal weight."""
    order = np.lexsort((np.arange(len(chance)), chance))
    passed = np.cumsum(weight[order]) - weight[order] / 2
    found = np.empty(len(chance), dtype=np.int64)
    found[order] = np.minimum(passed / weight.sum() * bins, bins - 1).astype(np.int64)
    return found


def calibration_error(yes: Floats, no: Floats, chance: Floats, bins: Ints) -> Floats:
    """Returns the mean distance of probabilities from what happens, by bin.

    sum_b |sum_i in b (yes_i - chance_i (yes_i + no_i))| / mass: the expected calibration error of
    M. Pakdaman Naeini et al. (AAAI 2015), in bins of equal mass (K. Nguyen and B. O'Connor, 2015).
    """
    gap = yes - chance * (yes + no)
    by_bin = (np.abs(gap[..., bins == one].sum(-1)) for one in np.unique(bins))
    return _over(np.sum(list(by_bin), axis=0), (yes + no).sum(-1))


def quadratic_kappa(table: Floats) -> Floats:
    """Returns how far two raters agree beyond chance on a scale, far misses weighing more.

    1 - sum_ij w_ij o_ij / sum_ij w_ij e_ij, with w_ij = (i - j)^2 (J. Cohen, "Weighted kappa",
    Psychological Bulletin 70, 1968). 1 is full agreement, 0 what chance gives.

    Args:
        table: (..., options, options), the mass of each pair of labels.

    Returns:
        NaN if both use a single option.
    """
    options = np.arange(table.shape[-1])
    far = (options[:, None] - options) ** 2.0
    chance = table.sum(-1)[..., :, None] * table.sum(-2)[..., None, :]
    expected = _over((far * chance).sum((-2, -1)), table.sum((-2, -1)))
    return 1 - _over((far * table).sum((-2, -1)), expected)


def table_with_model(masses: Floats, model: Ints) -> Floats:
    """Returns the masses by people's option and the model's: (..., options, options).

    Args:
        masses: by row and people's option.
        model: the model's option of each row.
    """
    return np.swapaxes(masses, -1, -2) @ np.eye(masses.shape[-1])[model]


def _over(part: Floats, whole: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.true_divide(part, whole), dtype=np.float64)
