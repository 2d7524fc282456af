import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from aris_pipeline.errors import ConfigError
from aris_pipeline.prompts import (
    Rubric,
    Tokenizer,
    answer_schema,
    answer_schema_json,
    check_fits,
    likely_tokens,
    load_rubric,
    longest_answer_tokens,
    named_answer,
    worst_case_tokens,
)

pytestmark = pytest.mark.slow


def test_reasons_come_before_ratings_and_the_recommendation_last(rubric: Rubric) -> None:
    schema = answer_schema(rubric)
    assert list(schema["properties"]) == [
        "education_reason",
        "education",
        "company_reason",
        "company",
        "trajectory_reason",
        "trajectory",
        "role_reason",
        "role",
        "is_software_engineer",
        "overall_reason",
        "recommendation",
    ]
    assert schema["required"] == list(schema["properties"])
    assert schema["additionalProperties"] is False


def test_the_worked_example_of_the_shipped_rubric_satisfies_its_schema(rubric: Rubric) -> None:
    assert rubric.example is not None
    Draft202012Validator(answer_schema(rubric)).validate(rubric.example.answer)


@pytest.mark.parametrize(
    "reason", ["", " leading", 'a "quote"', "back\\slash", "two\nlines", "a\ttab", "x" * 53]
)
def test_a_reason_needs_no_escape_and_is_bounded(rubric: Rubric, reason: str) -> None:
    rule = answer_schema(rubric)["properties"]["education_reason"]
    assert not Draft202012Validator(rule).is_valid(reason)


@pytest.mark.parametrize("reason", ["M.Sc., Universität München, 2019", "x" * 52])
def test_a_reason_may_name_what_is_not_ascii(rubric: Rubric, reason: str) -> None:
    rule = answer_schema(rubric)["properties"]["education_reason"]
    assert Draft202012Validator(rule).is_valid(reason)


def test_the_shipped_rubric_fits_400_tokens(rubric: Rubric, tokenizer: Tokenizer) -> None:
    check_fits(rubric, tokenizer, 400)


def test_an_answer_that_may_not_fit_is_refused_with_the_remedy(
    rubric: Rubric, tokenizer: Tokenizer
) -> None:
    longer = rubric.model_copy(update={"reason_chars": 260})
    needed = likely_tokens(longer, tokenizer)
    with pytest.raises(
        ConfigError, match=rf"reason_chars \(now 260\) by \d+, or set max_tokens to {needed}"
    ) as raised:
        check_fits(longer, tokenizer, 400)
    check_fits(longer, tokenizer, needed)
    by = int(re.findall(r"by (\d+)", str(raised.value))[0])
    check_fits(longer.model_copy(update={"reason_chars": 260 - by}), tokenizer, 400)


def test_the_guidance_grammar_admits_no_answer_longer_than_the_worst_case(
    rubric: Rubric, tokenizer: Tokenizer
) -> None:
    """Walks the grammar that vLLM uses, always taking the token with the fewest characters."""
    longest, text = _longest_answer(answer_schema_json(rubric), tokenizer, prefer="!")
    Draft202012Validator(answer_schema(rubric)).validate(json.loads(text))
    assert longest + 1 <= worst_case_tokens(rubric, tokenizer)


@pytest.mark.parametrize("prefer", ["!", "\u4e00"])
def test_the_retry_has_room_for_any_answer_of_the_compact_form(
    tokenizer: Tokenizer, prefer: str
) -> None:
    rubric = load_rubric("aris-swe-v2")
    schema = answer_schema_json(rubric)
    longest, text = _longest_answer(schema, tokenizer, prefer=prefer)
    answer = json.loads(text)
    Draft202012Validator(answer_schema(rubric)).validate(answer)
    assert longest + 1 <= (longest_answer_tokens(schema) or 0)
    named = named_answer(rubric, answer)
    assert list(named)[:3] == ["education_evidence", "education_reason", "education"]
    assert list(named)[-1] == "recommendation"
    assert longest_answer_tokens('{"type":"object","properties":{"a":{"type":"string"}}}') is None
    assert longest_answer_tokens('{"type":"object","properties":{"a":{"enum":[]}}}') is not None


def test_a_rubric_keeps_its_hash_when_later_versions_know_more_fields() -> None:
    known = "c83ae71a929a0c6ff983a20be40bb3a9e9fd6445ce7ab0145ab05b902c3965b8"
    assert load_rubric("aris-swe-v1").digest == known


def _longest_answer(schema: str, tokenizer: Any, prefer: str) -> tuple[int, str]:
    llguidance = pytest.importorskip("llguidance")
    huggingface = pytest.importorskip("llguidance.hf")
    numpy = pytest.importorskip("numpy")
    masks = pytest.importorskip("llguidance.numpy")
    grammar = llguidance.LLMatcher.grammar_from_json_schema(
        schema, defaults={"whitespace_flexible": False}
    )
    matcher = llguidance.LLMatcher(huggingface.from_tokenizer(tokenizer), grammar)
    size = len(tokenizer)
    texts = tokenizer.batch_decode([[token] for token in range(size)])
    order = sorted(range(size), key=lambda token: (len(texts[token]), texts[token] != prefer))
    mask = masks.allocate_token_bitmask(1, size)
    answer: list[int] = []
    while not matcher.is_stopped():
        masks.fill_next_token_bitmask(matcher, mask, 0)
        allowed = numpy.unpackbits(mask.view(numpy.uint8), bitorder="little")
        token = next(token for token in order if allowed[token])
        assert matcher.consume_token(token), matcher.get_error()
        answer.append(token)
    return len(answer), tokenizer.decode(answer)
