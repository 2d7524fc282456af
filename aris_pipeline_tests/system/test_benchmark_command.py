"""`aris benchmark` as a process of its own, as far as it goes without an engine."""

from collections.abc import Callable
from pathlib import Path

import pytest

from aris_pipeline_tests.command import aris
from aris_pipeline_tests.soak.processes import Finished

pytestmark = pytest.mark.system


Benchmark = Callable[..., Finished]


@pytest.fixture
def benchmark(tmp_path: Path) -> Benchmark:
    """Runs a command of `aris benchmark` on a data directory and a cache of its own."""

    def run(*arguments: str) -> Finished:
        own = {"ARIS_DATA_DIR": tmp_path / "data", "ARIS_CACHE_DIR": tmp_path / "cache"}
        return aris("benchmark", *arguments, "--json", engine=False, **own)

    return run


def test_the_six_cells_are_kept_as_pending_where_there_is_no_gpu_and_can_be_published(
    benchmark: Benchmark,
    write_file: Callable[..., Path],
    tmp_path: Path,
) -> None:
    measured = benchmark("seed-ab", str(write_file(3, "openai")))

    assert measured.code == 0, measured.stderr
    assert [block["status"] for block in measured.figures["blocks"]] == ["pending"] * 6

    committed = tmp_path / "committed"
    assert benchmark("publish", "--to", str(committed)).code == 0
    place = ("--history", str(committed), "--root", str(tmp_path))
    assert benchmark("report", *place).code == 0
    assert "this machine has no GPU" in (tmp_path / "BENCHMARKS.md").read_text()


def test_nothing_is_decided_before_anything_was_measured(
    benchmark: Benchmark,
) -> None:
    decided = benchmark("decide")

    assert decided.code == 2
    assert "aris benchmark run FILE" in decided.figures["error"]


def test_an_engine_that_nobody_knows_is_refused_by_name(
    benchmark: Benchmark,
    write_file: Callable[..., Path],
) -> None:
    refused = benchmark("run", str(write_file(3)), "--engines", "vllm")

    assert refused.code == 2
    assert "no contestant vllm" in refused.figures["error"]


def test_the_decided_engine_cannot_be_taken_before_there_is_a_decision(
    write_file: Callable[..., Path], tmp_path: Path
) -> None:
    refused = aris("run", write_file(3), "--engine", "auto", "--data-dir", tmp_path, "--json")

    assert refused.code == 2
    assert "aris benchmark decide" in refused.figures["error"]
