"""Rows of every table with plausible values, written the way the pipeline writes them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dataframely as dy
import polars as pl

from aris_pipeline.evaluations import evaluation_schema, rank_batch
from aris_pipeline.evaluations.evaluating import RUBRIC_KEY
from aris_pipeline.prompts import Rubric, load_rubric
from aris_pipeline.storage import (
    Batch,
    Completions,
    DataStore,
    Evaluations,
    Judge,
    Landed,
    Prompts,
    Quarantine,
    RawCandidates,
    Shard,
    write_parquet,
)

WITH_EVIDENCE = load_rubric("aris-swe-v2")
DAY = datetime(2026, 11, 21, tzinfo=UTC)

_DEFAULTS: dict[type[dy.Schema], dict[str, Any]] = {
    Landed: {"file": "export.json", "record": "{}"},
    Quarantine: {"file": "export.json", "rule": "wrong_type", "message": "a list", "raw": "{}"},
    RawCandidates: {
        "file": "export.json",
        "work_info": [],
        "education_info": [],
        "skills": [],
        "repaired": False,
    },
    Prompts: {
        "messages": "[]",
        "prompt_token_ids": [1, 2, 3],
        "prompt_tokens": 3,
        "static_prefix_tokens": 1,
        "temperature": 0.0,
        "top_p": 1.0,
        "max_tokens": 16,
        "shortened": False,
        "suspected_instructions": False,
    },
    Completions: {
        "text": "fine",
        "finish_reason": "stop",
        "prompt_tokens": 3,
        "cached_tokens": 0,
        "output_tokens": 5,
        "preemptions": 0,
        "attempt": 1,
        "reused": False,
        "run_id": "earlier",
        "engine": "fake-1",
        "completed_at": DAY,
    },
    Evaluations: {
        "is_valid": True,
        "shortened": False,
        "suspected_instructions": False,
        "rubric_id": "aris-swe-v1",
        "model_id": "acme/small",
        "model_revision": "1",
        "engine": "fake-1",
        "run_id": "earlier",
    },
}


def table(schema: type[dy.Schema], *rows: dict[str, Any]) -> pl.DataFrame:
    """Each row is given by what matters; ids, keys and lines follow its position."""
    defaults = _DEFAULTS[next(one for one in schema.__mro__ if one in _DEFAULTS)]
    numbered = [
        {
            **dict.fromkeys(schema.column_names()),
            **defaults,
            "custom_id": f"c{n}",
            "request_key": f"k{n}",
            "line": n,
            **row,
        }
        for n, row in enumerate(rows)
    ]
    types = {name: column.dtype for name, column in schema.columns().items()}
    return pl.DataFrame(
        [{name: row[name] for name in types} for row in numbered], schema=types, orient="row"
    )


def write_table(path: Path, schema: type[dy.Schema], *rows: dict[str, Any]) -> None:
    write_parquet(table(schema, *rows), path, schema)


def write_verdicts(
    store: DataStore, judge: Judge, batch: Batch, rubric: Rubric, *rows: dict[str, Any]
) -> None:
    """Writes the evaluations of a batch's first shard, and ranks them; a row says what matters."""
    schema, shard = evaluation_schema(rubric), Shard.all_of(batch)[0]
    answer: dict[str, Any] = {}
    for criterion in rubric.criteria:
        answer |= {criterion.name: rubric.ratings[0], f"{criterion.name}_reason": "Solid"}
        if rubric.evidence:
            answer |= {f"{criterion.name}_evidence": "J1", f"{criterion.name}_quote": "Builds"}
            answer |= {"grounding": "grounded", "ungrounded": [], "contradictions": []}
    verdict = {"overall_reason": "Strong", "recommendation": rubric.recommendations[0]}
    likeliest = {"score": 3.0, "confidence": 0.6, "score_recommendation": rubric.recommendations[0]}
    chances = dict.fromkeys(rubric.probability_columns, 0.2)
    flags = {flag.name: True for flag in rubric.flags}
    given = {**answer, **flags, **verdict, **likeliest, **chances, **_DEFAULTS[Evaluations]}
    given |= {"rubric_id": rubric.id, "rubric_digest": rubric.digest}
    frame = table(schema, *({**given, **row} for row in rows))
    metadata = {RUBRIC_KEY: rubric.model_dump_json()}
    write_parquet(frame, store.evaluations(judge, shard), schema, metadata=metadata)
    rank_batch(store, judge, batch)


def make_batch(*shard_rows: int, **fields: Any) -> Batch:
    given = {"name": "2026-11-21_export", "format": "aris", "quarantined": 0, **fields}
    return Batch(
        digest="d",
        source_file="export.json",
        shard_rows=list(shard_rows),
        landed_at=DAY,
        **given,
    )
