"""Engine settings tried on a sample of real prompts: the fastest that leaves the verdicts alone."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import BaseModel, Field

from aris_pipeline.benchmarks.arms import EngineArm, Host, OpenEngine
from aris_pipeline.benchmarks.blocks import Entry, Plan, run_blocks
from aris_pipeline.benchmarks.declared import Declared
from aris_pipeline.benchmarks.history import History
from aris_pipeline.benchmarks.quality import judge_answers
from aris_pipeline.benchmarks.statistics import Interval, ratio_interval
from aris_pipeline.benchmarks.workload import Source
from aris_pipeline.engines import EngineLock, EngineSettings, open_engine
from aris_pipeline.errors import EngineError
from aris_pipeline.models import (
    ModelCard,
    gpu_computes_fp8,
    gpu_count,
    hardware_name,
    this_machine,
    vllm_version,
)
from aris_pipeline.storage import DataStore, EngineTuning, write_parquet
from aris_pipeline.storage.schemas import polars_schema

MIN_AGREEMENT = 0.95
_FEWER_VALID = 0.05
"""How far a trial's share of valid answers may lie below that of the defaults."""
_ROWS = 200
_WORTH_IT = 1.02
"""Settings that gain less than this over the defaults are not worth departing from them."""


class Changes(BaseModel, frozen=True, extra="forbid"):
    """Settings of one trial; what is not named keeps its default."""

    max_num_seqs: int | None = Field(None, ge=1)
    max_num_batched_tokens: int | None = Field(None, ge=1)
    kv_cache_dtype: Literal["fp8"] | None = None
    quantization: Literal["fp8"] | None = None

    @property
    def set_here(self) -> dict[str, Any]:
        """The settings that it names."""
        return self.model_dump(exclude_none=True)

    @property
    def label(self) -> str:
        """For people."""
        return ", ".join(f"{name}={value}" for name, value in self.set_here.items()) or "defaults"

    @property
    def needs_fp8(self) -> bool:
        """Whether the hardware must compute with 8-bit floats."""
        return "fp8" in (self.kv_cache_dtype, self.quantization)


class Grid(Declared, frozen=True, extra="forbid"):
    """What is tried beside the defaults, on a machine with a GPU and on one without."""

    what: ClassVar = "engine settings to try,"
    shipped: ClassVar = "tuning.yaml"

    gpu: tuple[Changes, ...]
    cpu: tuple[Changes, ...]

    def trials(self) -> list[Changes]:
        """Returns the trials for this machine, the defaults first."""
        tried = self.gpu if gpu_count() else self.cpu
        fp8 = gpu_computes_fp8()
        return [Changes(), *(one for one in tried if fp8 or not one.needs_fp8)]


@dataclass(frozen=True)
class Tuning:
    """What is tuned, on what, and how.

    Attributes:
        card: the model.
        source: the sample of prompts.
        settings: what all trials share.
        grid: what they try.
        plan: blocks, order, warm-up.
        min_agreement: share of the defaults' verdicts that a trial must repeat, beside those that
            the defaults themselves do not repeat when asked again.
    """

    card: ModelCard
    source: Source
    settings: EngineSettings
    grid: Grid
    plan: Plan
    min_agreement: float = MIN_AGREEMENT


def rows_to_ask() -> int:
    """Returns how many rows a block has by default.

    A GPU whose large steps read less (record 34) is asked twice the rows that it works on at once,
    because with fewer no setting shows what it costs there.
    """
    machine = this_machine()
    _, at_once = machine.batch_limits
    return 2 * at_once if machine.reads_prefix_once else _ROWS


def tune(
    store: DataStore,
    tuning: Tuning,
    *,
    opens: OpenEngine = open_engine,
    say: Callable[[str], None] = lambda _text: None,
) -> pl.DataFrame:
    """Tries all settings in turn, and writes every trial and which of them later runs are to use.

    Args:
        store: the data directory.
        tuning: what is tried.
        opens: loads an engine.
        say: called with what happens.

    Returns:
        The rows of `EngineTuning`, one a trial.

    Raises:
        EngineError: the defaults themselves do not work, so that there is nothing to compare with.
        EngineBusyError: another process holds the engine of this machine.
    """
    lock = EngineLock(tuning.settings.tensor_parallel_size)
    lock.acquire()
    try:
        trials = tuning.grid.trials()
        workload = tuning.source.workload(tuning.card)
        entries = [
            Entry(EngineArm("offline", _host(tuning, changes, opens)), workload, changes.label)
            for changes in trials
        ]
        history = History(store.benchmarks)
        outcome = run_blocks(entries, tuning.plan, history, say)
        answers = judge_answers(entries, outcome, entries[0].name, gold=None)
        history.write_answers(outcome.run_id, answers)
    finally:
        lock.release()
    rows = _judged(tuning, list(zip(trials, entries, strict=True)), outcome.frame(), answers)
    table = pl.DataFrame(rows, schema=polars_schema(EngineTuning), orient="row")
    write_parquet(
        table, store.engine_tuning(tuning.card.name, hardware_name(), vllm_version()), EngineTuning
    )
    return table


