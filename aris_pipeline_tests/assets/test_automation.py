"""What starts runs without a person: the landing sensor, the nightly schedule, automation."""

import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from aris_pipeline.defs import automation, landing
from aris_pipeline.defs.assets import GPU_POOL
from aris_pipeline.defs.batch_run import BatchRunner
from aris_pipeline.defs.build import build_definitions
from aris_pipeline.defs.instance import open_instance
from aris_pipeline.defs.recovery import HOST_TAG, PID_TAG, STARTED_TAG, release_dead_runs
from aris_pipeline.defs.resources import StoreResource
from aris_pipeline.storage import DataStore, Shard
from aris_pipeline_tests.assets.test_chain import LANDING, WriteFile


@pytest.fixture
def instance(store: DataStore) -> Iterator[dg.DagsterInstance]:
    """On disk, because a schedule opens it anew."""
    with open_instance(store.root) as instance:
        yield instance


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


def land_by_sensor(runner: BatchRunner, cursor: str | None = None) -> tuple[list[str], str]:
    """Ticks, runs what the tick asks for, and returns the names of the files and the cursor."""
    result = tick(runner.store, runner.instance, cursor)
    for request in result.run_requests:
        runner.definitions.resolve_job_def("land").execute_in_process(
            instance=runner.instance,
            run_config={
                **request.run_config,
                "resources": {"store": {"config": {"data_dir": str(runner.store.root)}}},
            },
        )
    files = [one.run_config["ops"]["land_candidates"]["config"] for one in result.run_requests]
    return [Path(file["path"]).name for file in files], result.cursor


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

    assert not tick(store, instance).run_requests


def test_the_sensor_launches_a_file_once_and_again_when_it_changed(
    store: DataStore, instance: dg.DagsterInstance
) -> None:
    drop(store, "a.json", age_s=120)
    first = tick(store, instance)
    assert not tick(store, instance, first.cursor).run_requests

    drop(store, "a.json", age_s=60)

    assert len(tick(store, instance, first.cursor).run_requests) == 1


def test_the_sensor_launches_nothing_for_a_file_that_has_landed_otherwise(
    runner: BatchRunner, write_file: WriteFile
) -> None:
    landing_dir = runner.store.landing
    landing_dir.mkdir(parents=True)
    then = time.time() - 60
    for seed in (1, 2):
        landed = write_file(10, seed=seed)
        runner.run(landed, LANDING, "raw_candidates")
        shutil.copy(landed, landing_dir / f"known-{seed}.json")
        os.utime(landing_dir / f"known-{seed}.json", (then, then))
    shutil.copy(write_file(10, seed=3), landing_dir / "new.json")
    os.utime(landing_dir / "new.json", (then, then))

    assert land_by_sensor(runner)[0] == ["new.json"]
    files, cursor = land_by_sensor(runner)
    assert files == []

    shutil.copy(write_file(10, seed=4), landing_dir / "known-1.json")
    os.utime(landing_dir / "known-1.json", (then + 1, then + 1))

    assert land_by_sensor(runner, cursor)[0] == ["known-1.json"]
    assert len(runner.store.batch_files()) == 4


def test_the_sensor_launches_a_known_file_whose_shards_the_history_has_lost(
    runner: BatchRunner, write_file: WriteFile
) -> None:
    runner.store.landing.mkdir(parents=True)
    shutil.copy(write_file(10), runner.store.landing / "known.json")
    (runner.store.landing / "known.json.ok").touch()
    batch = runner.run(runner.store.landing / "known.json", LANDING, "raw_candidates").batch
    runner.instance.delete_dynamic_partition("shards", Shard.all_of(batch)[0].key)

    assert land_by_sensor(runner)[0] == ["known.json"]
    assert land_by_sensor(runner)[0] == []


