"""Compares two judges on the same labeled rows: two rubrics, or two models."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from aris_pipeline.errors import TooFewLabelsError
from aris_pipeline.labels import measures
from aris_pipeline.labels.labeled import Labeled, read_labeled
from aris_pipeline.labels.measures import Floats
from aris_pipeline.labels.population import RECOMMENDATION, Population
from aris_pipeline.labels.resampling import Estimate, estimate, resampled
from aris_pipeline.storage import DataStore

Figure = Callable[[Floats], Floats]

_LEAST_LABELS = 50
"""An interval of fewer rows is too narrow to call a change clear."""


@dataclass(frozen=True)
class Difference:
    """A figure of two judges on the same rows.

    Attributes:
        figure: its name.
        first: of the first judge.
        second: of the second.
        change: the second minus the first, with the interval over resamples of rows, which both
            share: what makes rows hard for both drops out.
        labeled: the rows.
    """

    figure: str
    first: float
    second: float
    change: Estimate
    labeled: int

    @property
    def is_clear(self) -> bool:
        """Returns whether the interval of the change leaves out 0, by enough labels."""
        return self.labeled >= _LEAST_LABELS and (self.change.low > 0 or self.change.high < 0)

    def as_dict(self) -> dict[str, Any]:
        """Returns the fields, for JSON."""
        return {**vars(self), "change": vars(self.change), "is_clear": self.is_clear}


def compare_judges(
    store: DataStore, first: Population, second: Population
) -> tuple[int, list[Difference]]:
    """Compares two judges by the labels of recommendations of a batch, by a paired bootstrap.

    Returns:
        The labeled rows that both have scored, and the differences.

    Raises:
        TooFewLabelsError: no labeled row has been scored and judged by both.
    """
    pair = [read_labeled(store, one).get(RECOMMENDATION) for one in (first, second)]
    rows = [_complete(one) for one in pair if one is not None]
    if len(rows) < len(pair) or rows[0].rows.join(rows[1].rows, on="custom_id").is_empty():
        raise TooFewLabelsError(
            f"no labeled candidate of batch {first.batch.name} was judged by both: label a sample "
            "of it by `aris label sample`, and run its file with both judges"
        )
    one, other = (
        mine.where(pl.col("custom_id").is_in(yours.rows["custom_id"].implode()))
        for mine, yours in ((rows[0], rows[1]), (rows[1], rows[0]))
    )
    # Rows are in the order of the labels in both, so that resamples pair them.
    draws = resampled(one.shares, one.weight, one.strata, one.advancing)
    return one.rows.height, list(_differences(one, other, draws))


def _complete(labeled: Labeled) -> Labeled:
    return labeled.where(pl.all_horizontal(pl.col("score", "p_yes", "model").is_not_null()))


def _differences(one: Labeled, other: Labeled, draws: Floats) -> Iterator[Difference]:
    for (name, first), second in zip(_figures(one).items(), _figures(other).values(), strict=True):

        def change(masses: Floats, first: Figure = first, second: Figure = second) -> Floats:
            return second(masses) - first(masses)

        yield Difference(
            name,
            float(first(one.masses)),
            float(second(one.masses)),
            estimate(change, one.masses, draws),
            one.rows.height,
        )


def _figures(labeled: Labeled) -> dict[str, Figure]:
    score, p_yes = (labeled.rows[name].to_numpy() for name in ("score", "p_yes"))
    model = labeled.rows["model"].to_numpy()
    advanced = model < labeled.advancing

    def split(masses: Floats) -> tuple[Floats, Floats]:
        return measures.split(masses, labeled.advancing)

    return {
        "auc": lambda masses: measures.auc(*split(masses), score),
        "kappa": lambda masses: measures.quadratic_kappa(measures.table_with_model(masses, model)),
        "precision": lambda masses: measures.precision(*split(masses), advanced),
        "recall": lambda masses: measures.recall(split(masses)[0], advanced),
        "brier": lambda masses: np.asarray(measures.brier(*split(masses), p_yes)),
    }
