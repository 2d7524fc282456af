"""How files get in: the `land` job, and the sensor that launches it."""

import json
import os
import time
from pathlib import Path
from typing import Any

import dagster as dg

from aris_pipeline.candidates import ColumnMap, LandingOptions, has_settled, land_file
from aris_pipeline.defs.metadata import metadata_of_fields
from aris_pipeline.defs.partitions import register_shards
from aris_pipeline.defs.recovery import release_dead_runs
from aris_pipeline.defs.resources import StoreResource
from aris_pipeline.storage import ObjectPath

QUIET_S = 10.0
MARKER = ".ok"

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
    `ARIS_LANDING_MARKER=required` only the former. It parses nothing: the cursor
    remembers which state of each file was launched.
    """
    release_dead_runs(context.instance)
    landing = store.store().landing
    if isinstance(landing, ObjectPath):
        return dg.SkipReason(
            f"{landing} is not watched: only a directory is. Land files of elsewhere by `aris run` "
            "or the job `land`"
        )
    launched: dict[str, list[float]] = json.loads(context.cursor or "{}")
    seen = {}
    requests = []
    for file in sorted(landing.glob("*")) if landing.is_dir() else []:
        if not file.is_file() or file.name.startswith(".") or file.suffix == MARKER:
            continue
        stat = file.stat()
        state = [stat.st_size, stat.st_mtime]
        if launched.get(file.name) == state:
            seen[file.name] = state
        elif _is_complete(file):
            seen[file.name] = state
            # A name need not be text; one that the instance cannot store would stop all others.
            name = file.name.encode("ascii", "backslashreplace").decode()
            requests.append(
                dg.RunRequest(
                    run_key=f"{name}-{stat.st_size}-{stat.st_mtime_ns}",
                    run_config={"ops": {"land_candidates": {"config": {"path": str(file)}}}},
                )
            )
    if not requests:
        return dg.SkipReason(f"no new file in {landing}")
    return dg.SensorResult(run_requests=requests, cursor=json.dumps(seen))


def _is_complete(file: Path) -> bool:
    if file.with_name(file.name + MARKER).exists():
        return True
    required = os.environ.get("ARIS_LANDING_MARKER") == "required"
    return not required and has_settled(file, QUIET_S, time.time())
