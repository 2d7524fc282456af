import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

from aris_pipeline.errors import MissingDataError
from aris_pipeline.evaluations import EvaluationCounts, evaluate_shard, evaluation_schema
from aris_pipeline.prompts import Rubric
from aris_pipeline.storage import DataStore
from aris_pipeline_tests.unit.evaluations.conftest import (
    IDENTITY,
    JUDGE,
    SHARD,
    Answered,
    answer,
)

LOGPROBS = {
    "option_logprobs": [-1.0, -2.0, -3.0, -4.0, -5.0],
    "calibration_logprobs": [-1.0, -3.0, -3.0, -3.0, -3.0],
}


@pytest.fixture
def evaluate(store: DataStore) -> Callable[[Rubric | None], EvaluationCounts]:
    return lambda rubric: evaluate_shard(store, JUDGE, SHARD, rubric, IDENTITY)


def _rows(store: DataStore) -> list[dict[str, Any]]:
    return pl.read_parquet(store.evaluations(JUDGE, SHARD)).to_dicts()


def test_a_valid_answer_becomes_typed_columns(
    answered: Answered, evaluate: Any, store: DataStore, rubric: Rubric
) -> None:
    answered({"shortened": True, "suspected_instructions": True})
    counts = evaluate(rubric)
    (row,) = _rows(store)
    assert row["is_valid"]
    assert (row["education"], row["trajectory"], row["recommendation"]) == ("Good", "None", "Yes")
    assert row["company_reason"] == "Stripe"
    assert row["is_software_engineer"] is True
    assert row["shortened"] is True
    assert row["suspected_instructions"] is True
    assert json.loads(row["answer_json"])["role"] == "Great"
    assert row["rubric_id"] == "aris-swe-v1"
    assert row["rubric_digest"] == rubric.digest
    assert (row["model_id"], row["engine"], row["run_id"]) == ("smollm2", "vllm 0.32.0", "run")
    assert counts == EvaluationCounts(1, 1, 0, {}, {"Yes": 1}, distinct_reasons=1)


def test_probabilities_score_and_likeliest_verdict_come_from_the_logprobs(
    answered: Answered, evaluate: Any, store: DataStore, rubric: Rubric
) -> None:
    answered(LOGPROBS, {}, {**LOGPROBS, "calibration_logprobs": None})
    evaluate(rubric)
    scored, without, uncalibrated = _rows(store)
    assert scored["score_recommendation"] == "Yes"
    assert scored["p_yes"] == scored["confidence"] > scored["p_strong_yes"]
    names = ["p_strong_yes", "p_yes", "p_maybe", "p_no", "p_strong_no"]
    assert sum(scored[name] for name in names) == pytest.approx(1)
    assert scored["score"] == pytest.approx(
        sum(scored[name] * value for name, value in zip(names, (4, 3, 2, 1, 0), strict=True))
    )
    for row in (without, uncalibrated):
        assert row["is_valid"]
        assert [row[name] for name in ("score", "confidence", *names)] == [None] * 7


CHOICE = json.dumps({"structured_outputs": {"choice": ["yes", "no"]}})
DIGITS = json.dumps({"stop": ["x"], "structured_outputs": {"regex": "[0-9]{2}"}})
SLOW = json.dumps({"structured_outputs": {"regex": "(a|aa)+"}})
MARK = "the answer is only the mark of what was cut from the prompt"
GRAMMAR = json.dumps({"structured_outputs": {"grammar": 'root ::= "yes"'}})


@pytest.mark.parametrize(
    ("case", "invalid"),
    [
        ((CHOICE, "yes"), None),
        ((CHOICE, "yes."), ("schema_violation", "the answer is none of yes, no")),
        ((DIGITS, "42"), None),
        ((DIGITS, "421"), ("schema_violation", "the answer does not match [0-9]{2}")),
        ((SLOW, "a" * 80 + "b"), None),
        ((GRAMMAR, "yes"), None),
        (('{"stop": ["x"]}', "anything"), None),
        ((None, "[shortened]"), ("empty", MARK)),
        ((None, " [profile shortened]\n"), ("empty", MARK)),
    ],
)
def test_an_answer_without_json_is_judged_by_its_own_constraint(
    answered: Answered,
    evaluate: Any,
    store: DataStore,
    case: tuple[str | None, str],
    invalid: tuple[str, str] | None,
) -> None:
    parameters, text = case
    answered({"response_schema": None, "parameters": parameters, "text": text})
    evaluate(None)
    (row,) = _rows(store)
    assert row["is_valid"] == (invalid is None)
    assert (row["invalid_reason"], row["invalid_detail"]) == (invalid or (None, None))


