"""Cuts a batch so that it keeps whom people would advance, by the labels of batches like it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from aris_pipeline.errors import TooFewLabelsError
from aris_pipeline.evaluations import ranked_by
from aris_pipeline.labels.guarantee import Promise, equal_probability_rows, highest_cut
from aris_pipeline.labels.importing import newest_labels
from aris_pipeline.labels.labeled import labeled_populations, once_each, read_labeled
from aris_pipeline.labels.measures import Floats
from aris_pipeline.labels.population import RECOMMENDATION, Population
from aris_pipeline.quality import Thresholds, population_stability_index
from aris_pipeline.storage import DataStore, Judge

_BINS = 10
_LEAST_ROWS = 100
_COUNTED = {"request_key": pl.String, "score": pl.Float64, "advanced": pl.Boolean}


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
class PromisedCut:
    """The least score that keeps a promise.

    Attributes:
        promise: the recall and the confidence.
        cut: the score; rows without a score are kept whatever it is.
        labeled: labels that count: drawn with equal probability, a candidate of several batches
            once.
        advanced: those of them that people advance.
        drifts: each batch whose labels were looked at.
    """

    promise: Promise
    cut: float
    labeled: int
    advanced: int
    drifts: tuple[Drift, ...]


@dataclass(frozen=True)
class Shortlist:
    """The candidates of a batch that a promise keeps.

    Attributes:
        by: the cut, and the labels behind it.
        rows: the list, best score first.
        of: rows of the batch.
    """

    by: PromisedCut
    rows: pl.DataFrame
    of: int

    def as_dict(self) -> dict[str, Any]:
        """Returns the figures, for JSON."""
        by = self.by
        return {
            **vars(by.promise),
            "cut": None if math.isinf(by.cut) else by.cut,
            "rows": self.rows.height,
            "of": self.of,
            "share": round(self.rows.height / self.of, 4),
            "labeled": by.labeled,
            "advanced": by.advanced,
            "drifts": [vars(one) for one in by.drifts],
        }


def make_shortlist(store: DataStore, population: Population, promise: Promise) -> Shortlist:
    """Returns the shortest list of a judged batch that keeps a promise.

    Raises:
        TooFewLabelsError: the labels do not allow the promise; says how many are needed.
    """
    rows = population.rows
    by = promised_cut(
        store, population.judge, population.rubric.digest, promise,
        batch=population.batch.name, scores=rows["score"],
    )  # fmt: skip
    kept = rows.filter(pl.col("score").fill_null(math.inf) >= by.cut)
    ordered = kept.sort("score", "custom_id", descending=[True, False], nulls_last=True)
    return Shortlist(by, ordered, rows.height)


def promised_cut(  # noqa: PLR0913 - what is cut, and by which labels
    store: DataStore,
    judge: Judge,
    rubric_digest: str,
    promise: Promise,
    *,
    batch: str,
    scores: pl.Series | None = None,
) -> PromisedCut:
    """Returns the highest cut of the score that keeps a promise for a batch.

    It assumes that the labeled batches and this one are exchangeable: same kind of candidates, same
    judge, and people who advance by the same standard. What can be seen of that is checked: labels
    of a batch whose scores have another distribution are left out, and so are those of another
    text of the rubric.

    Args:
        store: the store of the tables.
        judge: whose scores are cut.
        rubric_digest: of the rubric's text.
        promise: the recall and the confidence.
        batch: the name of the batch.
        scores: of its rows; None before they are known, which leaves no batch out.

    Raises:
        TooFewLabelsError: the labels do not allow the promise; says how many are needed.
    """
    drifts: list[Drift] = []
    parts = [pl.DataFrame(schema=_COUNTED)]
    of_another_text = []
    for labeled in labeled_populations(store, judge):
        counted = read_labeled(store, labeled).get(RECOMMENDATION)
        if counted is None:
            continue
        if labeled.rubric.digest != rubric_digest:
            of_another_text.append(labeled.batch.name)
            continue
        drift = _drift(labeled, batch, scores)
        drifts.append(drift)
        if drift.is_used:
            parts.append(equal_probability_rows(counted))
    rows = once_each(pl.concat(parts))
    advanced = rows.filter("advanced")["score"]
    cut = highest_cut(advanced.to_numpy(), promise)
    if cut is None:
        lack, more = _too_few(promise, rows.height, advanced.len())
        remedy = _how_to_label(store, judge, rubric_digest, batch, more)
        left_out = _left_out(of_another_text, drifts)
        raise TooFewLabelsError(f"{lack}: {remedy}{left_out}")
    return PromisedCut(promise, cut, rows.height, advanced.len(), tuple(drifts))


def _left_out(of_another_text: Sequence[str], drifts: Sequence[Drift]) -> str:
    """Returns which labels do not count, and why; empty if all do."""
    drifted = [one.batch for one in drifts if not one.is_used]
    reasons = {
        "was judged by another text of the rubric": of_another_text,
        "has another distribution of scores": drifted,
    }
    said = [f"{name} {reason}" for reason, names in reasons.items() for name in names]
    return f". Labels that do not count, because their batch {', '.join(said)}" if said else ""


def _drift(labeled: Population, batch: str, scores: pl.Series | None) -> Drift:
    name = labeled.batch.name
    if name == batch or scores is None:
        return Drift(name, 0.0, is_used=True)
    before, after = labeled.rows["score"].drop_nulls(), scores.drop_nulls()
    if min(before.len(), after.len()) < _LEAST_ROWS:
        return Drift(name, None, is_used=True)
    edges = np.quantile(before.to_numpy(), np.linspace(0, 1, _BINS + 1)[1:-1])
    index = population_stability_index(*(_counts(one, edges) for one in (before, after)))
    return Drift(name, index, is_used=index <= Thresholds().max_recommendation_drift)


def _counts(scores: pl.Series, edges: Floats) -> dict[str, int]:
    bins = np.searchsorted(np.unique(edges), scores.to_numpy())
    return {str(number): int(count) for number, count in enumerate(np.bincount(bins)) if count}


def _too_few(promise: Promise, labeled: int, advanced: int) -> tuple[str, int]:
    """Returns what the promise lacks, and about how many more labels it needs."""
    needed = promise.least_advanced
    more = math.ceil((needed - advanced) * (labeled + 1) / (advanced + 0.5))
    lack = (
        f"{promise} needs labels "
        f"of at least {needed:,} candidates whom people advance, drawn at random; there are "
        f"{advanced:,} among {labeled:,} such labels. About {more:,} more should do"
    )
    return lack, more


def _how_to_label(store: DataStore, judge: Judge, rubric_digest: str, batch: str, more: int) -> str:
    """Returns the command that draws so many rows of a batch, or of the judged one with most."""
    open_rows = {
        one.name: sum(one.shard_rows) - _labeled_of(store, one.name)
        for one in store.batches()
        if (rubric := ranked_by(store, judge, one)) and rubric.digest == rubric_digest
    }
    most = max(open_rows, key=lambda one: open_rows[one], default=None)
    name = batch if open_rows.get(batch) else most
    if name is None:
        return "judge a batch by this rubric without triage first, and label a sample of it"
    if not open_rows[name]:
        return "all candidates of this judge's batches are labeled, so judge another batch first"
    beyond = "; that batch is too small, so label others by this judge too"
    return (
        f"`aris label sample {name} --top 0 --borderline 0 --random {min(more, open_rows[name])} "
        f"--seed 8 --out FILE`{beyond if more > open_rows[name] else ''}"
    )


def _labeled_of(store: DataStore, batch: str) -> int:
    labels = newest_labels(store, batch).filter(criterion=RECOMMENDATION)
    return labels["custom_id"].n_unique()
