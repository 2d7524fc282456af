"""Chooses the candidates whom a person should look at first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from aris_pipeline.evaluations import REVIEW_REASONS, not_looked_for, review_in_words
from aris_pipeline.prompts import Rubric
from aris_pipeline.reports.verdicts import Verdicts


@dataclass(frozen=True)
class Reviewed:
    """A candidate to look at, with each reason in short and in full."""

    row: Mapping[str, Any]
    reasons: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class ReviewQueue:
    """The candidates to look at.

    Attributes:
        rows: the first of them: see `review_queue`.
        total: how many there are, also beyond `rows`.
        by_reason: how many have each reason.
        reasons: the reasons of each of them by custom_id.
        unknown: verdicts of a version that wrote no reasons, which are not among them.
    """

    rows: Sequence[Reviewed]
    total: int
    by_reason: Mapping[str, int]
    reasons: Mapping[str, Sequence[str]]
    unknown: int


def review_queue(verdicts: Verdicts, most: int) -> ReviewQueue:
    """Returns the candidates to look at, the most urgent first, and of equals the best ranked.

    Urgent are many reasons; a disagreement counts once for each step of the scale between what
    the model wrote and its likeliest verdict.

    Args:
        verdicts: of a batch.
        most: how many rows to give.
    """
    found = verdicts.judged.filter(pl.col("review_reasons").list.len() > 0)
    urgency = pl.col("review_reasons").list.len()
    if verdicts.rubric is not None:
        urgency += (_steps_apart(verdicts.rubric) - 1).clip(lower_bound=0)
    first = found.sort(urgency, descending=True, maintain_order=True).head(most)
    reasons = found["review_reasons"]
    counted = dict(reasons.explode().value_counts().iter_rows())
    return ReviewQueue(
        rows=[
            Reviewed(row, review_in_words(row, verdicts.rubric))
            for row in first.iter_rows(named=True)
        ],
        total=found.height,
        by_reason={name: counted[name] for name in REVIEW_REASONS if name in counted},
        reasons=dict(zip(found["custom_id"], reasons.to_list(), strict=True)),
        unknown=not_looked_for(verdicts.judged),
    )


def _steps_apart(rubric: Rubric) -> pl.Expr:
    """Returns the steps of the scale between the two verdicts of a row; 0 without scores."""
    scale = pl.Enum(rubric.recommendations)
    places = (
        pl.col(name).cast(pl.String).cast(scale).to_physical().cast(pl.Int64)
        for name in ("recommendation", "score_recommendation")
    )
    written, likeliest = places
    return (written - likeliest).abs().fill_null(0)
