"""What `aris stale` foretells, against what the run then does."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aris_pipeline.candidates import write_synthetic
from aris_pipeline.defs.batch_run import BatchRunner, RunOutcome
from aris_pipeline.defs.resources import JudgingResource
from aris_pipeline.ledger import Forecast, summarize
from aris_pipeline.ledger import forecast as forecast_shards
from aris_pipeline.prompts.rubrics import SHIPPED_RUBRICS
from aris_pipeline.storage import Batch
from aris_pipeline.throughput import UNKNOWN
from aris_pipeline_tests.assets.test_chain import LANDING, LAST, WriteFile

pytestmark = pytest.mark.slow


def judging(runner: BatchRunner, **chosen: Any) -> BatchRunner:
    """The same runner, told to judge differently."""
    return BatchRunner(
        runner.definitions, runner.instance, runner.store, chosen, say=lambda _text: None
    )


def forecast(runner: BatchRunner, batch: Batch) -> Forecast:
    assignment = JudgingResource(**runner.judging).settings().assign(batch)
    prompts_of = partial(assignment.prompts, runner.store)
    return forecast_shards(runner.store, batch, assignment.judge, prompts_of)


def figures(found: Forecast) -> tuple[int, int, int]:
    return found.fresh, found.stale, found.reused_in_batch


def did(runner: BatchRunner, outcome: RunOutcome) -> tuple[int, int]:
    """Rows that the run reused and generated."""
    summary = summarize(runner.store, outcome.batch, outcome.judge)
    return summary.reused, summary.generated


def agrees(predicted: Forecast, done: tuple[int, int]) -> bool:
    return done == (predicted.fresh + predicted.reused_in_batch, predicted.stale)


@pytest.fixture
def changed_rubric(tmp_path: Path) -> dict[str, Any]:
    """The shipped rubric under a new id, with another wording of one criterion."""
    text = (SHIPPED_RUBRICS / "aris-swe-v1.yaml").read_text()
    changed = text.replace("id: aris-swe-v1", "id: mine-v1", 1).replace("bachelor", "first", 1)
    assert changed.count("mine-v1") == 1
    assert "first" in changed
    (tmp_path / "mine-v1.yaml").write_text(changed)
    return {"rubric": "mine-v1", "rubrics_dir": str(tmp_path)}


def test_what_has_been_judged_is_fresh_and_a_changed_rubric_makes_all_of_it_stale(
    runner: BatchRunner, write_file: WriteFile, changed_rubric: dict[str, Any]
) -> None:
    file = write_file(25)
    outcome = runner.run(file, LANDING, LAST)
    assert figures(forecast(runner, outcome.batch)) == (25, 0, 0)

    changed = judging(runner, **changed_rubric)
    predicted = forecast(changed, outcome.batch)

    assert (predicted.rubric, predicted.rows, figures(predicted)) == ("mine-v1", 25, (0, 25, 0))
    assert predicted.prompt_tokens > 25 * 100
    assert predicted.output_tokens == 25 * 5, "the fake engine answers with five tokens"
    assert predicted.seconds is not None
    assert predicted.estimate.startswith("measured: ")
    assert agrees(predicted, did(changed, changed.run(file, LANDING, LAST)))
    assert figures(forecast(changed, outcome.batch)) == (25, 0, 0)


def test_other_settings_make_all_stale_and_their_prompts_on_disk_are_not_mistaken_for_ours(
    runner: BatchRunner, write_file: WriteFile
) -> None:
    file = write_file(12)
    outcome = runner.run(file, LANDING, LAST)

    warmer = judging(runner, temperature=0.5, use_example=True)
    predicted = forecast(warmer, outcome.batch)

    assert figures(predicted) == (0, 12, 0)
    warmer.run(file, LANDING, "prompts")
    assert figures(forecast(runner, outcome.batch)) == (12, 0, 0)
    assert forecast(warmer, outcome.batch) == predicted
    assert agrees(predicted, did(warmer, warmer.run(file, LANDING, LAST)))


def test_of_a_batch_with_known_and_new_candidates_only_the_new_are_stale(
    runner: BatchRunner, tmp_path: Path
) -> None:
    whole, half = tmp_path / "whole.jsonl", tmp_path / "half.jsonl"
    write_synthetic(24, 3, "jsonl", whole)
    lines = whole.read_text().splitlines(keepends=True)
    half.write_text("".join(lines[:12]))
    runner.run(half, LANDING, LAST)
    batch = runner.run(whole, LANDING, "raw_candidates").batch

    predicted = forecast(runner, batch)

    assert figures(predicted) == (12, 12, 0)
    assert agrees(predicted, did(runner, runner.run(whole, LANDING, LAST)))


def test_rows_with_the_same_request_are_predicted_once_over_all_shards(
    runner: BatchRunner, tmp_path: Path
) -> None:
    file = tmp_path / "twins.csv"
    file.write_text("Resume\n" + "Software engineer at Acme for ten years\n" * 17 + "A cook\n")
    batch = runner.run(file, LANDING, "raw_candidates").batch
    assert len(batch.shard_rows) == 2

    predicted = forecast(runner, batch)

    assert figures(predicted) == (0, 2, 16)
    assert agrees(predicted, did(runner, runner.run(file, LANDING, LAST)))


def test_a_judge_that_has_never_run_finds_all_stale_writes_nothing_and_gives_no_time(
    runner: BatchRunner, write_file: WriteFile
) -> None:
    batch = runner.run(write_file(15), LANDING, "raw_candidates").batch
    before = {path: path.stat().st_mtime_ns for path in runner.store.root.rglob("*")}

    predicted = forecast(runner, batch)

    assert (figures(predicted), predicted.not_validated) == ((0, 15, 0), 0)
    assert (predicted.seconds, predicted.output_tokens) == (None, None)
    assert predicted.estimate == UNKNOWN
    assert {path: path.stat().st_mtime_ns for path in runner.store.root.rglob("*")} == before
