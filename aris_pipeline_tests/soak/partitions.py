"""An instance with very many shards: the asset page, a backfill over all, and a run's start.

Runs stay in the queue (`max_concurrent_runs: 0`), so that the daemon's launching is measured and
not the work. Once on SQLite, and once on PostgreSQL where it is installed.
"""

import contextlib
import json
import logging
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy
import yaml
from dagster._core.events import DagsterEvent, StepMaterializationData
from dagster._core.events.log import EventLogEntry
from dagster._core.instance.utils import RUNLESS_JOB_NAME, RUNLESS_RUN_ID

from aris_pipeline.defs.instance import open_instance
from aris_pipeline.defs.partitions import register_shards
from aris_pipeline.storage import Batch
from aris_pipeline_tests.postgres_server import initdb, postgres_server
from aris_pipeline_tests.soak.processes import Place, Workshop
from aris_pipeline_tests.soak.results import Try
from aris_pipeline_tests.soak.terminations import Site, webserver

STORAGES = ["SQLite", "PostgreSQL"] if initdb() else ["SQLite"]

_SHARD_ROWS = 5_000
_SHARDS_A_BATCH = 40
_ASSETS = ("raw_candidates", "prompts", "completions", "throughput", "evaluations")
_ONE_BY_ONE = 200
_TOGETHER = 1_000
_PATIENCE_S = 900.0
_URL = "DAGSTER_POSTGRES_URL"
_BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")

