"""Finds the shortest list that keeps whom people would advance, with a stated confidence.

A list is all rows whose score is at least a cut. The question is how high the cut may be so that
the list still holds the share `recall` of all whom people would advance.

The labels of whom people advance are a sample of n scores. A cut that leaves out m of them is
accepted if so few would be rare with a worse recall:

    P(Bin(n, 1 - recall) <= m) <= 1 - confidence

This is Learn then Test with the exact binomial tail (A. Angelopoulos, S. Bates, E. Candes,
M. Jordan and L. Lei, "Learn then Test", 2021, arXiv 2110.01052), cuts tested from the lowest up
until one is not accepted, so that no correction for many cuts is due. As the tail rises with m, the
accepted cut is an order statistic of the n scores: a tolerance limit (S. S. Wilks, Annals of
Mathematical Statistics 12, 1941). The probability that the list misses the recall is at most
1 - confidence, whatever the model and the distribution of its scores. In a sample without
replacement the tail is smaller still (W. Hoeffding, JASA 58, 1963, section 6), so that the limit
holds there too.

The binomial needs rows that were drawn with equal probability, and a design draws some with
certainty. So a row is kept with the probability weight / largest weight: its probability to be
drawn and kept is then that of all others (rejection sampling: J. von Neumann, 1951). The lot of a
row follows from its request_key, and equal labels give equal cuts. Certain rows are mostly dropped:
labels for a guarantee are best drawn at random.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from aris_pipeline.labels.labeled import Labeled
from aris_pipeline.labels.measures import Floats


@dataclass(frozen=True)
class Promise:
    """What a shortlist is to keep.

    Attributes:
        recall: the least share of all whom people would advance.
        confidence: the probability with which that holds, over samples of labels.
    """

    recall: float
    confidence: float

    def __str__(self) -> str:
        return f"a recall of {100 * self.recall:.4g}% with confidence {100 * self.confidence:.4g}%"

    @property
    def least_advanced(self) -> int:
        """Returns how many advanced rows the labels must have: recall ^ n <= 1 - confidence."""
        return math.ceil(math.log(1 - self.confidence) / math.log(self.recall) - 1e-9)

    def allowed_misses(self, advanced: int) -> int | None:
        """Returns how many of the labeled rows a list may leave out; None if the labels are few.

        Args:
            advanced: labeled rows that people advance, drawn with equal probability.
        """
        tail, allowed = 0.0, None
        for misses in range(advanced + 1):
            tail += _binomial(advanced, misses, 1 - self.recall)
            if tail > 1 - self.confidence:
                break
            allowed = misses
        return allowed


def highest_cut(scores: Sequence[float] | Floats, promise: Promise) -> float | None:
    """Returns the cut of the shortest list that keeps a promise; None if the labels are too few.

    Args:
        scores: of labeled rows that people advance, drawn with equal probability; infinite for rows
            that every list has.
        promise: what the list is to keep.
    """
    allowed = promise.allowed_misses(len(scores))
    return None if allowed is None else float(np.sort(np.asarray(scores))[allowed])


def equal_probability_rows(labeled: Labeled) -> pl.DataFrame:
    """Returns labeled rows as if all had been drawn with equal probability, with one label each.

    Of several raters' labels one is taken by lot: the list is for a person drawn at random.

    Returns:
        `request_key`, `score` (infinite if the row has none, because every list has it) and
        `advanced`.
    """
    rows = labeled.rows
    most = rows["weight"].max()
    lots = [(_lot(key, "kept"), _lot(key, "rater")) for key in rows["request_key"]]
    kept = pl.Series([lot for lot, _ in lots]) < rows["weight"] / most
    said = [
        options[int(lot * len(options))]
        for options, (_, lot) in zip(rows["said"], lots, strict=True)
    ]
    return rows.select(
        "request_key",
        score=pl.col("score").fill_null(math.inf),
        advanced=pl.Series(said, dtype=pl.Int64) < labeled.advancing,
    ).filter(kept)


def _binomial(count: int, hits: int, chance: float) -> float:
    """Returns P(Bin(count, chance) = hits), by logarithms: the coefficients are large."""
    ways = math.lgamma(count + 1) - math.lgamma(hits + 1) - math.lgamma(count - hits + 1)
    return math.exp(ways + hits * math.log(chance) + (count - hits) * math.log1p(-chance))


def _lot(request_key: str, purpose: str) -> float:
    """Returns a number from 0 to 1 that looks random and is the same in every run."""
    digest = hashlib.sha256(f"shortlist {purpose} {request_key}".encode()).digest()
    return int.from_bytes(digest[:4]) / 2**32
