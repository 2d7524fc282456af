"""Says why a person should look at a verdict; tables, page and `aris show` share these words."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from aris_pipeline.completions import RETRY_STEPS
from aris_pipeline.evaluations.contradictions import contradiction_in_words
from aris_pipeline.evaluations.cut import Cut
from aris_pipeline.prompts import Rubric

NEAR = 0.25
"""A score at most so far from the cut is near it; triage calls the same distance undecided."""

DISAGREES = "disagrees"
CONTRADICTS = "contradicts"
NOT_GROUNDED = "not grounded"
ORDERS = "orders in the profile"
SHORTENED = "shortened"
REPAIRED = "repaired"
NEAR_THE_CUT = "near the cut"
REVIEW_REASONS = (
    DISAGREES, CONTRADICTS, NOT_GROUNDED, ORDERS, SHORTENED, REPAIRED, NEAR_THE_CUT,
)  # fmt: skip

NOT_LOOKED_FOR = (
    "made by a version before 0.3.0, which did not say whom a person should look at: `aris run` "
    "with the same file and rubric adds that and keeps the answers"
)


def not_looked_for(verdicts: pl.DataFrame) -> int:
    """Returns how many valid verdicts are of a version that wrote no `review_reasons`."""
    if "review_reasons" not in verdicts.columns:
        return verdicts.height
    return verdicts["review_reasons"].null_count()


def review_reasons(rubric: Rubric | None) -> pl.Expr:
    """Returns the column `review_reasons`: why a person should look at a row; null if not valid.

    Args:
        rubric: by which the rows were judged, which are evaluations with the `overrides` of their
            completions; None if the file brought its own questions.
    """
    steps = (pl.col("overrides").str.json_path_match(f"$.{step}") for step in RETRY_STEPS)
    flags = {
        ORDERS: pl.col("suspected_instructions"),
        SHORTENED: pl.col("shortened"),
        REPAIRED: pl.any_horizontal(step.is_not_null() for step in steps),
    }
    if rubric is not None:
        likeliest, verdict = pl.col("score_recommendation"), pl.col("recommendation")
        flags[DISAGREES] = likeliest != verdict.cast(pl.String)
        flags[NEAR_THE_CUT] = (pl.col("score") - Cut.of(rubric).score).abs() <= NEAR
        if rubric.evidence:
            flags[CONTRADICTS] = pl.col("contradictions").list.len() > 0
            flags[NOT_GROUNDED] = pl.col("ungrounded").list.len() > 0
    found = [pl.when(flags[name]).then(pl.lit(name)) for name in REVIEW_REASONS if name in flags]
    return pl.when("is_valid").then(pl.concat_list(found).list.drop_nulls()).alias("review_reasons")


def review_in_words(row: Mapping[str, Any], rubric: Rubric | None) -> list[tuple[str, str]]:
    """Returns each reason to look at a verdict, in short and in full."""
    # A version before 0.3.0 wrote none.
    found = row.get("review_reasons") or ()
    return [(reason, _in_full(reason, row, rubric)) for reason in found]


def _in_full(reason: str, row: Mapping[str, Any], rubric: Rubric | None) -> str:
    if reason == DISAGREES:
        return (
            f"the model wrote {row['recommendation']}, its likeliest verdict is "
            f"{row['score_recommendation']} ({row['confidence']:.0%})"
        )
    if reason == CONTRADICTS and rubric is not None:
        return "; ".join(
            contradiction_in_words(found, row, rubric) for found in row["contradictions"]
        )
    if reason == NOT_GROUNDED:
        return f"the profile does not have {', '.join(row['ungrounded'])}"
    if reason == NEAR_THE_CUT:
        return f"score {row['score']:.2f}"
    return {
        ORDERS: "the profile seems to give the model orders",
        SHORTENED: "the model saw a shortened text",
        REPAIRED: "the first answer was unusable, and another was asked for",
    }[reason]