BACKFILL = """
mutation($asset: [String!]!, $shards: [String!]!) {
  launchPartitionBackfill(backfillParams: {
    assetSelection: [{path: $asset}], partitionNames: $shards
  }) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
_RUNS = """
query($id: String!) { runsOrError(filter: {tags: [{key: "dagster/backfill", value: $id}]}) {
  ... on Runs { count }
} }
"""
_TICKS = """
query { sensorOrError(sensorSelector: {
  repositoryLocationName: "aris_pipeline_tests.soak.fake_location",
  repositoryName: "__repository__", sensorName: "follow_completions"
}) { ... on Sensor { sensorState { ticks(limit: 20) { status timestamp endTimestamp } } } } }
"""


def partitions(
    workshop: Workshop, rows: int, count: int, _seed: int, skip: int = 0
) -> Iterator[Try]:
    """Yields a try for each storage; its seconds are those of the backfill's launch."""
    shards = rows // _SHARD_ROWS
    for number, storage in list(enumerate(STORAGES * count))[skip:]:
        place = workshop.place(f"partitions-{storage.lower()}", rows=20, shard_size=20)
        with _database(place, storage) as environment:
            figures = _measure(place, shards, environment)
        runs = -(-shards // _SHARDS_A_BATCH)
        made = figures["backfill_runs"]
        yield place.cleared(
            Try(
                fault=f"partitions: {shards:,} on {storage}",
                number=number + 1,
                seconds=figures["backfill_s"],
                broken=[] if made == runs else [f"{made} runs of {runs}"],
                note=json.dumps(figures),
            )
        )


@contextlib.contextmanager
def _database(place: Place, storage: str) -> Iterator[dict[str, str]]:
    """Writes the place's dagster.yaml; yields what the environment has to hold."""
    shipped = resources.files("aris_pipeline.defs").joinpath("dagster.yaml").read_text()
    settings = yaml.safe_load(shipped)
    settings["concurrency"]["runs"]["max_concurrent_runs"] = 0
    home = place.data / ".dagster"
    home.mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        environment = {}
        if storage == "PostgreSQL":
            settings["storage"] = {"postgres": {"postgres_url": {"env": _URL}}}
            environment = {_URL: stack.enter_context(postgres_server()).database()}
            os.environ.update(environment)
            stack.callback(os.environ.pop, _URL)
        (home / "dagster.yaml").write_text(yaml.safe_dump(settings))
        yield environment


def _measure(place: Place, shards: int, environment: dict[str, str]) -> dict[str, Any]:
    _run_s(place, environment)  # makes the instance
    figures: dict[str, Any] = {"run_before_s": _run_s(place, environment)}
    keys = _register(place.data, shards, figures)
    figures["run_after_s"] = _run_s(place, environment)
    with webserver(place, **environment) as site:
        if _BROWSER is not None:
            figures["page"] = [_open_page(site) for _ in range(2)]
        figures |= _backfill(site, keys)
        ticks = site(_TICKS)["sensorOrError"]["sensorState"]["ticks"]
        seconds = [
            tick["endTimestamp"] - tick["timestamp"] for tick in ticks if tick["endTimestamp"]
        ]
        figures["automation_tick_s"] = [round(one, 1) for one in reversed(seconds)]
    return figures


def _run_s(place: Place, environment: dict[str, str]) -> float:
    """What `aris run` takes to land and validate a file of twenty rows."""
    with place.run("--until", "raw_candidates", **environment) as process:
        finished = process.finish()
    assert finished.code == 0, finished.stderr
    return round(finished.seconds, 1)


def _register(data: Path, shards: int, figures: dict[str, Any]) -> list[str]:
    """Registers batches of 40 shards, and reports every shard of every asset as materialized."""
    keys: list[str] = []
    with open_instance(data) as instance:
        began = time.monotonic()
        while len(keys) < shards:
            size = min(_SHARDS_A_BATCH, shards - len(keys))
            keys += register_shards(instance, _batch(len(keys), size))
        figures["register_s"] = round(time.monotonic() - began, 1)
        began = time.monotonic()
        for key in keys[:_ONE_BY_ONE]:
            instance.report_runless_asset_event(_materialized(_ASSETS[0], key))
        seconds = time.monotonic() - began
        figures["materialization_ms"] = round(seconds / _ONE_BY_ONE * 1000, 1)
    with _hurried(), open_instance(data) as instance:
        for asset in _ASSETS:
            for first in range(0, len(keys), _TOGETHER):
                entries = [
                    _entry(_materialized(asset, key)) for key in keys[first : first + _TOGETHER]
                ]
                instance.event_log_storage.store_event_batch(entries)
    return keys


@contextlib.contextmanager
def _hurried() -> Iterator[None]:
    """SQLite does not wait for the disk: what is measured begins when the events are there."""

    def hurry(connection: object, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous=OFF")

    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", hurry)
    try:
        yield
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "connect", hurry)


def _materialized(asset: str, key: str) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(asset, partition=key, metadata={"rows": _SHARD_ROWS})


def _entry(materialization: dg.AssetMaterialization) -> EventLogEntry:
    """What `report_runless_asset_event` stores; PostgreSQL takes many at once."""
    event = DagsterEvent(
        dg.DagsterEventType.ASSET_MATERIALIZATION.value,
        job_name=RUNLESS_JOB_NAME,
        event_specific_data=StepMaterializationData(materialization),
    )
    return EventLogEntry(  # type: ignore[no-untyped-call] # of Dagster
        user_message="",
        level=logging.INFO,
        job_name=RUNLESS_JOB_NAME,
        run_id=RUNLESS_RUN_ID,
        error_info=None,
        timestamp=time.time(),
        dagster_event=event,
    )


def _batch(number: int, shards: int) -> Batch:
    return Batch(
        name=f"2026-01-01_b{number:06d}",
        digest=f"{number:064d}",
        source_file="none.json",
        format="aris",
        shard_rows=[_SHARD_ROWS] * shards,
        quarantined=0,
        landed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def _open_page(site: Site) -> dict[str, Any]:
    """Opens the partitions of `completions` in Chromium, until their bar and list are drawn."""
    from playwright.sync_api import sync_playwright

    asked: dict[str, float] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_BROWSER, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        page.set_default_timeout(_PATIENCE_S * 1000)

        def note(request: Any) -> None:
            if request.url.endswith("/graphql") or "/graphql?" in request.url:
                name = (request.post_data_json or {}).get("operationName", "?")
                seconds = request.timing["responseEnd"] / 1000
                asked[name] = round(max(asked.get(name, 0.0), seconds), 2)

        page.on("requestfinished", note)
        began = time.monotonic()
        page.goto(f"http://127.0.0.1:{site.port}/assets/completions?view=partitions")
        page.get_by_text(re.compile(r"Materialized \([1-9]")).wait_for()
        drawn = time.monotonic() - began
        browser.close()
    slowest = sorted(asked.items(), key=lambda one: -one[1])[:3]
    return {"drawn_s": round(drawn, 1), "slowest_queries_s": dict(slowest)}


def _backfill(site: Site, keys: list[str]) -> dict[str, Any]:
    """Launches all shards of an asset; waits until the daemon has queued a run for each batch."""
    began = time.monotonic()
    launched = site(BACKFILL, asset=["raw_candidates"], shards=keys)["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    answered = time.monotonic() - began
    wanted, made, first = -(-len(keys) // _SHARDS_A_BATCH), 0, None
    while made < wanted and time.monotonic() < began + _PATIENCE_S:
        time.sleep(0.5)
        made = site(_RUNS, id=launched["backfillId"])["runsOrError"]["count"]
        if made and first is None:
            first = round(time.monotonic() - began, 1)
    return {
        "backfill_mutation_s": round(answered, 1),
        "backfill_first_run_s": first,
        "backfill_s": round(time.monotonic() - began, 1),
        "backfill_runs": made,
    }
