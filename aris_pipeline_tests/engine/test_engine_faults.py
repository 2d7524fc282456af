"""Real vLLM that fails, loses its process or is stopped: no row is lost, the run goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest

from aris_pipeline.candidates import write_synthetic
from aris_pipeline.completions.generation import generate_rows
from aris_pipeline.engines import EngineSession, EngineSettings, VllmOffline, find_model
from aris_pipeline.storage import Prompts
from aris_pipeline_tests.tables import table

pytestmark = pytest.mark.engine

CARD = find_model("smollm2-135m-instruct")
COMMAND = [sys.executable, "-m", "aris_pipeline.cli"]
ROWS = 24


def test_an_engine_that_fails_at_work_is_replaced_and_no_row_is_lost() -> None:
    opened: list[VllmOffline] = []

    def open_engine() -> VllmOffline:
        opened.append(VllmOffline(CARD, EngineSettings(max_requests_in_flight=4)))
        return opened[-1]

    def fail() -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    prompts = table(
        Prompts, *({"prompt_token_ids": [100 + n, 260, 300], "max_tokens": 6} for n in range(12))
    )
    with EngineSession(open_engine, backoff_s=0) as session:
        rows = []
        for row in generate_rows(
            session, prompts, scoring=None, shorten=lambda _prompt, _limit: None, run_id="run"
        ):
            rows.append(row)
            if len(rows) == 3:
                opened[0]._engine.step = fail

    assert sorted(row["request_key"] for row in rows) == sorted(prompts["request_key"])
    assert all(row["finish_reason"] for row in rows)
    assert (session.restarts, session.loads) == (1, 2)


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    file = tmp_path / "candidates.jsonl"
    write_synthetic(ROWS, 5, "jsonl", file)
    options = ["--data-dir", str(tmp_path / "data"), "--max-model-len", "1536", "--json"]
    return [*COMMAND, "run", str(file), *options]


def _started(command: list[str], **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait_until(
    holds: Callable[[], Any], process: "subprocess.Popen[str]", what: str, seconds: float = 180
) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert process.poll() is None, f"it ended before {what}"
        assert time.monotonic() < deadline, f"no sign of {what}"
        time.sleep(0.1)
    return found


def _figures(output: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def test_a_killed_engine_process_is_replaced_while_the_run_goes_on(
    command: list[str], tmp_path: Path
) -> None:
    """As on a GPU, where the engine always has processes of its own."""
    process = _started(command, VLLM_ENABLE_V1_MULTIPROCESSING="1")

    def core() -> psutil.Process | None:
        children = psutil.Process(process.pid).children(recursive=True)
        busy = [child for child in children if "EngineCore" in child.name()]
        return busy[0] if busy and busy[0].cpu_times().user > 5 else None

    _wait_until(core, process, "an engine at work").kill()
    output, errors = process.communicate(timeout=240)

    assert process.returncode == 0, errors
    assert "restart 1 of 3" in errors
    figures = _figures(output)
    assert (figures["evaluated"], figures["failed"]) == (ROWS, 0)
    (throughput,) = (tmp_path / "data").glob("throughput/**/*.parquet")
    row = pl.read_parquet(throughput, hive_partitioning=False).row(0, named=True)
    assert row["engine_restarts"] == 1


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_keeps_what_is_finished_and_ends_soon(
    command: list[str], tmp_path: Path, stop: signal.Signals
) -> None:
    process = _started(command)
    parts = tmp_path / "data" / ".work"
    _wait_until(lambda: list(parts.glob("**/part-*.parquet")), process, "a first part")
    process.send_signal(stop)
    _output, errors = process.communicate(timeout=60)

    assert process.returncode == 130, errors
    kept = pl.read_parquet(parts / "**/part-*.parquet", hive_partitioning=False).height
    assert 0 < kept < ROWS
    output, errors = _started(command).communicate(timeout=240)
    figures = _figures(output)
    assert (figures["reused"], figures["generated"]) == (kept, ROWS - kept)
