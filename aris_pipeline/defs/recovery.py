"""A run whose process is gone must not block the next one.

`kill -9` leaves a run STARTED and its pool slot claimed; the next run would wait for it for ever.
Runs of this pipeline carry the host, pid and start time of their process, so that a dead one is
known. Hosts that share a PostgreSQL see each other's runs, and judge only their own.
"""

import os
import socket
from collections.abc import Mapping

import dagster as dg
import psutil

PID_TAG = "aris/pid"
STARTED_TAG = "aris/process_started"
HOST_TAG = "aris/host"

_ACTIVE = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def process_tags() -> dict[str, str]:
    """Returns the tags that name this process."""
    return {
        HOST_TAG: socket.gethostname(),
        PID_TAG: str(os.getpid()),
        STARTED_TAG: f"{psutil.Process().create_time():.2f}",
    }


def tag_process(context: dg.AssetExecutionContext) -> None:
    """Writes this process into the tags of the run that it executes."""
    context.instance.add_run_tags(context.run.run_id, process_tags())


def release_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Fails this host's active runs whose process has ended, and frees their pool slots.

    Returns:
        Their ids.
    """
    here, released = socket.gethostname(), []
    for run in instance.get_runs(dg.RunsFilter(statuses=_ACTIVE)):
        ours = PID_TAG in run.tags and run.tags.get(HOST_TAG, here) == here
        if ours and not _is_alive(run.tags):
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            instance.report_run_failed(run, "its process ended without a word (killed?)")
            released.append(run.run_id)
    return released


def _is_alive(tags: Mapping[str, str]) -> bool:
    try:
        process = psutil.Process(int(tags[PID_TAG]))
        return f"{process.create_time():.2f}" == tags[STARTED_TAG]
    except psutil.NoSuchProcess:
        return False
