"""Makes the table of all candidates that the page sorts, filters and searches in the browser.

Values of a scale are written as their position in it: it sorts by that, and is a third as long.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from aris_pipeline.evaluations import REVIEW_REASONS
from aris_pipeline.reports.review import ReviewQueue
from aris_pipeline.reports.verdicts import Verdicts

Kind = Literal["number", "text", "id", "choice", "flags"]

_TRIAGED, _FAILED, _ANSWERED = "only scored", "failed", "answered"
_LONGEST = 300


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        label: its heading.
        kind: how the page shows and sorts it.
        options: the words that the positions of a choice, or of flags, stand for.
        is_filter: whether the page offers to filter by it.
    """

    label: str
    kind: Kind
    options: Sequence[str] = ()
    is_filter: bool = False


@dataclass(frozen=True)
class Listing:
    """The table.

    Attributes:
        columns: its columns.
        rows: a list of values for each row, in the order of the columns.
        total: the rows of the batch, also beyond `rows`.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    total: int

    def as_dict(self) -> dict[str, Any]:
        """Returns what the page's script reads."""
        return {"columns": [vars(column) for column in self.columns], "rows": self.rows}


def list_candidates(verdicts: Verdicts, queue: ReviewQueue, most: int) -> Listing:
    """Returns the first rows of a batch: ranked ones, then triaged, then failed.

    Args:
        verdicts: of the batch.
        queue: who should be looked at.
        most: how many rows to give.
    """
    make = _of_answers if verdicts.rubric is None else _of_ranking
    columns, rows = make(verdicts, queue, most)
    if verdicts.names:
        at = next(n for n, column in enumerate(columns) if column.kind == "id")
        columns.insert(at + 1, Column("Name", "text"))
        for row in rows:
            row.insert(at + 1, verdicts.names.get(row[at]))
    return Listing(columns, rows, verdicts.rows)


def _of_ranking(
    verdicts: Verdicts, queue: ReviewQueue, most: int
) -> tuple[list[Column], list[list[Any]]]:
    rubric = verdicts.rubric
    assert rubric is not None  # noqa: S101 - the caller asks only then
    outcomes = [*rubric.recommendations, _TRIAGED, _FAILED]
    columns = [
        Column("Rank", "number"),
        Column("Candidate", "id"),
        Column("Recommendation", "choice", outcomes, is_filter=True),
        Column("Score", "number"),
        *(Column(one.title, "choice", rubric.rating_options) for one in rubric.criteria),
        Column("Look at", "flags", REVIEW_REASONS, is_filter=True),
        Column("Reason", "text"),
    ]
    ratings = [one.name for one in rubric.criteria]
    best = verdicts.judged.head(most).select(
        "rank", "custom_id", pl.col("recommendation").cast(pl.String), "score", *ratings,
        "overall_reason",
    )  # fmt: skip
    rows = [
        [
            rank, who, outcomes.index(verdict), _rounded(score),
            *(rubric.rating_options.index(rating) for rating in rated),
            _flags(queue, who), reason,
        ]
        for rank, who, verdict, score, *rated, reason in best.iter_rows()
    ]  # fmt: skip
    unrated: list[Any] = [None] * len(ratings)
    return columns, rows + [
        [None, who, outcomes.index(outcome), _rounded(score), *unrated, [], reason]
        for who, outcome, score, reason in _unjudged(verdicts, most - len(rows))
    ]


def _of_answers(
    verdicts: Verdicts, queue: ReviewQueue, most: int
) -> tuple[list[Column], list[list[Any]]]:
    outcomes = [_ANSWERED, _FAILED]
    judged = verdicts.judged
    given = [name for name in judged.columns if name.startswith("answer_")]
    whole = [name for name in given if name in ("answer_text", "answer_json")]
    shown = [name for name in given if name not in whole]
    if not shown:
        shown = ["answer_"]
        judged = judged.with_columns(answer_=pl.coalesce(whole))
    columns = [
        Column("Request", "id"),
        Column("Outcome", "choice", outcomes, is_filter=True),
        *(Column(name.removeprefix("answer_").capitalize() or "Answer", "text") for name in shown),
        Column("Look at", "flags", REVIEW_REASONS, is_filter=True),
        Column("Reason", "text"),
    ]
    answers = judged.head(most).select(
        "custom_id", pl.col(shown).cast(pl.String).str.slice(0, _LONGEST)
    )
    rows: list[list[Any]] = [
        [who, 0, *answer, _flags(queue, who), None] for who, *answer in answers.iter_rows()
    ]
    none: list[Any] = [None] * len(shown)
    return columns, rows + [
        [who, 1, *none, [], reason]
        for who, _outcome, _score, reason in _unjudged(verdicts, most - len(rows))
    ]


def _unjudged(verdicts: Verdicts, most: int) -> list[tuple[str, str, float | None, str | None]]:
    """Returns id, outcome, score and reason of the rows without a verdict, triaged ones first."""
    triaged = verdicts.triaged.select("custom_id", "score").iter_rows()
    failed = verdicts.failed.select("custom_id", "invalid_reason").iter_rows()
    found: list[tuple[str, str, float | None, str | None]] = []
    found += [(who, _TRIAGED, score, None) for who, score in triaged]
    found += [(who, _FAILED, None, reason) for who, reason in failed]
    return found[: max(most, 0)]


def _flags(queue: ReviewQueue, custom_id: str) -> list[int]:
    return [REVIEW_REASONS.index(reason) for reason in queue.reasons.get(custom_id, ())]


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 6)
