"""Makes the shortlist of a batch, from the labels of all batches that look like it."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from aris_pipeline.errors import TooFewLabelsError
from aris_pipeline.labels.guarantee import Promise, equal_probability_rows, highest_cut
from aris_pipeline.labels.labeled import read_labeled
from aris_pipeline.labels.measures import Floats
from aris_pipeline.labels.metrics import has_labels
from aris_pipeline.labels.population import RECOMMENDATION, Population, read_population
from aris_pipeline.quality import Thresholds, population_stability_index
from aris_pipeline.storage import DataStore

_BINS = 10
_LEAST_ROWS = 100
_COUNTED = {"score": pl.Float64, "advanced": pl.Boolean}


@dataclass(frozen=True)
class Drift:
    """How far the scores of a labeled batch are from those of the batch to be cut.

    Attributes:
        batch: the labeled batch.
        index: the population stability index; None if a batch has too few rows to tell.
        is_used: whether its labels are used.
    """

    batch: str
    index: float | None
    is_used: bool


@dataclass(frozen=True)
class Shortlist:
    """The candidates that a promise keeps.

    Attributes:
        promise: the recall and the confidence.
        cut: the least score; rows without a score are on the list.
        rows: the list, best score first.
        of: rows of the batch.
        labeled: labels that count: drawn with equal probability.
        advanced: those of them that people advance.
        drifts: each batch whose labels were looked at.
    """

    promise: Promise
    cut: float
    rows: pl.DataFrame
    of: int
    labeled: int
    advanced: int
    drifts: tuple[Drift, ...]

    def as_dict(self) -> dict[str, Any]:
        """Returns the figures, for JSON."""
        return {
            **vars(self.promise),
            "cut": None if math.isinf(self.cut) else self.cut,
            "rows": self.rows.height,
            "of": self.of,
            "share": round(self.rows.height / self.of, 4),
            "labeled": self.labeled,
            "advanced": self.advanced,
            "drifts": [vars(one) for one in self.drifts],
        }


def make_shortlist(store: DataStore, population: Population, promise: Promise) -> Shortlist:
    """Returns the shortest list that keeps a promise.

    It assumes that the labeled batches and this one are exchangeable: same kind of candidates, same
    judge, and people who advance by the same standard. What can be seen of that is checked: labels
    of a batch whose scores have another distribution are left out.

    Raises:
        TooFewLabelsError: the labels do not allow the promise; says how many are needed.
    """
    drifts, parts = [], []
    for batch in store.batches(complain=lambda _damaged: None):
        judges = store.judges("evaluations", batch.name)
        if not has_labels(store, batch) or population.judge not in judges:
            continue
        other = read_population(store, population.judge, batch)
        labeled = read_labeled(store, other).get(RECOMMENDATION)
        if labeled is None:
            continue
        drift = _drift(other, population)
        drifts.append(drift)
        if drift.is_used:
            parts.append(equal_probability_rows(labeled))
    rows = pl.concat([pl.DataFrame(schema=_COUNTED), *parts])
    advanced = rows.filter("advanced")["score"]
    cut = highest_cut(advanced.to_numpy(), promise)
    if cut is None:
        raise TooFewLabelsError(_too_few(population, promise, rows.height, advanced.len()))
    kept = population.rows.filter(pl.col("score").fill_null(math.inf) >= cut)
    return Shortlist(
        promise,
        cut,
        kept.sort("score", "custom_id", descending=[True, False], nulls_last=True),
        population.rows.height,
        rows.height,
        advanced.len(),
        tuple(drifts),
    )


def _drift(labeled: Population, now: Population) -> Drift:
    name = labeled.batch.name
    if name == now.batch.name:
        return Drift(name, 0.0, is_used=True)
    before, after = labeled.rows["score"].drop_nulls(), now.rows["score"].drop_nulls()
    if min(before.len(), after.len()) < _LEAST_ROWS:
        return Drift(name, None, is_used=True)
    edges = np.quantile(before.to_numpy(), np.linspace(0, 1, _BINS + 1)[1:-1])
    index = population_stability_index(*(_counts(one, edges) for one in (before, after)))
    return Drift(name, index, is_used=index <= Thresholds().max_recommendation_drift)


def _counts(scores: pl.Series, edges: Floats) -> dict[str, int]:
    bins = np.searchsorted(np.unique(edges), scores.to_numpy())
    return {str(number): int(count) for number, count in enumerate(np.bincount(bins)) if count}


def _too_few(population: Population, promise: Promise, labeled: int, advanced: int) -> str:
    needed = promise.least_advanced
    share = (advanced + 0.5) / (labeled + 1)
    more, rows = math.ceil((needed - advanced) / share), population.rows.height
    beyond = "; this batch is too small, so label others by this judge too" if more > rows else ""
    return (
        f"a recall of {promise.recall:.0%} with confidence {promise.confidence:.0%} needs labels "
        f"of at least {needed:,} candidates whom people advance, drawn at random; there are "
        f"{advanced:,} among {labeled:,} such labels. About {more:,} more should do{beyond}: "
        f"`aris label sample {population.batch.name} --top 0 --borderline 0 "
        f"--random {min(more, rows)} --seed 8 --out FILE`"
    )
