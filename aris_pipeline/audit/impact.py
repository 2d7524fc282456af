"""Measures how often people of each category are selected: the table `impact`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import polars as pl

from aris_pipeline.audit.demographics import Demographics
from aris_pipeline.audit.impact_ratios import Row, compare_categories, in_words
from aris_pipeline.audit.selecting import selections
from aris_pipeline.labels import Population
from aris_pipeline.storage import DataStore, Impact, write_parquet
from aris_pipeline.storage.schemas import polars_schema


@dataclass(frozen=True)
class MeasuredImpact:
    """The impact of a judge on the candidates of a batch.

    Attributes:
        rows: of `impact`, by basis, dimension and category.
        assessed: candidates that the judge has scored or was asked about.
        unscored: those of them without a score, which the scoring rate cannot count.
        unknown: candidates whose category is not known, by dimension.
        strangers: rows of the demographics that name nobody of the batch.
    """

    rows: Sequence[Row]
    assessed: int
    unscored: int
    unknown: dict[str, int]
    strangers: int

    def tables(self) -> Iterator[tuple[str, str, list[Row]]]:
        """Yields each basis and dimension with its rows, which `four_fifths` puts into words."""
        for (basis, dimension), group in groupby(self.rows, itemgetter("basis", "dimension")):
            rows = list(group)
            said = in_words(rows)
            yield (
                basis,
                dimension,
                [{**row, "four_fifths": one} for row, one in zip(rows, said, strict=True)],
            )


def measure_impact(  # noqa: PLR0913 - one argument an option of the command
    store: DataStore,
    population: Population,
    demographics: Demographics,
    *,
    selected: Sequence[str] = (),
    by: Sequence[str] = (),
    without_small: bool = False,
) -> MeasuredImpact:
    """Measures selection and scoring rates by category and writes `impact`: counts only.

    Args:
        store: the store of the tables.
        population: all assessed rows of a batch, triaged and failed ones too.
        demographics: of the same rows.
        selected: what counts as selected, beside the scoring rate; see `selections`.
        by: the dimensions; see `Demographics.dimensions`.
        without_small: whether categories of less than 2 % are left out of the comparison.

    Raises:
        ConfigError: a basis or a dimension cannot be used, or scipy is not installed.
        InputError: a column holds no categories.
        StorageError: the table cannot be written.
    """
    bases = selections(population, selected)
    dimensions = {
        ",".join(one): demographics.categories(one) for one in demographics.dimensions(by)
    }
    rows = [
        {"basis": basis, "dimension": dimension, **row}
        for basis, is_selected in bases.items()
        for dimension, category in dimensions.items()
        for row in _compared(category, is_selected, without_small=without_small)
    ]
    frame = pl.DataFrame(rows, schema=polars_schema(Impact), orient="row")
    write_parquet(frame, store.impact(population.judge, population.batch.name), Impact)
    return MeasuredImpact(
        frame.to_dicts(),
        population.rows.height,
        population.rows["score"].null_count(),
        {dimension: category.null_count() for dimension, category in dimensions.items()},
        demographics.strangers,
    )


def _compared(category: pl.Series, selected: pl.Series, *, without_small: bool) -> Iterator[Row]:
    sample = pl.DataFrame({"category": category, "selected": selected}).drop_nulls("selected")
    groups = sample.drop_nulls().group_by("category")
    counts = groups.agg(pl.len(), pl.col("selected").sum()).sort("category").rows()
    unknown = sample["category"].null_count()
    for row in compare_categories(counts, without_small=without_small):
        yield {**row, "unknown_n": unknown}
