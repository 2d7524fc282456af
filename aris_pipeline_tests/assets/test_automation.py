"""What starts runs without a person: the landing sensor, the nightly schedule, automation."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from aris_pipeline.defs import automation, landing
from aris_pipeline.defs.assets import GPU_POOL
from aris_pipeline.defs.batch_run import BatchRunner
from aris_pipeline.defs.build import build_definitions
from aris_pipeline.defs.recovery import PID_TAG, STARTED_TAG, release_dead_runs
from aris_pipeline.defs.resources import StoreResource
from aris_pipeline.storage import DataStore, Shard
from aris_pipeline_tests.assets.test_chain import LANDING, WriteFile


def drop(store: DataStore, name: str, *, age_s: float) -> Path:
    store.landing.mkdir(parents=True, exist_ok=True)
    file = store.landing / name
    file.write_text('{"candidates": []}')
    then = time.time() - age_s
    os.utime(file, (then, then))
    return file


def tick(store: DataStore, instance: dg.DagsterInstance, cursor: str | None = None) -> Any:
    context = dg.build_sensor_context(
        instance=instance,
        cursor=cursor,
        resources={"store": StoreResource(data_dir=str(store.root))},
    )
    return landing.landing_sensor(context)


def nightly_requests(instance: dg.DagsterInstance) -> list[Any]:
    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=datetime(2026, 11, 21, 1, tzinfo=UTC)
    )
    outcome: Any = automation.nightly(context)
    return list(outcome)


def test_the_sensor_lands_a_file_that_has_settled(
    store: DataStore, instance: dg.DagsterInstance
) -> None:
    file = drop(store, "settled.json", age_s=60)

    result = tick(store, instance)

    (request,) = result.run_requests
    assert request.run_config["ops"]["land_candidates"]["config"]["path"] == str(file)


@pytest.mark.parametrize("name", ["a.json.gz", "a.jsonl.zst", "<b>.csv", "a\udcff\n.csv"])
def test_a_file_of_any_name_neither_is_missed_nor_stops_the_sensor(
    store: DataStore, instance: dg.DagsterInstance, name: str
) -> None:
    drop(store, name, age_s=60)

    (request,) = tick(store, instance).run_requests

    assert request.run_key.encode()  # as the instance stores it
    assert request.run_config["ops"]["land_candidates"]["config"]["path"].endswith(name)


def test_the_sensor_waits_for_a_file_that_is_still_being_written(
    store: DataStore, instance: dg.DagsterInstance
) -> None:
    drop(store, "growing.json", age_s=1)

    assert isinstance(tick(store, instance), dg.SkipReason)


def test_the_sensor_launches_a_file_once_and_again_when_it_changed(
    store: DataStore, instance: dg.DagsterInstance
) -> None:
    drop(store, "a.json", age_s=120)
    first = tick(store, instance)
    assert isinstance(tick(store, instance, first.cursor), dg.SkipReason)

    drop(store, "a.json", age_s=60)

    assert len(tick(store, instance, first.cursor).run_requests) == 1


def test_the_sensor_skips_hidden_files_and_a_missing_directory(
    store: DataStore, instance: dg.DagsterInstance
) -> None:
    assert isinstance(tick(store, instance), dg.SkipReason)
    drop(store, ".partial.json", age_s=60)
    assert isinstance(tick(store, instance), dg.SkipReason)


def test_the_nightly_schedule_asks_for_whole_batches_that_are_not_done(
    runner: BatchRunner, instance: dg.DagsterInstance, write_file: WriteFile
) -> None:
    done = runner.run(write_file(20, seed=1), LANDING, "completions").batch
    waiting = runner.run(write_file(30, seed=2), LANDING, "raw_candidates").batch

    (request,) = nightly_requests(instance)

    keys = [shard.key for shard in Shard.all_of(waiting)]
    assert request.tags["dagster/asset_partition_range_start"] == keys[0]
    assert request.tags["dagster/asset_partition_range_end"] == keys[-1]
    assert done.name not in request.run_key


def test_the_nightly_schedule_skips_when_everything_is_done(
    runner: BatchRunner, instance: dg.DagsterInstance, write_file: WriteFile
) -> None:
    runner.run(write_file(10), LANDING, "completions")

    (outcome,) = nightly_requests(instance)

    assert isinstance(outcome, dg.SkipReason)


def test_landing_registers_the_shards_in_order_and_only_once(
    runner: BatchRunner, instance: dg.DagsterInstance, write_file: WriteFile
) -> None:
    file = write_file(35)
    batch = runner.run(file, LANDING, "raw_candidates").batch
    runner.run(file, LANDING, "raw_candidates")

    assert instance.get_dynamic_partitions("shards") == [s.key for s in Shard.all_of(batch)]


def test_sensor_and_schedule_are_off_and_verdicts_follow_by_default() -> None:
    definitions = build_definitions()

    assert landing.landing_sensor.default_status == dg.DefaultSensorStatus.STOPPED
    assert automation.nightly.default_status == dg.DefaultScheduleStatus.STOPPED
    follow = definitions.resolve_sensor_def("follow_completions")
    assert follow.default_status == dg.DefaultSensorStatus.RUNNING


def test_a_fresh_instance_lets_one_step_at_a_time_use_the_engine(
    instance: dg.DagsterInstance,
) -> None:
    info = instance.event_log_storage.get_concurrency_info(GPU_POOL)

    assert (info.slot_count, info.using_default_limit) == (1, False)


@pytest.mark.parametrize("alive", [True, False])
def test_a_run_whose_process_is_gone_frees_its_place(
    instance: dg.DagsterInstance, alive: bool
) -> None:
    import psutil

    started = psutil.Process().create_time() if alive else 1.0
    tags = {PID_TAG: str(os.getpid()), STARTED_TAG: f"{started:.2f}"}
    run = instance.create_run_for_job(
        build_definitions().resolve_job_def("rank"),
        status=dg.DagsterRunStatus.STARTED,
        tags=tags,
    )
    instance.event_log_storage.claim_concurrency_slot(GPU_POOL, run.run_id, "completions")

    released = release_dead_runs(instance)

    info = instance.event_log_storage.get_concurrency_info(GPU_POOL)
    after = instance.get_run_by_id(run.run_id)
    assert after is not None
    if alive:
        assert (released, info.active_slot_count) == ([], 1)
        assert after.status == dg.DagsterRunStatus.STARTED
    else:
        assert (released, info.active_slot_count) == ([run.run_id], 0)
        assert after.status == dg.DagsterRunStatus.FAILURE
