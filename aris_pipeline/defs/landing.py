"""How files get in: the `land` job, and the sensor that launches it."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg

from aris_pipeline.candidates import (
    ColumnMap,
    LandingOptions,
    has_settled,
    land_file,
    landed_as,
)
from aris_pipeline.defs.metadata import metadata_of_fields
from aris_pipeline.defs.partitions import SHARDS, register_shards
from aris_pipeline.defs.recovery import release_dead_runs
from aris_pipeline.defs.resources import StoreResource
from aris_pipeline.storage import DataStore, ObjectPath, Shard

QUIET_S = 10.0
MARKER = ".ok"
LOOKING_S = 15.0
LOOKING_BYTES = 2**30
"""How long a tick looks for batches of its files, and the largest that it looks at: Dagster ends a
tick after 60 s, and the next would meet the same. The others get a run, which looks, too."""

UNATTENDED = (
    dg.DefaultSensorStatus.RUNNING
    if os.environ.get("ARIS_AUTOMATION") == "on"
    else dg.DefaultSensorStatus.STOPPED
)
"""Whether what starts work without a person is switched on from the start, as in the demo."""


class LandConfig(dg.Config):
    """Which file to land, and how to read it.

    `columns` maps the file's columns or fields to those of a profile, as a file for
    `aris run --columns` does.
    """

    path: str
    format: str | None = None
    shard_size: int = 5_000
    limit: int | None = None
    text_column: str | None = None
    id_column: str | None = None
    columns: dict[str, Any] | None = None
    encoding: str | None = None


@dg.op
def land_candidates(
    context: dg.OpExecutionContext, config: LandConfig, store: StoreResource
) -> str:
    """Streams a file once into shards and a quarantine, then registers the shards as partitions."""
    data = store.store()
    given = config.model_dump(exclude={"path"}, exclude_none=True)
    if config.columns is not None:
        given["columns"] = ColumnMap.parse(config.columns)
    options = LandingOptions.model_validate(given)
    batch = land_file(data, Path(config.path), options)
    keys = register_shards(context.instance, batch)
    context.log_event(
        dg.AssetMaterialization(
            "landing_files",
            metadata={
                "batch": batch.name,
                "rows_in": batch.rows_in,
                "quarantined": batch.quarantined,
                "shards": len(keys),
                "format": batch.format,
                **({"warnings": "\n".join(batch.warnings)} if batch.warnings else {}),
                **metadata_of_fields(batch.fields),
            },
        )
    )
    for warning in batch.warnings:
        context.log.warning(f"{batch.source_file}: {warning}")
    context.log.info(
        f"{batch.source_file} is batch {batch.name}: {batch.rows_in:,} rows in {len(keys)} shards, "
        f"{batch.quarantined:,} quarantined"
    )
    if batch.fields is not None:
        context.log.info(f"fields of the first {batch.fields.rows:,} rows: {batch.fields}")
    return batch.name


@dg.job(
    executor_def=dg.multiprocess_executor,
    description="Takes a file of candidates in: shards, quarantine, partitions.",
)
def land() -> None:
    """Lands one file."""
    land_candidates()


@dg.sensor(
    job=land,
    minimum_interval_seconds=30,
    default_status=UNATTENDED,
    description="Takes in each complete file of the landing directory; judges nothing.",
)
def landing_sensor(
    context: dg.SensorEvaluationContext, store: StoreResource
) -> dg.SensorResult | dg.SkipReason:
    """Launches `land` for each file in the landing directory that is complete.

    That is a file beside which an empty `<name>.ok` stands, or one that has stopped changing; with
    `ARIS_LANDING_MARKER=required` only the former. It parses nothing: the cursor remembers which
    state of each file was seen. Content that has landed already, by its digest, needs no run.
    """
    release_dead_runs(context.instance)
    data = store.store()
    landing = data.landing
    if isinstance(landing, ObjectPath):
        return dg.SkipReason(
            f"{landing} is not watched: only a directory is. Land files of elsewhere by `aris run` "
            "or the job `land`"
        )
    if not landing.is_dir():
        return dg.SkipReason(f"{landing} is not a directory: make it, or mount it")
    launched: dict[str, list[float]] = json.loads(context.cursor or "{}")
    seen = {}
    requests = []
    waiting = []
    started = time.monotonic()
    for file, stat in _files(landing):
        state = [stat.st_size, stat.st_mtime]
        # A name need not be text; one that the instance cannot store would stop all others.
        name = file.name.encode("ascii", "backslashreplace").decode()
        if launched.get(file.name) == state:
            seen[file.name] = state
        elif not _is_complete(file):
            waiting.append(name)
        else:
            seen[file.name] = state
            in_time = time.monotonic() - started < LOOKING_S and stat.st_size <= LOOKING_BYTES
            if in_time and _is_known(data, file, context.instance):
                continue
            requests.append(
                dg.RunRequest(
                    run_key=f"{name}-{stat.st_size}-{stat.st_mtime_ns}",
                    run_config={"ops": {"land_candidates": {"config": {"path": str(file)}}}},
                )
            )
    skipped = None if requests else f"no new file in {landing}"
    if skipped and waiting:
        skipped += f"; not complete yet: {', '.join(waiting[:10])}"
    return dg.SensorResult(run_requests=requests, skip_reason=skipped, cursor=json.dumps(seen))


def _files(landing: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """The files that are there, in order, without hidden ones and markers."""
    for file in sorted(landing.iterdir()):
        hidden = file.name.startswith(".") or file.suffix == MARKER
        with suppress(FileNotFoundError):  # it may be taken away in this moment
            if not hidden and file.is_file():
                yield file, file.stat()


def _is_known(store: DataStore, file: Path, instance: dg.DagsterInstance) -> bool:
    """Whether a run of `land` would find a whole batch of the file, with all its partitions."""
    try:
        batch = landed_as(store, file)
    except Exception:  # noqa: BLE001 - the run meets it too, and says what is wrong
        return False
    if batch is None:
        return False
    known = set(instance.get_dynamic_partitions(SHARDS))
    return {shard.key for shard in Shard.all_of(batch)} <= known


def _is_complete(file: Path) -> bool:
    if file.with_name(file.name + MARKER).exists():
        return True
    required = os.environ.get("ARIS_LANDING_MARKER") == "required"
    return not required and has_settled(file, QUIET_S, time.time())
