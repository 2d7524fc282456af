"""The persistent Dagster instance that the command line, the UI and the daemon share."""

import os
from importlib import resources
from pathlib import Path

import dagster as dg

from aris_pipeline.defs.assets import GPU_POOL
from aris_pipeline.storage import write_bytes


def prepare_home(data_dir: Path) -> Path:
    """Returns the Dagster home of a data directory, with the shipped dagster.yaml in it.

    `DAGSTER_HOME` wins where it is set; otherwise it is `.dagster` inside the data directory.
    """
    chosen = os.environ.get("DAGSTER_HOME")
    home = Path(chosen) if chosen else data_dir.absolute() / ".dagster"
    settings = home / "dagster.yaml"
    if not settings.exists():
        shipped = resources.files("aris_pipeline.defs").joinpath("dagster.yaml")
        write_bytes(shipped.read_bytes(), settings)
    return home


def open_instance(data_dir: Path) -> dg.DagsterInstance:
    """Opens the instance of a data directory.

    The limit of the engine's pool is set explicitly: on a fresh instance the default limit alone
    let two runs overlap.
    """
    instance = dg.DagsterInstance.from_config(str(prepare_home(data_dir)))
    if GPU_POOL not in instance.event_log_storage.get_concurrency_keys():
        instance.event_log_storage.set_concurrency_slots(GPU_POOL, 1)
    return instance
