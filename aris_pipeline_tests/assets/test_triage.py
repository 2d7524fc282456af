"""Triage through the real definitions: all rows scored, few answered, none lost."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from aris_pipeline import quality
from aris_pipeline.completions import Kept, sample_of
from aris_pipeline.defs.batch_run import BatchRunner, RunOutcome
from aris_pipeline.engines import Completion, Request
from aris_pipeline.errors import TooFewLabelsError
from aris_pipeline.labels import (
    Design,
    Promise,
    draw_sample,
    import_labels,
    make_shortlist,
    read_population,
    sheet_rows,
    write_sheet,
)
from aris_pipeline.ledger import reconcile, summarize, trace_batch
from aris_pipeline.quality import Thresholds
from aris_pipeline.storage import DataStore, Shard
from aris_pipeline_tests.fake_engine import FakeEngine, FakeEngineResource, answer_by_schema

pytestmark = pytest.mark.slow

WriteFile = Callable[..., Path]
LAST = "candidate_ranking"
ROWS, SHARE = 100, 0.1


@pytest.fixture
def triaging(runner: BatchRunner) -> BatchRunner:
    return dataclasses.replace(runner, judging={"triage": SHARE})


def table(store: DataStore, name: str, outcome: RunOutcome) -> pl.DataFrame:
    folder = store.judged(name, outcome.judge) / f"batch={outcome.batch.name}"
    return pl.read_parquet(folder / "**/*.parquet", hive_partitioning=True)


def test_all_rows_are_scored_and_the_best_are_answered(
    triaging: BatchRunner, store: DataStore, write_file: WriteFile
) -> None:
    outcome = triaging.run(write_file(ROWS), {"shard_size": 30}, LAST)

    assert outcome.failures == []
    rows = table(store, "evaluations", outcome)
    answered, left_out = rows.filter("is_valid"), rows.filter(~pl.col("is_valid"))
    assert rows["score"].null_count() == 0
    assert left_out["invalid_reason"].unique().to_list() == ["triaged"]
    assert answered.height == len(FakeEngine.generated())
    sample = sample_of(Kept(SHARE).part(rows)[1]["request_key"])
    chosen = rows.filter(~pl.col("request_key").is_in(sample.implode()))
    worst_answered = min(chosen.filter("is_valid")["score"].to_list())
    assert worst_answered >= max(chosen.filter(~pl.col("is_valid"))["score"].to_list())
    assert ROWS * SHARE <= answered.height <= ROWS * SHARE * 1.5 + ROWS * 0.15
    assert table(store, "candidate_ranking", outcome).height == answered.height


def test_a_row_that_is_answered_is_not_scored_again(
    triaging: BatchRunner, store: DataStore, write_file: WriteFile
) -> None:
    outcome = triaging.run(write_file(ROWS), {"shard_size": 30}, LAST)

    scored = [
        one.request_id
        for one in FakeEngine.asked
        if one.logprob_token_ids and not one.request_id.startswith("calibration")
    ]
    assert len(scored) == len(set(scored))
    rows = table(store, "completions", outcome)
    assert rows.select(pl.col("option_logprobs", "calibration_logprobs").null_count()).row(0) == (
        0,
        0,
    )


def test_a_row_without_an_answer_is_neither_failed_nor_missing(
    triaging: BatchRunner, store: DataStore, write_file: WriteFile
) -> None:
    outcome = triaging.run(write_file(ROWS), {"shard_size": 30}, LAST)

    counts = reconcile(store, outcome.batch, outcome.judge)
    assert counts.ok
    assert (counts.failed, counts.missing) == (0, 0)
    assert counts.triaged == ROWS - counts.evaluated > ROWS / 2
    states = trace_batch(store, outcome.batch, outcome.judge)["state"].value_counts()
    assert dict(states.iter_rows()) == {"evaluated": counts.evaluated, "triaged": counts.triaged}
    figures = summarize(store, outcome.batch, outcome.judge).as_dict(1.0)
    assert (figures["valid_rate"], figures["success_rate"]) == (1.0, 1.0)
    assert (figures["scored"], figures["triaged"]) == (ROWS, counts.triaged)
    measured = table(store, "throughput", outcome)
    assert measured["triage"].unique().to_list() == [SHARE]
    assert measured.select(pl.col("score_s").is_between(0, "generate_s", "none").all()).item()
    assert measured.select(pl.col("rows_failed", "rows_reused").sum()).row(0) == (0, 0)
    assert measured["rows_triaged"].sum() == counts.triaged
    for shard in Shard.all_of(outcome.batch):
        assert quality.valid_rate(store, outcome.judge, shard, Thresholds()).passed


def test_a_later_full_run_generates_what_is_missing_and_nothing_else(
    triaging: BatchRunner, runner: BatchRunner, store: DataStore, write_file: WriteFile
) -> None:
    file = write_file(ROWS)
    triaging.run(file, {"shard_size": 30}, LAST)
    first = {request.request_id for request in FakeEngine.generated()}
    FakeEngine.reset()

    outcome = runner.run(file, {"shard_size": 30}, LAST)

    then = {request.request_id for request in FakeEngine.generated()}
    assert not first & then
    assert len(first) + len(then) == ROWS
    counts = reconcile(store, outcome.batch, outcome.judge)
    assert (counts.ok, counts.evaluated, counts.triaged) == (True, ROWS, 0)


def test_triage_again_asks_nothing_and_a_larger_share_only_what_it_adds(
    triaging: BatchRunner, store: DataStore, write_file: WriteFile
) -> None:
    file = write_file(ROWS)
    first = triaging.run(file, {"shard_size": 30}, LAST)
    before = reconcile(store, first.batch, first.judge)
    FakeEngine.reset()

    triaging.run(file, {"shard_size": 30}, LAST)
    assert FakeEngine.loads == 0
    assert reconcile(store, first.batch, first.judge) == before

    more = dataclasses.replace(triaging, judging={"triage": 0.4})
    more.run(file, {"shard_size": 30}, LAST)
    after = reconcile(store, first.batch, first.judge)
    assert len(FakeEngine.generated()) == after.evaluated - before.evaluated > 0


def test_a_run_that_was_stopped_goes_on_from_its_scores(
    triaging: BatchRunner,
    store: DataStore,
    write_file: WriteFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = write_file(ROWS)

    def answer(request: Request) -> Completion:
        if len(FakeEngine.generated()) == 5:
            raise RuntimeError("the machine went away")
        return answer_by_schema(request)

    monkeypatch.setattr(FakeEngineResource, "make", staticmethod(lambda: FakeEngine(answer)))
    assert triaging.run(file, {"shard_size": 30}, LAST).failures
    monkeypatch.undo()
    FakeEngine.reset()

    outcome = triaging.run(file, {"shard_size": 30}, LAST)

    counts = reconcile(store, outcome.batch, outcome.judge)
    assert counts.ok
    assert len(FakeEngine.generated()) == counts.evaluated - 4
    scored = {request.request_id.partition("#")[0] for request in FakeEngine.asked}
    assert len(scored - {"calibration"}) == len(FakeEngine.generated()), "only rows to be answered"


def test_triage_by_a_recall_answers_whom_the_labels_of_another_batch_ask_for(
    runner: BatchRunner, store: DataStore, write_file: WriteFile, tmp_path: Path
) -> None:
    by_recall = dataclasses.replace(runner, judging={"triage_recall": 0.9})
    with pytest.raises(TooFewLabelsError, match="judge a batch by this rubric without triage"):
        by_recall.run(write_file(ROWS), {"shard_size": 30}, LAST)
    assert FakeEngine.loads == 0

    judged = runner.run(write_file(ROWS), {"shard_size": 30}, LAST)
    people = read_population(store, judged.judge, judged.batch)
    sample = draw_sample(store, people, Design(top=0, borderline=0, random=ROWS))
    median = people.rows["score"].median()
    better = people.rows.filter(pl.col("score") > median)["custom_id"].implode()
    sheet = sheet_rows(store, people, sample, 1).with_columns(
        recommendation=pl.when(pl.col("custom_id").is_in(better))
        .then(pl.lit("Yes"))
        .otherwise(pl.lit("No"))
    )
    write_sheet(sheet, tmp_path / "sheet.csv")
    import_labels(store, tmp_path / "sheet.csv", "Ada")
    outcome = by_recall.run(write_file(ROWS, seed=2), {"shard_size": 30}, LAST)

    assert outcome.failures == []
    cut = make_shortlist(store, people, Promise(0.9, 0.9)).by.cut
    rows = table(store, "evaluations", outcome)
    promised = rows.filter(pl.col("score") >= cut)
    assert 0 < promised.height < ROWS
    assert promised["is_valid"].all()
    counts = reconcile(store, outcome.batch, outcome.judge)
    assert counts.ok
    assert counts.triaged > 0.7 * (ROWS - promised.height)
    found = summarize(store, outcome.batch, outcome.judge).agreement
    assert found is None or found.top == promised.height


def test_a_file_that_brings_its_own_questions_cannot_be_triaged(
    triaging: BatchRunner, write_file: WriteFile
) -> None:
    outcome = triaging.run(write_file(5, "openai"), {}, LAST)

    assert any(
        "--triage and --triage-recall need a rubric" in failure for failure in outcome.failures
    )


def test_the_ranking_tells_how_far_triage_agrees_with_a_full_run(
    triaging: BatchRunner, store: DataStore, write_file: WriteFile
) -> None:
    outcome = triaging.run(write_file(ROWS), {"shard_size": 30}, LAST)

    found = summarize(store, outcome.batch, outcome.judge).agreement
    assert found is not None
    assert found.top == ROWS * SHARE
    assert 0 <= found.low <= found.estimate <= found.high <= 1
