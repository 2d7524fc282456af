"""The asset checks: what the UI shows of each shard, in a run of a range and of one partition."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from aris_pipeline.chain import CHAIN
from aris_pipeline.defs.automation import range_tags
from aris_pipeline.defs.batch_run import BatchRunner
from aris_pipeline.engines import Completion, Request
from aris_pipeline.storage import (
    Batch,
    Completions,
    DataStore,
    Judge,
    Prompts,
    Shard,
    write_parquet,
)
from aris_pipeline_tests.assets.test_chain import LANDING, LAST, WriteFile
from aris_pipeline_tests.fake_engine import (
    FakeEngine,
    FakeEngineResource,
    answer_by_schema,
    refuse,
)

pytestmark = pytest.mark.slow


def check_of(asset: str, name: str) -> dg.AssetCheckKey:
    return dg.AssetCheckKey(dg.AssetKey(asset), name)


SHARD_CHECK = check_of("evaluations", "reconciliation")
BATCH_CHECK = check_of("candidate_ranking", "reconciliation")
VALID_RATE = check_of("evaluations", "valid_rate")
REGRESSION = check_of("throughput", "throughput_regression")
OTHERS = [
    check_of("evaluations", name)
    for name in ("schema", "truncation_rate", "duplicate_ids", "recommendation_drift")
]


def shard_states(runner: BatchRunner, check: dg.AssetCheckKey = SHARD_CHECK) -> dict[str, str]:
    """The state of each partition's check, if it is of the newest materialization."""
    infos = runner.instance.event_log_storage.get_asset_check_partition_info([check])
    return {
        (info.partition_key or "")[-4:]: info.latest_execution_status.value
        if info.is_current
        else "outdated"
        for info in infos
    }


def evaluation_of(
    runner: BatchRunner, check: dg.AssetCheckKey, partition: str | None = None
) -> dg.AssetCheckEvaluation:
    (record,) = [
        record
        for record in runner.instance.event_log_storage.get_asset_check_execution_history(
            check, limit=10
        )
        if record.partition == partition
    ][:1]
    assert record.event is not None
    assert record.event.dagster_event is not None
    return record.event.dagster_event.asset_check_evaluation_data


def numbers(evaluation: dg.AssetCheckEvaluation) -> dict[str, Any]:
    return {
        name: value.value
        for name, value in evaluation.metadata.items()
        if isinstance(value, dg.IntMetadataValue)
    }


def materialize(
    runner: BatchRunner, asset: str, limits: dict[str, float] | None = None, **how: Any
) -> dg.ExecuteInProcessResult:
    resources: dict[str, Any] = {"store": {"data_dir": str(runner.store.root)}}
    if limits:
        resources["thresholds"] = limits
    return runner.definitions.resolve_job_def(str(CHAIN[asset].job)).execute_in_process(
        instance=runner.instance,
        run_config={
            "resources": {name: {"config": config} for name, config in resources.items()},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        asset_selection=[dg.AssetKey(asset)],
        raise_on_error=False,
        **how,
    )


def lose_a_prompt(store: DataStore, outcome: Any, number: int) -> str:
    """Takes one row out of a shard's prompts, and returns its id."""
    path = store.prompts(outcome.judge, Shard.all_of(outcome.batch)[number])
    prompts = pl.read_parquet(path, hive_partitioning=False)
    footer = {
        name: value
        for name, value in pl.read_parquet_metadata(path).items()
        if name == "aris.prompt_origin"
    }
    write_parquet(prompts[1:], path, Prompts, metadata=footer)
    return str(prompts["custom_id"][0])


def refuse_four_of_the_second_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: Request) -> Completion:
        bad = len(FakeEngine.generated()) in range(11, 15)
        return refuse(request) if bad else answer_by_schema(request)

    monkeypatch.setattr(FakeEngineResource, "make", staticmethod(lambda: FakeEngine(answer)))


def shown(evaluation: dg.AssetCheckEvaluation) -> dict[str, Any]:
    return {name: value.value for name, value in evaluation.metadata.items()}


def range_of(batch: Batch) -> dict[str, str]:
    return range_tags([shard.key for shard in Shard.all_of(batch)])


def test_after_a_run_of_a_range_every_shard_has_a_check_with_its_counts(
    runner: BatchRunner, write_file: WriteFile
) -> None:
    outcome = runner.run(write_file(25), LANDING, LAST)

    assert shard_states(runner) == dict.fromkeys(("s000", "s001", "s002"), "SUCCEEDED")
    last = evaluation_of(runner, SHARD_CHECK, Shard.all_of(outcome.batch)[2].key)
    assert last.passed
    counts = numbers(last)
    assert (counts["rows_in"], counts["evaluated"], counts["missing"]) == (5, 5, 0)
    assert (counts["key_mismatches"], counts["damaged_files"]) == (0, 0)


