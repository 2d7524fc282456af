"""Benchmarks in the UI: a partition for each engine and model, and the decision over all of them.

`aris benchmark` does the same without Dagster, and more: it knows the peers of `compare`.
"""

import functools
from pathlib import Path

import dagster as dg
from pydantic import Field

from aris_pipeline import charts
from aris_pipeline.benchmarks import (
    ENGINES,
    MIN_AGREEMENT,
    Contest,
    DecisionSettings,
    FileSource,
    Grid,
    Plan,
    Tuning,
    rows_to_ask,
    run_contest,
    tune,
    write_decision,
)
from aris_pipeline.defs.assets import GPU_POOL
from aris_pipeline.defs.descriptions import described, table_facts
from aris_pipeline.defs.pictures import picture
from aris_pipeline.defs.recovery import tag_process
from aris_pipeline.defs.resources import EngineResource, JudgingResource, StoreResource
from aris_pipeline.errors import ConfigError
from aris_pipeline.models import find_model, known_models

_BETWEEN = "__"

# Model by model, so that a range holds the engines of one model, which are compared.
cells = dg.StaticPartitionsDefinition(
    [f"{engine}{_BETWEEN}{model}" for model in known_models() for engine in ENGINES]
)


class BenchmarkConfig(dg.Config):
    """What is asked, and how often."""

    file: str = Field(description="candidates or OpenAI requests, in any known format")
    rows: int | None = Field(default=200, description="only the first rows of the file")
    blocks: int = Field(default=3, description="repetitions of each cell, in random turn")
    seed: int = Field(default=1, description="of the order of the blocks")
    warm_up_rows: int = Field(default=8, description="rows asked before each block")


_cell_asset = functools.partial(
    dg.asset,
    partitions_def=cells,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=GPU_POOL,
)
_model_asset = functools.partial(
    dg.asset, partitions_def=dg.StaticPartitionsDefinition(list(known_models())), pool=GPU_POOL
)
_decision_asset = functools.partial(
    dg.asset, deps=[dg.AssetDep("benchmark_runs", partition_mapping=dg.AllPartitionMapping())]
)


@_cell_asset(**described("benchmark_runs"))
def benchmark_runs(
    context: dg.AssetExecutionContext,
    config: BenchmarkConfig,
    store: StoreResource,
    judging: JudgingResource,
    engine: EngineResource,
) -> None:
    """Speed and answers of the run's cells on the same rows, in turn."""
    wanted = [key.split(_BETWEEN, 1) for key in context.partition_keys]
    engines = tuple(dict.fromkeys(kind for kind, _ in wanted))
    models = tuple(dict.fromkeys(model for _, model in wanted))
    if len(engines) * len(models) != len(wanted):
        raise ConfigError("choose all combinations of some engines and some models")
    tag_process(context)
    settings = judging.settings().with_profile()
    contest = Contest(
        contestants=engines,
        cards=[find_model(model) for model in models],
        source=FileSource(Path(config.file), config.rows, settings),
        settings=settings.engine,
        plan=Plan("engines", config.blocks, config.seed, config.warm_up_rows),
    )
    data = store.store()
    runs = run_contest(data, contest, opens=engine.open_engine, say=context.log.info)
    for key, (kind, model) in zip(context.partition_keys, wanted, strict=True):
        blocks = runs.filter(engine=kind, model=model)
        last = blocks.row(-1, named=True)
        measured = blocks.filter(status="measured")
        figures = {
            name: float(measured[name].drop_nulls().to_numpy().mean())
            for name in ("load_s", "processing_s", "total_s", "req_s", "output_tok_s",
                         "total_tok_s", "success_rate", "valid_rate")
            if measured[name].drop_nulls().len()
        }  # fmt: skip
        metadata = {"status": last["status"], "run": last["run_id"], **figures}
        if last["reason"]:
            metadata["reason"] = last["reason"]
        context.add_asset_metadata(metadata, partition_key=key)


@_decision_asset(**described("benchmark_decision"))
def benchmark_decision(store: StoreResource) -> dg.MaterializeResult[None]:
    """The engine and model to take on the machine that was measured last."""
    data = store.store()
    decision = write_decision(data, DecisionSettings.load())
    bars = [
        charts.Bar(one.name, one.score.value, one.score.low, one.score.high, [])
        for one in decision.candidates
    ]
    drawn = charts.side_by_side(bars, "score", "Weighted score, with its interval")
    return dg.MaterializeResult(
        metadata={
            "winner": decision.winner.name,
            "verdict": decision.verdict,
            "clear": decision.clear,
            "candidates": len(decision.candidates),
            "winner_score": decision.winner.score.value,
            "winner_req_s": decision.winner.req_s,
            **table_facts(data.benchmarks / "decision.parquet"),
            **({"scores": picture(drawn, "Scores of all candidates")} if drawn else {}),
        }
    )


class TuningConfig(BenchmarkConfig):
    """On what engine settings are tried."""

    rows: int | None = Field(
        default=None,
        description="only the first rows of the file; by default 200, and 2048 on an H100 or H200",
    )
    blocks: int = Field(default=2, description="repetitions of each trial, in random turn")
    min_agreement: float = Field(
        default=MIN_AGREEMENT, description="share of the defaults' verdicts to be repeated"
    )
    grid: str | None = Field(default=None, description="YAML of your own; the shipped by default")


@_model_asset(**described("engine_tuning"))
def engine_tuning(
    context: dg.AssetExecutionContext,
    config: TuningConfig,
    store: StoreResource,
    judging: JudgingResource,
    engine: EngineResource,
) -> dg.MaterializeResult[None]:
    """The engine settings that later runs of a model on this hardware use."""
    tag_process(context)
    data, settings = store.store(), judging.settings().with_profile()
    tuning = Tuning(
        card=find_model(context.partition_key),
        source=FileSource(Path(config.file), config.rows or rows_to_ask(), settings),
        settings=settings.engine,
        grid=Grid.load(Path(config.grid) if config.grid else None),
        plan=Plan("tuning", config.blocks, config.seed, config.warm_up_rows),
        min_agreement=config.min_agreement,
    )
    trials = tune(data, tuning, opens=engine.open_engine, say=context.log.info)
    chosen = trials.filter("chosen").row(0, named=True)
    bars = [
        charts.Bar(row["trial"], row["ratio"], row["ratio_low"], row["ratio_high"], [])
        for row in trials.filter(status="measured").iter_rows(named=True)
    ]
    drawn = charts.side_by_side(bars, "rows per second, of the defaults'", "Engine settings tried")
    return dg.MaterializeResult(
        metadata={
            "chosen": chosen["trial"],
            "ratio": chosen["ratio"],
            "req_s": chosen["req_s"],
            "trials": trials.height,
            "failed": trials.filter(status="failed").height,
            **table_facts(data.engine_tuning(chosen["model"], chosen["hardware"], chosen["vllm"])),
            **({"speeds": picture(drawn, "Speed of all trials")} if drawn else {}),
        }
    )


benchmark = dg.define_asset_job(
    "benchmark",
    [benchmark_runs, benchmark_decision],
    description="Measures engines and models on the same rows, in turn, and decides anew.",
)

tune_engine = dg.define_asset_job(
    "tune_engine",
    [engine_tuning],
    description="Tries engine settings on a sample of prompts, for a model on this hardware.",
)
