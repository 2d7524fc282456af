"""Real vLLM that fails, loses its process or is stopped: no row is lost, the run goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

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


def _command(rows: int, folder: Path) -> list[str]:
    file = folder / "candidates.jsonl"
    write_synthetic(rows, 5, "jsonl", file)
    options = ["--data-dir", str(folder / "data"), "--max-model-len", "1536", "--json"]
    return [*COMMAND, "run", str(file), *options]


def _start_slowly(command: list[str], **environment: str) -> "subprocess.Popen[str]":
    """Starts a run that even a fast machine is not done with before a first part is written."""
    return subprocess.Popen(
        [*command, "--max-requests-in-flight", "2"],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _parts(data: Path) -> list[Path]:
    return list((data / ".work").glob("completions/**/part-*.parquet"))


def _wait_for_a_part(data: Path, process: "subprocess.Popen[str]", *, beside: int = 0) -> None:
    deadline = time.monotonic() + 240
    while len(_parts(data)) <= beside:
        assert process.poll() is None, "it ended before it wrote a part"
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_killed_engine_process_is_replaced_while_the_run_goes_on(tmp_path: Path) -> None:
    """As on a GPU, where the engine always has processes of its own."""
    data = tmp_path / "data"
    process = _start_slowly(_command(24, tmp_path), VLLM_ENABLE_V1_MULTIPROCESSING="1")
    _wait_for_a_part(data, process)
    children = psutil.Process(process.pid).children(recursive=True)
    next(child for child in children if "EngineCore" in child.name()).kill()
    output, errors = process.communicate(timeout=300)

    assert process.returncode == 0, errors
    assert "restart 1 of 3" in errors
    figures = json.loads(output.splitlines()[-1])
    assert (figures["evaluated"], figures["failed"]) == (24, 0)
    (throughput,) = data.glob("throughput/**/*.parquet")
    row = pl.read_parquet(throughput, hive_partitioning=False).row(0, named=True)
    assert row["engine_restarts"] == 1


def test_a_run_that_is_stopped_keeps_what_is_finished(tmp_path: Path) -> None:
    command, data = _command(40, tmp_path), tmp_path / "data"
    for stop in (signal.SIGINT, signal.SIGTERM):
        process = _start_slowly(command)
        _wait_for_a_part(data, process, beside=len(_parts(data)))
        process.send_signal(stop)
        _output, errors = process.communicate(timeout=60)
        assert process.returncode == 130, errors
    kept = pl.concat([pl.read_parquet(part) for part in _parts(data)])

    finished = subprocess.run(command, capture_output=True, text=True, check=False)

    figures = json.loads(finished.stdout.splitlines()[-1])
    assert kept["request_key"].is_unique().all()
    assert 0 < kept.height < 40
    assert (figures["reused"], figures["generated"]) == (kept.height, 40 - kept.height)