def test_a_shard_that_does_not_reconcile_fails_its_check_and_the_ranking_is_made(
    runner: BatchRunner, store: DataStore, write_file: WriteFile
) -> None:
    file = write_file(25)
    outcome = runner.run(file, LANDING, "completions")
    second = Shard.all_of(outcome.batch)[1]
    twin = store.completions(outcome.judge, second).with_name("copy.parquet")
    twin.write_bytes(store.completions(outcome.judge, second).read_bytes())

    outcome = runner.run(file, LANDING, LAST)

    assert outcome.failures == []
    assert shard_states(runner) == {"s000": "SUCCEEDED", "s001": "FAILED", "s002": "SUCCEEDED"}
    failed = evaluation_of(runner, SHARD_CHECK, second.key)
    assert (failed.severity, numbers(failed)["duplicates"]) == (dg.AssetCheckSeverity.ERROR, 10)
    assert f"delete {twin}" in str(failed.metadata["faults"].value)
    ranking = store.candidate_ranking(outcome.judge, outcome.batch.name)
    assert pl.read_parquet(ranking).height == 25
    batches = evaluation_of(runner, BATCH_CHECK)
    assert (batches.passed, batches.severity) == (False, dg.AssetCheckSeverity.ERROR)


def test_text_that_is_not_judged_is_a_warning_until_it_is_mapped(
    runner: BatchRunner, tmp_path: Path
) -> None:
    file = tmp_path / "table.csv"
    file.write_text("id,Resume,Erfahrung\na,Cook,Ten years of storage engines at Northwind\n")
    unused = check_of("raw_candidates", "unused_text")

    batch = runner.run(file, LANDING, "raw_candidates").batch
    mapped = {**LANDING, "columns": {"resume_text": ["Resume", "Erfahrung"]}}
    again = runner.run(file, mapped, "raw_candidates").batch

    found = evaluation_of(runner, unused, Shard.numbered(batch.name, 0).key)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert shown(found)["unused_characters"] == 41
    assert "Erfahrung (41 characters in 1 row)" in str(found.description)
    assert evaluation_of(runner, unused, Shard.numbered(again.name, 0).key).passed
    record = runner.instance.fetch_materializations(
        dg.AssetRecordsFilter(
            dg.AssetKey("raw_candidates"), asset_partitions=[Shard.numbered(batch.name, 0).key]
        ),
        limit=1,
    ).records[0]
    assert record.asset_materialization is not None
    metadata = record.asset_materialization.metadata
    assert metadata["unused_text_share"].value == 0.9111
    assert "|  | Erfahrung | unused | 41 | 1 |" in str(metadata["fields"].value)


def test_a_run_of_one_partition_checks_that_one(
    runner: BatchRunner, store: DataStore, write_file: WriteFile
) -> None:
    outcome = runner.run(write_file(25), LANDING, "evaluations")
    lost = lose_a_prompt(store, outcome, 1)

    result = materialize(runner, "evaluations", partition_key=Shard.all_of(outcome.batch)[1].key)

    assert result.success
    assert shard_states(runner) == {"s000": "SUCCEEDED", "s001": "FAILED", "s002": "SUCCEEDED"}
    failed = evaluation_of(runner, SHARD_CHECK, Shard.all_of(outcome.batch)[1].key)
    assert numbers(failed)["missing"] == 1
    assert lost in str(failed.metadata["faults"].value)


def test_beside_a_shard_that_cannot_be_evaluated_the_others_are_checked(
    runner: BatchRunner, store: DataStore, write_file: WriteFile
) -> None:
    outcome = runner.run(write_file(25), LANDING, "completions")
    store.completions(outcome.judge, Shard.all_of(outcome.batch)[1]).write_bytes(b"half a fi")

    result = materialize(runner, "evaluations", tags=range_of(outcome.batch))

    assert not result.success
    states = shard_states(runner)
    assert (states["s000"], states["s002"]) == ("SUCCEEDED", "SUCCEEDED")
    assert states.get("s001") not in {"SUCCEEDED", "FAILED"}


def test_the_ranking_is_checked_over_all_judged_batches(
    runner: BatchRunner, write_file: WriteFile
) -> None:
    runner.run(write_file(12, seed=1), LANDING, LAST)
    runner.run(write_file(8, seed=2), LANDING, LAST)

    batches = evaluation_of(runner, BATCH_CHECK)

    assert batches.passed
    counts = numbers(batches)
    assert (counts["rows_in"], counts["evaluated"], counts["judgements"]) == (20, 20, 2)


def test_the_batches_are_checked_also_where_one_of_them_cannot_be_ranked(
    runner: BatchRunner, store: DataStore, write_file: WriteFile
) -> None:
    outcome = runner.run(write_file(12), LANDING, "evaluations")
    damaged = store.evaluations(outcome.judge, Shard.all_of(outcome.batch)[1])
    damaged.write_bytes(b"half a fi")

    assert not materialize(runner, "candidate_ranking").success

    batches = evaluation_of(runner, BATCH_CHECK)
    assert (batches.passed, numbers(batches)["damaged_files"]) == (False, 1)
    assert str(damaged) in str(batches.metadata["faults"].value)


