"""Real vLLM with the small real model: every path that the fake engine stands in for, once."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from aris_pipeline.candidates import write_synthetic
from aris_pipeline.completions import parts
from aris_pipeline.completions.generation import generate_rows
from aris_pipeline.completions.rows import SCORES
from aris_pipeline.defs import resources
from aris_pipeline.engines import (
    Completion,
    EngineSession,
    EngineSettings,
    Request,
    Sampling,
    VllmOffline,
)
from aris_pipeline.judging import JudgingSettings
from aris_pipeline.models import load_tokenizer
from aris_pipeline.prompts import PromptSettings, load_rubric, shorten_prompt
from aris_pipeline.prompts.frames import build_frame
from aris_pipeline.prompts.tokenizers import tokenize
from aris_pipeline.scoring import build_score_plan, calibration_prompt, scores
from aris_pipeline.scoring.requests import Scoring
from aris_pipeline.storage import Batch, DataStore, Prompts, Shard
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.engine.chat import CARD, ids
from aris_pipeline_tests.soak.processes import Finished
from aris_pipeline_tests.tables import table

pytestmark = pytest.mark.engine
on_one_engine = pytest.mark.xdist_group("engine")

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"verdict": {"enum": ["Strong Yes", "No"]}, "sure": {"type": "boolean"}},
        "required": ["verdict", "sure"],
        "additionalProperties": False,
    }
)


@pytest.fixture(scope="module")
def engine() -> Iterator[VllmOffline]:
    with VllmOffline(CARD, EngineSettings(max_requests_in_flight=8)) as engine:
        yield engine


def _rows(
    engine: VllmOffline, prompts: pl.DataFrame, scoring: Scoring, *, answers: bool = True
) -> list[dict[str, Any]]:
    return list(
        generate_rows(
            *(EngineSession(lambda: engine), prompts.iter_rows(named=True)),
            scoring=scoring,
            shorten=_never,
            run_id="run",
            answers=answers,
        )
    )


def ask(engine: VllmOffline, *requests: Request) -> dict[str, Completion]:
    return {completion.request_id: completion for completion in engine.generate(requests)}


@on_one_engine
def test_structured_answers_satisfy_their_schema(engine: VllmOffline) -> None:
    answers = ask(
        engine,
        *(
            Request(f"r{n}", ids(f"Is candidate {n} any good?"), Sampling(40), SCHEMA)
            for n in range(20)
        ),
    )

    assert len(answers) == 20
    for answer in answers.values():
        assert answer.finish_reason == "stop"
        assert set(json.loads(answer.text or "")) == {"verdict", "sure"}
        assert answer.prompt_tokens > 0
        assert answer.output_tokens > 0
        assert answer.latency_s is not None


@on_one_engine
def test_further_parameters_of_a_row_are_honored_and_a_bad_one_costs_that_row(
    engine: VllmOffline,
) -> None:
    digits = {"structured_outputs": {"regex": "[0-9]{3}-[0-9]{2}"}}
    asked: dict[str, dict[str, Any]] = {
        "choice": {"structured_outputs": {"choice": ["maybe so", "not at all"]}},
        "regex": digits,
        "grammar": {"structured_outputs": {"grammar": 'root ::= "a" | "bc"'}},
        "stop": {"stop": [" three", ","]},
        "long": {"min_tokens": 30},
        "together": {**digits, "stop": ["-"], "min_tokens": 2, "bad_words": ["7"], "top_k": 50},
        "never ends": {"structured_outputs": {"choice": ["yes"]}, "min_tokens": 20},
        "bias": {"logit_bias": {"28725": 100.0}, "presence_penalty": 0.5},
        "one token": {"allowed_token_ids": [504]},
        "unclosed": {"structured_outputs": {"regex": "["}},
        "looks ahead": {"structured_outputs": {"regex": "(?=a)b"}},
        "no grammar": {"structured_outputs": {"grammar": "nonsense(("}},
    }
    prompt = ids("Count from one to one hundred in words, with commas.")
    answers = ask(
        engine,
        *(Request(name, prompt, Sampling(40, further=one)) for name, one in asked.items()),
    )

    texts = {name: answer.text or "" for name, answer in answers.items()}
    assert texts["choice"] in {"maybe so", "not at all"}
    assert re.fullmatch("[0-9]{3}-[0-9]{2}", texts["regex"])
    assert texts["grammar"] in {"a", "bc"}
    assert answers["stop"].finish_reason == "stop"
    assert "," not in texts["stop"]
    assert answers["long"].output_tokens >= 30
    assert re.fullmatch("[0-9]{3}", texts["together"])
    assert set(engine_tokens(texts["one token"])) == {504}
    refused = {name for name, answer in answers.items() if answer.error_type == "refused"}
    assert refused == {"unclosed", "looks ahead", "no grammar"}
    assert "regex parse error" in str(answers["unclosed"].error_message)
    assert ask(engine, Request("after", prompt, Sampling(4)))["after"].text


def engine_tokens(text: str) -> list[int]:
    tokens: list[int] = load_tokenizer(CARD)(text, add_special_tokens=False)["input_ids"]
    return tokens


@on_one_engine
def test_greedy_answers_are_the_same_when_asked_again(engine: VllmOffline) -> None:
    request = ids("Name a color.")
    first = ask(engine, Request("a", request, Sampling(12)))["a"]
    again = ask(engine, Request("b", request, Sampling(12)))["b"]

    assert first.text == again.text
    assert again.cached_tokens > 0


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
def test_verdict_probabilities_are_probabilities_and_depend_on_the_prompt(
    engine: VllmOffline,
) -> None:
    tokenizer = load_tokenizer(CARD)
    rubric = load_rubric("aris-swe-v1")
    scoring = Scoring(build_score_plan(rubric, tokenizer), ids("Judge nobody."))
    prompts = table(
        Prompts,
        *(
            {"custom_id": name, "prompt_token_ids": ids(text), "max_tokens": 4}
            for name, text in (
                ("strong", "A brilliant engineer."),
                ("weak", "A cook without work."),
            )
        ),
    )

    rows = _rows(engine, prompts, scoring)

    for row in rows:
        assert len(row["option_logprobs"]) == 5
        assert math.isclose(sum(map(math.exp, row["option_logprobs"])), 1, rel_tol=1e-6)
        assert row["calibration_logprobs"] != row["option_logprobs"]
    assert rows[0]["option_logprobs"] != rows[1]["option_logprobs"]


@on_one_engine
def test_plainly_different_profiles_are_told_apart_by_their_score(engine: VllmOffline) -> None:
    tokenizer = load_tokenizer(CARD)
    rubric = load_rubric("aris-swe-v1")
    frame = build_frame(rubric, tokenizer)
    strong = [
        f"Title: Staff Software Engineer at {company}\nEducation:\n- PhD Computer Science, {school}"
        for company in ("Google", "Stripe", "Netflix")
        for school in ("Stanford University", "MIT", "Carnegie Mellon University")
    ]
    weak = [
        f"Title: {title} at {place}\nSkills: Punctual, Friendly"
        for title in ("Cashier", "Waiter", "Cleaner")
        for place in ("Corner Shop", "Joe's Diner", "Main Street Hotel")
    ]
    texts = tokenize(tokenizer, [*strong, *weak], special=False)
    prompts = table(
        Prompts,
        *(
            {
                "custom_id": f"c{number}",
                "prompt_token_ids": frame.head_ids + ids + frame.tail_ids,
                "max_tokens": 1,
            }
            for number, ids in enumerate(texts)
        ),
    )
    nothing = calibration_prompt(rubric, tokenizer, PromptSettings())
    scoring = Scoring(build_score_plan(rubric, tokenizer), nothing)

    rows = {row["custom_id"]: row for row in _rows(engine, prompts, scoring)}

    ordered = [rows[f"c{n}"] for n in range(len(texts))]
    found = scores(
        np.array([row["option_logprobs"] for row in ordered]),
        np.array([row["calibration_logprobs"] for row in ordered]),
    ).score
    above = [a > b for a in found[: len(strong)] for b in found[len(strong) :]]
    assert sum(above) / len(above) > 0.8


@on_one_engine
def test_rows_of_a_triage_have_a_score_and_then_an_answer_without_another(
    engine: VllmOffline,
) -> None:
    plan = build_score_plan(load_rubric("aris-swe-v1"), load_tokenizer(CARD))
    scoring = Scoring(plan, ids("Judge nobody."))
    prompts = table(
        Prompts, *({"prompt_token_ids": ids(f"Engineer {n}."), "max_tokens": 2} for n in range(12))
    )

    scored = pl.DataFrame(_rows(engine, prompts, scoring, answers=False))
    chosen = prompts.head(3).join(scored.select("request_key", *SCORES), on="request_key")
    answered = pl.DataFrame(_rows(engine, chosen, scoring))

    assert scored["triaged"].all()
    assert scored["finish_reason"].null_count() == prompts.height
    assert scored["option_logprobs"].list.len().unique().to_list() == [len(plan.options)]
    assert not answered["triaged"].any()
    assert (answered["output_tokens"] > 0).all()
    kept = answered.join(scored, on="request_key", suffix="_before")
    assert kept["option_logprobs"].to_list() == kept["option_logprobs_before"].to_list()


def _never(_prompt: Any, _limit: int) -> None:
    return None


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

    assert json.loads(rows["c0"]["overrides"])["longer"] == {"max_tokens": 20}
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


def _run(
    engine: VllmOffline, monkeypatch: pytest.MonkeyPatch, file: Path, *options: object
) -> Finished:
    """`aris run` with the engine that is loaded."""
    monkeypatch.setattr(resources, "open_engine", lambda _card, _settings: engine)
    monkeypatch.setattr(engine, "close", lambda: None)
    return aris("run", file, *options, "--json", engine=False)


@on_one_engine
def test_candidates_are_scored_ranked_and_explained(
    engine: VllmOffline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, data = tmp_path / "candidates.jsonl", tmp_path / "data"
    write_synthetic(4, 5, "jsonl", file)

    finished = _run(engine, monkeypatch, file, "--data-dir", data)

    assert finished.code == 0, finished.stderr
    assert (finished.figures["evaluated"], finished.figures["failed"]) == (4, 0)
    (ranked,) = data.glob("candidate_ranking/**/*.parquet")
    ranking = pl.read_parquet(ranked, hive_partitioning=False)
    assert ranking["rank"].to_list() == [1, 2, 3, 4]
    assert ranking["score"].is_between(0, 4).all()
    probabilities = ranking.select(pl.sum_horizontal("^p_.*$")).to_series()
    assert probabilities.is_between(0.999, 1.001).all()
    for column in ("education", "company", "trajectory", "role", "overall_reason"):
        assert ranking[column].null_count() == 0
    (throughput,) = data.glob("throughput/**/*.parquet")
    row = pl.read_parquet(throughput, hive_partitioning=False).row(0, named=True)
    assert row["load_s"] > 0
    assert row["generate_s"] > 0
    assert row["output_tok_s"] > 0
    assert 0 < row["prefix_hit_rate"] < 1


@on_one_engine
def test_an_openai_file_is_answered_row_by_row(
    engine: VllmOffline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, data = tmp_path / "requests.jsonl", tmp_path / "data"
    write_synthetic(4, 2, "openai", file)
    line = json.loads(file.read_text().splitlines()[0])
    line["custom_id"] = "free text"
    line["body"] = {
        "model": "gemma3:4b",
        "messages": [{"role": "user", "content": "Say hello."}],
        "max_tokens": 60,
    }
    too_long = json.loads(json.dumps(line))
    too_long["custom_id"] = "too long"
    turn = {"role": "user", "content": "word " * 20}
    too_long["body"]["messages"] = [turn, {**turn, "role": "assistant"}] * 100 + [turn]
    with file.open("a") as out:
        out.write(json.dumps(line) + "\n" + json.dumps(too_long) + "\n")

    finished = _run(engine, monkeypatch, file, "--data-dir", data, "--min-success", 0.5)

    assert finished.code == 0, finished.stderr
    figures = finished.figures
    assert (figures["rows_in"], figures["failed"]) == (6, 1)
    store = DataStore(data)
    (batch,) = store.batches()
    judge = JudgingSettings().assign(Batch.model_validate(batch)).judge
    rows = pl.read_parquet(store.evaluations(judge, Shard.all_of(batch)[0]))
    reasons = dict(rows.select("custom_id", "invalid_reason").iter_rows())
    assert reasons["too long"] == "prompt_too_long"
    assert reasons["free text"] is None
    assert parts.part_files(store.completion_parts(judge, Shard.all_of(batch)[0])) == []
