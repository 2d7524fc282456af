"""Turns the engine's answers into validated, scored and ranked verdicts."""

from aris_pipeline.evaluations.agreement import Agreement, triage_agreement
from aris_pipeline.evaluations.evaluating import TRIAGED, EvaluationCounts, evaluate_shard
from aris_pipeline.evaluations.ranking import (
    RankingCounts,
    evaluation_files,
    newest_rubric,
    rank_batch,
    ranking_is_stale,
)
from aris_pipeline.evaluations.schemas import evaluation_schema, ranking_schema

__all__ = [
    "TRIAGED",
    "Agreement",
    "EvaluationCounts",
    "RankingCounts",
    "evaluate_shard",
    "evaluation_files",
    "evaluation_schema",
    "newest_rubric",
    "rank_batch",
    "ranking_is_stale",
    "ranking_schema",
    "triage_agreement",
]
