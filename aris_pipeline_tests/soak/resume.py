"""A long run that is killed near its end: how long the next one takes to be where that was."""

import json
import signal
from collections.abc import Iterator
from itertools import pairwise

from aris_pipeline_tests.soak.accounts import account, generated, wait_for_answers
from aris_pipeline_tests.soak.processes import ArisProcess, Finished, Workshop
from aris_pipeline_tests.soak.results import Try

_DONE = 0.99


def resume(workshop: Workshop, rows: int, count: int, _seed: int, skip: int = 0) -> Iterator[Try]:
    """Yields tries; their seconds are from the command to the last completions file."""
    for number in range(skip, count):
        place = workshop.place("resume", rows, shard_size=5_000)
        before, after = place.log(0), place.log(1)
        with place.run(log=before) as process:
            assert process.wait_for("completions"), process.finish().stderr
            wait_for_answers(process, before, int(rows * _DONE))
            process.send(signal.SIGKILL)
            process.finish()
        with place.run(log=after) as process:
            finished = process.finish()
        broken = [finished.said] if finished.code else []
        kept = account(place)
        one = Try(
            fault=f"resume: {rows:,} rows killed at 99 %",
            number=number + 1,
            lost=kept.lost,
            duplicated=kept.duplicated,
            twice=len({*generated(before)} & {*generated(after)}),
            seconds=process.stages["throughput"] - process.started,
            broken=[*broken, *kept.broken],
            note=json.dumps({**_seconds(process), **_missing(finished, len(generated(after)))}),
        )
        yield place.cleared(one)


def _missing(finished: Finished, rows: int) -> dict[str, float]:
    """The rows that were still to be generated, and the seconds that they took."""
    return {"generated": rows, "generate_s": finished.figures["generate_s"]}


def _seconds(process: ArisProcess) -> dict[str, float]:
    """What each stage took, up to the last that began."""
    moments = {"start": process.started, **process.stages}
    return {name: round(end - begin, 1) for (name, begin), (_, end) in pairwise(moments.items())}
