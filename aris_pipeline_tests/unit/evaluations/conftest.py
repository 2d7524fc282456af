"""Prompts and completions of a shard, written as the stages before write them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aris_pipeline.models import EngineIdentity
from aris_pipeline.prompts import Rubric, answer_schema_json, load_rubric
from aris_pipeline.storage import (
    Batch,
    Completions,
    DataStore,
    Judge,
    Prompts,
    Shard,
    write_parquet,
)
from aris_pipeline.storage.schemas import polars_schema

JUDGE = Judge("aris-swe-v1", "smollm2")
BATCH = "2026-11-21_test"
SHARD = Shard(BATCH, "s000")
IDENTITY = EngineIdentity(kind="vllm", model_id="smollm2", revision="1", dtype="bfloat16")

Answered = Callable[..., None]


@pytest.fixture(scope="session")
def rubric() -> Rubric:
    return load_rubric("aris-swe-v1")


@pytest.fixture
def store(tmp_path: Path) -> DataStore:
    return DataStore(tmp_path)


@pytest.fixture
def answered(store: DataStore, rubric: Rubric) -> Answered:
    """Writes one prompt a row and, unless the row has `no_completion`, its completion."""

    def write(*rows: dict[str, Any], shard: Shard = SHARD) -> None:
        prompts, completions = [], []
        for n, row in enumerate(rows):
            fields = {"custom_id": f"{shard.name}-c{n}", "request_key": f"{shard.name}-k{n}", **row}
            fields.setdefault("response_schema", answer_schema_json(rubric))
            prompts.append(_row(Prompts, {**_PROMPT, **fields}))
            if not fields.get("no_completion"):
                completion = {**_COMPLETION, **fields, **fields.get("completion", {})}
                completions.append(_row(Completions, completion))
        for path, schema, found in (
            (store.prompts(JUDGE, shard), Prompts, prompts),
            (store.completions(JUDGE, shard), Completions, completions),
        ):
            write_parquet(pl.DataFrame(found, schema=polars_schema(schema)), path, schema)

    return write


def _row(schema: Any, fields: dict[str, Any]) -> dict[str, Any]:
    return {name: fields.get(name) for name in schema.column_names()}


def answer(**fields: Any) -> str:
    """The text of a rubric answer, as the model writes it."""
    return json.dumps(
        {
            "education_reason": "BS computer science",
            "education": "Good",
            "company_reason": "Stripe",
            "company": "Great",
            "trajectory_reason": "Senior in four years",
            "trajectory": "None",
            "role_reason": "Backend",
            "role": "Great",
            "is_software_engineer": True,
            "overall_reason": "Strong",
            "recommendation": "Yes",
            **fields,
        },
        separators=(",", ":"),
    )


def batch(shards: int = 1, rows: int = 1) -> Batch:
    return Batch(
        name=BATCH,
        digest="d",
        source_file="export.json",
        format="aris",
        shard_rows=[rows] * shards,
        quarantined=0,
        landed_at=datetime(2026, 11, 21, tzinfo=UTC),
    )


_PROMPT: dict[str, Any] = {
    "messages": "[]",
    "prompt_token_ids": [1],
    "prompt_tokens": 1,
    "static_prefix_tokens": 1,
    "temperature": 0.0,
    "top_p": 1.0,
    "max_tokens": 400,
    "shortened": False,
    "suspected_instructions": False,
}
_COMPLETION: dict[str, Any] = {
    "text": answer(),
    "finish_reason": "stop",
    "prompt_tokens": 1,
    "cached_tokens": 0,
    "output_tokens": 1,
    "preemptions": 0,
    "attempt": 1,
    "reused": False,
    "run_id": "run",
    "engine": "vllm 0.32.0",
    "completed_at": datetime(2026, 11, 21, tzinfo=UTC),
}
