"""The decision as files, and as what `--engine auto` takes."""

import json
from dataclasses import dataclass

import polars as pl

from aris_pipeline.benchmarks.decision import Decision, as_dict, decide
from aris_pipeline.benchmarks.history import History
from aris_pipeline.benchmarks.weights import DecisionSettings
from aris_pipeline.errors import ConfigError, MissingDataError
from aris_pipeline.models import gpu_name, host_name
from aris_pipeline.storage import (
    BenchmarkDecision,
    DataStore,
    read_table,
    write_bytes,
    write_parquet,
)

_HINT = "run `aris benchmark decide`"


@dataclass(frozen=True)
class Decided:
    """What `--engine auto` means here, and why."""

    engine: str
    model: str
    reason: str


def write_decision(store: DataStore, settings: DecisionSettings) -> Decision:
    """Decides for the machine that was measured last, and writes parquet and JSON.

    Raises:
        ConfigError: nothing was measured yet.
    """
    decisions = decide(History(store.benchmarks), settings)
    if not decisions:
        raise ConfigError(
            f"no engine was measured yet in {store.benchmarks}: run `aris benchmark run FILE`"
        )
    rows = [row for decision in decisions for row in _rows(decision)]
    write_parquet(pl.DataFrame(rows), store.benchmarks / "decision.parquet", BenchmarkDecision)
    content = json.dumps(as_dict(decisions[0], settings), indent=2, default=str)
    write_bytes(content.encode(), store.benchmarks / "decision.json")
    return decisions[0]


def decided_engine(store: DataStore, model: str | None = None) -> Decided:
    """Returns the engine that the decision names for this machine.

    Args:
        store: whose benchmarks.
        model: short name of the model that is to be run; None leaves that to the decision too.

    Raises:
        ConfigError: there is no decision for this machine, or none about this model.
    """
    remedy = "measure with `aris benchmark run FILE` and `aris benchmark decide`, or name an engine"
    try:
        rows = read_table(store.benchmarks / "decision.parquet", BenchmarkDecision, hint=_HINT)
    except MissingDataError as error:
        raise ConfigError(f"--engine auto: there is no decision yet; {remedy}") from error
    gpu = gpu_name()
    same = (
        pl.col("gpu") == gpu if gpu else pl.col("gpu").is_null() & (pl.col("host") == host_name())
    )
    here = rows.filter(same)
    fitting = here if model is None else here.filter(model=model)
    if fitting.is_empty():
        about = f" about {model}" if model and not here.is_empty() else " for this machine"
        raise ConfigError(f"--engine auto: there is no decision{about}; {remedy}")
    best = fitting.sort("rank").row(0, named=True)
    firmness = "" if best["clear"] else ", though intervals overlap"
    return Decided(
        best["engine"],
        best["model"],
        f"decided by benchmark {best['run_id']}: rank {best['rank']} of {here.height}, "
        f"{best['req_s']:.2f} req/s{firmness}",
    )


def _rows(decision: Decision) -> list[dict[str, object]]:
    return [
        {
            "decided_at": decision.decided_at,
            "workload": decision.workload,
            "host": decision.host,
            "gpu": decision.gpu,
            "rank": rank,
            "engine": candidate.engine,
            "model": candidate.model,
            "score": candidate.score.value,
            "score_low": candidate.score.low,
            "score_high": candidate.score.high,
            **{f"{measure}_score": score for measure, score in candidate.scores.items()},
            "req_s": candidate.req_s,
            "total_s": candidate.total_s,
            "clear": decision.clear,
            "one_run": decision.one_run,
            "run_id": candidate.run_id,
        }
        for rank, candidate in enumerate(decision.candidates, start=1)
    ]
