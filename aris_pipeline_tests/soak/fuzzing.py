"""Files with faults in a quarter of their records, as tries of a soak test."""

import shutil
from collections.abc import Iterator
from typing import get_args

from aris_pipeline.storage import SourceFormat
from aris_pipeline_tests.soak.fuzz import fuzz
from aris_pipeline_tests.soak.processes import Workshop
from aris_pipeline_tests.soak.results import Try

FORMATS: tuple[SourceFormat, ...] = get_args(SourceFormat)


def fuzz_formats(
    workshop: Workshop, rows: int, count: int, seed: int, skip: int = 0
) -> Iterator[Try]:
    """Lands and validates files of `rows` records, `count` of each format."""
    for number in range(skip, count * len(FORMATS)):
        form = FORMATS[number % len(FORMATS)]
        folder = workshop.folder(f"fuzz-{form}")
        found = fuzz(form, rows, seed + number // len(FORMATS), folder)
        one = Try(
            fault=f"fuzz: {form}, {rows:,} records",
            number=number + 1,
            lost=found.silent_losses,
            seconds=found.seconds,
            broken=[] if found.is_clean else [f"{found.crashes} crashes; see {folder}"],
            note=f"{found.landed:,} usable, {found.quarantined:,} in quarantine",
        )
        if one.ok:
            shutil.rmtree(folder)
        yield one
