"""Measures how far people agree with each other: more than that no judge can be asked for."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import polars as pl

from aris_pipeline.labels.labeled import Labeled
from aris_pipeline.labels.measures import Floats, quadratic_kappa
from aris_pipeline.labels.resampling import Estimate, estimate, resampled


@dataclass(frozen=True)
class People:
    """The agreement of two people on the rows that several have labeled."""

    rows: int
    kappa: Estimate


def agreement_of_people(labeled: Labeled) -> People | None:
    """Returns the quadratic-weighted kappa of two raters; None if no row has two."""
    shared = labeled.where(pl.col("said").list.len() > 1)
    if not shared.rows.height:
        return None
    options = len(labeled.options)
    pairs = np.zeros((shared.rows.height, options, options))
    for row, said in enumerate(shared.rows["said"]):
        both = list(permutations(said, 2))
        for one, other in both:
            pairs[row, one, other] += 1 / len(both)

    def kappa(weights: Floats) -> Floats:
        table = np.asarray(np.tensordot(weights, pairs, axes=(-1, 0)), dtype=np.float64)
        return quadratic_kappa(table[..., : labeled.graded, : labeled.graded])

    # A row is one thing to resample here, whatever its raters said.
    whole = np.ones((shared.rows.height, 1))
    draws = resampled(whole, shared.weight, shared.strata, 1)[..., 0]
    return People(shared.rows.height, estimate(kappa, shared.weight, draws))
