"""`aris benchmark` as a process of its own, as far as it goes without an engine."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aris_pipeline_tests.conftest import REPOSITORY
from aris_pipeline_tests.system.test_command_line import aris

pytestmark = pytest.mark.system


@pytest.fixture
def benchmark(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command of `aris benchmark` on a data directory and a cache of its own."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "aris_pipeline.cli", "benchmark", *arguments, "--json"]
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            cwd=REPOSITORY,
            env={
                **os.environ,
                "ARIS_DATA_DIR": str(tmp_path / "data"),
                "ARIS_CACHE_DIR": str(tmp_path / "cache"),
            },
        )

    return run


def said(process: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return answer


def test_the_six_cells_are_kept_as_pending_where_there_is_no_gpu_and_can_be_published(
    benchmark: Callable[..., subprocess.CompletedProcess[str]],
    write_file: Callable[..., Path],
    tmp_path: Path,
) -> None:
    measured = benchmark("seed-ab", str(write_file(3, "openai")))

    assert measured.returncode == 0, measured.stderr
    assert [block["status"] for block in said(measured)["blocks"]] == ["pending"] * 6

    committed = tmp_path / "committed"
    assert benchmark("publish", "--to", str(committed)).returncode == 0
    place = ("--history", str(committed), "--root", str(tmp_path))
    assert benchmark("report", *place, "--check").returncode == 1
    assert benchmark("report", *place).returncode == 0
    assert benchmark("report", *place, "--check").returncode == 0
    assert "this machine has no GPU" in (tmp_path / "BENCHMARKS.md").read_text()


def test_nothing_is_decided_before_anything_was_measured(
    benchmark: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    decided = benchmark("decide")

    assert decided.returncode == 2
    assert "aris benchmark run FILE" in said(decided)["error"]


def test_an_engine_that_nobody_knows_is_refused_by_name(
    benchmark: Callable[..., subprocess.CompletedProcess[str]],
    write_file: Callable[..., Path],
) -> None:
    refused = benchmark("run", str(write_file(3)), "--engines", "vllm")

    assert refused.returncode == 2
    assert "no contestant vllm" in said(refused)["error"]


def test_the_decided_engine_cannot_be_taken_before_there_is_a_decision(
    write_file: Callable[..., Path], tmp_path: Path
) -> None:
    refused = aris("run", write_file(3), "--engine", "auto", "--data-dir", tmp_path, "--json")

    assert refused.returncode == 2
    assert "aris benchmark decide" in said(refused)["error"]
