"""The engine dies at work, a row kills every engine, an engine process is killed or hangs."""

import contextlib
import random
import signal
from collections.abc import Iterator

import polars as pl
import psutil

from aris_pipeline_tests.soak.accounts import (
    account,
    evaluations,
    generated,
    wait_for_answers,
)
from aris_pipeline_tests.soak.processes import Finished, Place, Workshop
from aris_pipeline_tests.soak.results import Try

PROCESS_FAULTS = {"is killed": signal.SIGKILL, "hangs": signal.SIGSTOP}

_NAME_OF_VLLM = "VLLM"
_WINDOW = 32
_VLLM_IN_A_PROCESS: dict[str, object] = {
    "engine": "vllm",
    "stall_timeout_s": 20,
    "VLLM_ENABLE_V1_MULTIPROCESSING": "1",
}


def engine_dies(
    workshop: Workshop, rows: int, count: int, seed: int, skip: int = 0
) -> Iterator[Try]:
    """The engine dies at one to three random requests of a run, which goes on by itself."""
    for number in range(skip, count):
        rng = random.Random(f"{seed}-dies-{number}")
        place = workshop.place(f"engine-dies-{number}", rows, max(rows // 4, 1))
        deaths = sorted(rng.sample(range(1, rows), rng.randint(1, 3)))
        with place.run(
            log=place.log(0), window=_WINDOW, dies_at=",".join(map(str, deaths))
        ) as process:
            finished = process.finish()
        one = _judged(place, finished, "engine: dies at work", number, f"at texts {deaths}")
        yield place.cleared(one)


def rows_that_kill(
    workshop: Workshop, rows: int, count: int, seed: int, skip: int = 0
) -> Iterator[Try]:
    """One or two rows kill every engine that takes them: they fail as poison, all others do not."""
    for number in range(skip, count):
        rng = random.Random(f"{seed}-poison-{number}")
        place = workshop.place(f"engine-poison-{number}", rows, max(rows // 4, 1))
        with place.run("--until", "prompts") as process:
            process.finish()
        prompts = pl.read_parquet(place.data / "prompts/**/*.parquet", hive_partitioning=False)
        poison = rng.sample(sorted(set(prompts["request_key"])), rng.randint(1, 2))
        with place.run(log=place.log(0), window=_WINDOW, poison=",".join(poison)) as process:
            finished = process.finish()
        one = _judged(place, finished, "engine: a row kills it", number, f"{len(poison)} rows")
        failed = evaluations(place).filter(~pl.col("is_valid"))
        wanted = prompts.filter(pl.col("request_key").is_in(poison))["custom_id"].to_list()
        if sorted(failed["custom_id"]) != sorted(wanted):
            one.broken.append(f"{failed.height} rows failed, {len(wanted)} kill the engine")
        if set(failed["invalid_reason"]) != {"poison"}:
            one.broken.append(f"they fail as {set(failed['invalid_reason'])}")
        yield place.cleared(one)


def engine_process_ends(
    workshop: Workshop, rows: int, count: int, seed: int, skip: int = 0
) -> Iterator[Try]:
    """vLLM in a process of its own is killed, or made to hang, `count` times each."""
    for number in range(skip, count * len(PROCESS_FAULTS)):
        rng = random.Random(f"{seed}-process-{number}")
        what, sent = list(PROCESS_FAULTS.items())[number % len(PROCESS_FAULTS)]
        place = workshop.place(f"engine-process-{number}", rows, rows)
        with place.run(log=place.log(0), **_VLLM_IN_A_PROCESS) as process:
            wait_for_answers(process, place.log(0), rng.randint(1, rows // 2))
            with contextlib.suppress(psutil.NoSuchProcess):
                for child in psutil.Process(process.pid).children(recursive=True):
                    if child.name().startswith(_NAME_OF_VLLM):
                        child.send_signal(sent)
            finished = process.finish()
        one = _judged(place, finished, f"engine: the process of vllm {what}", number, "")
        yield place.cleared(one)


def _judged(place: Place, finished: Finished, fault: str, number: int, note: str) -> Try:
    texts = generated(place.log(0))
    rows = account(place)
    broken = list(rows.broken)
    if finished.code != 0:
        broken.append(f"the run ended with {finished.code}: {finished.said}")
    return Try(
        fault=fault,
        number=number + 1,
        lost=rows.lost,
        duplicated=rows.duplicated,
        twice=len(texts) - len(set(texts)),
        at_risk=len(texts) - len(set(texts)),
        seconds=finished.seconds,
        broken=broken,
        note=note,
    )
