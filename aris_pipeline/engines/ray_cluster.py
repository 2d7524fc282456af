"""Connects to the Ray cluster of the replicas, or starts Ray, and measures what it has."""

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import ray

from aris_pipeline.engines.settings import EngineSettings
from aris_pipeline.errors import EngineError

_SPARE_CPUS = 4
"""Ray's slots, not cores, for the tasks that feed the replicas and take their rows."""
_OBJECT_STORE_BYTES = 2**30
_SHARED_MEMORY = ("/dev/shm/psm_", "/dev/shm/sem.mp-")  # noqa: S108 - Python's own names


def connect(settings: EngineSettings) -> None:
    """Joins the cluster that the settings name, or starts Ray on this machine."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    set_log_level(logging.ERROR)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        with own_signal_handlers():
            if settings.ray_address:
                ray.init(settings.ray_address, **quiet)
            else:
                quiet["include_dashboard"] = False
                slots = max(os.cpu_count() or 1, settings.gpus) + _SPARE_CPUS
                ray.init("local", num_cpus=slots, object_store_memory=_OBJECT_STORE_BYTES, **quiet)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        at = settings.ray_address or "this machine"
        raise EngineError(f"Ray at {at}: {reason_of(error)}; see to --ray-address") from error


@contextlib.contextmanager
def no_shared_memory_left() -> Iterator[None]:
    """Removes the shared memory of this machine's replicas, which are killed meanwhile.

    Ray kills vLLM's processes too, so these cannot do it.
    """
    family = psutil.Process().children(recursive=True)
    left = {file for process in family for file in _shared_memory(process.pid)}
    try:
        yield
    finally:
        for file in left:
            file.unlink(missing_ok=True)


def _shared_memory(pid: int) -> set[Path]:
    """Returns the files of Python's shared memory and semaphores that a process has mapped."""
    try:
        mapped = Path(f"/proc/{pid}/maps").read_text()
    except OSError:  # it has just ended, or this is no Linux
        return set()
    names = (line.split()[-1] for line in mapped.splitlines())
    return {Path(name) for name in names if name.startswith(_SHARED_MEMORY)}


def set_log_level(level: int) -> None:
    """Keeps Ray's messages about itself off the terminal; Ray has its own logs."""
    for name in ("ray", "ray._private.worker", "ray.data", "ray.llm"):
        logging.getLogger(name).setLevel(level)
    # Without a handler, each module of Ray makes one for the terminal.
    if not logging.getLogger("ray.llm").handlers:
        logging.getLogger("ray.llm").addHandler(logging.NullHandler())


@contextlib.contextmanager
def own_signal_handlers() -> Iterator[None]:
    """Keeps Ray, which is initialized meanwhile, from handling the signals that stop a run."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except SystemExit as error:
        # Ray turns a SIGTERM into this exit; a caller would take it for any exit.
        raise KeyboardInterrupt from error
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in kept.items():
                signal.signal(number, handler)


def has_gpus() -> bool:
    """Returns whether any node of Ray has a GPU."""
    found: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return found.get("GPU", 0) > 0


def room_for_replicas(settings: EngineSettings, *, on_gpu: bool) -> int:
    """Returns how many replicas to start: the requested number, or fewer if nodes were lost.

    The GPUs of one replica are those of one node.

    Raises:
        EngineError: there are too few GPUs or CPUs; Ray would wait for them forever.
    """
    kind, each = "GPU" if on_gpu else "CPU", settings.tensor_parallel_size
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    there = [int(node["Resources"].get(kind, 0)) for node in nodes if node["Alive"]]
    room = sum(of_node // each for of_node in there)
    if room >= settings.replicas:
        return settings.replicas
    if room and len(there) < len(nodes):
        return room
    apiece = f" (each replica {each} of one node)" if each > 1 else ""
    raise EngineError(
        f"{settings.replicas} replicas need {settings.replicas * each} {kind}s{apiece}, and Ray "
        f"has {' + '.join(map(str, there)) or 0}: choose fewer with --replicas, or add nodes"
    )


def this_node() -> dict[str, str]:
    """Returns the placement for what must live exactly as long as this process."""
    return {"ray.io/node-id": ray.get_runtime_context().get_node_id()}


def reason_of(error: BaseException | Mapping[str, Any]) -> str:
    """Returns the last line of Ray's message, which is the cause; the rest is Ray's own stacks."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
