"""Real vLLM with the small real model: its answers have a form, and its scores a meaning."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from aris_pipeline.audit.stability import KINDS
from aris_pipeline.candidates import write_synthetic
from aris_pipeline.completions import parts
from aris_pipeline.engines import EngineSettings, Request, Sampling, VllmOffline
from aris_pipeline.judging import JudgingSettings
from aris_pipeline.models import load_tokenizer
from aris_pipeline.prompts import PromptSettings, load_rubric
from aris_pipeline.prompts.frames import build_frame
from aris_pipeline.prompts.tokenizers import tokenize
from aris_pipeline.scoring import build_score_plan, calibration_prompt, scores
from aris_pipeline.scoring.requests import Scoring
from aris_pipeline.storage import Batch, DataStore, Prompts, Shard
from aris_pipeline_tests.engine.asking import SCHEMA, ask, rows_of, run_with
from aris_pipeline_tests.engine.chat import CARD, ids
from aris_pipeline_tests.tables import table

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("small_model")]


@pytest.fixture(scope="module")
def engine() -> Iterator[VllmOffline]:
    with VllmOffline(CARD, EngineSettings(max_requests_in_flight=8)) as engine:
        yield engine


def test_greedy_answers_are_the_same_when_asked_again(engine: VllmOffline) -> None:
    request = ids("Name a color.")
    first = ask(engine, Request("a", request, Sampling(12)))["a"]
    again = ask(engine, Request("b", request, Sampling(12)))["b"]

    assert first.text == again.text
    assert again.cached_tokens > 0


def test_structured_answers_satisfy_their_schema(engine: VllmOffline) -> None:
    answers = ask(
        engine,
        *(
            Request(f"r{n}", ids(f"Is candidate {n} any good?"), Sampling(40), SCHEMA)
            for n in range(8)
        ),
    )

    assert len(answers) == 8
    for answer in answers.values():
        assert answer.finish_reason == "stop"
        assert set(json.loads(answer.text or "")) == {"verdict", "sure"}
        assert answer.prompt_tokens > 0
        assert answer.output_tokens > 0
        assert answer.latency_s is not None


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

    rows = rows_of(engine, prompts, scoring)

    for row in rows:
        assert len(row["option_logprobs"]) == 5
        assert math.isclose(sum(map(math.exp, row["option_logprobs"])), 1, rel_tol=1e-6)
        assert row["calibration_logprobs"] != row["option_logprobs"]
    assert rows[0]["option_logprobs"] != rows[1]["option_logprobs"]


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

    rows = {row["custom_id"]: row for row in rows_of(engine, prompts, scoring)}

    ordered = [rows[f"c{n}"] for n in range(len(texts))]
    found = scores(
        np.array([row["option_logprobs"] for row in ordered]),
        np.array([row["calibration_logprobs"] for row in ordered]),
    ).score
    above = [a > b for a in found[: len(strong)] for b in found[len(strong) :]]
    assert sum(above) / len(above) > 0.8


def test_candidates_are_scored_ranked_and_explained_and_asked_again(
    engine: VllmOffline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, data = tmp_path / "candidates.jsonl", tmp_path / "data"
    write_synthetic(4, 5, "jsonl", file)

    finished = run_with(engine, monkeypatch, "run", file, "--data-dir", data)

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
    before = {path: path.read_bytes() for path in data.glob("[ce]*/**/*.parquet")}

    again = run_with(
        *(engine, monkeypatch, "audit", "stability", finished.figures["batch"]),
        *("--rows", 4, "--data-dir", data),
    )

    assert again.code == 0, again.stderr
    (table,) = data.glob("verdict_stability/**/*.parquet")
    whole = pl.read_parquet(table, hive_partitioning=False).filter(part="batch")
    assert whole["unscored"].sum() == 0
    assert whole["asked_again"].to_list() == [4] * len(KINDS)
    shifts = dict(whole.select("kind", "shift_95").iter_rows())
    assert max(shifts["other_rows"], shifts["alone"]) < 0.1 < max(shifts.values())
    assert {path: path.read_bytes() for path in data.glob("[ce]*/**/*.parquet")} == before


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

    finished = run_with(engine, monkeypatch, "run", file, "--data-dir", data, "--min-success", 0.5)

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
