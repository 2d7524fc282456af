"""Tells erasure what Dagster knows of a batch, and removes it: runs, checks and partitions."""

from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from aris_pipeline.defs.instance import open_instance, storage_errors_named
from aris_pipeline.defs.partitions import SHARDS
from aris_pipeline.defs.recovery import release_dead_runs
from aris_pipeline.errors import BatchBusyError
from aris_pipeline.storage import Batch, Shard, dagster_home

_OF_PARTITIONS = (
    "dagster/partition",
    "dagster/asset_partition_range_start",
    "dagster/asset_partition_range_end",
)
_UNFINISHED = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")


def refuse_running(data_dir: Path, batches: list[Batch]) -> None:
    """Raises `BatchBusyError` if a run of one of these batches is queued or goes on."""
    home = dagster_home(data_dir)
    if not home.is_dir():
        return
    filters = dg.RunsFilter(statuses=[dg.DagsterRunStatus(one) for one in _UNFINISHED])
    with storage_errors_named(home), open_instance(data_dir) as instance:
        release_dead_runs(instance)
        running = [run for run in instance.get_runs(filters) if _touches(run, batches)]
    if running:
        raise BatchBusyError(
            f"run {running[0].run_id[:8]} ({running[0].job_name}) works on one of the batches: "
            "wait for it, or end it in the UI; what is finished is kept"
        )


def forget_batches(data_dir: Path, batches: list[Batch]) -> None:
    """Removes the runs, checks and partitions of batches.

    A run that touched partitions of other batches, too, stays; so do figures of later runs.

    Raises:
        StorageError: Dagster cannot write to its home.
        InstanceError: a database server does not serve.
    """
    home = dagster_home(data_dir)
    if not home.is_dir():
        return
    keys = {shard.key for batch in batches for shard in Shard.all_of(batch)}
    with storage_errors_named(home), open_instance(data_dir) as instance:
        theirs = [run for run in instance.get_runs() if _touches(run, batches, alone=True)]
        for run in theirs:
            instance.delete_run(run.run_id)
        _forget_checks(instance, keys, {run.run_id for run in theirs})
        for key in keys & {*instance.get_dynamic_partitions(SHARDS)}:
            instance.delete_dynamic_partition(SHARDS, key)


def _forget_checks(instance: dg.DagsterInstance, keys: set[str], runs: set[str]) -> None:
    """Removes the results of asset checks, which Dagster keeps when it deletes their runs."""
    storage, table = instance.event_log_storage, AssetCheckExecutionsTable
    if isinstance(storage, SqlEventLogStorage):
        theirs = table.c.partition.in_(keys) | table.c.run_id.in_(runs)
        with storage.index_connection() as connection:
            connection.execute(table.delete().where(theirs))


def _touches(run: dg.DagsterRun, batches: list[Batch], *, alone: bool = False) -> bool:
    """Returns whether a run is of these batches: by partitions, or what it lands or audits.

    Args:
        run: the run.
        batches: the batches.
        alone: whether all of its partitions must be theirs.
    """
    keys = {shard.key for batch in batches for shard in Shard.all_of(batch)}
    if named := {run.tags[name] for name in _OF_PARTITIONS if name in run.tags}:
        return named <= keys if alone else bool(named & keys)
    ops: Any = run.run_config.get("ops", {})
    names = {batch.name for batch in batches}
    files = {batch.source_file for batch in batches}
    configs = [one.get("config", {}) for one in ops.values()]
    return any(
        one.get("batch") in names or Path(one.get("path", "")).name in files for one in configs
    )
