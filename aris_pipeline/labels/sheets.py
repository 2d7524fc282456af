"""Writes the sheets that raters fill in: what the model saw, and nothing of what it said."""

from pathlib import Path

import numpy as np
import polars as pl

from aris_pipeline.labels.population import Population, shown_profiles
from aris_pipeline.ledger import formula_safe
from aris_pipeline.storage import DataStore, write_bytes

SHOWN = ("batch", "sample_id", "row", "custom_id", "profile")
"""The columns of a sheet before those to be filled in."""


def sheet_rows(
    store: DataStore, population: Population, sample: pl.DataFrame, sheet: int
) -> pl.DataFrame:
    """Returns the rows of one rater in a random order of their own, with empty labels."""
    mine = sample.filter(pl.col("sheets").list.contains(sheet))
    profiles = shown_profiles(store, population, mine["custom_id"])
    order = np.random.default_rng([sheet, mine.height]).permutation(mine.height)
    texts = [profiles.get(who, "") for who in mine["custom_id"]]
    return (
        mine.with_columns(profile=pl.Series(texts, dtype=pl.String))[order]
        .select(*SHOWN)
        .with_columns(pl.lit("").alias(name) for name in population.scales)
    )


def sheet_places(out: Path, raters: int) -> list[Path]:
    """Returns the file of each rater: the one that was named, or one for each beside it."""
    if raters == 1:
        return [out]
    return [out.with_name(f"{out.stem}-{n}{out.suffix}") for n in range(1, raters + 1)]


def write_sheet(rows: pl.DataFrame, out: Path) -> None:
    """Writes a sheet as CSV that no spreadsheet takes for formulas; UTF-8 with a mark for Excel."""
    write_bytes(formula_safe(rows).write_csv(include_bom=True).encode(), out)
