"""Draws whom people are asked about, so that the answers speak for the whole batch.

Three strata, each without the rows of the one before:

1. top: the first of the ranking,
2. borderline: those whose score is nearest to the cut,
3. random: a simple random sample of all others.

The first two are certain to be drawn: their inclusion probability over the whole design is 1. A row
of the rest is drawn with n / N, for n drawn of N. The weight of a row is the inverse (D. G. Horvitz
and D. J. Thompson, "A generalization of sampling without replacement from a finite universe", JASA
47, 1952): weighted sums are unbiased for sums over the batch.
"""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from aris_pipeline.errors import ConfigError
from aris_pipeline.labels.population import Population
from aris_pipeline.storage import DataStore, LabelSamples, read_table, write_parquet

TWICE = 0.2
"""The share of rows that go to two raters, so that people can be compared with each other."""


@dataclass(frozen=True)
class Design:
    """How many rows to draw, and for how many raters.

    Attributes:
        top: rows from the head of the ranking.
        borderline: rows whose score is nearest to the cut.
        random: rows of all others.
        raters: people who share the rows; each gets a sheet.
        seed: equal seeds draw equal rows.
    """

    top: int = 50
    borderline: int = 50
    random: int = 50
    raters: int = 1
    seed: int = 7


def draw_sample(store: DataStore, population: Population, design: Design) -> pl.DataFrame:
    """Draws a sample, keeps its design in `label_samples`, and returns that table's rows.

    Raises:
        ConfigError: the design draws nobody.
        StorageError: the sample cannot be written.
    """
    drawn = drawn_rows(population.rows, population.cut.score, design)
    if drawn.is_empty():
        raise ConfigError("the sample is empty: give --top, --borderline or --random a number")
    judge, batch = population.judge, population.batch.name
    identity = [batch, judge.rubric, judge.model, *map(str, vars(design).values())]
    keys = "".join(sorted(drawn["request_key"]))
    sample = hashlib.sha256("\n".join([*identity, keys]).encode()).hexdigest()[:10]
    rows = drawn.with_columns(
        batch=pl.lit(batch),
        sample_id=pl.lit(sample),
        row=pl.int_range(1, pl.len() + 1),
        sheets=pl.Series(_sheets(drawn.height, design.raters), dtype=pl.List(pl.Int64)),
        rubric=pl.lit(judge.rubric),
        model=pl.lit(judge.model),
    ).select(LabelSamples.column_names())
    write_parquet(rows, store.label_sample(batch, sample), LabelSamples)
    return rows


def read_sample(store: DataStore, batch: str, sample: str) -> pl.DataFrame | None:
    """Returns the rows of a sample; None if there is no such sample."""
    path = store.label_sample(batch, sample)
    hint = "draw the sample again, by `aris label sample`"
    return read_table(path, LabelSamples, hint=hint) if path.exists() else None


def drawn_rows(rows: pl.DataFrame, cut: float, design: Design) -> pl.DataFrame:
    """Returns `custom_id`, `request_key`, `stratum` and `weight` of the drawn rows, in any order.

    Args:
        rows: of a population, best first.
        cut: the score at the border.
        design: how many of each.
    """
    chance = np.random.default_rng(design.seed)
    top, rest = rows.head(design.top), rows.slice(design.top)
    near = rest.drop_nulls("score").sort((pl.col("score") - cut).abs(), maintain_order=True)
    border = near.head(design.borderline)
    others = rest.join(border, on="custom_id", how="anti", maintain_order="left")
    count = min(design.random, others.height)
    places = np.sort(chance.choice(others.height, count, replace=False))
    strata = {
        "top": (top, 1.0),
        "borderline": (border, 1.0),
        "random": (others[places], others.height / max(count, 1)),
    }
    drawn = pl.concat(
        part.select(
            "custom_id", "request_key", stratum=pl.lit(name), weight=pl.lit(weight, pl.Float64)
        )
        for name, (part, weight) in strata.items()
    )
    return drawn[chance.permutation(drawn.height)]


def _sheets(rows: int, raters: int) -> list[list[int]]:
    """Deals rows out to raters in turn; the first of them, in random order, to two raters."""
    twice = math.ceil(TWICE * rows) if raters > 1 else 0
    return [
        [at % raters + 1, *([(at + 1) % raters + 1] if at < twice else [])] for at in range(rows)
    ]
