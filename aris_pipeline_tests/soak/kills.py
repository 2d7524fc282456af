"""kill -9 at random moments of a run, one after another on the same data directory.

A start costs seconds, so a chain of kills shares a batch: each run goes on where the last one was
killed, until one may run to its end and every row is counted. Half of the kills come from outside
after a random time in a stage, half from inside at a random storage operation.
"""

import random
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import polars as pl

from aris_pipeline.completions.parts import MAX_ROWS_AT_RISK
from aris_pipeline_tests.soak.accounts import (
    account,
    compacting_shards,
    durable_keys,
    evaluations,
    generated,
    wait_for_answers,
)
from aris_pipeline_tests.soak.processes import ArisProcess, Place, Workshop
from aris_pipeline_tests.soak.results import Try

OPERATIONS_A_SHARD = {
    "landing": 3,
    "raw_candidates": 4,
    "prompts": 2,
    "completions": 3,
    "compaction": 4,
    "evaluations": 2,
    "candidate_ranking": 1,
}
"""The stages to kill in, each with about as many storage operations as it has for a shard."""

ANYWHERE = (*OPERATIONS_A_SHARD, "completions", "completions")
WITH_VLLM = ("completions", "completions", "compaction", "completions", "evaluations")
"""Stages in turn; generation most often, because it is what takes hours."""

_RANK = {"landing": 0, "raw_candidates": 1, "prompts": 2, "evaluations": 4, "candidate_ranking": 5}


@dataclass(frozen=True)
class Batch:
    """What all chains of a test run on.

    Attributes:
        rows: of the batch.
        shard_sizes: of which each chain takes one: many small shards or a few with part files.
        fake: FAKE_* variables of its runs.
        stage_seconds: how long each stage takes in an undisturbed run.
        expected: the verdicts of that run; null where an engine may answer otherwise next time.
        at_risk: answers that may be lost to a kill.
    """

    rows: int
    shard_sizes: tuple[int, ...]
    fake: dict[str, object]
    stage_seconds: dict[str, float]
    expected: pl.DataFrame | None = None
    at_risk: int = MAX_ROWS_AT_RISK


@dataclass(frozen=True)
class Kill:
    """A run that was killed.

    Attributes:
        stage: in which the kill hit.
        how: from outside, or at which operation.
        generated: what its engine had answered.
        durable: all answers that were on the disk then.
        failure: what it said where it ended by itself, and not well.
    """

    stage: str
    how: str
    generated: list[str]
    durable: set[str]
    failure: str


def undisturbed(
    workshop: Workshop, rows: int, shard_sizes: tuple[int, ...], **fake: object
) -> Batch:
    """Runs a batch to its end once, to know how long each stage takes and what comes out."""
    place = workshop.place("undisturbed", rows, shard_sizes[0])
    with place.run(**fake) as process:
        finished = process.finish()
    assert finished.code == 0, finished.stderr
    begins = [*process.stages.values(), process.started + finished.seconds]
    seconds = [end - begin for begin, end in pairwise(begins)]
    expected = None if fake.get("engine") == "vllm" else evaluations(place)
    shutil.rmtree(place.folder)
    return Batch(rows, shard_sizes, fake, dict(zip(process.stages, seconds, strict=True)), expected)


