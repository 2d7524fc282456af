"""Which engine and model to take: four scores, weights, and how firm the answer is.

A measure is scored as a share of the best candidate's, so that the scores add up whatever their
units; quality and flexibility are between 0 and 1 by themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aris_pipeline.benchmarks.history import BESIDE_PEERS, History
from aris_pipeline.benchmarks.statistics import Interval, resampled_means
from aris_pipeline.benchmarks.weights import MEASURES, DecisionSettings, Measure
from aris_pipeline.models import EngineKind

_QUALITY = ("flip_rate", "gold_agreement")
_LEVEL = (2.5, 97.5)


@dataclass(frozen=True)
class Candidate:
    """An engine with a model, as it was measured.

    Attributes:
        engine: as --engine takes it.
        model: short name.
        run_id: of the run that measured it.
        scores: 0 to 1 by measure.
        score: their weighted sum, with its interval over blocks.
        req_s: mean over blocks.
        total_s: mean over blocks.
    """

    engine: str
    model: str
    run_id: str
    scores: Mapping[Measure, float]
    score: Interval
    req_s: float
    total_s: float

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.engine} with {self.model}"


@dataclass(frozen=True)
class Margin:
    """How far one weight may move, the others sharing the rest as before.

    Attributes:
        weight: as set.
        low: below it another wins; None where none does.
        low_winner: who.
        high: above it another wins; None where none does.
        high_winner: who.
    """

    weight: float
    low: float | None
    low_winner: str | None
    high: float | None
    high_winner: str | None


@dataclass(frozen=True)
class Decision:
    """The candidates of one workload on one machine, best first."""

    decided_at: datetime
    workload: str
    host: str
    gpu: str | None
    candidates: tuple[Candidate, ...]
    margins: Mapping[Measure, Margin]

    @property
    def winner(self) -> Candidate:
        """The best; there always is one."""
        return self.candidates[0]

    @property
    def clear(self) -> bool:
        """Whether the winner's interval lies above those of all others."""
        return not any(self.winner.score.overlaps(other.score) for other in self.candidates[1:])

    @property
    def one_run(self) -> bool:
        """Whether all candidates were measured in one run, in turn."""
        return len({candidate.run_id for candidate in self.candidates}) == 1

    @property
    def verdict(self) -> str:
        """The decision in a sentence."""
        if len(self.candidates) == 1:
            return f"Only {self.winner.name} was measured, so there is nothing to choose."
        if self.clear:
            return f"{self.winner.name} wins."
        return f"No clear winner: {self.winner.name} is first, but its interval overlaps another's."


def decide(history: History, settings: DecisionSettings) -> list[Decision]:
    """Decides for each machine of a history, on the workload that was measured last there.

    Compared are our engines on equal workloads, each by its latest run. Random weights and fixed
    lengths are left out: they tell the speed of an answer and nothing of its worth. So are runs
    beside peers, which have only some of our engines.

    Returns:
        The newest decision first; empty where nothing was measured yet.
    """
    runs = history.runs().filter(
        pl.col("status") == "measured",
        pl.col("suite") != BESIDE_PEERS,
        pl.col("engine").is_in(list(get_args(EngineKind))),
        ~pl.col("random_weights"),
        ~pl.col("fixed_lengths"),
        pl.col("rows_ok") > 0,
    )
    answers = history.answers()
    found = []
    for machine in runs.select("host", "gpu").unique(maintain_order=True).iter_rows(named=True):
        here = runs.filter(
            pl.col("host") == machine["host"], pl.col("gpu").eq_missing(pl.lit(machine["gpu"]))
        )
        newest = here.sort("started_at").row(-1, named=True)["workload_digest"]
        found.append(_decision(here.filter(workload_digest=newest), answers, settings))
    return sorted(found, key=lambda decision: decision.decided_at, reverse=True)


def _decision(blocks: pl.DataFrame, answers: pl.DataFrame, settings: DecisionSettings) -> Decision:
    latest = blocks.filter(pl.col("run_id") == pl.col("run_id").max().over("engine", "model"))
    groups = latest.partition_by("engine", "model", maintain_order=True)
    measured = [_Measured.of(group, answers, settings) for group in groups]
    candidates = sorted(_scored(measured, settings), key=lambda c: -c.score.value)
    last = latest.sort("started_at").row(-1, named=True)
    return Decision(
        decided_at=last["started_at"],
        workload=last["workload"],
        host=last["host"],
        gpu=last["gpu"],
        candidates=tuple(candidates),
        margins={m: margin(candidates, settings.shares, m) for m in MEASURES},
    )


