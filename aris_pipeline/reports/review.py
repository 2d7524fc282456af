"""Chooses the candidates whom a person should look at, and says why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from aris_pipeline.evaluations import Cut, contradiction_in_words
from aris_pipeline.reports.verdicts import Verdicts

NEAR = 0.25
"""A score at most so far from the cut is near it; triage calls the same distance undecided."""

REASONS = {
    "disagrees": "disagrees",
    "contradictions": "contradicts",
    "ungrounded": "not grounded",
    "suspected_instructions": "orders in the profile",
    "shortened": "shortened",
    "repaired": "repaired",
    "near_cut": "near the cut",
}
"""The reasons to look at a candidate, in short words."""

_DETAILS = {
    "contradictions": "{}",
    "ungrounded": "the profile does not have {}",
    "suspected_instructions": "the profile seems to give the model orders",
    "shortened": "the model saw a shortened text",
    "repaired": "the first answer was unusable, the next was asked for: {}",
    "near_cut": "score {:.2f}",
}


@dataclass(frozen=True)
class Reviewed:
    """A candidate to look at, with each reason in short and in full."""

    row: Mapping[str, Any]
    reasons: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ReviewQueue:
    """The candidates to look at.

    Attributes:
        rows: those with the most reasons, and among them the best ranked, first.
        total: how many there are, also beyond `rows`.
        by_reason: how many have each reason.
        keys: the reasons of each of them by custom_id.
    """

    rows: Sequence[Reviewed]
    total: int
    by_reason: Mapping[str, int]
    keys: Mapping[str, Sequence[str]]


def review_queue(verdicts: Verdicts, most: int) -> ReviewQueue:
    """Returns the candidates to look at.

    Args:
        verdicts: of a batch.
        most: how many rows to give.
    """
    judged = verdicts.judged.with_row_index("place")
    flags = judged.select("place", "custom_id", *_flags(judged, verdicts))
    found = flags.filter(pl.any_horizontal(*REASONS)).with_columns(
        count=pl.sum_horizontal(*REASONS)
    )
    ordered = found.sort("count", "place", descending=[True, False])
    rows = judged.filter(pl.col("place").is_in(ordered["place"].head(most).implode()))
    by_place = {row["place"]: row for row in rows.iter_rows(named=True)}
    keys = {
        row["custom_id"]: [name for name in REASONS if row[name]]
        for row in ordered.iter_rows(named=True)
    }
    return ReviewQueue(
        rows=[
            _reviewed(by_place[place], keys[custom_id], verdicts)
            for place, custom_id in ordered.select("place", "custom_id").head(most).iter_rows()
        ],
        total=found.height,
        by_reason={name: int(found[name].sum()) for name in REASONS if found[name].any()},
        keys=keys,
    )


def _flags(judged: pl.DataFrame, verdicts: Verdicts) -> list[pl.Expr]:
    """Returns an expression for each reason; a column that the rubric does not bring is false."""
    conditions = {
        "disagrees": pl.col("disagrees"),
        "contradictions": pl.col("contradictions").list.len() > 0,
        "ungrounded": pl.col("ungrounded").list.len() > 0,
        "suspected_instructions": pl.col("suspected_instructions"),
        "shortened": pl.col("shortened"),
    }
    flags = {
        name: condition if name in judged.columns else pl.lit(value=False)
        for name, condition in conditions.items()
    }
    repaired = pl.Series(list(verdicts.repaired), dtype=pl.String).implode()
    flags["repaired"] = pl.col("custom_id").is_in(repaired)
    flags["near_cut"] = pl.lit(value=False)
    if verdicts.rubric is not None:
        distance = (pl.col("score") - Cut.of(verdicts.rubric).score).abs()
        flags["near_cut"] = distance <= NEAR
    return [flag.fill_null(value=False).alias(name) for name, flag in flags.items()]


def _reviewed(row: dict[str, Any], keys: Sequence[str], verdicts: Verdicts) -> Reviewed:
    return Reviewed(row, tuple((REASONS[key], _in_full(key, row, verdicts)) for key in keys))


def _in_full(key: str, row: dict[str, Any], verdicts: Verdicts) -> str:
    if key == "disagrees":
        return (
            f"the model wrote {row['recommendation']}, its likeliest verdict is "
            f"{row['score_recommendation']} ({row['confidence']:.0%})"
        )
    if key == "contradictions" and verdicts.rubric:
        words = (contradiction_in_words(found, verdicts.rubric) for found in row[key])
        return _DETAILS[key].format("; ".join(words))
    if key == "ungrounded":
        return _DETAILS[key].format(", ".join(row[key]))
    if key == "repaired":
        return _DETAILS[key].format(", ".join(verdicts.repaired[row["custom_id"]]))
    return _DETAILS[key].format(row.get("score"))