def plan(count: int, chain_length: int, stages: tuple[str, ...] = ANYWHERE) -> list[list[str]]:
    """Spreads `count` kills over the stages, and these over chains."""
    spread = [stages[number % len(stages)] for number in range(count)]
    chains = -(-count // chain_length)
    return [spread[number::chains] for number in range(chains)]


def chain(workshop: Workshop, batch: Batch, stages: list[str], number: int, seed: int) -> list[Try]:
    """Kills a run in each of these stages, lets the last one end, and counts the rows.

    What the rows came to is told with the last kill of the chain.
    """
    rng = random.Random(f"{seed}-{number}")
    place = workshop.place(f"kills-{number:03d}", batch.rows, rng.choice(batch.shard_sizes))
    kills = [_kill(place, batch, stage, at, rng) for at, stage in enumerate(_ordered(stages, rng))]
    with place.run(log=place.log(len(kills)), **batch.fake) as process:
        final = process.finish()
    logs = [kill.generated for kill in kills] + [generated(place.log(len(kills)))]
    tries = [
        _judged(kill, kills[at - 1] if at else None, set().union(*logs[at + 1 :]), batch.at_risk)
        for at, kill in enumerate(kills)
    ]
    if any(len(log) != len(set(log)) for log in logs):
        tries[-1].broken.append("one run generated the same answer twice")
    if final.code != 0:
        tries[-1].broken.append(f"the last run ended with {final.code}: {final.said}")
        return tries
    rows = account(place, batch.expected)
    tries[-1] = replace(tries[-1], lost=rows.lost, duplicated=rows.duplicated)
    tries[-1].broken.extend(rows.broken)
    if all(one.ok for one in tries):
        place.cleared(tries[-1])
    return tries


def kill_everywhere(
    workshop: Workshop, rows: int, count: int, seed: int, skip: int = 0
) -> Iterator[Try]:
    """Kills the fake engine's runs in all stages; `skip` leaves out the first chains."""
    batch = undisturbed(workshop, rows, (rows // 4, rows), seconds_per_row=0.002)
    yield from _chains(workshop, batch, plan(count, chain_length=8), seed, skip)


def kill_with_vllm(
    workshop: Workshop, rows: int, count: int, seed: int, skip: int = 0
) -> Iterator[Try]:
    """Kills runs of the real engine, most of them while it generates."""
    batch = undisturbed(workshop, rows, (rows // 2, rows), engine="vllm", rows_at_risk=8)
    chains = plan(count, chain_length=5, stages=WITH_VLLM)
    for one in _chains(workshop, batch, chains, seed, skip):
        yield replace(one, fault=f"{one.fault} (vllm)")


def _chains(
    workshop: Workshop, batch: Batch, chains: list[list[str]], seed: int, skip: int
) -> Iterator[Try]:
    kills = 0
    for number, stages in enumerate(chains):
        if kills >= skip:
            for at, one in enumerate(chain(workshop, batch, stages, number, seed), start=1):
                yield replace(one, number=kills + at)
        kills += len(stages)


def _ordered(stages: list[str], rng: random.Random) -> list[str]:
    """In random order, but so that a stage still has work to do when its kill comes."""
    return sorted(stages, key=lambda stage: (_RANK.get(stage, 3), rng.random()))


def _kill(place: Place, batch: Batch, stage: str, number: int, rng: random.Random) -> Kill:
    """Kills one run in a stage, or a little after it; a run that is faster is run again."""
    log, shards = place.log(number), -(-batch.rows // place.shard_size)
    before = compacting_shards(place.data)
    left = batch.rows - len(durable_keys(place.data))
    ended = None
    while ended is None or ended.code == 0:
        # A stage that finds all its files as they should be does nothing to be killed at.
        inside = stage == "compaction" or (ended is None and rng.random() < 0.5)
        moment = rng.randint(1, 2 * OPERATIONS_A_SHARD[stage] * shards)
        kill_at = {"kill_at": f"{stage}:{moment}"} if inside else {}
        with place.run(log=log, **batch.fake, **kill_at) as process:
            if not inside:
                seconds = batch.stage_seconds[stage] * rng.random()
                _reach(process, stage, seconds, log, len(generated(log)) + rng.randint(0, left))
                process.send(signal.SIGKILL)
            ended = process.finish()
    found = process.killed_itself_in or process.stage or "start"
    if found == "completions" and compacting_shards(place.data) - before:
        found = "compaction"
    how = f"operation {moment}" if inside else "from outside"
    failure = "" if ended.code == -signal.SIGKILL else f"exit {ended.code}: {ended.said}"
    return Kill(found, how, generated(log), durable_keys(place.data), failure)


def _reach(process: ArisProcess, stage: str, seconds: float, log: Path, answers: int) -> None:
    """Waits until a run has been in a stage for a while, or has generated some answers in it."""
    if not process.wait_for(stage):
        return
    if stage == "completions":
        wait_for_answers(process, log, answers)
    else:
        process.wait_until(process.stages[stage] + seconds)


def _judged(kill: Kill, before: Kill | None, later: set[str], most_at_risk: int) -> Try:
    """Compares what a run had generated with what was safe, and with what came again."""
    at_risk = set(kill.generated) - kill.durable
    twice = set(kill.generated) & later
    broken = [kill.failure] if kill.failure else []
    if before and before.durable - kill.durable:
        broken.append(f"{len(before.durable - kill.durable)} answers on the disk were lost")
    if len(at_risk) > most_at_risk:
        broken.append(f"{len(at_risk)} answers at risk")
    if twice - at_risk:
        broken.append(f"{len(twice - at_risk)} answers that were safe came again")
    return Try(
        fault=f"kill -9: {kill.stage}",
        number=0,
        twice=len(twice),
        at_risk=len(at_risk),
        broken=broken,
        note=kill.how,
    )
