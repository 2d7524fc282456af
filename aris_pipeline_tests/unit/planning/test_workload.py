"""The rows of a plan: a batch's own prompts and answers, or declared lengths."""

from typing import Any

import pytest

from aris_pipeline.errors import ConfigError
from aris_pipeline.planning import GIVEN, AnswerLength, declared, of_batch
from aris_pipeline.storage import Completions, DataStore, Judge, Prompts, Shard
from aris_pipeline_tests.tables import make_batch, write_table

BATCH = make_batch(2, 2)
FIRST, SECOND = Shard.all_of(BATCH)
JUDGE = Judge("aris-swe-v1", "small")


def _ask(store: DataStore, shard: Shard, *lengths: int, judge: Judge = JUDGE) -> None:
    rows: list[dict[str, Any]] = [
        {"prompt_tokens": length, "static_prefix_tokens": 400} for length in lengths
    ]
    write_table(store.prompts(judge, shard), Prompts, *rows)


def test_the_lengths_of_a_batch_are_those_of_its_prompts(store: DataStore) -> None:
    _ask(store, FIRST, 700, 900)
    _ask(store, SECOND, 800, 2_000)

    found = of_batch(store, BATCH, "small", answer=AnswerLength(100, "of earlier runs"))

    assert (found.rows, found.prompt_tokens, found.longest) == (4, 1_100, 2_000)
    assert (found.shared_tokens, found.output_tokens) == (400, 100)
    (source,) = found.sources
    assert "4 prompts of 2026-11-21_export (aris-swe-v1, small): 1100 tokens" in source
    assert "100 output tokens, of earlier runs" in source


def test_answers_that_are_there_say_how_long_answers_are(store: DataStore) -> None:
    _ask(store, FIRST, 700)
    failed = {"error_type": "refused", "output_tokens": 0}
    write_table(
        store.completions(JUDGE, FIRST), Completions, {"output_tokens": 60}, {"output_tokens": 80},
        failed,
    )  # fmt: skip

    found = of_batch(store, BATCH, "small", answer=AnswerLength(100, "of earlier runs"))

    assert found.output_tokens == 70
    assert "of its 2 answers" in found.sources[0]
    assert of_batch(store, BATCH, "small", AnswerLength(200, GIVEN)).output_tokens == 200


def test_prompts_of_another_model_will_do_and_are_named(store: DataStore) -> None:
    _ask(store, FIRST, 500, judge=Judge("aris-swe-v1", "other"))
    assert "(aris-swe-v1, other)" in of_batch(store, BATCH, "small").sources[0]

    _ask(store, FIRST, 700)
    assert of_batch(store, BATCH, "small").prompt_tokens == 700


def test_as_many_such_rows_as_are_asked_for(store: DataStore) -> None:
    _ask(store, FIRST, 700)

    assert of_batch(store, BATCH, "small", rows=50_000).rows == 50_000


def test_a_batch_without_prompts_says_how_to_make_them(store: DataStore) -> None:
    with pytest.raises(ConfigError, match="--until prompts"):
        of_batch(store, BATCH, "small")


def test_a_batch_of_which_nothing_can_be_asked_is_refused(store: DataStore) -> None:
    write_table(store.prompts(JUDGE, FIRST), Prompts, {"error": "no messages"})

    with pytest.raises(ConfigError, match="no prompt that can be asked"):
        of_batch(store, BATCH, "small")


def test_declared_lengths_are_named_as_such() -> None:
    (source,) = declared(10).sources
    assert source == "lengths: 788 prompt tokens, declared; 305 output tokens, declared"
    given = declared(10, AnswerLength(70, GIVEN))
    assert given.sources[0].endswith("70 output tokens, as given")
