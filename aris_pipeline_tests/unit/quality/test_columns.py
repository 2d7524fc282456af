import json
from typing import Any

import polars as pl
import pytest

from aris_pipeline.evaluations import evaluate_shard
from aris_pipeline.models import EngineIdentity
from aris_pipeline.prompts import PromptOrigin, Rubric
from aris_pipeline.quality import Finding, Thresholds, schema
from aris_pipeline.storage import (
    Completions,
    DataStore,
    Judge,
    Prompts,
    read_parquet,
    write_frame,
    write_parquet,
)
from aris_pipeline_tests.tables import table
from aris_pipeline_tests.unit.quality.conftest import JUDGE, SHARD

IDENTITY = EngineIdentity(kind="vllm", model_id="smollm2", revision="1", dtype="bfloat16")
OPENAI = Judge("openai", "small")
ASKED = json.dumps({"type": "object", "properties": {"Quetzalcoatl": {"type": "boolean"}}})


def _evaluate(store: DataStore, rubric: Rubric | None, by: Judge = JUDGE, **prompt: Any) -> None:
    origin = PromptOrigin(rubric=rubric, identity=IDENTITY)
    prompts, completions = table(Prompts, prompt, prompt), table(Completions, {}, {})
    write_parquet(prompts, store.prompts(by, SHARD), Prompts, metadata=origin.footer())
    write_parquet(completions, store.completions(by, SHARD), Completions)
    evaluate_shard(store, by, SHARD, rubric, IDENTITY)


def _change(store: DataStore, by: Judge, change: Any) -> None:
    file = store.evaluations(by, SHARD)
    write_frame(change(read_parquet(file, hint="")), file)


def _schema(store: DataStore, by: Judge = JUDGE) -> Finding:
    return schema(store, by, SHARD, Thresholds())


def test_evaluations_by_a_rubric_have_its_columns(store: DataStore, rubric: Rubric) -> None:
    _evaluate(store, rubric)

    found = _schema(store)

    assert (found.passed, found.value, found.threshold) == (True, 0, 0)
    assert found.detail == f"{found.figures['columns']:.0f} columns as declared"


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (lambda rows: rows.drop("company", "score"), "columns missing: company, score"),
        (lambda rows: rows.with_columns(note=1), "columns unexpected: note"),
        (lambda rows: rows.cast({"score": pl.String}), "columns mistyped: score"),
        (lambda rows: rows.cast({"recommendation": pl.String}), "columns mistyped: recommendation"),
        (
            lambda rows: rows.rename({"score": "Score"}),
            "columns missing: score; unexpected: Score",
        ),
    ],
)
def test_other_columns_are_an_error_that_names_them(
    store: DataStore, rubric: Rubric, change: Any, detail: str
) -> None:
    _evaluate(store, rubric)
    _change(store, JUDGE, change)

    found = _schema(store)

    assert (found.passed, found.severity, found.detail) == (False, "error", detail)
    assert (
        found.value
        == found.figures["columns_missing"]
        + found.figures["columns_unexpected"]
        + found.figures["columns_mistyped"]
    )


@pytest.mark.parametrize("asked", [ASKED, None])
def test_answers_to_an_openai_file_have_the_columns_of_its_schema(
    store: DataStore, asked: str | None
) -> None:
    _evaluate(store, None, by=OPENAI, response_schema=asked)

    assert _schema(store, OPENAI).passed


def test_names_that_an_openai_file_has_chosen_are_counted_and_not_told(store: DataStore) -> None:
    _evaluate(store, None, by=OPENAI, response_schema=ASKED)
    _change(store, OPENAI, lambda rows: rows.drop("answer_Quetzalcoatl", "score"))

    found = _schema(store, OPENAI)

    assert (found.passed, found.value) == (False, 2)
    assert found.detail == "columns 2 missing"
