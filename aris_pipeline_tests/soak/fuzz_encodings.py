"""Reads files in many encodings, and counts the texts that came out as something else.

`python -m aris_pipeline_tests.soak.fuzz_encodings --lines 100000` does it for every format.
"""

import argparse
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from random import Random

import polars as pl

from aris_pipeline.candidates import LandingOptions, land_file, validate_shard
from aris_pipeline.errors import InputError
from aris_pipeline.storage import DataStore, Shard
from aris_pipeline_tests.soak.encoded_files import (
    ENDINGS,
    TEXTS,
    EncodedFile,
    write_encoded,
    write_mixed,
)


@dataclass(frozen=True)
class EncodingOutcome:
    """What became of the texts of a file.

    Attributes:
        form: format of the file.
        encoding: of the file; `mixed` for UTF-8 with rows in others.
        lines: records of the file.
        refused: whether it was refused without `--encoding`.
        landed: usable rows, with `--encoding` where it was refused without.
        altered: usable rows with another text than the file's.
        lost: rows that are neither usable nor in quarantine, and good ones that are in quarantine.
        crashes: exceptions other than a refusal.
        seconds: for all of it.
    """

    form: str
    encoding: str
    lines: int
    refused: bool
    landed: int
    altered: int
    lost: int
    crashes: int
    seconds: float

    @property
    def is_clean(self) -> bool:
        """Whether each text came out as it is, or with a reason."""
        return not (self.altered or self.lost or self.crashes)


def fuzz_encoding(
    form: str, encoding: str, lines: int, seed: int, directory: Path
) -> EncodingOutcome:
    """Writes a file, lands and validates it, and compares its texts.

    Args:
        form: the format.
        encoding: of the file, one of `TEXTS` or `mixed`.
        lines: number of records.
        seed: equal seeds give equal files.
        directory: where the file and the tables go; has to be empty.
    """
    rng = Random(seed)
    mixed = encoding == "mixed"
    file = (
        write_mixed(form, lines, rng, directory)
        if mixed
        else write_encoded(form, encoding, lines, rng, directory)
    )
    started = time.monotonic()
    refused, crashes = False, 0
    texts: dict[str, str] | None = None
    quarantined = 0
    try:
        try:
            texts, quarantined = _landed(file, directory, LandingOptions())
        except InputError as error:
            refused = "encod" in str(error)
            if mixed or not refused:
                raise
            texts, quarantined = _landed(file, directory, LandingOptions(encoding=encoding))
    except Exception:  # noqa: BLE001 - a crash is what is counted
        traceback.print_exc()
        crashes = 1
    texts = texts or {}
    missing = file.texts.keys() - texts.keys()
    return EncodingOutcome(
        form=form,
        encoding=encoding,
        lines=lines,
        refused=refused,
        landed=len(texts),
        altered=sum(file.texts.get(one) != text for one, text in texts.items()),
        lost=len(missing) + abs(lines - len(texts) - quarantined),
        crashes=crashes,
        seconds=time.monotonic() - started,
    )


def _landed(
    file: EncodedFile, directory: Path, options: LandingOptions
) -> tuple[dict[str, str], int]:
    """Returns the usable texts by id, and the number of rows in quarantine."""
    store = DataStore(directory / "data")
    batch = land_file(store, file.path, options)
    counts = [validate_shard(store, shard) for shard in Shard.all_of(batch)]
    frames = [
        pl.read_parquet(store.raw_candidates(shard), columns=["custom_id", "resume_text"])
        for shard in Shard.all_of(batch)
    ]
    texts = dict(pl.concat(frames).iter_rows())
    return texts, batch.quarantined + sum(one.quarantined for one in counts)


def main() -> None:
    """Reads every encoding in every format and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--lines", type=int, default=10_000, help="records of all files of a format"
    )
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print("| format | encoding | records | refused | usable | altered | lost | crashes | seconds |")  # noqa: T201
    print("|---|---|---|---|---|---|---|---|---|")  # noqa: T201
    clean = True
    half = arguments.lines // 2
    sizes = {"mixed": half, **dict.fromkeys(TEXTS, half // len(TEXTS))}
    for form in ENDINGS:
        for encoding, lines in sizes.items():
            with tempfile.TemporaryDirectory() as directory:
                found = fuzz_encoding(form, encoding, lines, arguments.seed, Path(directory))
            clean &= found.is_clean
            print(  # noqa: T201
                f"| {form} | {encoding} | {found.lines:,} | {found.refused} | {found.landed:,} | "
                f"{found.altered} | {found.lost} | {found.crashes} | {found.seconds:.1f} |",
                flush=True,
            )
    sys.exit(0 if clean else 1)


if __name__ == "__main__":
    main()