def _host(tuning: Tuning, changes: Changes, opens: OpenEngine) -> Host:
    asked = {"model": tuning.card.model_id, "engine": "offline", **changes.set_here}
    settings = tuning.settings.alone.model_copy(update=asked)
    return Host(tuning.card.quantized(changes.quantization), settings, opens)


def _judged(
    tuning: Tuning,
    trials: Sequence[tuple[Changes, Entry]],
    runs: pl.DataFrame,
    answers: pl.DataFrame,
) -> list[dict[str, Any]]:
    """The rows of the trials, with the one that is chosen."""
    measured = runs.filter(status="measured")
    default = measured.filter(arm=trials[0][1].name)
    if default.is_empty():
        raise EngineError(f"the defaults cannot be measured: {runs['reason'].drop_nulls()[0]}")
    steadiness = 1 - (_worst(answers, trials[0][1].name, "flip_rate", pl.Expr.max) or 0.0)
    rows = []
    for changes, entry in trials:
        blocks = measured.filter(arm=entry.name)
        failed = runs.filter(arm=entry.name, status="failed")
        agreement = 1.0 if changes == Changes() else _worst(answers, entry.name, "agreement")
        row = {
            "run_id": runs["run_id"][0],
            "started_at": runs["started_at"][0],
            "model": tuning.card.name,
            "model_id": tuning.card.model_id,
            "hardware": hardware_name(),
            "vllm": vllm_version(),
            "trial": changes.label,
            "settings": json.dumps(changes.set_here),
            "status": "failed" if failed.height else "measured",
            "reason": failed["reason"][0] if failed.height else None,
            "random_weights": tuning.card.load_format == "dummy",
            "agreement": agreement,
        }
        if not failed.height:
            both = blocks.join(default, on="block", suffix="_default")
            ratio = ratio_interval(both["req_s"].to_list(), both["req_s_default"].to_list())
            row |= _figures(blocks, ratio)
        rows.append(row)
    # Random weights have no verdicts, and only runs of random weights use what is found with them.
    least = 0.0 if rows[0]["random_weights"] else tuning.min_agreement * steadiness
    for row in rows:
        row["admissible"], reason = _admissible(row, rows[0], least)
        row["reason"] = row["reason"] or reason
    best = max((row for row in rows if row["admissible"]), key=lambda row: row["ratio"])
    chosen = best if best["ratio"] >= _WORTH_IT else rows[0]
    return [{**row, "chosen": row is chosen} for row in rows]


def _figures(blocks: pl.DataFrame, ratio: Interval) -> dict[str, Any]:
    means = blocks.select(pl.col("load_s", "req_s", "output_tok_s", "valid_rate").mean())
    return {
        **means.row(0, named=True),
        **{f"ratio{end}": value for end, value in
           (("", ratio.value), ("_low", ratio.low), ("_high", ratio.high))},
    }  # fmt: skip


def _admissible(
    row: Mapping[str, Any], default: Mapping[str, Any], least: float
) -> tuple[bool, str | None]:
    """Whether later runs may use a trial's settings, and why not."""
    if row["status"] == "failed":
        return False, None
    if row["valid_rate"] < default["valid_rate"] - _FEWER_VALID:
        return False, f"only {row['valid_rate']:.0%} of the answers are valid"
    if least > 0 and row["agreement"] is None:
        return False, "its verdicts cannot be compared: the answers have no schema"
    if least > 0 and row["agreement"] < least:
        return False, f"it repeats {row['agreement']:.0%} of the verdicts; {least:.0%} are needed"
    return True, None


def _worst(
    answers: pl.DataFrame, arm: str, measure: str, worst: Callable[[pl.Expr], pl.Expr] = pl.Expr.min
) -> float | None:
    """The lowest (or highest) value of a measure over an arm's criteria; None where none has it."""
    found = answers.filter(arm=arm, measure=measure).select(worst(pl.col("value"))).item()
    return None if found is None else float(found)
