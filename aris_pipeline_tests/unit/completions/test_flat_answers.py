import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from aris_pipeline.completions.answer_parser import AnswerParser
from aris_pipeline.completions.flat_answers import flat_check
from aris_pipeline.prompts import answer_schema, load_rubric

RUBRIC_SCHEMA = answer_schema(load_rubric("aris-swe-v1"))
GOOD: dict[str, Any] = {
    name: rule["enum"][0] if "enum" in rule else True if rule["type"] == "boolean" else "A note"
    for name, rule in RUBRIC_SCHEMA["properties"].items()
}
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(0, 3)
    | st.floats(allow_nan=False)
    | st.sampled_from(["Great", "Strong Yes", "Yes ", "A note\n", "A" * 999, "\u00e9", ""])
    | st.text(max_size=5)
    | st.lists(st.booleans(), max_size=2)
)
CHANGES = st.dictionaries(st.sampled_from([*GOOD, "another"]), VALUES, max_size=3)
LEFT_OUT = st.sets(st.sampled_from(list(GOOD)), max_size=1)
RULES = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "boolean", "integer", "null", ["string", "null"]])},
    optional={
        "enum": st.lists(st.sampled_from(["a", "b", 1, True, None]), min_size=1, unique=True),
        "pattern": st.sampled_from(["^a$", "b", ""]),
        "maxLength": st.integers(0, 2) | st.just(1.0),
        "minLength": st.just(1),
    },
)
SCHEMAS = st.fixed_dictionaries(
    {"type": st.sampled_from(["object", "string"])},
    optional={
        "properties": st.dictionaries(st.sampled_from("xyz"), RULES | st.booleans(), max_size=3),
        "required": st.lists(st.sampled_from("xyz"), unique=True),
        "additionalProperties": st.booleans(),
        "minProperties": st.just(1),
    },
)
SMALL_ANSWERS = st.dictionaries(
    st.sampled_from("xyz"), st.sampled_from(["a", "b", "ab\n", "a\n", "aaa", "", 1, True, None])
)


@settings(deadline=None)
@given(CHANGES, LEFT_OUT)
@example({}, set())
def test_the_quick_check_of_a_rubrics_answer_says_what_the_validator_says(
    changes: dict[str, Any], left_out: set[str]
) -> None:
    answer = {name: value for name, value in {**GOOD, **changes}.items() if name not in left_out}
    check = flat_check(RUBRIC_SCHEMA)
    assert check is not None
    assert check(answer) == Draft202012Validator(RUBRIC_SCHEMA).is_valid(answer)


@settings(deadline=None)
@given(SCHEMAS, SMALL_ANSWERS | VALUES)
def test_the_quick_check_never_lets_pass_what_the_validator_refuses(
    schema: dict[str, Any], answer: Any
) -> None:
    check = flat_check(schema)
    if check is not None and check(answer):
        Draft202012Validator(schema).validate(answer)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {**RUBRIC_SCHEMA, "additionalProperties": True},
        {**RUBRIC_SCHEMA, "allOf": [False]},
        {**RUBRIC_SCHEMA, "properties": {"reason": {"type": "string", "minLength": 3}}},
        {**RUBRIC_SCHEMA, "properties": {"reason": {"$ref": "#/properties/other"}}},
    ],
)
def test_a_schema_that_says_more_is_left_to_the_validator(schema: dict[str, Any]) -> None:
    assert flat_check(schema) is None


def test_an_answer_that_fails_the_quick_check_still_says_what_is_wrong() -> None:
    name = next(iter(GOOD))
    parsed = AnswerParser(json.dumps(RUBRIC_SCHEMA)).parse(json.dumps(GOOD | {name: 5}), "stop")
    assert parsed.invalid_reason == "schema_violation"
    assert parsed.invalid_detail == f"{name}: 5 is not of type 'string'"
