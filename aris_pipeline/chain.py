"""Lists every table of the product once: its schema, path, grain, and the job that makes it.

A new table is one row here. The command line (`--until`), the jobs, the reconciliation, the data
dictionary and the UI's descriptions of columns follow from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import dataframely as dy

from aris_pipeline.storage import (
    BenchmarkAnswers,
    BenchmarkDecision,
    BenchmarkRuns,
    Completions,
    DataStore,
    Decisions,
    EngineTuning,
    Evaluations,
    Judge,
    LabelMetrics,
    Labels,
    LabelSamples,
    Landed,
    Prompts,
    Quarantine,
    RawCandidates,
    Shard,
    Throughput,
    ThroughputReport,
    VerdictLog,
)

Grain = Literal["shard", "batch", "all"]
Place = Callable[[DataStore, Judge, Shard], Path]


@dataclass(frozen=True)
class Table:
    """A table, or the page about a batch, and how the chain makes it.

    Attributes:
        name: the name of its asset if a job makes it, else of its directory.
        grain: the rows that one file covers.
        place: returns the path of the file for a shard and a judge; wildcards give a pattern.
        schema: None if the rubric alone defines the columns, and for the page, which has none.
        judged: whether each judge (rubric and model) has its own file.
        job: the Dagster job that materializes it in a batch's run; None for tables that landing,
            people's labels and benchmarks write.
        resources: what that job's step needs.
        has_each_row: whether every usable row passes through it.
    """

    name: str
    grain: Grain
    place: Place
    schema: type[dy.Schema] | None
    judged: bool = False
    job: str | None = None
    resources: tuple[str, ...] = ("store",)
    has_each_row: bool = False


TABLES = (
    Table("landed", "shard", lambda s, _, shard: s.landed(shard), Landed),
    Table("quarantine", "shard", lambda s, _, shard: s.quarantine(shard), Quarantine),
    Table(
        "raw_candidates", "shard", lambda s, _, shard: s.raw_candidates(shard), RawCandidates,
        job="judge", has_each_row=True,
    ),
    Table(
        "prompts", "shard", lambda s, judge, shard: s.prompts(judge, shard), Prompts,
        judged=True, job="judge", resources=("store", "judging"), has_each_row=True,
    ),
    Table(
        "completions", "shard", lambda s, judge, shard: s.completions(judge, shard), Completions,
        judged=True, job="judge", resources=("store", "judging", "engine"), has_each_row=True,
    ),
    Table(
        "throughput", "shard", lambda s, judge, shard: s.throughput(judge, shard), Throughput,
        judged=True, job="evaluate",
    ),
    Table(
        "throughput_report", "batch",
        lambda s, judge, shard: s.throughput_report(judge, shard.batch), ThroughputReport,
        judged=True, job="report",
    ),
    Table(
        "evaluations", "shard", lambda s, judge, shard: s.evaluations(judge, shard), Evaluations,
        judged=True, job="evaluate", has_each_row=True,
    ),
    Table(
        "candidate_ranking", "batch",
        lambda s, judge, shard: s.candidate_ranking(judge, shard.batch), None,
        judged=True, job="rank",
    ),
    Table(
        "label_metrics", "batch",
        lambda s, judge, shard: s.label_metrics(judge, shard.batch), LabelMetrics,
        judged=True, job="rank",
    ),
    Table(
        "verdict_log", "batch",
        lambda s, judge, shard: s.verdict_log(judge, shard.batch) / "*.parquet", VerdictLog,
        judged=True, job="rank",
    ),
    Table(
        "batch_report", "batch",
        lambda s, judge, shard: s.batch_report(judge, shard.batch), None,
        judged=True, job="rank",
    ),
    Table(
        "label_samples", "batch", lambda s, _, shard: s.label_sample(shard.batch, "*"),
        LabelSamples,
    ),
    Table(
        "decisions", "batch", lambda s, _, shard: s.decisions(shard.batch) / "*.parquet", Decisions
    ),
    Table("labels", "batch", lambda s, _, shard: s.labels(shard.batch) / "*.parquet", Labels),
    Table("benchmark_runs", "all", lambda s, *_: s.benchmarks / "runs/*.parquet", BenchmarkRuns),
    Table(
        "benchmark_answers", "all", lambda s, *_: s.benchmarks / "answers/*.parquet",
        BenchmarkAnswers,
    ),
    Table(
        "benchmark_decision", "all", lambda s, *_: s.benchmarks / "decision.parquet",
        BenchmarkDecision,
    ),
    Table(
        "engine_tuning", "all",
        lambda s, *_: s.root / "engine_tuning/model=*/hardware=*/vllm=*/trials.parquet",
        EngineTuning,
    ),
)  # fmt: skip
"""All tables, in the order in which a batch's run makes them."""

CHAIN = {table.name: table for table in TABLES if table.job}
"""The assets that a batch's run materializes, by name, in order."""

ROW_TABLES = tuple(table.name for table in TABLES if table.has_each_row)
"""The tables that every usable row passes through, in order."""


def assets_of(job: str) -> list[str]:
    """Returns the names of the assets that a job materializes."""
    return [table.name for table in CHAIN.values() if table.job == job]
