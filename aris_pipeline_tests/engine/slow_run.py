"""A run of the real engine that even a fast machine is not done with before it is disturbed."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import polars as pl
import psutil

from aris_pipeline.candidates import write_synthetic

COMMAND = [sys.executable, "-m", "aris_pipeline.cli"]


class SlowRun:
    """`aris run` over synthetic candidates, two of them in the engine at a time.

    Attributes:
        process: the run.
        file: the candidates.
        data: its data directory.
    """

    def __init__(self, rows: int, folder: Path, **environment: str) -> None:
        self.data = folder / "data"
        self._stderr = folder / "stderr"
        self.file = folder / "candidates.jsonl"
        write_synthetic(rows, 5, "jsonl", self.file)
        options = ["--data-dir", str(self.data), "--max-requests-in-flight", "2"]
        with self._stderr.open("w") as stderr:
            self.process = subprocess.Popen(
                [*COMMAND, "run", str(self.file), *options, "--json"],
                env={**os.environ, **environment},
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.process.kill()
        self.process.wait()

    def said(self) -> str:
        """What the run wrote to stderr so far, its progress too."""
        return self._stderr.read_text()

    def wait_for_a_row(self) -> None:
        """Waits until the run has finished a row."""
        self.wait_for_words("first row after")

    def wait_for_words(self, words: str) -> None:
        """Waits until the terminal shows these words."""
        self._wait(lambda: words in self.said())

    def wait_for_a_part(self) -> None:
        """Waits until rows that this run finished are on the disk."""
        before = set(self.parts())
        self._wait(lambda: set(self.parts()) - before)

    def rows_on_the_disk(self) -> int:
        """Counts the finished rows in the part files."""
        parts = [pl.read_parquet(part, hive_partitioning=False) for part in self.parts()]
        return pl.concat(parts)["request_key"].n_unique()

    def children(self) -> list[psutil.Process]:
        """The processes that the run has started, and theirs."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def parts(self) -> list[Path]:
        """The part files of shards that are not complete."""
        return list((self.data / ".work").glob("completions/**/part-*.parquet"))

    def _wait(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + 240
        while not holds():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)
