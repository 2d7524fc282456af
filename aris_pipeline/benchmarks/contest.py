"""A benchmark run from names to files: who takes part, who cannot, and what is kept."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

import polars as pl

from aris_pipeline.benchmarks.arms import Arm, EngineArm, Host, OpenEngine, VllmHost
from aris_pipeline.benchmarks.blocks import Entry, Plan, Row, run_blocks, unmeasured
from aris_pipeline.benchmarks.history import History
from aris_pipeline.benchmarks.peers import GenerateArm, StageArm
from aris_pipeline.benchmarks.quality import Labels, judge_answers, labels_of_people
from aris_pipeline.benchmarks.run_batch import RunBatchArm
from aris_pipeline.benchmarks.workload import FileSource, Source
from aris_pipeline.engines import EngineLock, EngineSettings, open_engine
from aris_pipeline.errors import ArisError, ConfigError
from aris_pipeline.models import EngineKind, ModelCard, gpu_count
from aris_pipeline.storage import DataStore

ENGINES: tuple[str, ...] = get_args(EngineKind)
PEERS = ("stage", "llm-generate", "run-batch")
_ELSEWHERE = ("remote", "ollama")
_REPLICAS = re.compile(r"ray-(\d+)")

FitQuestion = Callable[[ModelCard, EngineSettings], str | None]
"""Asked before a model is loaded: why it does not fit this machine, or None where it may."""


@dataclass(frozen=True)
class Contest:
    """Who is measured on what.

    Attributes:
        contestants: engine kinds and names of peers; the first is what ratios are about.
        cards: the models.
        source: what is asked, rendered for each model.
        settings: how models are loaded and driven.
        plan: blocks, order, warm-up.
        gold: labels to compare answers with; by default those of people, if the file landed as a
            batch that they have labeled.
        needs_gpu: leaves every cell pending on a machine without one.
        server_url: of `remote` and `ollama`.
        server_note: what that server is, and how its weights are quantized.
    """

    contestants: Sequence[str]
    cards: Sequence[ModelCard]
    source: Source
    settings: EngineSettings
    plan: Plan
    gold: Labels | None = None
    needs_gpu: bool = False
    server_url: str | None = None
    server_note: str | None = None


def run_contest(
    store: DataStore,
    contest: Contest,
    *,
    opens: OpenEngine = open_engine,
    fits: FitQuestion = lambda _card, _settings: None,
    say: Callable[[str], None] = lambda _text: None,
) -> pl.DataFrame:
    """Measures, judges the answers, and keeps both under the data directory's benchmarks.

    Cells that cannot run here are kept too, as `pending` or `does_not_fit` with the reason. What is
    measured is written after every block.

    Args:
        store: the data directory; only its benchmarks are touched.
        contest: who on what.
        opens: loads an engine.
        fits: says why a model does not fit, before it is loaded.
        say: called with what happens.

    Returns:
        The run's rows of `BenchmarkRuns`.

    Raises:
        ConfigError: there is no such contestant.
        EngineBusyError: another process holds the engine of this machine.
    """
    unknown = sorted({*contest.contestants} - {*ENGINES, *PEERS})
    unknown = [name for name in unknown if not _REPLICAS.fullmatch(name)]
    if unknown:
        known = ", ".join((*ENGINES, *PEERS))
        raise ConfigError(
            f"no contestant {', '.join(unknown)}; known: {known}, and ray-N for N replicas"
        )
    copies = max(map(_replicas, contest.contestants))
    lock = EngineLock(contest.settings.tensor_parallel_size * copies)
    lock.acquire()
    try:
        return _run(store, contest, lock, opens=opens, fits=fits, say=say)
    finally:
        lock.release()


def _run(  # noqa: PLR0913 - one argument a collaborator
    store: DataStore,
    contest: Contest,
    lock: EngineLock,
    *,
    opens: OpenEngine,
    fits: FitQuestion,
    say: Callable[[str], None],
) -> pl.DataFrame:
    entries: list[Entry] = []
    left_out: list[Row] = []
    for card in contest.cards:
        obstacle = _obstacle(contest, card, fits)
        if obstacle is None:
            try:
                workload = contest.source.workload(card)
            except (ArisError, OSError) as error:  # OSError: no such tokenizer
                if len(contest.cards) == 1:
                    raise
                obstacle = ("pending", str(error))
        if obstacle is None:
            entries += [Entry(arm, workload) for arm in build_arms(contest, card, lock, opens)]
        else:
            say(f"{card.name}: {obstacle[0].replace('_', ' ')}: {obstacle[1]}")
            left_out += _not_measured(contest, card, *obstacle)
    history = History(store.benchmarks)
    outcome = run_blocks(entries, contest.plan, history, say)
    stamp = {"run_id": outcome.run_id, "started_at": datetime.now(UTC)}
    if outcome.rows:
        stamp["started_at"] = outcome.rows[0]["started_at"]
    outcome.rows += [{**stamp, **row} for row in left_out]
    history.write_runs(outcome.run_id, outcome.frame())
    gold = contest.gold
    if gold is None and isinstance(contest.source, FileSource):
        gold = labels_of_people(store, contest.source.file) or None
    answers = judge_answers(entries, outcome, None, gold)
    history.write_answers(outcome.run_id, answers)
    say(f"run {outcome.run_id}: {len(outcome.rows)} rows in {store.benchmarks}")
    return outcome.frame()


def build_arms(contest: Contest, card: ModelCard, lock: EngineLock, opens: OpenEngine) -> list[Arm]:
    """Returns the arms of a model; those in this process share its one loaded copy."""
    of_model = contest.settings.alone.model_copy(update={"model": card.model_id})
    in_process: Host
    if "llm-generate" in contest.contestants:
        in_process = VllmHost(card, of_model)
    else:
        in_process = Host(card, of_model.model_copy(update={"engine": "offline"}), opens)
    arms: list[Arm] = []
    for name in contest.contestants:
        match name:
            case "stage":
                arms.append(StageArm(in_process, lock))
            case "llm-generate" if isinstance(in_process, VllmHost):
                arms.append(GenerateArm(in_process))
            case "run-batch":
                arms.append(RunBatchArm(card, of_model))
            case "offline":
                arms.append(EngineArm(name, in_process))
            case _:
                url = contest.server_url if name in _ELSEWHERE else None
                settings = EngineSettings(
                    **{
                        **of_model.model_dump(),
                        "engine": name.partition("-")[0],
                        "replicas": _replicas(name),
                        "server_url": url,
                    }
                )
                note = contest.server_note if name in _ELSEWHERE else None
                arms.append(EngineArm(name, Host(card, settings, opens), note))
    return arms


def _replicas(name: str) -> int:
    """How many copies of the model a contestant has."""
    found = _REPLICAS.fullmatch(name)
    return int(found[1]) if found else 1


def _obstacle(contest: Contest, card: ModelCard, fits: FitQuestion) -> tuple[str, str] | None:
    """Why a model cannot be measured here: status and reason."""
    if contest.needs_gpu and gpu_count() == 0:
        return "pending", "this machine has no GPU"
    misfit = fits(card, contest.settings.alone)
    return ("does_not_fit", misfit) if misfit else None


def _not_measured(contest: Contest, card: ModelCard, status: str, reason: str) -> list[Row]:
    """The rows of a model's cells that cannot run here."""
    return [
        unmeasured(name, card, contest.plan, position=position, status=status, reason=reason)
        for position, name in enumerate(contest.contestants)
    ]
