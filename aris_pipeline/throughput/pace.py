"""Reads from earlier runs how fast a model has been; estimates are made from it."""

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from aris_pipeline.errors import DamagedDataError, MissingDataError
from aris_pipeline.models import gpu_name, host_name
from aris_pipeline.storage import DataStore, Judge, Throughput, read_table

UNKNOWN = "no run of this model on this machine yet"

_COLUMNS = [
    "run_id", "started_at", "rows_generated", "output_tokens", "req_s", "total_tok_s", "host",
    "gpu", "engine", "replicas", "triage",
]  # fmt: skip


@dataclass(frozen=True)
class Pace:
    """The speed of a model in earlier runs.

    Attributes:
        tokens_per_second: prompt and output tokens, the median over shards.
        output_tokens_per_row: the mean over generated rows.
        source: the runs, in words.
        slowest, fastest: the slowest and fastest shards, in the same tokens per second.
        elsewhere: whether the runs were on another machine than the requested one.
        other_engines: whether they had another number of engines on the GPU.
    """

    tokens_per_second: float
    output_tokens_per_row: float
    source: str
    slowest: float
    fastest: float
    elsewhere: bool = False
    other_engines: bool = False

    def seconds(self, rows: int, prompt_tokens: int) -> float:
        """Returns the seconds of generation for rows with this many prompt tokens in total."""
        tokens = prompt_tokens + rows * self.output_tokens_per_row
        return tokens / self.tokens_per_second


def measured_pace(
    store: DataStore,
    judge: Judge,
    gpus: Collection[str] | None = None,
    *,
    replicas: int = 1,
    engines_per_gpu: int = 1,
) -> Pace | None:
    """Returns how fast a model was, with this rubric if there were such runs.

    N replicas on GPUs are assumed to do N times the work; on a CPU they share its cores.

    Args:
        store: the store of the throughput.
        judge: the judge.
        gpus: the names of the GPUs whose runs count; None means this machine or, if the model has
            not run here, any machine.
        replicas: the copies of the model that will share the work.
        engines_per_gpu: the engines that will share a GPU; if no run had as many, all runs count.

    Returns:
        None if `throughput` has no generated rows of the model yet.
    """
    measured = _measured(store, judge)
    if gpus is None:
        gpu, host = gpu_name(), host_name()
        on_cpu = (pl.col("gpu").is_null(), pl.col("host") == host)
        here = measured.filter(gpu=gpu) if gpu else measured.filter(*on_cpu)
    else:
        measured = here = measured.filter(pl.col("gpu").is_in(list(gpus)))
    if measured.is_empty():
        return None
    elsewhere = here.is_empty()
    rows = measured if elsewhere else here
    by_rubric = rows.filter(rubric=judge.rubric)
    rows = rows if by_rubric.is_empty() else by_rubric
    as_many = rows.filter(engines_per_gpu=engines_per_gpu)
    rows = rows if as_many.is_empty() else as_many
    times = pl.when(pl.col("gpu").is_null()).then(1).otherwise(replicas / pl.col("replicas"))
    rows = rows.with_columns(pl.col("req_s", "total_tok_s") * times)
    tok_s = pl.col("total_tok_s")
    median, slowest, fastest = rows.select(
        tok_s.median(), tok_s.min().alias("slowest"), tok_s.max().alias("fastest")
    ).row(0)
    return Pace(
        tokens_per_second=median,
        output_tokens_per_row=rows.select(
            pl.col("output_tokens").sum() / pl.col("rows_generated").sum()
        ).item(),
        source=_source(rows, replicas)
        + (f", with rubric {rows['rubric'][-1]}" if by_rubric.is_empty() else "")
        + (", with other engines on the GPU" if as_many.is_empty() else "")
        + (", another machine than this" if elsewhere else ""),
        slowest=slowest,
        fastest=fastest,
        elsewhere=elsewhere,
        other_engines=as_many.is_empty(),
    )


def _source(rows: pl.DataFrame, replicas: int) -> str:
    latest = rows.sort("started_at").row(-1, named=True)
    req_s, tok_s = rows.select(pl.col("req_s", "total_tok_s").median()).row(0)
    others = rows.filter(pl.col("gpu").is_not_null() & (pl.col("replicas") != replicas))
    counts = sorted(others["replicas"].unique())
    scaled = f", taken from {' and '.join(map(str, counts))} to {replicas} replicas" * bool(counts)
    return (
        f"measured: {req_s:,.1f} req/s, {tok_s:,.0f} tok/s, median of {rows.height} shards, "
        f"last in run {latest['run_id'][:8]} on {latest['started_at']:%Y-%m-%d} "
        f"by {latest['gpu'] or latest['host']}{scaled}"
    )


def _measured(store: DataStore, judge: Judge) -> pl.DataFrame:
    """Returns the throughput of all shards that the model answered whole, by any rubric."""
    types = {name: Throughput.columns()[name].dtype for name in _COLUMNS}
    found = [pl.DataFrame(schema={**types, "rubric": pl.String})]
    pattern = f"rubric=*/model={judge.model}/batch=*/shard=*/throughput.parquet"
    for file in (store.root / "throughput").glob(pattern):
        try:
            rows = read_table(file, Throughput, hint="it vanished", columns=_COLUMNS)
        except (DamagedDataError, MissingDataError):
            continue  # an estimate can do without it; `aris verify` does not check throughput
        rubric = file.parts[-5].partition("=")[2]
        found.append(rows.with_columns(rubric=pl.lit(rubric)))
    # Most of a triage's time went into scores.
    measured = pl.concat(found).filter(pl.col("total_tok_s") > 0, pl.col("triage").is_null())
    return measured.with_columns(
        pl.col("replicas").fill_null(1),  # older runs had one replica
        # "vllm-0.33.0-x2" is two of them.
        engines_per_gpu=pl.col("engine").str.extract(r"-x(\d+)$").cast(pl.Int64).fill_null(1),
    )