def test_a_batch_that_is_still_being_judged_is_a_warning(
    runner: BatchRunner, write_file: WriteFile
) -> None:
    outcome = runner.run(write_file(25), LANDING, "completions")
    materialize(runner, "evaluations", partition_key=Shard.all_of(outcome.batch)[0].key)

    materialize(runner, "candidate_ranking")

    batches = evaluation_of(runner, BATCH_CHECK)
    assert (batches.passed, batches.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert numbers(batches)["missing"] == 15


def test_a_shard_with_too_few_valid_rows_fails_that_check_with_value_and_threshold(
    runner: BatchRunner, write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_four_of_the_second_shard(monkeypatch)

    outcome = runner.run(write_file(25), LANDING, LAST)

    assert outcome.failures == []
    states = {"s000": "SUCCEEDED", "s001": "FAILED", "s002": "SUCCEEDED"}
    assert shard_states(runner, VALID_RATE) == states
    failed = evaluation_of(runner, VALID_RATE, Shard.all_of(outcome.batch)[1].key)
    assert failed.severity == dg.AssetCheckSeverity.ERROR
    assert failed.description == "6 of 10 rows are valid, 4 refused"
    assert shown(failed) == {
        "value": 0.6,
        "threshold": 0.95,
        "rows": 10,
        "valid": 6,
        "invalid_refused": 4,
        "rubric": outcome.judge.rubric,
        "model": outcome.judge.model,
        "judges": 1,
    }
    for check in (SHARD_CHECK, *OTHERS):
        assert shard_states(runner, check) == dict.fromkeys(states, "SUCCEEDED")


def test_of_several_judges_the_one_with_the_bad_shard_decides_and_is_named(
    runner: BatchRunner, store: DataStore, write_file: WriteFile
) -> None:
    outcome = runner.run(write_file(25), LANDING, "completions")
    first, second, _third = Shard.all_of(outcome.batch)
    newer = Judge(outcome.judge.rubric, "newer")
    for table in ("prompts", "completions"):
        shutil.copytree(store.judged(table, outcome.judge), store.judged(table, newer))
    lost = store.completions(outcome.judge, second)
    write_parquet(pl.read_parquet(lost, hive_partitioning=False)[4:], lost, Completions)
    later = time.time() + 1  # than the file before, which a fast disk writes in the same tick
    os.utime(store.completions(newer, first).parent, (later, later))

    materialize(runner, "evaluations", tags=range_of(outcome.batch))

    passed = shown(evaluation_of(runner, VALID_RATE, first.key))
    assert (passed["model"], passed["value"], passed["judges"]) == ("newer", 1, 2)
    failed = shown(evaluation_of(runner, VALID_RATE, second.key))
    assert (failed["model"], failed["value"]) == (outcome.judge.model, 0.6)
    assert shard_states(runner, VALID_RATE)["s001"] == "FAILED"


def test_a_threshold_can_be_set_for_a_run(
    runner: BatchRunner, write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_four_of_the_second_shard(monkeypatch)
    outcome = runner.run(write_file(25), LANDING, "completions")

    materialize(runner, "evaluations", limits={"min_valid_rate": 0.5}, tags=range_of(outcome.batch))

    assert shard_states(runner, VALID_RATE)["s001"] == "SUCCEEDED"
    passed = evaluation_of(runner, VALID_RATE, Shard.all_of(outcome.batch)[1].key)
    assert (shown(passed)["value"], shown(passed)["threshold"]) == (0.6, 0.5)


def test_a_slow_shard_is_a_warning_once_three_have_been_measured(
    runner: BatchRunner, write_file: WriteFile
) -> None:
    outcome = runner.run(write_file(40), LANDING, "completions")

    materialize(
        runner, "throughput", limits={"min_throughput_ratio": 1e9}, tags=range_of(outcome.batch)
    )

    states = shard_states(runner, REGRESSION)
    assert states == {
        "s000": "SUCCEEDED",
        "s001": "SUCCEEDED",
        "s002": "SUCCEEDED",
        "s003": "FAILED",
    }
    slow = evaluation_of(runner, REGRESSION, Shard.all_of(outcome.batch)[3].key)
    assert slow.severity == dg.AssetCheckSeverity.WARN
    assert (shown(slow)["earlier_shards"], shown(slow)["threshold"]) == (3, 1e9)


def test_with_a_price_a_shard_shows_what_a_thousand_rows_cost(
    runner: BatchRunner, write_file: WriteFile
) -> None:
    outcome = runner.run(write_file(10), LANDING, "completions")

    materialize(runner, "throughput", limits={"cost_per_hour": 3.6}, tags=range_of(outcome.batch))

    newest = runner.instance.get_latest_materialization_event(dg.AssetKey("throughput"))
    assert newest is not None
    assert newest.asset_materialization is not None
    cost = newest.asset_materialization.metadata["cost_per_1000_rows"]
    assert isinstance(cost, dg.FloatMetadataValue)
    assert cost.value is not None
    assert cost.value > 0
