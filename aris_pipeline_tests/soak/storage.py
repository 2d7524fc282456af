"""Each storage fault on a batch that is done or half done: what is said, and what is left of it."""

import random
from collections.abc import Iterator

from aris_pipeline_tests.soak.accounts import account, durable_keys, generated
from aris_pipeline_tests.soak.processes import Place, Workshop
from aris_pipeline_tests.soak.results import Try
from aris_pipeline_tests.soak.storage_faults import FAULTS

_UNTIL = ("prompts", "completions", "evaluations", "candidate_ranking")


def storage_fails(
    workshop: Workshop, rows: int, count: int, seed: int, skip: int = 0
) -> Iterator[Try]:
    """Injects each fault `count` times."""
    for number in range(skip, count * len(FAULTS)):
        name = list(FAULTS)[number % len(FAULTS)]
        rng = random.Random(f"{seed}-{name}-{number}")
        place = workshop.place(f"storage-{name}-{number}", rows, max(rows // 4, 1))
        yield inject(place, name, rng, number // len(FAULTS) + 1)


def inject(place: Place, name: str, rng: random.Random, number: int) -> Try:
    """Runs a batch up to a random asset, damages its storage, and runs it again, twice.

    The first run after the fault may fail, if it says why; the one after its end may not.
    """
    until = rng.choice(_UNTIL)
    with place.run("--until", until, log=place.log(0)) as process:
        process.finish()
    safe = durable_keys(place.data)
    end = FAULTS[name](place.data, rng)
    try:
        with place.run(log=place.log(1)) as process:
            hit = process.finish()
    finally:
        if end is not None:
            end()
    with place.run(log=place.log(2)) as process:
        final = process.finish()
    again = generated(place.log(1)) + generated(place.log(2))
    rows = account(place)
    broken = list(rows.broken)
    if "Traceback" in hit.stderr or (hit.code != 0 and not hit.said):
        broken.append(f"no plain message: {hit.stderr[-300:]}")
    if final.code != 0:
        broken.append(f"the run after it ended with {final.code}: {final.said}")
    one = Try(
        fault=f"storage: {name}",
        number=number,
        lost=rows.lost,
        duplicated=rows.duplicated,
        twice=len(safe & set(again)),
        seconds=hit.seconds,
        broken=broken,
        note=f"after {until}; exit {hit.code}: {hit.said}",
    )
    return place.cleared(one)
