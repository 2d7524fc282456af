"""Ranks the candidates of a batch: the table that an analyst opens first."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from aris_pipeline.evaluations.agreement import Agreement, triage_agreement
from aris_pipeline.evaluations.evaluating import TRIAGED, rubric_of
from aris_pipeline.evaluations.schemas import evaluation_schema, ranking_schema
from aris_pipeline.prompts import Rubric
from aris_pipeline.storage import (
    Batch,
    DataStore,
    Judge,
    Shard,
    may_be_newer,
    read_parquet,
    write_parquet,
)
from aris_pipeline.storage.schemas import polars_schema

_HINT = "materialize evaluations of this shard"


@dataclass(frozen=True)
class RankingCounts:
    """The counts from ranking a batch."""

    rows: int
    invalid: int
    stale: int
    disagreeing: int
    shards: int
    shards_missing: int
    triaged: int
    recommendations: dict[str, int]
    agreement: Agreement | None


def rank_batch(store: DataStore, judge: Judge, batch: Batch) -> RankingCounts | None:
    """Ranks the valid evaluations of the shards that exist and writes `candidate_ranking`.

    Evaluations by another version of the rubric's content are not comparable; they are counted as
    stale and left out until their shard is evaluated again.

    Args:
        store: the store of the tables.
        judge: the judge whose verdicts to rank.
        batch: the batch.

    Returns:
        The counts; None, and nothing is written, if no shard was judged by a rubric.
    """
    files = evaluation_files(store, judge, batch)
    rubric = _newest_rubric(files)
    if rubric is None:
        return None
    evaluated = [read_parquet(file, hint=_HINT) for file in files]
    current = [frame.filter(rubric_digest=rubric.digest) for frame in evaluated]
    current = [frame for frame in current if frame.height]
    if not current:
        return None
    # Shards of a batch may be of two versions, of which the older wrote fewer columns.
    none = pl.DataFrame(schema=polars_schema(evaluation_schema(rubric)))
    rows = pl.concat([none, *current], how="diagonal")
    ranking = _ranked(rows, rubric)
    write_parquet(ranking, store.candidate_ranking(judge, batch.name), ranking_schema(rubric))
    triaged = rows.filter(invalid_reason=TRIAGED).height
    verdicts = ranking["recommendation"].cast(pl.String).value_counts(sort=True)
    return RankingCounts(
        rows=ranking.height,
        invalid=rows.height - ranking.height - triaged,
        triaged=triaged,
        stale=sum(frame.height for frame in evaluated) - rows.height,
        disagreeing=int(ranking["disagrees"].sum()),
        shards=len(files),
        shards_missing=len(batch.shard_rows) - len(files),
        recommendations={str(verdict): int(count) for verdict, count in verdicts.iter_rows()},
        agreement=triage_agreement(store, judge, batch) if triaged else None,
    )


def ranked_by(store: DataStore, judge: Judge, batch: Batch) -> Rubric | None:
    """Returns the rubric by whose newest version a batch is ranked; None without one."""
    return _newest_rubric(evaluation_files(store, judge, batch))


def ranking_is_stale(store: DataStore, judge: Judge, batch: Batch) -> bool:
    """Returns whether a shard of the batch was evaluated after the batch was last ranked."""
    ranking = store.candidate_ranking(judge, batch.name)
    files = evaluation_files(store, judge, batch)
    if not ranking.exists():
        return bool(files)
    return any(may_be_newer(file, ranking) for file in files)


def evaluation_files(store: DataStore, judge: Judge, batch: Batch) -> list[Path]:
    """Returns the evaluations of the shards of a batch that a judge has evaluated."""
    files = (store.evaluations(judge, shard) for shard in Shard.all_of(batch))
    return [file for file in files if file.exists()]


def _newest_rubric(files: list[Path]) -> Rubric | None:
    """Returns the rubric that `evaluate_shard` put into the footer of the newest file."""
    newest = max(files, key=lambda file: file.stat().st_mtime_ns, default=None)
    return rubric_of(newest) if newest else None


def best_first(rows: pl.DataFrame, rubric: Rubric) -> pl.DataFrame:
    """Returns rows by recommendation, then score, then custom_id; rows without a verdict last."""
    verdict = pl.col("recommendation").cast(pl.Enum(rubric.recommendations))
    return rows.sort(
        verdict, "score", "custom_id", descending=[False, True, False], nulls_last=True
    )


def _ranked(rows: pl.DataFrame, rubric: Rubric) -> pl.DataFrame:
    """Returns valid rows, best first; an Enum sorts in the order of the rubric's options."""
    valid = rows.filter(pl.col("is_valid") & pl.col("recommendation").is_not_null())
    verdict = pl.col("recommendation").cast(pl.Enum(rubric.recommendations))
    ordered = best_first(valid.with_columns(verdict), rubric)
    disagrees = pl.col("score_recommendation") != pl.col("recommendation").cast(pl.String)
    return ordered.with_columns(
        rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int64), disagrees=disagrees
    ).select(ranking_schema(rubric).column_names())
