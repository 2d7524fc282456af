"""From `aris run` to the first request in a loaded engine: the seconds of each step, and whose.

`python -m aris_pipeline.benchmarks.cold_start FILE` runs a file as a user would, in a process and a
data directory of their own, and reads the steps from what the run says and writes.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import polars as pl

_PROGRAM = "aris_pipeline.cli"
_STEPS = {
    "land: ": "landing",
    "materializing raw_candidates": "raw_candidates",
    "materializing prompts": "prompts",
    "materializing completions": "completions, to the load",
}
"""What the run says as a step begins; before the first it loads Python, Dagster and us."""


class Step(NamedTuple):
    """A part of the start."""

    step: str
    seconds: float
    whose: str


def measure(file: Path, data: Path, *options: str, program: str = _PROGRAM) -> list[Step]:
    """Runs a file and returns the steps up to the first request, in order.

    Args:
        file: of candidates or OpenAI requests.
        data: an empty data directory.
        options: of `aris run`.
        program: the command line, as a module.

    Raises:
        subprocess.CalledProcessError: the run failed; what it said went to stderr.
    """
    command = [sys.executable, "-m", program, "run", str(file),
               "--data-dir", str(data), "--until", "throughput", *options]  # fmt: skip
    started = time.time()
    with subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as run:
        assert run.stdout is not None  # noqa: S101 - it is a pipe
        begun = dict(_beginnings(run.stdout))
    if run.returncode:
        raise subprocess.CalledProcessError(run.returncode, command)
    return list(_steps(started, begun, data))


def _beginnings(lines: Iterable[str]) -> Iterator[tuple[str, float]]:
    """When each step began, read as the run says it."""
    for line in lines:
        for said, step in _STEPS.items():
            if said in line:
                yield step, time.time()


def _steps(started: float, begun: dict[str, float], data: Path) -> Iterator[Step]:
    of_run = pl.scan_parquet(data / "throughput" / "**" / "*.parquet").collect()
    answers = pl.scan_parquet(data / "completions" / "**" / "*.parquet").filter(
        pl.col("latency_s").is_not_null()
    )
    queued = pl.col("completed_at") - pl.duration(microseconds=pl.col("latency_s") * 1e6)
    first_request = answers.select(queued.min().dt.epoch("us")).collect().item() / 1e6
    load_s = float(of_run["load_s"].to_numpy().max())
    moments = {"Python and imports": started, **begun, "": first_request}
    for (step, moment), (_, following) in pairwise(moments.items()):
        # The engine is loaded when the first row needs it, so within the last of these steps.
        seconds = (
            following - moment - (load_s if step == _STEPS["materializing completions"] else 0)
        )
        yield Step(step, seconds, "ours")
    yield Step("load of the model", load_s, "the engine's")


def main() -> None:
    """Measures, and prints a row for each step."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.cold_start")
    parser.add_argument("file", type=Path)
    chosen, options = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        steps = pl.DataFrame(measure(chosen.file, Path(folder), *options))
    with pl.Config(tbl_formatting="MARKDOWN", tbl_hide_column_data_types=True, tbl_rows=-1):
        print(steps)  # noqa: T201 - the result of the command
        print(steps.group_by("whose", maintain_order=True).agg(pl.sum("seconds")))  # noqa: T201


if __name__ == "__main__":
    main()
