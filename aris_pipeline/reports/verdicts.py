"""Reads what a page needs of a batch's verdicts: ranked rows, the others, who they are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from aris_pipeline.errors import MissingDataError
from aris_pipeline.evaluations import TRIAGED, evaluation_files, ranked_by, ranking_schema
from aris_pipeline.prompts import Rubric
from aris_pipeline.storage import (
    Batch,
    DataStore,
    Evaluations,
    Judge,
    RawCandidates,
    Shard,
    read_parquet,
    read_table,
)

_HINT = "materialize evaluations of this shard"
_IDENTITY = ["model_id", "model_revision", "engine", "rubric_digest"]
_COLUMNS = ["custom_id", "is_valid", "invalid_reason", "score", *_IDENTITY]
_NO_ANSWERS = pl.DataFrame(
    schema={
        "custom_id": pl.String,
        "answer_json": pl.String,
        "is_valid": pl.Boolean,
        "review_reasons": pl.List(pl.String),
    }
)


@dataclass(frozen=True)
class Verdicts:
    """The verdicts of a judge on a batch.

    Attributes:
        rubric: what was judged by; None if the file brought its own questions.
        judged: rows with a valid answer; those of a rubric as `candidate_ranking` has them.
        triaged: rows that were only scored, best first.
        unranked: valid rows by an older text of the rubric, which the ranking leaves out.
        failed: rows without a valid answer, with `invalid_reason`.
        identity: the distinct models, revisions, engines and rubric digests of all rows.
        names: first and last names by custom_id; empty unless they were asked for.
    """

    rubric: Rubric | None
    judged: pl.DataFrame
    triaged: pl.DataFrame
    unranked: int
    failed: pl.DataFrame
    identity: Mapping[str, list[str]]
    names: Mapping[str, str]

    @property
    def rows(self) -> int:
        """Returns the number of all rows, judged or not."""
        return self.judged.height + self.triaged.height + self.failed.height


def read_verdicts(store: DataStore, judge: Judge, batch: Batch, *, names: bool) -> Verdicts:
    """Reads the verdicts of a batch.

    Args:
        store: the store of the tables.
        judge: whose verdicts.
        batch: the batch.
        names: whether to read the candidates' names too.

    Raises:
        MissingDataError: the batch has no evaluations, or they are not ranked yet.
        DamagedDataError: a file is damaged.
    """
    files = evaluation_files(store, judge, batch)
    if not files:
        raise MissingDataError(
            f"batch {batch.name} has no evaluations by {judge.rubric} and {judge.model}: run it"
        )
    rubric = ranked_by(store, judge, batch)
    rows = pl.concat(
        [read_table(file, Evaluations, hint=_HINT, columns=_COLUMNS) for file in files]
    )
    reason = pl.col("invalid_reason")
    digest = rubric.digest if rubric else ""  # an OpenAI file's rows have none
    if rubric is None:
        judged = _answers(read_parquet(file, hint=_HINT) for file in files)
    else:
        ranking = store.candidate_ranking(judge, batch.name)
        hint = "materialize candidate_ranking"
        judged = read_table(ranking, ranking_schema(rubric), hint=hint)
    return Verdicts(
        rubric=rubric,
        judged=judged,
        triaged=rows.filter(reason.eq_missing(TRIAGED)).sort(
            "score", "custom_id", descending=[True, False], nulls_last=True
        ),
        unranked=rows.filter("is_valid", pl.col("rubric_digest") != digest).height,
        failed=rows.filter(~pl.col("is_valid") & reason.ne_missing(TRIAGED)),
        identity={name: sorted(rows[name].drop_nulls().unique().to_list()) for name in _IDENTITY},
        names=_names(store, batch) if names else {},
    )


def _answers(shards: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Returns the valid answers of an OpenAI file; shards may have properties of their own."""
    return pl.concat([_NO_ANSWERS, *shards], how="diagonal_relaxed").filter("is_valid")


def _names(store: DataStore, batch: Batch) -> dict[str, str]:
    found: dict[str, str] = {}
    for shard in Shard.all_of(batch):
        path, columns = store.raw_candidates(shard), ["custom_id", "first_name", "last_name"]
        rows = read_table(path, RawCandidates, hint="materialize raw_candidates", columns=columns)
        for custom_id, *parts in rows.iter_rows():
            if any(parts):
                found[custom_id] = " ".join(filter(None, parts))
    return found
