"""Memory of a run over very many rows, sampled once a second: does it grow with the batch?

`python -m aris_pipeline_tests.soak.memory` runs all stages with the fake engine and writes
`.soak/memory.csv`: a line a second with the stage, the shards that it has finished, and the
resident memory of the process.
"""

import argparse
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import psutil

from aris_pipeline_tests.soak.accounts import account
from aris_pipeline_tests.soak.processes import ArisProcess, Place, Workshop
from aris_pipeline_tests.soak.results import Try

FOLDER = Path(".soak")
ROWS = 200_000

_MIB = 1024**2
_MOST_MIB_PER_SHARD = 4.0
"""Ids of 5,000 rows stay in memory over a whole batch, their records do not."""

_TABLE_OF = {"landing": "landed", "candidate_ranking": "none"}


def tries(workshop: Workshop, rows: int, count: int, _seed: int, skip: int = 0) -> Iterator[Try]:
    """Yields a try for each measured run; memory that follows the batch breaks a promise."""
    for number in range(skip, count):
        place = workshop.place("memory", rows, shard_size=5_000)
        stages = measure(place, workshop.root / "memory.csv")
        growing = stages.filter(pl.col("mib_per_shard") > _MOST_MIB_PER_SHARD)
        kept = account(place)
        one = Try(
            fault=f"memory: {rows:,} rows",
            number=number + 1,
            lost=kept.lost,
            duplicated=kept.duplicated,
            seconds=float(stages["seconds"].sum()),
            broken=[*kept.broken, *(f"{stage} grows" for stage in growing["stage"])],
            note=f"peak {max(stages['peak_mib'].to_list()):,.0f} MiB",
        )
        yield place.cleared(one)


def measure(place: Place, out: Path) -> pl.DataFrame:
    """Runs a batch, writes the samples to `out` and returns a row for each stage."""
    with place.run() as process:
        samples = _sample(process)
        finished = process.finish()
    assert finished.code == 0, finished.stderr
    frame = _with_shards(samples, place)
    frame.write_csv(out)
    return by_stage(frame)


def by_stage(samples: pl.DataFrame) -> pl.DataFrame:
    """Seconds, peak, and growth from shard to shard of each stage; the first shard warms up."""
    warm = pl.col("shards").gt(0)
    shards, memory = pl.col("shards").filter(warm), pl.col("rss_mib").filter(warm)
    return samples.group_by("stage", maintain_order=True).agg(
        seconds=pl.len(),
        shards=pl.col("shards").max(),
        peak_mib=pl.col("rss_mib").max().round(),
        mib_per_shard=(pl.cov(shards, memory) / shards.var()).round(2),
    )


def _sample(process: ArisProcess) -> list[dict[str, object]]:
    """One sample a second, until the process ends."""
    samples: list[dict[str, object]] = []
    watched = psutil.Process(process.pid)
    while process.running:
        try:
            memory = watched.memory_info().rss / _MIB
        except psutil.NoSuchProcess:
            break
        now = datetime.now(UTC)
        samples.append({"at": now, "stage": process.stage or "start", "rss_mib": round(memory, 1)})
        process.wait_until(time.monotonic() + 1.0)
    return samples


def _with_shards(samples: list[dict[str, object]], place: Place) -> pl.DataFrame:
    """Adds how many files of its table a stage had written by then."""
    frame = pl.DataFrame(samples)
    first = frame["at"][0]
    counted = []
    for stage, at in frame.select("stage", "at").iter_rows():
        table = _TABLE_OF.get(stage, stage)
        files = (place.data / table).glob("**/shard=s*/*.parquet")
        counted.append(sum(file.stat().st_mtime <= at.timestamp() for file in files))
    seconds = (pl.col("at") - first).dt.total_milliseconds() / 1000
    return frame.select(
        seconds=seconds.round(1), stage="stage", shards=pl.Series(counted), rss_mib="rss_mib"
    )


def main() -> None:
    """Measures, and prints a row for each stage."""
    parser = argparse.ArgumentParser(description=__doc__, prog="soak.memory")
    parser.add_argument("--rows", type=int, default=ROWS)
    rows = parser.parse_args().rows
    place = Workshop(FOLDER.absolute()).place("memory", rows, shard_size=5_000)
    found = measure(place, FOLDER / "memory.csv")
    shutil.rmtree(place.folder)
    with pl.Config(tbl_formatting="MARKDOWN", tbl_hide_column_data_types=True, tbl_rows=-1):
        print(found)  # noqa: T201 - the result of the command


if __name__ == "__main__":
    main()
