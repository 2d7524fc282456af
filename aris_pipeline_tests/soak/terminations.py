"""Terminate, as the Dagster UI does it, on a run that generates."""

import contextlib
import json
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from aris_pipeline_tests.soak.accounts import generated
from aris_pipeline_tests.soak.processes import Place, Workshop
from aris_pipeline_tests.soak.results import Try
from aris_pipeline_tests.soak.stops import go_on

_START_S = 180.0
_STOP_S = 120.0
_LAUNCH = """
mutation($location: String!, $tags: [ExecutionTag!]!) {
  launchRun(executionParams: {
    selector: {
      repositoryLocationName: $location, repositoryName: "__repository__", jobName: "judge"
    }
    runConfigData: {}
    executionMetadata: {tags: $tags}
  }) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
_LOCATION = "aris_pipeline_tests.soak.fake_location"


def terminate(
    workshop: Workshop, rows: int, count: int, seed: int, skip: int = 0, **fake: object
) -> Iterator[Try]:
    """Launches the job `judge` in a real webserver `count` times, and terminates it."""
    what = fake.get("engine", "fake engine")
    for number in range(skip, count):
        rng = random.Random(f"{seed}-terminate-{number}")
        place = workshop.place(f"terminate-{what}-{number}", rows, max(rows // 2, 1))
        with place.run("--until", "prompts") as process:
            process.finish()
        with webserver(place, log=place.log(0), **fake) as ask:
            run_id = launch(ask, place.data)
            enough = rng.randint(1, rows // 2)
            while len(generated(place.log(0))) < enough:
                assert status(ask, run_id)[0] in ("STARTING", "STARTED", "QUEUED")
                time.sleep(0.1)
            _then, pid = status(ask, run_id)
            asked = time.monotonic()
            ask(f'mutation {{ terminateRun(runId: "{run_id}") {{ __typename }} }}')
            ended_as, seconds = _wait_for_end(ask, run_id, pid, asked)
        broken = [] if ended_as == "CANCELED" else [f"the run ended as {ended_as}"]
        yield go_on(place, f"stop: Terminate ({what})", number + 1, seconds, broken, **fake)


def _wait_for_end(ask: Any, run_id: str, pid: int, asked: float) -> tuple[str, float]:
    """Waits until the run has ended and its process is gone; returns its status and the seconds."""
    while True:
        now, _pid = status(ask, run_id)
        seconds = time.monotonic() - asked
        gone = not psutil.pid_exists(pid)
        if seconds > _STOP_S or (gone and now not in ("STARTED", "CANCELING")):
            return now, seconds
        time.sleep(0.1)


def launch(ask: Any, data: Path, batch: str = "*") -> str:
    """Launches the job `judge` on all shards of a batch and returns the id of its run."""
    manifest = json.loads(next(data.glob(f"batches/{batch}.json")).read_text())
    last = len(manifest["shard_rows"]) - 1
    ends = {"start": f"{manifest['name']}_s000", "end": f"{manifest['name']}_s{last:03d}"}
    tags = [
        {"key": f"dagster/asset_partition_range_{name}", "value": key} for name, key in ends.items()
    ]
    launched = ask(_LAUNCH, location=_LOCATION, tags=tags)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id: str = launched["run"]["runId"]
    return run_id


def status(ask: Any, run_id: str) -> tuple[str, int]:
    """The run's status and the process that executes it, 0 where it has not said so yet."""
    run = ask(
        f'{{ runOrError(runId: "{run_id}") {{ ... on Run {{ status tags {{ key value }} }} }} }}'
    )
    tags = {tag["key"]: tag["value"] for tag in run["runOrError"]["tags"]}
    return run["runOrError"]["status"], int(tags.get("aris/pid", 0))


@dataclass(frozen=True)
class Site:
    """A webserver on loopback; called with a query, it returns the data of the answer."""

    port: int

    def __call__(self, query: str, **variables: Any) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            data=json.dumps({"query": query, "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)["data"]


@contextlib.contextmanager
def webserver(place: Place, **fake: object) -> Iterator[Site]:
    """Runs webserver and daemon on the place's instance."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    environment = {
        **place.environment(**fake),
        "DAGSTER_HOME": str(place.data / ".dagster"),
        "ARIS_DATA_DIR": str(place.data),
    }
    command = ["-m", "dagster", "dev", "-m", _LOCATION, "-h", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )

    ask = Site(port)
    try:
        deadline = time.monotonic() + _START_S
        while True:
            try:
                ask("{ version }")
                break
            except OSError:
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.5)
        yield ask
    finally:
        living = process.poll() is None
        family = psutil.Process(process.pid).children(recursive=True) if living else []
        process.terminate()
        process.wait(timeout=60)
        # Code servers end by themselves within a minute, but not once their database is gone.
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
