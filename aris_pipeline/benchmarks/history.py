"""The history of benchmark runs: two parquet files a run, in the data directory or the repository.

What a user measures stands under `benchmarks/` of the data directory. What the project shows is
published from there to a directory that is committed, and read by the same code.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from aris_pipeline.errors import ConfigError
from aris_pipeline.storage import (
    BenchmarkAnswers,
    BenchmarkRuns,
    read_table,
    write_bytes,
    write_parquet,
)
from aris_pipeline.storage.schemas import polars_schema

BESIDE_PEERS = "compare"
"""The suite of `aris benchmark compare`."""

_HINT = "measure again, or remove the file"


@dataclass(frozen=True)
class History:
    """The runs under one directory."""

    directory: Path

    def write_runs(self, run_id: str, runs: pl.DataFrame) -> Path:
        """Writes a run's blocks, in place of what stands there of the same run."""
        path = self._runs(run_id)
        write_parquet(runs, path, BenchmarkRuns)
        return path

    def write_answers(self, run_id: str, answers: pl.DataFrame) -> Path:
        """Writes what a run's answers were worth."""
        path = self._answers(run_id)
        write_parquet(answers, path, BenchmarkAnswers)
        return path

    def run_ids(self) -> list[str]:
        """The runs, oldest first: their names begin with their time."""
        return sorted(file.stem for file in (self.directory / "runs").glob("*.parquet"))

    def runs(self) -> pl.DataFrame:
        """All blocks of all runs, in order.

        Raises:
            DamagedDataError: a file is not what was written; names it.
        """
        files = [self._runs(run_id) for run_id in self.run_ids()]
        tables = [read_table(file, BenchmarkRuns, hint=_HINT) for file in files]
        return pl.concat([pl.DataFrame(schema=polars_schema(BenchmarkRuns)), *tables])

    def answers(self) -> pl.DataFrame:
        """What the answers of all runs were worth."""
        files = [self._answers(run_id) for run_id in self.run_ids()]
        tables = [read_table(f, BenchmarkAnswers, hint=_HINT) for f in files if f.exists()]
        return pl.concat([pl.DataFrame(schema=polars_schema(BenchmarkAnswers)), *tables])

    def publish(self, target: "History", run_ids: Sequence[str] = ()) -> list[Path]:
        """Copies runs to another history.

        Args:
            target: the committed one.
            run_ids: which; all by default.

        Returns:
            The files that were written.

        Raises:
            ConfigError: there is no such run.
        """
        known = self.run_ids()
        if unknown := sorted(set(run_ids) - set(known)):
            raise ConfigError(
                f"no benchmark run {', '.join(unknown)} in {self.directory}; known: "
                f"{', '.join(known) or 'none yet'}"
            )
        written = []
        for run_id in run_ids or known:
            pairs = (
                (self._runs(run_id), target._runs(run_id)),
                (self._answers(run_id), target._answers(run_id)),
            )
            for source, copy in pairs:
                if source.exists():
                    write_bytes(source.read_bytes(), copy)
                    written.append(copy)
        return written

    def _runs(self, run_id: str) -> Path:
        return self.directory / "runs" / f"{run_id}.parquet"

    def _answers(self, run_id: str) -> Path:
        return self.directory / "answers" / f"{run_id}.parquet"