@dataclass(frozen=True)
class _Measured:
    """A candidate's figures, and what resampling its blocks makes of them."""

    engine: str
    model: str
    run_id: str
    req_s: float
    total_s: float
    resampled_req_s: NDArray[np.float64]
    resampled_total_s: NDArray[np.float64]
    blocks: int
    quality: float
    flexibility: float

    @classmethod
    def of(cls, blocks: pl.DataFrame, answers: pl.DataFrame, settings: DecisionSettings) -> Self:
        first = blocks.row(0, named=True)
        req_s, total_s = (blocks[name].to_numpy() for name in ("req_s", "total_s"))
        worth = answers.filter(
            pl.col("run_id") == first["run_id"],
            pl.col("arm") == first["arm"],
            pl.col("measure").is_in(_QUALITY),
            pl.col("value").is_not_null(),
        )
        # Of the measures that there are, because gold labels are rare and flips need two blocks.
        measures = [float(blocks["valid_rate"].to_numpy().mean())]
        for name, rows in sorted(worth.group_by("measure"), key=str):
            mean = float(rows["value"].to_numpy().mean())
            measures.append(1 - mean if name[0] == "flip_rate" else mean)
        declared = settings.flexibility.get(first["engine"])
        return cls(
            engine=first["engine"],
            model=first["model"],
            run_id=first["run_id"],
            req_s=float(req_s.mean()),
            total_s=float(total_s.mean()),
            resampled_req_s=resampled_means(req_s),
            resampled_total_s=resampled_means(total_s),
            blocks=blocks.height,
            quality=sum(measures) / len(measures),
            flexibility=declared.score if declared else 0.0,
        )


def _scored(measured: Sequence[_Measured], settings: DecisionSettings) -> list[Candidate]:
    shares = settings.shares
    best_req_s = max(one.req_s for one in measured)
    least_s = min(one.total_s for one in measured)
    best_resampled = np.max([one.resampled_req_s for one in measured], axis=0)
    least_resampled = np.min([one.resampled_total_s for one in measured], axis=0)
    found = []
    for one in measured:
        scores: dict[Measure, float] = {
            "throughput": one.req_s / best_req_s,
            "total_time": least_s / one.total_s,
            "quality": one.quality,
            "flexibility": one.flexibility,
        }
        value = _weighted(scores, shares)
        score = Interval(value)
        if one.blocks > 1:
            resampled = (
                shares["throughput"] * one.resampled_req_s / best_resampled
                + shares["total_time"] * least_resampled / one.resampled_total_s
                + shares["quality"] * one.quality
                + shares["flexibility"] * one.flexibility
            )
            low, high = np.percentile(resampled, _LEVEL)
            score = Interval(value, float(low), float(high))
        found.append(
            Candidate(one.engine, one.model, one.run_id, scores, score, one.req_s, one.total_s)
        )
    return found


def margin(
    ranked: Sequence[Candidate], shares: Mapping[Measure, float], measure: Measure
) -> Margin:
    """Returns how far a weight may move before another candidate wins.

    With weight t on one measure and 1 - t spread over the others as before, each candidate's score
    is a straight line in t, so the winner changes where its line is crossed.

    Args:
        ranked: the candidates, the winner first.
        shares: weights that add up to 1.
        measure: whose weight moves.
    """
    weight = shares[measure]
    low: tuple[float, str] | None = None
    high: tuple[float, str] | None = None
    winner = ranked[0]
    for other in ranked[1:]:
        # The winner's lead is (1 - t) * rest + t * own.
        own = winner.scores[measure] - other.scores[measure]
        rest = _rest(winner, shares, measure) - _rest(other, shares, measure)
        if rest == own:
            continue
        crossing = rest / (rest - own)
        if not 0 <= crossing <= 1:
            continue
        if own > rest and crossing <= weight and (low is None or crossing > low[0]):
            low = (crossing, other.name)
        if own < rest and crossing >= weight and (high is None or crossing < high[0]):
            high = (crossing, other.name)
    return Margin(
        weight,
        low[0] if low else None,
        low[1] if low else None,
        high[0] if high else None,
        high[1] if high else None,
    )


def _rest(candidate: Candidate, shares: Mapping[Measure, float], measure: Measure) -> float:
    """The score by all other measures, their weights scaled to 1."""
    others = {name: share for name, share in shares.items() if name != measure}
    total = sum(others.values())
    if total == 0:
        return 0.0
    return sum(share * candidate.scores[name] for name, share in others.items()) / total


def _weighted(scores: Mapping[Measure, float], shares: Mapping[Measure, float]) -> float:
    return sum(shares[measure] * scores[measure] for measure in MEASURES)


def as_dict(decision: Decision, settings: DecisionSettings) -> dict[str, Any]:
    """Returns a decision as JSON takes it."""
    return {
        "winner": {"engine": decision.winner.engine, "model": decision.winner.model},
        "verdict": decision.verdict,
        "clear": decision.clear,
        "one_run": decision.one_run,
        "workload": decision.workload,
        "host": decision.host,
        "gpu": decision.gpu,
        "decided_at": decision.decided_at.isoformat(),
        "weights": settings.shares,
        "margins": {measure: vars(margin) for measure, margin in decision.margins.items()},
        "candidates": [
            {
                "engine": candidate.engine,
                "model": candidate.model,
                "score": candidate.score.value,
                "score_low": candidate.score.low,
                "score_high": candidate.score.high,
                "scores": dict(candidate.scores),
                "req_s": candidate.req_s,
                "total_s": candidate.total_s,
                "run_id": candidate.run_id,
            }
            for candidate in decision.candidates
        ],
        "flexibility": {
            engine: declared.model_dump() for engine, declared in settings.flexibility.items()
        },
    }
