"""Ray's replicas and the run that drives them, killed while they generate; with the real engine."""

import contextlib
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psutil

from aris_pipeline_tests.soak.accounts import account, durable_keys, generated, wait_for_answers
from aris_pipeline_tests.soak.processes import ArisProcess, Finished, Place, Workshop
from aris_pipeline_tests.soak.results import Try

_REAL: dict[str, object] = {"engine": "vllm", "rows_at_risk": 8}
_REPLICA = "ray::MapWorker"
_ENGINES = (_REPLICA, "VLLM")
_ENGINES_GONE_WITHIN_S = 10.0
_ALL_GONE_WITHIN_S = 90.0
"""Two helpers of Ray's own take most of a minute to see that it has died."""


def kill_a_replica(
    workshop: Workshop, rows: int, count: int, seed: int, skip: int = 0
) -> Iterator[Try]:
    """Kills one of two replicas after some answers; the run is to go on to its end."""
    for number in range(skip, count):
        rng = random.Random(f"{seed}-replica-{number}")
        place = workshop.place(f"replica-{number}", rows, max(rows // 2, 1))
        with _two_replicas(place) as process:
            wait_for_answers(process, place.log(0), rng.randint(1, rows // 2))
            answered = len(generated(place.log(0)))
            killed = rng.choice(_replicas(process.pid))
            killed.kill()
            finished = process.finish()
        one = _went_on(place, finished, "ray: one of two replicas is killed", number, answered)
        yield place.cleared(one)


def kill_the_driver(
    workshop: Workshop, rows: int, count: int, seed: int, skip: int = 0
) -> Iterator[Try]:
    """Kills the run itself after some answers; the next one, in process, goes on from there."""
    for number in range(skip, count):
        rng = random.Random(f"{seed}-driver-{number}")
        place = workshop.place(f"driver-{number}", rows, max(rows // 2, 1))
        with _two_replicas(place) as process:
            wait_for_answers(process, place.log(0), rng.randint(1, rows // 2))
            family = psutil.Process(process.pid).children(recursive=True)
            engines = [one for one in family if _command(one).startswith(_ENGINES)]
            process.send(9)
            killed = time.monotonic()
            process.finish()
        _gone, alive = psutil.wait_procs(engines, timeout=_ENGINES_GONE_WITHIN_S)
        seconds = time.monotonic() - killed
        broken = [f"{len(alive)} engines outlive the run"] if alive else []
        safe, before = durable_keys(place.data), generated(place.log(0))
        with place.run(log=place.log(1), **_REAL) as process:
            finished = process.finish()
        if finished.code != 0:
            broken.append(f"exit {finished.code}: {finished.said}")
        _gone, alive = psutil.wait_procs(family, timeout=_ALL_GONE_WITHIN_S)
        broken += [f"{len(alive)} processes outlive the run"] if alive else []
        twice = set(before) & set(generated(place.log(1)))
        if twice & safe:
            broken.append(f"{len(twice & safe)} answers that were safe came again")
        found = account(place)
        one = Try(
            fault="ray: the run is killed",
            number=number + 1,
            lost=found.lost,
            duplicated=found.duplicated,
            twice=len(twice),
            at_risk=len(set(before) - safe),
            seconds=seconds,
            broken=broken + found.broken,
            note=f"after {len(before)} of {rows} answers",
        )
        yield place.cleared(one)


def lose_a_node(
    workshop: Workshop, rows: int, count: int, seed: int, skip: int = 0
) -> Iterator[Try]:
    """Ends the node of one of two replicas after some answers; the run is to go on to its end."""
    # A cluster of this machine's, one core a node.
    from ray.cluster_utils import Cluster

    node: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 500_000_000}
    for number in range(skip, count):
        rng = random.Random(f"{seed}-node-{number}")
        place = workshop.place(f"node-{number}", rows, max(rows // 2, 1))
        cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
        try:
            lost = cluster.add_node(**node)
            with _two_replicas(place, "--ray-address", cluster.address) as process:
                wait_for_answers(process, place.log(0), rng.randint(1, rows // 2))
                answered = len(generated(place.log(0)))
                cluster.remove_node(lost, allow_graceful=False)
                killed = time.monotonic()
                finished = process.finish()
                seconds = time.monotonic() - killed
        finally:
            cluster.shutdown()  # type: ignore[no-untyped-call]
        fault = "ray: the node of one of two replicas is lost"
        one = _went_on(place, finished, fault, number, answered)
        yield place.cleared(replace(one, seconds=seconds))


def _went_on(place: Place, finished: Finished, fault: str, number: int, answered: int) -> Try:
    """What became of the rows of a run that was to go on to its end, whatever it lost."""
    log = generated(place.log(0))
    found = account(place)
    return Try(
        fault=fault,
        number=number + 1,
        lost=found.lost,
        duplicated=found.duplicated,
        twice=len(log) - len(set(log)),
        broken=[*([] if finished.code == 0 else [f"exit {finished.code}: {finished.said}"]),
                *found.broken],
        note=f"after {answered} answers",
    )  # fmt: skip


def _two_replicas(place: Place, *options: str) -> ArisProcess:
    return place.run("--engine", "ray", "--replicas", "2", *options, log=place.log(0), **_REAL)


def _replicas(run: int) -> list[psutil.Process]:
    """The processes that hold a replica each, of a run."""
    family = psutil.Process(run).children(recursive=True)
    return [process for process in family if _command(process).startswith(_REPLICA)]


def _command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""
