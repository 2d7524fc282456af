"""Files with faults in a quarter of their records, or in any encoding, as tries of a soak test."""

import shutil
from collections.abc import Iterator

from aris_pipeline.candidates import FORMATS
from aris_pipeline_tests.soak.encoded_files import ENDINGS, TEXTS
from aris_pipeline_tests.soak.fuzz import fuzz
from aris_pipeline_tests.soak.fuzz_encodings import fuzz_encoding
from aris_pipeline_tests.soak.processes import Workshop
from aris_pipeline_tests.soak.results import Try

ENCODINGS = [(form, encoding) for form in ENDINGS for encoding in ("mixed", *TEXTS)]


def fuzz_formats(
    workshop: Workshop, rows: int, count: int, seed: int, skip: int = 0
) -> Iterator[Try]:
    """Lands and validates files of `rows` records, `count` of each format."""
    for number in range(skip, count * len(FORMATS)):
        form = list(FORMATS)[number % len(FORMATS)]
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


def fuzz_encodings(
    workshop: Workshop, rows: int, count: int, seed: int, skip: int = 0
) -> Iterator[Try]:
    """Lands and validates files of `rows` records in all encodings, `count` of each."""
    for number in range(skip, count * len(ENCODINGS)):
        form, encoding = ENCODINGS[number % len(ENCODINGS)]
        folder = workshop.folder(f"fuzz-{form}-{encoding}")
        found = fuzz_encoding(form, encoding, rows, seed + number // len(ENCODINGS), folder)
        altered = [f"{found.altered} texts altered; see {folder}"] if found.altered else []
        crashed = [f"{found.crashes} crashes; see {folder}"] if found.crashes else []
        one = Try(
            fault=f"encoding: {form} in {encoding}, {rows:,} records",
            number=number + 1,
            lost=found.lost,
            seconds=found.seconds,
            broken=[*altered, *crashed],
            note=f"{found.landed:,} usable" + (", refused without --encoding" * found.refused),
        )
        if one.ok:
            shutil.rmtree(folder)
        yield one
