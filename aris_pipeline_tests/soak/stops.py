"""Runs that are asked to stop: how long it takes, and whether every finished row is kept."""

import random
import signal
import time
from collections.abc import Iterator

from aris_pipeline_tests.soak.accounts import account, durable_keys, generated, wait_for_answers
from aris_pipeline_tests.soak.processes import Place, Workshop
from aris_pipeline_tests.soak.results import Try

STOP_WITHIN_S = 10.0
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def stop_by_signal(
    workshop: Workshop, rows: int, count: int, seed: int, skip: int = 0, **fake: object
) -> Iterator[Try]:
    """Sends each signal `count` times to a run that generates."""
    what = fake.get("engine", "fake engine")
    for number in range(skip, count * len(SIGNALS)):
        rng = random.Random(f"{seed}-stop-{number}")
        sent = SIGNALS[number % len(SIGNALS)]
        place = workshop.place(f"stop-{what}-{number}", rows, max(rows // 2, 1))
        with place.run(log=place.log(0), **fake) as process:
            wait_for_answers(process, place.log(0), rng.randint(1, rows // 2))
            process.send(sent)
            stopped = time.monotonic()
            finished = process.finish()
        seconds = time.monotonic() - stopped
        broken = [] if finished.code == 130 else [f"it ended with {finished.code}: {finished.said}"]
        yield go_on(place, f"stop: {sent.name} ({what})", number + 1, seconds, broken, **fake)


def go_on(
    place: Place, fault: str, number: int, seconds: float, broken: list[str], **fake: object
) -> Try:
    """Runs a stopped batch to its end and says what was kept."""
    before, safe = generated(place.log(0)), durable_keys(place.data)
    if seconds > STOP_WITHIN_S:
        broken.append(f"it took {seconds:.1f} s")
    with place.run(log=place.log(1), **{**fake, "seconds_per_row": 0}) as process:
        final = process.finish()
    if final.code != 0:
        broken.append(f"the next run ended with {final.code}: {final.said}")
    twice = set(before) & set(generated(place.log(1)))
    if twice & safe:
        broken.append(f"{len(twice & safe)} answers that were safe came again")
    rows = account(place)
    broken.extend(rows.broken)
    one = Try(
        fault=fault,
        number=number,
        lost=rows.lost,
        duplicated=rows.duplicated,
        twice=len(twice),
        at_risk=len(set(before) - safe),
        seconds=seconds,
        broken=broken,
        note=f"{len(safe)} of {len(before)} answers on the disk",
    )
    return place.cleared(one)
