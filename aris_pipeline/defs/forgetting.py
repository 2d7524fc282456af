"""Removes a batch from Dagster's history: its runs with their events, and its partitions."""

from pathlib import Path

import dagster as dg

from aris_pipeline.defs.instance import open_instance, storage_errors_named
from aris_pipeline.defs.partitions import SHARDS
from aris_pipeline.storage import Batch, Shard, dagster_home

_OF_PARTITIONS = (
    "dagster/partition",
    "dagster/asset_partition_range_start",
    "dagster/asset_partition_range_end",
)


def forget_batches(data_dir: Path, batches: list[Batch]) -> int:
    """Removes the runs and partitions of batches, and returns how many runs there were.

    A run that touched partitions of other batches, too, stays; so do figures of later runs.

    Raises:
        StorageError: Dagster cannot write to its home.
        InstanceError: a database server does not serve.
    """
    home = dagster_home(data_dir)
    if not home.is_dir():
        return 0
    keys = {shard.key for batch in batches for shard in Shard.all_of(batch)}
    files = {batch.source_file for batch in batches}
    with storage_errors_named(home), open_instance(data_dir) as instance:
        theirs = [run for run in instance.get_runs() if _is_of(run, keys, files)]
        for run in theirs:
            instance.delete_run(run.run_id)
        for key in keys & {*instance.get_dynamic_partitions(SHARDS)}:
            instance.delete_dynamic_partition(SHARDS, key)
    return len(theirs)


def _is_of(run: dg.DagsterRun, keys: set[str], files: set[str]) -> bool:
    """Returns whether a run landed one of these files, or worked on these partitions alone."""
    named = [run.tags[name] for name in _OF_PARTITIONS if name in run.tags]
    if named:
        return set(named) <= keys
    ops = run.run_config.get("ops", {})
    landed = ops.get("land_candidates", {}).get("config", {}).get("path")
    return landed is not None and Path(str(landed)).name in files
