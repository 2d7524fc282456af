"""Blocks in random turn: loading, warming, asking and measuring, one row an arm and block."""

import json
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from aris_pipeline.benchmarks.arms import Arm, Host
from aris_pipeline.benchmarks.history import History
from aris_pipeline.benchmarks.machine import described_machine
from aris_pipeline.benchmarks.measuring import measured
from aris_pipeline.benchmarks.workload import Workload
from aris_pipeline.engines import Completion, MemoryInUse, await_release
from aris_pipeline.errors import EngineError
from aris_pipeline.models import ModelCard, Telemetry
from aris_pipeline.storage import BenchmarkRuns
from aris_pipeline.storage.schemas import polars_schema

_LOG = logging.getLogger(__name__)

Row = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """An arm with what it is asked: the same for all arms of a model.

    Attributes:
        arm: the contestant.
        workload: rendered for its model.
        label: tells arms apart that differ in their settings alone.
    """

    arm: Arm
    workload: Workload
    label: str = ""

    @property
    def name(self) -> str:
        """Names the arm in all tables."""
        return f"{self.arm.engine} {self.arm.card.name} {self.label}".rstrip()


@dataclass(frozen=True)
class Plan:
    """How a run goes.

    Attributes:
        suite: what is compared.
        blocks: repetitions of each arm.
        seed: of the order.
        warm_up_rows: asked before each block, and then forgotten with the prefix cache.
    """

    suite: str
    blocks: int = 3
    seed: int = 1
    warm_up_rows: int = 8

    def turns(self, arms: int) -> list[tuple[int, int]]:
        """Returns (block, arm) in order: each block holds every arm once, in a random order."""
        order = random.Random(self.seed)  # noqa: S311 - not for secrets
        return [
            (block, arm)
            for block in range(1, self.blocks + 1)
            for arm in order.sample(range(arms), arms)
        ]


@dataclass
class Outcome:
    """What a run has found so far.

    Attributes:
        run_id: names the run.
        rows: of `BenchmarkRuns`.
        answers: by arm, the completions of each block that was measured.
    """

    run_id: str
    rows: list[Row] = field(default_factory=list)
    answers: dict[str, list[list[Completion]]] = field(default_factory=dict)

    def frame(self) -> pl.DataFrame:
        """Returns the rows as a table."""
        return pl.DataFrame(self.rows, schema=polars_schema(BenchmarkRuns), orient="row")


def run_blocks(
    entries: Sequence[Entry],
    plan: Plan,
    history: History,
    say: Callable[[str], None],
) -> Outcome:
    """Measures every arm in every block.

    An arm whose engine fails is stored as failed with the reason and left out from then on; the
    others go on.

    Args:
        entries: what is compared; the first is the one that ratios are about.
        plan: how.
        history: is written to after every block, so that nothing is lost.
        say: called with what happens.
    """
    started_at = datetime.now(UTC)
    # To the millisecond, because two that start in one second may be published to one history.
    millisecond = started_at.microsecond // 1000
    outcome = Outcome(f"{started_at:%Y%m%dT%H%M%S}{millisecond:03d}Z-{plan.suite}")
    common = {"run_id": outcome.run_id, "started_at": started_at, **described_machine()}
    turns = _Turns(plan, say)
    failed: set[int] = set()
    try:
        for turn, (block, number) in enumerate(plan.turns(len(entries)), start=1):
            if number in failed:
                continue
            entry = entries[number]
            row = {**common, **_declared(entry, number, plan), "block": block, "turn": turn}
            say(f"block {block} of {plan.blocks}: {entry.name}")
            try:
                row |= turns.measure(entry, block, outcome)
            except EngineError as error:
                failed.add(number)
                turns.give_up()
                say(f"{entry.name} failed: {error}")
                row |= {"status": "failed", "reason": str(error)}
            outcome.rows.append(row)
            history.write_runs(outcome.run_id, outcome.frame())
    finally:
        turns.close()
    return outcome


