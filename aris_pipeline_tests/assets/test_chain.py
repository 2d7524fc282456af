"""The whole chain in one process, through the real Dagster definitions, with the fake engine."""

import json
import os
import re
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from aris_pipeline.candidates import FORMATS
from aris_pipeline.completions import live_line, parts
from aris_pipeline.defs.batch_run import BatchRunner, RunOutcome
from aris_pipeline.engines import Completion, Engine, Request
from aris_pipeline.errors import InputError
from aris_pipeline.ledger import reconcile, summarize
from aris_pipeline.storage import DataStore, Shard
from aris_pipeline_tests.fake_engine import (
    FakeEngine,
    FakeEngineResource,
    answer_by_schema,
    refuse,
)

pytestmark = pytest.mark.slow

WriteFile = Callable[..., Path]
LANDING: dict[str, Any] = {"shard_size": 10}
LAST = "candidate_ranking"


def evaluations(store: DataStore, outcome: RunOutcome) -> pl.DataFrame:
    folder = store.judged("evaluations", outcome.judge) / f"batch={outcome.batch.name}"
    return pl.read_parquet(folder / "**/*.parquet", hive_partitioning=True)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_reaches_the_evaluations_with_every_row_accounted_for(
    runner: BatchRunner, store: DataStore, write_file: WriteFile, form: str
) -> None:
    outcome = runner.run(write_file(25, form), LANDING, LAST)

    assert outcome.failures == []
    counts = reconcile(store, outcome.batch, outcome.judge)
    assert counts.ok
    assert (counts.rows_in, counts.evaluated, counts.quarantined) == (25, 25, 0)
    assert evaluations(store, outcome).height == 25


def test_the_ranking_is_ordered_by_recommendation_then_score(
    runner: BatchRunner, store: DataStore, write_file: WriteFile
) -> None:
    outcome = runner.run(write_file(30), LANDING, LAST)

    ranking = pl.read_parquet(store.candidate_ranking(outcome.judge, outcome.batch.name))
    order = ["Strong Yes", "Yes", "Maybe", "No", "Strong No"]
    keys = [
        (order.index(row["recommendation"]), -row["score"]) for row in ranking.iter_rows(named=True)
    ]
    assert keys == sorted(keys)
    assert ranking["rank"].to_list() == list(range(1, 31))
    assert (
        ranking["disagrees"]
        == (ranking["recommendation"].cast(pl.String) != ranking["score_recommendation"])
    ).all()


def test_the_model_is_loaded_once_for_all_shards_and_the_log_says_how_far_they_are(
    runner: BatchRunner,
    instance: dg.DagsterInstance,
    write_file: WriteFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_line, "_DRAWN_EVERY_S", 0.02)
    monkeypatch.setattr(live_line, "_LOGGED_EVERY_S", 0.1)
    slow = staticmethod(lambda: FakeEngine(seconds_per_row=0.01))
    monkeypatch.setattr(FakeEngineResource, "make", slow)

    outcome = runner.run(write_file(45), LANDING, LAST)

    assert len(outcome.batch.shard_rows) == 5
    assert FakeEngine.loads == 1
    runs = [run.run_id for run in instance.get_runs()]
    said = [entry.user_message for run in runs for entry in instance.all_logs(run)]
    assert "loading smollm2-135m-instruct" in said
    assert "loaded smollm2-135m-instruct in 0 s" in said
    assert any(re.match(r"answering: \d+%, \d+ of 45 rows, ", line) for line in said)
    assert any(re.match(r"answered 45 rows in \d+ s, ", line) for line in said)


def test_the_same_file_again_reuses_everything_and_loads_no_model(
    runner: BatchRunner, store: DataStore, write_file: WriteFile
) -> None:
    file = write_file(25)
    first = runner.run(file, LANDING, LAST)
    FakeEngine.reset()

    second = runner.run(file, LANDING, LAST)

    assert second.batch == first.batch
    assert FakeEngine.loads == 0
    summary = summarize(store, second.batch, second.judge)
    assert (summary.reused, summary.generated) == (25, 0)


