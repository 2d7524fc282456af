"""Real vLLM: every path that the fake engine stands in for, once."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from aris_pipeline.audit import Asking, probe_batch
from aris_pipeline.candidates import LandingOptions, land_file, validate_shard, write_synthetic
from aris_pipeline.completions.generation import generate_rows
from aris_pipeline.completions.progress import silently
from aris_pipeline.completions.row_in_flight import SCORES
from aris_pipeline.engines import (
    EngineSession,
    EngineSettings,
    Request,
    Sampling,
    VllmOffline,
)
from aris_pipeline.judging import JudgingSettings
from aris_pipeline.models import load_tokenizer
from aris_pipeline.prompts import load_rubric, longest_answer_tokens, shorten_prompt
from aris_pipeline.scoring import build_score_plan
from aris_pipeline.scoring.requests import Scoring
from aris_pipeline.storage import DataStore, Prompts, Shard
from aris_pipeline_tests.engine.asking import SCHEMA, ask, rows_of
from aris_pipeline_tests.engine.chat import CARD, ids
from aris_pipeline_tests.tables import table
from aris_pipeline_tests.tiny_model import TinyModel

pytestmark = pytest.mark.engine
on_one_engine = pytest.mark.xdist_group("engine")


@pytest.fixture(scope="module")
def engine(tiny: TinyModel) -> Iterator[VllmOffline]:
    with VllmOffline(tiny.card, EngineSettings(max_requests_in_flight=8)) as engine:
        yield engine


@on_one_engine
def test_each_row_keeps_its_own_sampling(engine: VllmOffline) -> None:
    prompt = ids("Count from one to one hundred.")
    answers = ask(
        engine,
        Request("short", prompt, Sampling(3)),
        Request("long", prompt, Sampling(9)),
        Request("warm", prompt, Sampling(5, temperature=0.8, top_p=0.9, seed=3)),
    )

    assert [answers[key].output_tokens for key in ("short", "long", "warm")] == [3, 9, 5]
    assert answers["short"].finish_reason == "length"


@on_one_engine
def test_a_refused_row_leaves_the_others_unharmed(engine: VllmOffline) -> None:
    answers = ask(
        engine,
        Request("too long", ids("word " * 3000), Sampling(5)),
        Request("nearly too long", ids("word")[:1] * 2040, Sampling(500)),
        Request("empty", [], Sampling(5)),
        Request("no such token", [10**8], Sampling(5)),
        Request("bad temperature", ids("hi"), Sampling(5, temperature=-1)),
        Request("bad schema", ids("hi"), Sampling(5), '{"type": "nonsense"}'),
        Request("good", ids("hi"), Sampling(5)),
    )

    assert answers["good"].text
    assert answers["too long"].error_type == "prompt_too_long"
    assert answers["nearly too long"].error_type == "prompt_too_long"
    for key in ("empty", "no such token", "bad temperature", "bad schema"):
        assert answers[key].error_type == "refused", key
        assert answers[key].error_message


@on_one_engine
def test_a_row_is_handed_out_as_soon_as_it_is_finished_and_its_tokens_count_before(
    engine: VllmOffline,
) -> None:
    prompt = ids("Tell a story of a fox.")
    before = engine.token_counts()
    answers = engine.generate(
        [Request("long", prompt, Sampling(60)), Request("short", prompt, Sampling(2))]
    )

    short = next(answers)
    at_first = engine.token_counts()
    (long,) = answers
    at_last = engine.token_counts()

    assert (short.request_id, long.request_id) == ("short", "long")
    assert before
    assert at_first
    assert at_last
    assert at_first.since(before).prompt == 2 * len(prompt), "of the row that goes on, too"
    assert 4 <= at_first.since(before).output < at_last.since(before).output
    assert at_last.since(before).output == long.output_tokens + short.output_tokens
    cached = short.cached_tokens + long.cached_tokens
    assert at_last.since(before).cached == cached


@on_one_engine
def test_an_abandoned_generation_leaves_the_engine_free(engine: VllmOffline) -> None:
    stream = engine.generate(
        Request(f"r{n}", ids("Tell a story."), Sampling(1 if n == 0 else 200)) for n in range(20)
    )
    assert next(stream).request_id == "r0"
    del stream

    assert ask(engine, Request("after", ids("hi"), Sampling(2)))["after"].text


@on_one_engine
def test_rows_of_a_triage_have_a_score_and_then_an_answer_without_another(
    engine: VllmOffline,
) -> None:
    plan = build_score_plan(load_rubric("aris-swe-v1"), load_tokenizer(CARD))
    scoring = Scoring(plan, ids("Judge nobody."))
    prompts = table(
        Prompts, *({"prompt_token_ids": ids(f"Engineer {n}."), "max_tokens": 2} for n in range(12))
    )

    scored = pl.DataFrame(rows_of(engine, prompts, scoring, answers=False))
    chosen = prompts.head(3).join(scored.select("request_key", *SCORES), on="request_key")
    answered = pl.DataFrame(rows_of(engine, chosen, scoring))

    assert scored["triaged"].all()
    assert scored["finish_reason"].null_count() == prompts.height
    assert scored["option_logprobs"].list.len().unique().to_list() == [len(plan.options)]
    assert not answered["triaged"].any()
    assert (answered["output_tokens"] > 0).all()
    kept = answered.join(scored, on="request_key", suffix="_before")
    assert kept["option_logprobs"].to_list() == kept["option_logprobs_before"].to_list()


@on_one_engine
def test_pairs_of_an_audit_are_scored_and_equal_prompts_have_equal_scores(
    engine: VllmOffline, tiny: TinyModel, tmp_path: Path
) -> None:
    store, file = DataStore(tmp_path / "data"), tmp_path / "c.json"
    write_synthetic(3, 1, "aris", file)
    batch = land_file(store, file, LandingOptions())
    validate_shard(store, Shard.numbered(batch.name, 0))
    judge = replace(JudgingSettings().assign(batch), card=tiny.card)
    session = EngineSession(lambda: engine)

    table = probe_batch(
        store, judge, batch, Asking(session, silently, "run", seed=7), rows=3, answers=0
    )

    asked = table.filter(pl.col("pairs") > 0)
    assert {"placebo", "pronoun"} <= set(asked["signal"])
    assert asked["mean_shift"].is_finite().all()
    assert table["unscored"].sum() == 0
    assert table.filter(signal="name")["inert"].item() > 0


@on_one_engine
def test_answers_that_are_no_use_are_repaired(engine: VllmOffline) -> None:
    """At one token none is whole; a refused prompt is cut; the reasons are in the overrides."""
    tokenizer = load_tokenizer(CARD)
    long = [{"role": "user", "content": "word " * 3000}]
    text = tokenizer.apply_chat_template(long, tokenize=False, add_generation_prompt=True)
    long_ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    prompts = table(
        Prompts,
        {"prompt_token_ids": ids("Any good?"), "max_tokens": 10, "response_schema": SCHEMA},
        {"prompt_token_ids": ids("Tell a story."), "max_tokens": 4},
        {"prompt_token_ids": long_ids, "messages": json.dumps(long), "max_tokens": 5},
    )
    session = EngineSession(lambda: engine)
    rows = {
        row["custom_id"]: row
        for row in generate_rows(
            session,
            prompts.iter_rows(named=True),
            scoring=None,
            shorten=lambda prompt, limit: shorten_prompt(prompt, limit, tokenizer),
            run_id="run",
        )
    }

    room = longest_answer_tokens(SCHEMA)  # more than twice the limit, for any answer to it
    assert json.loads(rows["c0"]["overrides"])["longer"] == {"max_tokens": room}
    assert (rows["c0"]["finish_reason"], rows["c0"]["attempt"]) == ("stop", 2)
    assert rows["c1"]["output_tokens"] == 8
    shortened = json.loads(rows["c2"]["overrides"])["shortened"]
    assert 1900 < shortened["prompt_tokens"] <= 2043
    assert rows["c2"]["error_type"] is None


@on_one_engine
def test_the_engine_tells_what_it_is(engine: VllmOffline) -> None:
    assert engine.info.name.startswith("vllm-0.")
    assert engine.info.max_model_len == 2048
    assert (engine.info.kv_cache_tokens or 0) > 10_000
    usage = engine.kv_cache_usage()
    assert usage is not None
    assert 0 <= usage <= 1
