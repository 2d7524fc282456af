"""Starts the real webserver and daemon as `aris dev` does, and asks them by GraphQL."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def served(data: Path, **environment: str) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """Yields the process and port of the UI of a data directory."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = ["-m", "aris_pipeline.cli", "dev", "--data-dir", str(data), "--port", str(port)]
    with (data.parent / "dev.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command], stdout=log, stderr=log, env={**os.environ, **environment}
        )
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                ask(port, "{ version }")
                break
            except OSError:
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.5)
        yield process, port
    finally:
        if process.poll() is None:
            family = psutil.Process(process.pid).children(recursive=True)
            process.terminate()
            process.wait(timeout=60)
            for run in psutil.wait_procs(family, timeout=10)[1]:
                run.kill()  # a run that Dagster has left to itself


def ask(port: int, query: str) -> Any:
    """Returns the data of a GraphQL query."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.load(reply)["data"]
