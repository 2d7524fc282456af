"""Turns the engine's answers into validated, scored and ranked verdicts."""

from aris_pipeline.evaluations.agreement import Agreement, triage_agreement
from aris_pipeline.evaluations.contradictions import contradiction_in_words
from aris_pipeline.evaluations.cut import Cut
from aris_pipeline.evaluations.evaluating import (
    TRIAGED,
    EvaluationCounts,
    evaluate_shard,
    rubric_of,
)
from aris_pipeline.evaluations.ranking import (
    RankingCounts,
    best_first,
    evaluation_files,
    rank_batch,
    ranked_by,
    ranking_is_stale,
)
from aris_pipeline.evaluations.review import (
    NEAR,
    NOT_LOOKED_FOR,
    REVIEW_REASONS,
    not_looked_for,
    review_in_words,
    review_reasons,
)
from aris_pipeline.evaluations.schemas import evaluation_schema, ranking_schema

__all__ = [
    "NEAR",
    "NOT_LOOKED_FOR",
    "REVIEW_REASONS",
    "TRIAGED",
    "Agreement",
    "Cut",
    "EvaluationCounts",
    "RankingCounts",
    "best_first",
    "contradiction_in_words",
    "evaluate_shard",
    "evaluation_files",
    "evaluation_schema",
    "not_looked_for",
    "rank_batch",
    "ranked_by",
    "ranking_is_stale",
    "ranking_schema",
    "review_in_words",
    "review_reasons",
    "rubric_of",
    "triage_agreement",
]