@pytest.mark.parametrize(
    ("case", "outcome"),
    [
        ((False, {"lowered": {"max_tokens": 2015}}), (False, None)),
        ((True, {"lowered": {"max_tokens": 2015}}), (False, None)),
        ((True, {"shortened": {"prompt_tokens": 20}}), (True, None)),
        ((False, {"shortened": {"prompt_tokens": 20}}), (True, "prompt_too_long")),
        # As earlier versions noted a lowered limit, and a prompt that they cut without being asked.
        ((None, {"shortened": {"prompt_tokens": 33}}), (False, None)),
        ((None, {"shortened": {"prompt_tokens": 20}}), (True, None)),
    ],
)
def test_shortened_is_what_was_cut_and_counts_only_where_it_was_asked_for(
    answered: Answered,
    evaluate: Any,
    store: DataStore,
    case: tuple[bool | None, dict[str, Any]],
    outcome: tuple[bool, str | None],
) -> None:
    may_be_shortened, overrides = case
    answered(
        {
            "response_schema": None,
            "prompt_tokens": 33,
            "may_be_shortened": may_be_shortened,
            "overrides": json.dumps(overrides),
            "text": "yes",
        }
    )
    evaluate(None)
    (row,) = _rows(store)
    assert (row["shortened"], row["invalid_reason"]) == outcome


@pytest.mark.parametrize(
    "case",
    [
        ({"no_completion": True}, "missing_completion", "no completion"),
        ({"completion": {"request_key": "stale"}}, "missing_completion", "no completion"),
        (
            {"error_type": "prompt_too_long", "error_message": "2049 > 2048", "text": None},
            "prompt_too_long",
            "2049",
        ),
        ({"error": "bad role", "no_completion": True}, "prompt_error", "bad role"),
        ({"finish_reason": "length"}, "truncated", "max_tokens"),
        ({"finish_reason": "abort"}, "not_finished", "abort"),
        ({"finish_reason": None}, "not_finished", "None"),
        ({"text": ""}, "empty", "no text"),
        ({"text": None}, "empty", "no text"),
        ({"text": answer()[:-1]}, "malformed_json", "delimiter"),
        ({"text": '{"education": NaN}'}, "malformed_json", "NaN"),
        ({"text": "[" * 100_000}, "malformed_json", "recursion"),
        ({"text": '["\\ud800"]'}, "malformed_json", "surrogate"),
        ({"text": "[]"}, "schema_violation", "answer: "),
        ({"text": answer(education="good")}, "schema_violation", "education: 'good'"),
        ({"text": answer(extra=1)}, "schema_violation", "extra"),
        ({"text": answer(role_reason="x" * 500)}, "schema_violation", "role_reason: "),
        ({"text": answer(is_software_engineer="yes")}, "schema_violation", "is_software_engineer"),
    ],
)
def test_every_prompt_has_a_row_and_an_invalid_one_says_why(
    answered: Answered,
    evaluate: Any,
    store: DataStore,
    rubric: Rubric,
    case: tuple[dict[str, Any], str, str],
) -> None:
    row, reason, detail = case
    answered({}, row)
    counts = evaluate(rubric)
    good, bad = _rows(store)
    assert good["is_valid"]
    assert not bad["is_valid"]
    assert bad["invalid_reason"] == reason
    assert detail in bad["invalid_detail"]
    assert bad["answer_json"] is bad["recommendation"] is bad["education"] is None
    assert counts.invalid_reasons == {reason: 1}


def test_the_order_of_the_prompts_is_kept(
    answered: Answered, evaluate: Any, store: DataStore, rubric: Rubric
) -> None:
    answered(*({"custom_id": name} for name in "zay"))
    evaluate(rubric)
    assert [row["custom_id"] for row in _rows(store)] == ["z", "a", "y"]


def test_an_empty_shard_has_no_evaluations(
    answered: Answered, evaluate: Any, store: DataStore, rubric: Rubric
) -> None:
    answered()
    assert evaluate(rubric).rows == 0
    assert evaluate(None).rows == 0


