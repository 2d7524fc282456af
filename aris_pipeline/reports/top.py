"""Chooses the best candidates: those whose recommendation advances them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from aris_pipeline.evaluations import Cut
from aris_pipeline.prompts import Rubric


@dataclass(frozen=True)
class Top:
    """The head of a ranking.

    Attributes:
        rows: the best candidates, none that does not advance.
        advancing: how many advance, also beyond `rows`.
        above_the_cut: how many do not advance although their score is above the cut.
    """

    rows: Sequence[Mapping[str, Any]]
    advancing: int
    above_the_cut: int


def top_of(ranking: pl.DataFrame, rubric: Rubric, most: int) -> Top:
    """Returns the best candidates of a ranking.

    Args:
        ranking: rows of `candidate_ranking`, best first.
        rubric: by which they were judged.
        most: how many rows to give.
    """
    cut = Cut.of(rubric)
    advances = pl.col("recommendation").cast(pl.String).is_in(list(cut.advancing))
    advancing = ranking.filter(advances)
    others = ranking.filter(~advances, pl.col("score") > cut.score)
    return Top(advancing.head(most).to_dicts(), advancing.height, others.height)