class _Turns:
    """What is loaded now, and what must give way."""

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self._plan, self._say = plan, say
        self._loaded: tuple[Host, MemoryInUse, MemoryInUse] | None = None

    def measure(self, entry: Entry, block: int, outcome: Outcome) -> Row:
        """Returns what a block adds to its row."""
        arm = entry.arm
        workload = entry.workload.asked_again(block - 1)
        warm_up_rows, cache = 0, "own process"
        if arm.host is None:
            self.close()
        else:
            self._load(arm.host)
            # The arm itself warms up, because each way into the engine has code of its own.
            warm_up_rows = min(self._plan.warm_up_rows, len(workload.requests))
            if warm_up_rows:
                arm.answer(workload.first(warm_up_rows))
            emptied = arm.host.reset_prefix_cache()
            cache = "emptied" if emptied else "not emptied: the engine cannot"
        with Telemetry() as telemetry:
            answered = arm.answer(workload)
        outcome.answers.setdefault(entry.name, []).append(answered.completions)
        load_s = answered.load_s if arm.host is None else arm.host.load_s
        return {
            "status": "measured",
            "warm_up_rows": warm_up_rows,
            "prefix_cache": cache,
            "engine_version": arm.host.info.name if arm.host else None,
            "cpu_percent": telemetry.cpu_percent,
            "rss_peak_gib": telemetry.rss_peak_gib,
            "gpu_memory_peak_gib": telemetry.gpu_memory_peak_gib,
            "gpu_utilization": telemetry.gpu_utilization,
            "gpu_energy_wh": telemetry.gpu_energy_wh,
            **measured(workload, answered.completions, answered.processing_s, load_s),
        }

    def _load(self, host: Host) -> None:
        if self._loaded and self._loaded[0] is host:
            return
        self.close()
        before = MemoryInUse.now()
        host.open()
        self._say(f"loaded {host.card.name} in {host.load_s:.1f} s ({host.info.name})")
        self._loaded = host, before, MemoryInUse.now()

    def close(self) -> None:
        """Frees what is loaded: at the end of a run, and for another host's turn."""
        if self._loaded is None:
            return
        (host, before, loaded), self._loaded = self._loaded, None
        host.close()
        freed = await_release(host.card.name, before, loaded)
        self._say(f"closed {host.card.name}: {freed:.2f} GiB freed")

    def give_up(self) -> None:
        """Closes what an arm that failed had loaded; what a dead engine says is of no more use."""
        try:
            self.close()
        except Exception as error:  # noqa: BLE001 - the failure that counts is known already
            _LOG.warning("an engine that failed could not be closed: %s", error)


def unmeasured(  # noqa: PLR0913 - a column each
    engine: str, card: ModelCard, plan: Plan, *, position: int, status: str, reason: str
) -> Row:
    """Returns the row of a cell that cannot run here, without a run's id and time."""
    return {
        **described_machine(),
        "suite": plan.suite,
        "arm": f"{engine} {card.name}",
        "position": position,
        "engine": engine,
        "model": card.name,
        "status": status,
        "reason": reason,
        "workload": "not asked",
        "workload_digest": "",
        "rows": 0,
        "schema_on": False,
        "fixed_lengths": False,
        "random_weights": card.load_format == "dummy",
        "seed": plan.seed,
        "loading": "not loaded",
        "prefix_cache": "not asked",
        "warm_up_rows": 0,
        "differences": json.dumps({"model_id": _published_id(card)}),
    }


def _declared(entry: Entry, position: int, plan: Plan) -> Row:
    """What holds of all blocks of an arm."""
    arm, workload = entry.arm, entry.workload
    card, settings = arm.card, arm.settings
    # Elsewhere the weights are the server's own; what they are is for the note to say.
    ours = settings.engine not in {"remote", "ollama"}
    differences = {
        "model_id": _published_id(card),
        "dtype": card.data_type().name if ours else "the server's",
        "quantization": (card.quantization or "none") if ours else "the server's",
        "kv_cache_dtype": settings.kv_cache_dtype,
        "max_model_len": settings.max_model_len or "default",
        "max_requests_in_flight": settings.max_requests_in_flight or "default",
        "max_num_seqs": settings.max_num_seqs or "default",
        "max_num_batched_tokens": settings.max_num_batched_tokens or "default",
        "gpu_memory_utilization": settings.gpu_memory_utilization,
        **({"note": arm.note} if arm.note else {}),
    }
    return {
        "suite": plan.suite,
        "arm": entry.name,
        "position": position,
        "engine": arm.engine,
        "model": card.name,
        "workload": workload.name,
        "workload_digest": workload.digest,
        "rows": len(workload.requests),
        "schema_on": workload.schema_on,
        "fixed_lengths": workload.fixed_lengths,
        "random_weights": card.load_format == "dummy",
        "temperature": workload.temperature,
        "seed": plan.seed,
        "loading": "in_block" if arm.host is None else "in_turn",
        "prefix_cache": "unknown",
        "warm_up_rows": 0,
        "differences": json.dumps(differences, sort_keys=True),
    }


def _published_id(card: ModelCard) -> str:
    """The model's id, without the directories above it: runs are published, machines are not."""
    directory = Path(card.model_id)
    return directory.name if directory.is_absolute() or directory.is_dir() else card.model_id
