"""Reads files with faults in a quarter of their records, and counts what became of each.

`python -m aris_pipeline_tests.soak.fuzz --lines 100000` does it for every format.
"""

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

import polars as pl

from aris_pipeline.candidates import FORMATS, LandingOptions, land_file, validate_shard
from aris_pipeline.storage import Batch, DataStore, Shard
from aris_pipeline_tests.soak.faulty_files import LARGEST_RECORD, FaultyFile, write_faulty


@dataclass(frozen=True)
class FuzzOutcome:
    """What became of a file's records.

    Attributes:
        form: of the file.
        lines: records of the file.
        landed: usable ones, in `raw_candidates`.
        quarantined: the others, with a rule.
        crashes: exceptions that left landing or validation.
        silent_losses: records that are not accounted for exactly once, and records without a
            fault that are not usable.
        seconds: for landing and validating.
    """

    form: str
    lines: int
    landed: int
    quarantined: int
    crashes: int
    silent_losses: int
    seconds: float

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost and nothing crashed."""
        accounted = self.landed + self.quarantined == self.lines
        return accounted and not self.crashes and not self.silent_losses


def fuzz(form: str, lines: int, seed: int, directory: Path) -> FuzzOutcome:
    """Writes a file with `lines` records, lands and validates it, and counts.

    Args:
        form: the format.
        lines: number of records.
        seed: equal seeds break the same records in the same way.
        directory: where the file and the tables go; has to be empty.
    """
    file = write_faulty(form, lines, Random(seed), directory)
    store = DataStore(directory / "data")
    usable: list[int] = []
    rejected: list[int] = []
    crashes = 0
    started = time.monotonic()
    try:
        options = LandingOptions(max_row_bytes=LARGEST_RECORD, format=form)
        batch = land_file(store, file.path, options)
        for shard in Shard.all_of(batch):
            validate_shard(store, shard)
        usable, rejected = _lines_found(store, batch)
    except Exception:  # noqa: BLE001 - a crash is what is counted
        traceback.print_exc()
        crashes = 1
    return FuzzOutcome(
        form=form,
        lines=lines,
        landed=len(usable),
        quarantined=len(rejected),
        crashes=crashes,
        silent_losses=len(lost_lines(file, usable, rejected)),
        seconds=time.monotonic() - started,
    )


def lost_lines(file: FaultyFile, usable: list[int], rejected: list[int]) -> set[int]:
    """Lines that are not accounted for exactly once, and good ones that are not usable."""
    found = Counter([*usable, *rejected])
    known = Counter(file.lines)
    uneven = {line for line in found.keys() | known.keys() if found[line] != known[line]}
    return uneven | (file.good - set(usable))


def _lines_found(store: DataStore, batch: Batch) -> tuple[list[int], list[int]]:
    found = []
    for table in ("raw_candidates", "quarantine"):
        files = sorted((store.root / table / f"batch={batch.name}").glob("*/*.parquet"))
        frames = [pl.read_parquet(file, columns=["line"]) for file in files]
        found.append(pl.concat(frames)["line"].to_list())
    return found[0], found[1]


def main() -> None:
    """Fuzzes every format and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000, help="records of each format")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print("| format | records | usable | quarantined | crashes | silent losses | seconds |")  # noqa: T201
    print("|---|---|---|---|---|---|---|")  # noqa: T201
    clean = True
    for form in FORMATS:
        with tempfile.TemporaryDirectory() as directory:
            found = fuzz(form, arguments.lines, arguments.seed, Path(directory))
        clean &= found.is_clean
        print(  # noqa: T201
            f"| {form} | {found.lines:,} | {found.landed:,} | {found.quarantined:,} | "
            f"{found.crashes} | {found.silent_losses} | {found.seconds:.1f} |",
            flush=True,
        )
    sys.exit(0 if clean else 1)


if __name__ == "__main__":
    main()