def test_identical_rows_are_generated_once_and_stay_separate_candidates(
    runner: BatchRunner, store: DataStore, tmp_path: Path
) -> None:
    file = tmp_path / "twins.csv"
    file.write_text("Resume\n" + "Software engineer at Acme for ten years\n" * 7 + "A cook\n")

    outcome = runner.run(file, LANDING, LAST)

    assert len(FakeEngine.generated()) == 2
    rows = evaluations(store, outcome)
    assert rows["custom_id"].n_unique() == 8
    assert rows["is_valid"].all()
    assert summarize(store, outcome.batch, outcome.judge).reused == 6


def test_a_refused_row_fails_alone(
    runner: BatchRunner,
    store: DataStore,
    write_file: WriteFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused: list[str] = []

    def answer(request: Request) -> Completion:
        if not refused:
            refused.append(request.request_id)
            return refuse(request)
        return answer_by_schema(request)

    monkeypatch.setattr(FakeEngineResource, "make", staticmethod(lambda: FakeEngine(answer)))
    outcome = runner.run(write_file(12), LANDING, LAST)

    counts = reconcile(store, outcome.batch, outcome.judge)
    assert (counts.evaluated, counts.failed, counts.ok) == (11, 1, True)
    failed = evaluations(store, outcome).filter(~pl.col("is_valid"))
    assert failed["invalid_reason"].to_list() == ["refused"]
    assert failed["invalid_detail"].to_list() == ["not this one"]


def test_a_refused_row_is_asked_again_by_the_next_run(
    runner: BatchRunner, write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_file(5)
    monkeypatch.setattr(FakeEngineResource, "make", staticmethod(lambda: FakeEngine(refuse)))
    runner.run(file, LANDING, LAST)
    monkeypatch.undo()
    FakeEngine.reset()

    runner.run(file, LANDING, LAST)

    assert len(FakeEngine.generated()) == 5


def test_a_shard_that_cannot_be_written_fails_alone_and_is_named(
    runner: BatchRunner, store: DataStore, write_file: WriteFile
) -> None:
    file = write_file(30)
    batch = runner.run(file, LANDING, "raw_candidates").batch
    damaged = Shard.all_of(batch)[1]
    store.raw_candidates(damaged).unlink()
    store.raw_candidates(damaged).mkdir()

    outcome = runner.run(file, LANDING, LAST)

    assert any(damaged.key in failure for failure in outcome.failures)
    done = evaluations(store, outcome)
    assert sorted(done["shard"].unique()) == ["s000", "s002"]
    materialized = runner.instance.get_materialized_partitions(dg.AssetKey("evaluations"))
    assert materialized == {shard.key for shard in Shard.all_of(batch)} - {damaged.key}


def test_an_interrupted_shard_goes_on_from_its_part_files(
    runner: BatchRunner,
    store: DataStore,
    write_file: WriteFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts, "MAX_ROWS_AT_RISK", 4)
    file = write_file(20)

    def answer(request: Request) -> Completion:
        if len(FakeEngine.generated()) == 14:
            raise RuntimeError("the machine went away")
        return answer_by_schema(request)

    monkeypatch.setattr(FakeEngineResource, "make", staticmethod(lambda: FakeEngine(answer)))
    first = runner.run(file, {"shard_size": 20}, LAST)
    assert first.failures
    monkeypatch.undo()
    FakeEngine.reset()

    second = runner.run(file, {"shard_size": 20}, LAST)

    assert len(FakeEngine.generated()) == 20 - 13
    assert reconcile(store, second.batch, second.judge).ok
    assert not list((store.root / ".work").rglob("part-*.parquet"))


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_ends_at_once_and_keeps_what_is_finished(
    runner: BatchRunner,
    store: DataStore,
    write_file: WriteFile,
    monkeypatch: pytest.MonkeyPatch,
    stop: signal.Signals,
) -> None:
    file = write_file(10)

    def answer(request: Request) -> Completion:
        if len(FakeEngine.generated()) == 5:
            os.kill(os.getpid(), stop)
        return answer_by_schema(request)

    monkeypatch.setattr(FakeEngineResource, "make", staticmethod(lambda: FakeEngine(answer)))
    with pytest.raises(KeyboardInterrupt):
        runner.run(file, LANDING, LAST)
    assert not (store.root / "evaluations").exists()
    monkeypatch.undo()
    FakeEngine.reset()

    outcome = runner.run(file, LANDING, LAST)

    assert len(FakeEngine.generated()) == 10 - 4
    assert reconcile(store, outcome.batch, outcome.judge).ok


def test_a_file_without_a_usable_row_is_refused_with_one_message(
    runner: BatchRunner, tmp_path: Path
) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text("not json\n{broken\n")

    with pytest.raises(InputError, match=r"bad\.jsonl"):
        runner.run(file, LANDING, LAST)


def test_openai_rows_keep_their_own_parameters(
    runner: BatchRunner, store: DataStore, tmp_path: Path
) -> None:
    body = {
        "model": "gemma3:12b",
        "messages": [{"role": "user", "content": "Say ¡hola!  twice "}],
        "temperature": 0.5,
        "max_tokens": 17,
        "top_p": 0.9,
        "seed": 5,
    }
    line = {
        "custom_id": "a",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": body,
    }
    file = tmp_path / "requests.jsonl"
    file.write_text(json.dumps(line) + "\n")

    outcome = runner.run(file, LANDING, LAST)

    (request,) = FakeEngine.asked
    assert (request.sampling.max_tokens, request.sampling.temperature) == (17, 0.5)
    assert (request.sampling.top_p, request.sampling.seed) == (0.9, 5)
    prompts = pl.read_parquet(store.prompts(outcome.judge, Shard.all_of(outcome.batch)[0]))
    assert json.loads(prompts["messages"][0]) == body["messages"]
    assert prompts["requested_model"].to_list() == ["gemma3:12b"]
    row = evaluations(store, outcome).row(0, named=True)
    assert (row["is_valid"], row["rubric_id"], row["score"]) == (True, "openai", None)


def test_a_run_stops_after_the_asset_it_was_told(
    runner: BatchRunner, store: DataStore, write_file: WriteFile
) -> None:
    outcome = runner.run(write_file(5), LANDING, "prompts")

    (shard,) = Shard.all_of(outcome.batch)
    assert store.prompts(outcome.judge, shard).exists()
    assert not store.completions(outcome.judge, shard).exists()
    assert FakeEngine.loads == 0


def test_a_failing_engine_ends_the_run_and_says_why(
    runner: BatchRunner, write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aris_pipeline.errors import EngineError

    def broken() -> Engine:
        raise EngineError("no memory left: lower max_model_len")

    monkeypatch.setattr(FakeEngineResource, "make", staticmethod(broken))
    outcome = runner.run(write_file(30), LANDING, LAST)

    assert any("lower max_model_len" in failure for failure in outcome.failures)


def test_the_worked_example_is_shown_only_on_request(
    runner: BatchRunner, store: DataStore, write_file: WriteFile
) -> None:
    file = write_file(3)
    told = BatchRunner(
        runner.definitions, runner.instance, store, {"use_example": True}, say=lambda _text: None
    )

    plain = runner.run(file, LANDING, "prompts")
    path = store.prompts(plain.judge, Shard.all_of(plain.batch)[0])
    without = pl.read_parquet(path)
    told.run(file, LANDING, "prompts")
    shown = pl.read_parquet(path)

    assert not without["messages"].str.contains("Example, for the form only").any()
    assert shown["messages"].str.contains("Example, for the form only").all()
    assert set(shown["request_key"]).isdisjoint(without["request_key"])


def test_a_verdict_with_evidence_quotes_the_lines_that_it_rests_on(
    runner: BatchRunner, store: DataStore, write_file: WriteFile
) -> None:
    file = write_file(25)
    runner.run(file, LANDING, LAST)
    by_v2 = replace(runner, judging={"rubric": "aris-swe-v2"})
    outcome = by_v2.run(file, LANDING, LAST)

    assert outcome.failures == []
    assert outcome.judge.rubric == "aris-swe-v2"
    ranking = pl.read_parquet(store.candidate_ranking(outcome.judge, outcome.batch.name))
    assert ranking.height == 25
    row = ranking.row(0, named=True)
    assert row["education_evidence"] == "J1"
    files = [store.prompts(outcome.judge, shard) for shard in Shard.all_of(outcome.batch)]
    prompts = pl.concat([pl.read_parquet(file) for file in files])
    shown = prompts.filter(custom_id=row["custom_id"])["messages"][0]
    assert f"J1 {row['education_quote']}" in json.loads(shown)[-1]["content"]
    assert row["grounding"] == "nothing_to_check"
    assert row["contradictions"] is not None
    assert row["jobs"] >= 1
    judges = store.judges("evaluations", outcome.batch.name)
    assert sorted(judge.rubric for judge in judges) == ["aris-swe-v1", "aris-swe-v2"]
