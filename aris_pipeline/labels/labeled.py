"""Joins the labels of a batch with what a judge said of the same rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from aris_pipeline.labels.designs import design_weights
from aris_pipeline.labels.importing import has_labels, newest_labels
from aris_pipeline.labels.measures import Floats, Ints
from aris_pipeline.labels.population import RECOMMENDATION, Population, read_population
from aris_pipeline.storage import DataStore, Judge


@dataclass(frozen=True)
class Labeled:
    """Labels for one criterion, and the judge's values of the same rows.

    Attributes:
        criterion: its name.
        options: of its scale, best to worst.
        advancing: how many of them advance a candidate.
        graded: how many of them are grades; an option such as Unknown comes after these.
        rows: `custom_id`, `request_key`, `weight`, `stratum` (a number), `place`, `score`, `p_yes`,
            `model` (number of the judge's option, or null), and `said`: the number of each rater's
            option.
    """

    criterion: str
    options: Sequence[str]
    advancing: int
    graded: int
    rows: pl.DataFrame

    @cached_property
    def shares(self) -> Floats:
        """Returns how the raters of each row divide over the options: (rows, options)."""
        given = self.rows.select("said").with_row_index("row").explode("said")
        found = np.zeros((self.rows.height, len(self.options)))
        np.add.at(found, (given["row"].to_numpy(), given["said"].to_numpy()), 1.0)
        return np.asarray(found / found.sum(1, keepdims=True), dtype=np.float64)

    @cached_property
    def weight(self) -> Floats:
        """Returns for how many rows of the batch each row speaks."""
        return np.asarray(self.rows["weight"].to_numpy(), dtype=np.float64)

    @cached_property
    def strata(self) -> Ints:
        """Returns the stratum of each row, numbered from 0."""
        return np.asarray(self.rows["stratum"].to_numpy(), dtype=np.int64)

    @property
    def masses(self) -> Floats:
        """Returns the labels by row and option, in rows of the batch."""
        return self.shares * self.weight[:, None]

    def where(self, kept: pl.Expr) -> "Labeled":
        """Returns the same for some of the rows."""
        dense = self.rows.filter(kept).with_columns(
            pl.col("stratum").rank("dense").cast(pl.Int64) - 1
        )
        return replace(self, rows=dense)


def read_labeled(store: DataStore, population: Population) -> dict[str, Labeled]:
    """Returns the labels of a batch by criterion; criteria without labels are left out.

    A row that several raters labeled counts once, and its raters share it.
    """
    batch = population.batch.name
    weights = design_weights(store, batch)
    labels = (
        newest_labels(store, batch)
        .drop("weight")
        .join(weights, on=["criterion", "custom_id"], maintain_order="left")
    )
    return _by_criterion(labels, population)


def labeled_populations(store: DataStore, judge: Judge) -> Iterator[Population]:
    """Yields each batch that people have labeled and a judge has judged, the oldest first."""
    for batch in store.batches():
        if has_labels(store, batch.name) and judge in store.judges("evaluations", batch.name):
            yield read_population(store, judge, batch)


def once_each(rows: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows of several batches with each candidate once, as the newest batch has it.

    Equal profiles have equal request_keys, and the labels of one person say nothing twice.
    """
    return rows.unique("request_key", keep="last", maintain_order=True)


def _by_criterion(labels: pl.DataFrame, population: Population) -> dict[str, Labeled]:
    """Returns labels by criterion, joined with the rows of a population."""
    found = {}
    for criterion, options in population.scales.items():
        numbers = {option: number for number, option in enumerate(options)}
        given = labels.filter(
            pl.col("criterion") == criterion, pl.col("label").is_in(list(numbers))
        )
        rows = (
            given.with_columns(said=pl.col("label").replace_strict(numbers, return_dtype=pl.Int64))
            .group_by("custom_id", maintain_order=True)
            .agg(pl.col("weight", "stratum").first(), "said")
            .join(population.rows, on="custom_id", how="inner", maintain_order="left")
            .with_columns(
                # Rows of a stratum have one weight, also by several samples together.
                stratum=pl.struct("stratum", "weight").rank("dense").cast(pl.Int64) - 1,
                model=pl.col(criterion).replace_strict(
                    numbers, default=None, return_dtype=pl.Int64
                ),
            )
            .select(
                *("custom_id", "request_key", "weight", "stratum", "place", "score", "p_yes"),
                *("model", "said"),
            )
        )
        if rows.height:
            is_verdict = criterion == RECOMMENDATION
            graded = len(options) if is_verdict else len(population.rubric.ratings)
            found[criterion] = Labeled(criterion, options, graded // 2, graded, rows)
    return found