def test_without_completions_it_says_what_to_run(evaluate: Any, rubric: Rubric) -> None:
    with pytest.raises(MissingDataError, match="materialize prompts of this shard"):
        evaluate(rubric)


def test_every_column_has_a_description(rubric: Rubric) -> None:
    columns = evaluation_schema(rubric).columns()
    assert "p_strong_no" in columns
    assert all(column.description for column in columns.values())


def test_ratings_read_back_as_words_in_duckdb_and_pandas(
    answered: Answered, evaluate: Any, store: DataStore, rubric: Rubric
) -> None:
    answered({}, {"text": "x"})
    evaluate(rubric)
    file: Path = store.evaluations(JUDGE, SHARD)
    query = f"select recommendation from '{file}' where trajectory = 'None'"
    assert duckdb.connect().execute(query).fetchall() == [("Yes",)]
    frame = pd.read_parquet(file)
    assert frame.loc[frame.is_valid, "trajectory"].tolist() == ["None"]
    assert frame.loc[~frame.is_valid, "trajectory"].isna().all()


OWN_SCHEMA = json.dumps(
    {
        "type": "object",
        "required": ["fit"],
        "properties": {
            "fit": {"type": "boolean"},
            "years": {"type": ["integer", "null"]},
            "share": {"type": "number"},
            "level": {"enum": ["junior", "senior"]},
            "notes": {"type": "array"},
            "json": {"type": "string"},
        },
    }
)


def test_answers_to_one_schema_of_an_openai_file_become_columns(
    answered: Answered, evaluate: Any, store: DataStore
) -> None:
    text = '{"fit":true,"years":7,"share":1,"level":"senior","notes":[],"json":"x"}'
    answered(
        {"response_schema": OWN_SCHEMA, "text": text},
        {"response_schema": OWN_SCHEMA, "text": '{"fit":false,"years":null}'},
        {"response_schema": OWN_SCHEMA, "text": f'{{"fit":true,"years":{10**30}}}'},
        {"response_schema": OWN_SCHEMA, "text": '{"years":7}'},
    )
    assert evaluate(None).valid == 3
    full, part, huge, bad = _rows(store)
    assert (full["answer_fit"], full["answer_years"], full["answer_share"]) == (True, 7, 1.0)
    assert full["answer_level"] == "senior"
    assert full["answer_json"] == text
    assert "answer_notes" not in full
    assert part["answer_years"] is huge["answer_years"] is bad["answer_years"] is None
    assert bad["invalid_reason"] == "schema_violation"
    assert full["rubric_id"] == "openai"
    assert full["rubric_digest"] is full["score"] is None


def test_answers_to_several_schemas_stand_only_in_answer_json(
    answered: Answered, evaluate: Any, store: DataStore
) -> None:
    answered(
        {"response_schema": OWN_SCHEMA, "text": '{"fit":true}'},
        {"response_schema": '{"type":"object"}', "text": "{}"},
        {"response_schema": None, "text": "free words"},
        {"response_schema": None, "text": "  "},
    )
    assert evaluate(None).valid == 3
    rows = _rows(store)
    assert [row["answer_json"] for row in rows] == ['{"fit":true}', "{}", None, None]
    assert [row["answer_text"] for row in rows] == [None, None, "free words", None]
    assert rows[3]["invalid_reason"] == "empty"
    assert "answer_fit" not in rows[0]


@pytest.mark.parametrize("schema", ['{"type":"nonsense"}', '{"$ref":"http://localhost:1/x.json"}'])
def test_a_schema_that_cannot_be_used_is_told_and_never_fetched(
    answered: Answered, evaluate: Any, store: DataStore, schema: str
) -> None:
    answered({"response_schema": schema, "text": "{}"})
    evaluate(None)
    assert _rows(store)[0]["invalid_reason"] == "bad_schema"


def test_under_a_rubric_a_row_with_its_own_schema_is_valid_but_has_no_verdict(
    answered: Answered, evaluate: Any, store: DataStore, rubric: Rubric
) -> None:
    answered({"response_schema": OWN_SCHEMA, "text": '{"fit":true}'})
    assert evaluate(rubric).valid == 1
    (row,) = _rows(store)
    assert row["answer_json"] == '{"fit":true}'
    assert row["recommendation"] is None
