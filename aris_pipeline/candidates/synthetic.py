"""Writes files of synthetic candidates, for the demo, for tests and for measuring.

The same count, seed and format give the same file. The strength behind a candidate is written into
a field that no prompt uses: `praxisData.synthetic_strength` in aris and jsonl, the column
`synthetic_strength` in csv and parquet.
"""

import random
from collections.abc import Iterator
from pathlib import Path

from aris_pipeline.candidates.formats import find_format
from aris_pipeline.candidates.synthetic_careers import SyntheticCandidate, make_candidate
from aris_pipeline.storage import cannot_write


def write_synthetic(count: int, seed: int, format: str, out: Path) -> None:  # noqa: A002
    """Writes `count` candidates to `out`.

    Args:
        count: number of candidates.
        seed: another seed gives other candidates.
        format: name of the file's format.
        out: the file; its directory is made if needed.

    Raises:
        StorageError: the file cannot be written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        find_format(format).write(synthetic_candidates(count, seed), count, out)
    except OSError as error:
        raise cannot_write(out, error) from error


def synthetic_candidates(count: int, seed: int) -> Iterator[SyntheticCandidate]:
    """Yields candidates; equal seeds give equal ones."""
    rng = random.Random(seed)  # noqa: S311
    for number in range(1, count + 1):
        candidate, strength = make_candidate(number, rng)
        yield SyntheticCandidate(f"syn-{seed}-{number:06d}", candidate, strength)
