"""Measures the head of a ranking: precision and recall of its first k rows.

How many rows are in the head and how many are not is known, so the random rows on each side are
weighted to make up what the certain ones leave (post-stratification: D. Holt and T. M. F. Smith,
JRSS A 142, 1979). A side of which no random row was labeled gets a row of which nothing is known.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aris_pipeline.labels import measures
from aris_pipeline.labels.measures import Floats, Ints
from aris_pipeline.labels.resampling import Estimate, estimate, resampled


@dataclass(frozen=True)
class Head:
    """The precision and recall of the first rows of a ranking.

    Attributes:
        labeled: labeled rows among them.
        precision: the share of them that people advance.
        recall: the share of all whom people advance that is among them.
    """

    labeled: int
    precision: Estimate
    recall: Estimate


def measure_head(  # noqa: PLR0913 - one argument a fact of the rows
    shares: Floats, weight: Floats, strata: Ints, place: Ints, *, k: int, rows: int, advancing: int
) -> Head:
    """Measures the first k rows of a batch.

    Args:
        shares: (labeled rows, options), how a row's raters divide.
        weight: for how many rows of the batch each labeled row speaks.
        strata: the stratum of each, numbered from 0.
        place: its place in the ranking, from 1.
        k: rows in the head.
        rows: of the batch.
        advancing: how many options advance a candidate.
    """
    chosen = place <= k
    fitted, unknown = _fitted(weight, chosen, k, rows)
    shares = np.concatenate([shares, np.zeros((len(unknown), shares.shape[1]))])
    fitted = np.concatenate([fitted, np.array([size for _, size in unknown])])
    is_head = np.concatenate([chosen, np.array([side for side, _ in unknown], dtype=np.bool_)])
    own = 2 * (strata.max() + 1) + np.arange(len(unknown))
    cells = np.concatenate([2 * strata + chosen, own])
    _, cells = np.unique(cells, return_inverse=True)
    draws = resampled(shares, fitted, cells, advancing)
    masses = shares * fitted[:, None]

    def precision(found: Floats) -> Floats:
        return measures.precision(*measures.split(found, advancing), is_head)

    def recall(found: Floats) -> Floats:
        return measures.recall(measures.split(found, advancing)[0], is_head)

    return Head(
        int(chosen.sum()), estimate(precision, masses, draws), estimate(recall, masses, draws)
    )


def _fitted(
    weight: Floats, chosen: NDArray[np.bool_], k: int, rows: int
) -> tuple[Floats, list[tuple[bool, float]]]:
    """Returns weights that add up to the rows of both sides, and sides without a row to weight."""
    fitted, unknown = weight.copy(), []
    sampled = weight > 1 + 1e-9
    free = sampled if sampled.any() else np.ones_like(sampled)
    for side, size in ((True, k), (False, rows - k)):
        own = chosen == side
        left = size - weight[own & ~free].sum()
        if left <= 0:
            continue
        if (own & free).any():
            fitted[own & free] *= left / weight[own & free].sum()
        else:
            unknown.append((side, float(left)))
    return fitted, unknown