@pytest.mark.parametrize("limit", ["LOOKING_S", "LOOKING_BYTES"])
def test_the_sensor_gives_up_looking_before_its_tick_is_ended(
    runner: BatchRunner, write_file: WriteFile, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(landing, limit, 0)
    runner.store.landing.mkdir(parents=True)
    shutil.copy(write_file(10), runner.store.landing / "known.json")
    (runner.store.landing / "known.json.ok").touch()
    runner.run(runner.store.landing / "known.json", LANDING, "raw_candidates")

    assert land_by_sensor(runner)[0] == ["known.json"]


@pytest.mark.parametrize("is_a_file", [True, False])
def test_a_landing_directory_that_is_not_there_is_named_and_nothing_is_forgotten(
    store: DataStore, instance: dg.DagsterInstance, is_a_file: bool
) -> None:
    if is_a_file:
        store.landing.parent.mkdir(parents=True, exist_ok=True)
        store.landing.write_text("in the way")

    skipped = tick(store, instance, '{"a.json": [1, 2.0]}')

    assert isinstance(skipped, dg.SkipReason)  # it leaves the cursor as it is
    assert f"{store.landing} is not a directory" in str(skipped.skip_message)


def test_a_tick_without_a_new_file_names_those_that_it_waits_for(
    store: DataStore, instance: dg.DagsterInstance
) -> None:
    drop(store, "dated-tomorrow.json", age_s=-86_400)

    assert "not complete yet: dated-tomorrow.json" in str(tick(store, instance).skip_reason)


def test_a_file_that_is_taken_away_while_the_sensor_looks_stops_no_other(
    store: DataStore, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(store, "a.json", age_s=60)
    drop(store, "b.json", age_s=60)
    is_file = Path.is_file

    def and_take_it_away(file: Path) -> bool:
        found = is_file(file)
        if file.name == "a.json":
            file.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(Path, "is_file", and_take_it_away)

    (request,) = tick(store, instance).run_requests

    assert request.run_key.startswith("b.json")


def test_the_sensor_skips_hidden_files(store: DataStore, instance: dg.DagsterInstance) -> None:
    drop(store, ".partial.json", age_s=60)
    assert not tick(store, instance).run_requests


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_nightly_schedule_skips_when_everything_is_done(
    runner: BatchRunner, instance: dg.DagsterInstance, write_file: WriteFile
) -> None:
    runner.run(write_file(10), LANDING, "completions")

    (outcome,) = nightly_requests(instance)

    assert isinstance(outcome, dg.SkipReason)


@pytest.mark.slow
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


def test_a_run_on_another_host_is_left_to_that_host(instance: dg.DagsterInstance) -> None:
    tags = {HOST_TAG: "elsewhere", PID_TAG: str(os.getpid()), STARTED_TAG: "1.00"}
    instance.create_run_for_job(
        build_definitions().resolve_job_def("rank"), status=dg.DagsterRunStatus.STARTED, tags=tags
    )

    assert release_dead_runs(instance) == []


def failure_context(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.RunFailureSensorContext:
    (record,) = instance.get_records_for_run(
        run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE
    ).records
    event = record.event_log_entry.dagster_event
    assert event is not None
    return dg.build_run_status_sensor_context(
        sensor_name="any", dagster_event=event, dagster_instance=instance, dagster_run=run
    ).for_run_failure()


def going_on(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[Any]:
    outcome: Any = automation.past_bad_shards(failure_context(instance, run))
    return list(outcome)


def judge_with_a_bad_shard(
    runner: BatchRunner, instance: dg.DagsterInstance, file: Path
) -> tuple[list[str], dg.DagsterRun]:
    """Runs the job `judge` over four shards, of which the landed file of the second is damaged."""
    batch = runner.run(file, LANDING, "raw_candidates").batch
    shards = Shard.all_of(batch)
    runner.store.landed(shards[1]).write_bytes(b"not parquet")
    keys = [shard.key for shard in shards]
    result = runner.definitions.resolve_job_def("judge").execute_in_process(
        instance=instance,
        tags=automation.range_tags(keys),
        run_config={"resources": {"store": {"config": {"data_dir": str(runner.store.root)}}}},
        raise_on_error=False,
    )
    assert not result.success
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    return keys, run


@pytest.mark.slow
def test_a_bad_shard_does_not_keep_the_others_from_being_judged(
    runner: BatchRunner, instance: dg.DagsterInstance, write_file: WriteFile
) -> None:
    keys, run = judge_with_a_bad_shard(runner, instance, write_file(40))
    assert instance.get_materialized_partitions(dg.AssetKey("completions")) == set()

    requests = going_on(instance, run)
    for request in requests:
        runner.definitions.resolve_job_def("judge").execute_in_process(
            instance=instance,
            tags=request.tags,
            run_config=request.run_config,
            asset_selection=request.asset_selection,
        )

    judged = instance.get_materialized_partitions(dg.AssetKey("completions"))
    assert judged == {keys[0], keys[2], keys[3]}
    assert len(requests) == 2


@pytest.mark.slow
def test_a_run_that_failed_at_the_engine_is_not_gone_on_with(
    runner: BatchRunner, instance: dg.DagsterInstance, write_file: WriteFile
) -> None:
    batch = runner.run(write_file(20), LANDING, "prompts").batch
    first = Shard.all_of(batch)[0]
    (prompts,) = runner.store.root.glob(f"prompts/**/shard={first.name}/prompts.parquet")
    prompts.write_bytes(b"not parquet")
    result = runner.definitions.resolve_job_def("judge").execute_in_process(
        instance=instance,
        tags=automation.range_tags([shard.key for shard in Shard.all_of(batch)]),
        run_config={"resources": {"store": {"config": {"data_dir": str(runner.store.root)}}}},
        asset_selection=[dg.AssetKey("completions")],
        raise_on_error=False,
    )
    run = instance.get_run_by_id(result.run_id)
    assert run is not None

    (outcome,) = going_on(instance, run)

    assert isinstance(outcome, dg.SkipReason)


class Inbox(BaseHTTPRequestHandler):
    """Keeps what is posted to it."""

    received: list[dict[str, Any]] = []  # noqa: RUF012 - the server makes the instances

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.received.append(json.loads(self.rfile.read(length)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


@pytest.mark.slow
def test_a_failed_run_is_posted_to_the_webhook_with_its_reason(
    runner: BatchRunner,
    instance: dg.DagsterInstance,
    write_file: WriteFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys, run = judge_with_a_bad_shard(runner, instance, write_file(40))
    with HTTPServer(("127.0.0.1", 0), Inbox) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        monkeypatch.setenv("ARIS_WEBHOOK_URL", f"http://127.0.0.1:{server.server_port}/")
        automation.tell_of_failures(failure_context(instance, run))

    (posted,) = Inbox.received
    assert keys[1] in posted["text"]
    assert "land the file of its batch again" in posted["text"]
    assert (posted["first_shard"], posted["last_shard"]) == (keys[0], keys[-1])


def test_a_marked_file_is_landed_at_once_and_the_marker_itself_never(
    store: DataStore, instance: dg.DagsterInstance
) -> None:
    file = drop(store, "growing.json", age_s=0)
    drop(store, "growing.json.ok", age_s=60)

    (request,) = tick(store, instance).run_requests

    assert request.run_config["ops"]["land_candidates"]["config"]["path"] == str(file)


def test_where_markers_are_required_a_file_without_one_is_left_alone(
    store: DataStore, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(store, "settled.json", age_s=60)
    monkeypatch.setenv("ARIS_LANDING_MARKER", "required")

    assert not tick(store, instance).run_requests


@pytest.mark.slow
def test_the_report_of_a_batch_sums_up_its_shards(
    runner: BatchRunner, store: DataStore, write_file: WriteFile
) -> None:
    outcome = runner.run(write_file(35), LANDING, "throughput_report")

    (row,) = pl.read_parquet(store.throughput_report(outcome.judge, outcome.batch.name)).rows(
        named=True
    )
    assert (row["shards"], row["shards_measured"], row["loads"]) == (4, 4, 1)
    assert (row["rows_in"], row["rows"], row["rows_ok"], row["rows_generated"]) == (35, 35, 35, 35)
    assert row["finished_at"] > row["started_at"]
    assert row["req_s"] == pytest.approx(35 / row["generate_s"])
