"""Measures how often people of each category are selected: the table `impact`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import polars as pl

from aris_pipeline.audit.demographics import Demographics
from aris_pipeline.audit.impact_ratios import (
    Row,
    compare_categories,
    in_words,
    significance_level,
)
from aris_pipeline.audit.quarantined import Quarantined
from aris_pipeline.audit.selecting import ASSESSED, selections
from aris_pipeline.errors import ConfigError
from aris_pipeline.labels import Population
from aris_pipeline.storage import DataStore, Impact, write_parquet
from aris_pipeline.storage.schemas import polars_schema


@dataclass(frozen=True)
class ImpactTable:
    """The categories of one dimension, compared on one basis.

    Attributes:
        basis: what counts as selected.
        dimension: columns of the demographics.
        rows: of `impact`, with what they say as `four_fifths`.
        level: the p-value below which a difference counts as significant.
    """

    basis: str
    dimension: str
    rows: Sequence[Row]
    level: float


@dataclass(frozen=True)
class MeasuredImpact:
    """The impact of a judge on the candidates of a batch, or of several as one sample.

    Attributes:
        rows: of `impact`, by basis, dimension and category.
        assessed: candidates that the judge has scored or was asked about.
        unscored: those of them without a score, which the scoring rate cannot count.
        quarantined: candidates who are in quarantine alone.
        without_id: records in quarantine without a readable id, whom nobody can count.
        unknown: assessed candidates whose category is not known, by dimension.
        strangers: rows of the demographics that name nobody, assessed or in quarantine.
        path: the table `impact`; None for several batches.
    """

    rows: Sequence[Row]
    assessed: int
    unscored: int
    quarantined: int
    without_id: int
    unknown: dict[str, int]
    strangers: int
    path: Path | None

    def tables(self) -> Iterator[ImpactTable]:
        """Yields the comparisons, by basis and dimension."""
        for (basis, dimension), group in groupby(self.rows, itemgetter("basis", "dimension")):
            rows = list(group)
            said = zip(rows, in_words(rows), strict=True)
            worded = [{**row, "four_fifths": one} for row, one in said]
            yield ImpactTable(basis, dimension, worded, significance_level(rows))


def measure_impact(  # noqa: PLR0913 - one argument an option of the command
    store: DataStore,
    populations: Sequence[Population],
    quarantined: Quarantined,
    demographics: Demographics,
    *,
    selected: Sequence[str] = (),
    by: Sequence[str] = (),
    without_small: bool = False,
) -> MeasuredImpact:
    """Measures selection and scoring rates by category; of one batch, writes `impact`: counts only.

    Args:
        store: the store of the tables.
        populations: all assessed rows of each batch, triaged and failed ones too.
        quarantined: the candidates of these batches who were not assessed.
        demographics: of the rows, one batch after the other, then of those in quarantine.
        selected: what counts as selected, beside the scoring rate; see `selections`.
        by: the dimensions; see `Demographics.dimensions`.
        without_small: whether categories of less than 2 % are left out of the comparison.

    Raises:
        ConfigError: a basis or a dimension cannot be used, the batches were judged by different
            texts of a rubric, or scipy is not installed.
        InputError: a column holds no categories.
        StorageError: the table cannot be written.
    """
    if len({one.rubric.digest for one in populations}) > 1:
        raise ConfigError(
            "the batches were judged by different texts of their rubric, so they are no one "
            "sample: run the files of the older ones again, or measure each alone"
        )
    missed = quarantined.ids.len()
    assessed = demographics.rows.height - missed
    bases = {
        basis: is_selected.extend_constant(None, missed)
        for basis, is_selected in selections(populations, selected).items()
    }
    dimensions = {
        ",".join(one): demographics.categories(one) for one in demographics.dimensions(by)
    }
    if any(category.tail(missed).count() for category in dimensions.values()):
        bases[ASSESSED] = _assessed(demographics.rows["custom_id"], assessed)
    rows = [
        {"basis": basis, "dimension": dimension, **row}
        for basis, is_selected in bases.items()
        for dimension, category in dimensions.items()
        for row in _compared(category, is_selected, without_small=without_small)
    ]
    frame = pl.DataFrame(rows, schema=polars_schema(Impact), orient="row")
    path = None
    if len(populations) == 1:
        path = store.impact(populations[0].judge, populations[0].batch.name)
        write_parquet(frame, path, Impact)
    return MeasuredImpact(
        frame.to_dicts(),
        assessed,
        sum(one.rows["score"].null_count() for one in populations),
        missed,
        quarantined.without_id,
        {
            dimension: category.head(assessed).null_count()
            for dimension, category in dimensions.items()
        },
        demographics.strangers,
        path,
    )


def _assessed(ids: pl.Series, count: int) -> pl.Series:
    """Returns whether each of the ids is among the first; null where an id comes again."""
    is_assessed = pl.Series([True] * count + [False] * (ids.len() - count))
    return is_assessed.set(~ids.is_first_distinct(), None)


def _compared(category: pl.Series, selected: pl.Series, *, without_small: bool) -> Iterator[Row]:
    sample = pl.DataFrame({"category": category, "selected": selected}).drop_nulls("selected")
    groups = sample.drop_nulls().group_by("category")
    counts = groups.agg(pl.len(), pl.col("selected").sum())
    in_order = counts.sort(pl.col("category").str.to_lowercase(), "category").rows()
    unknown = sample["category"].null_count()
    for row in compare_categories(in_order, without_small=without_small):
        yield {**row, "unknown_n": unknown}
