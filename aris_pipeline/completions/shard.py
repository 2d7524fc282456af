"""The completions of one shard: reuse what is known, generate the rest, persist, assemble."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from aris_pipeline.completions.generation import generate_rows
from aris_pipeline.completions.parts import PartWriter, remove_parts
from aris_pipeline.completions.progress import Progress
from aris_pipeline.completions.repair import RUNGS, Shorten
from aris_pipeline.completions.reuse import known_completions
from aris_pipeline.completions.rows import POISON
from aris_pipeline.completions.scoring import Scoring
from aris_pipeline.completions.stats import STATS_KEY, GenerationStats, RunStats
from aris_pipeline.engines import EngineSession, Telemetry
from aris_pipeline.storage import Completions, DataStore, Judge, Shard, read_parquet, write_parquet
from aris_pipeline.storage.schemas import polars_schema

_KV_SAMPLE_EVERY_S = 2.0

Row = dict[str, Any]


def complete_shard(  # noqa: PLR0913 - one argument a collaborator
    store: DataStore,
    judge: Judge,
    shard: Shard,
    session: EngineSession,
    *,
    scoring: Scoring | None,
    shorten: Shorten,
    run_id: str,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
) -> RunStats:
    """Answers every prompt of a shard, generating only what no earlier run has answered.

    Args:
        store: the data directory.
        judge: whose prompts and completions.
        shard: which slice.
        session: gives the engine, loaded only if something is to be generated.
        scoring: for rubric rows, how to score; None for files that bring their own requests.
        shorten: makes a prompt that the engine refuses as too long fit.
        run_id: stamped on the rows that this call generates.
        on_progress: called as rows finish.

    Raises:
        MissingDataError: the shard has no prompts.
        EngineError: the engine cannot be had; what is finished is kept in part files.
    """
    started, started_at = time.monotonic(), datetime.now(UTC)
    prompts = read_parquet(store.prompts(judge, shard), hint="materialise prompts of this shard")
    askable = prompts.filter(pl.col("error").is_null()).unique(
        "request_key", keep="first", maintain_order=True
    )
    known = known_completions(store, judge, shard, askable["request_key"])
    todo = askable.join(known, on="request_key", how="anti", maintain_order="left")
    parts = store.completion_parts(judge, shard)
    generated: list[Row] = []
    generation = GenerationStats()
    if todo.height:
        generation, generated = _generate(
            session,
            generate_rows(session, todo, scoring=scoring, shorten=shorten, run_id=run_id),
            parts,
            lambda *done: on_progress(Progress(shard, todo.height, *done)),
        )
    fresh = pl.DataFrame(generated, schema=polars_schema(Completions), orient="row")
    answers = pl.concat([known.with_columns(reused=pl.lit(value=True)), fresh])
    completions = _assemble(prompts, answers, run_id)
    stats = RunStats(
        **generation.model_dump(),
        run_id=run_id,
        started_at=started_at,
        generated=fresh["error_type"].is_null().sum(),
        reused=completions["reused"].sum(),
        failed=completions["error_type"].is_not_null().sum(),
        poison=(fresh["error_type"] == POISON).sum(),
        repairs={
            rung: fresh["overrides"].str.json_path_match(f"$.{rung}").is_not_null().sum()
            for rung in RUNGS
        },
        wall_s=time.monotonic() - started - generation.load_s,
    )
    write_parquet(
        completions,
        store.completions(judge, shard),
        Completions,
        metadata={STATS_KEY: stats.model_dump_json()},
    )
    remove_parts(parts)
    return stats


def _generate(
    session: EngineSession,
    rows: Iterator[Row],
    parts: Path,
    report: Callable[[int, int, float], None],
) -> tuple[GenerationStats, list[Row]]:
    """Generates rows, kept safe in part files on the way; `report` takes rows, tokens, seconds."""
    load_s_before, restarts_before = session.load_s, session.restarts
    session.engine()  # loaded before the clock starts
    started = last_kv_sample = time.monotonic()
    reloads_from = session.load_s
    generated: list[Row] = []
    kv_peak: float | None = None
    tokens = 0
    with Telemetry() as telemetry, PartWriter(parts) as writer:
        for row in rows:
            writer.add(row)
            generated.append(row)
            tokens += row["prompt_tokens"] + row["output_tokens"]
            now = time.monotonic()
            report(len(generated), tokens, now - started)
            if now - last_kv_sample >= _KV_SAMPLE_EVERY_S:
                last_kv_sample = now
                if (usage := session.kv_cache_usage()) is not None:
                    kv_peak = max(kv_peak or 0.0, usage)
        generate_s = time.monotonic() - started - (session.load_s - reloads_from)
    stats = GenerationStats(
        engine=session.info.name if session.info else "none",
        load_s=session.load_s - load_s_before,
        engine_restarts=session.restarts - restarts_before,
        generate_s=generate_s,
        kv_cache_tokens=session.info.kv_cache_tokens if session.info else None,
        kv_cache_peak=kv_peak,
        cpu_percent=telemetry.cpu_percent,
        rss_peak_gib=telemetry.rss_peak_gib,
        gpu_memory_peak_gib=telemetry.gpu_memory_peak_gib,
        gpu_utilisation=telemetry.gpu_utilisation,
        gpu_energy_wh=telemetry.gpu_energy_wh,
    )
    return stats, generated


def _assemble(prompts: pl.DataFrame, answers: pl.DataFrame, run_id: str) -> pl.DataFrame:
    """One row a prompt, in their order; a prompt that could not be rendered is a failed row.

    An answer counts as generated for the row that asked for it in this run; every other row with
    the same request reuses it. A row without an answer is neither.
    """
    rendered = pl.col("prompt_tokens").alias("rendered_tokens")
    joined = prompts.select("custom_id", "request_key", "error", rendered).join(
        answers.rename({"custom_id": "asked_by", "reused": "known"}),
        on="request_key",
        how="left",
        maintain_order="left",
    )
    unrenderable = pl.col("error").is_not_null()
    answered = pl.col("asked_by").is_not_null() & pl.col("error_type").is_null()
    generated_here = (pl.col("asked_by") == pl.col("custom_id")) & ~pl.col("known")
    return joined.with_columns(
        reused=answered & ~generated_here.fill_null(value=False),
        error_type=pl.when(unrenderable).then(pl.lit("unrenderable")).otherwise("error_type"),
        error_message=pl.coalesce("error", "error_message"),
        prompt_tokens=pl.coalesce("prompt_tokens", "rendered_tokens"),
        cached_tokens=pl.col("cached_tokens").fill_null(0),
        output_tokens=pl.col("output_tokens").fill_null(0),
        preemptions=pl.col("preemptions").fill_null(0),
        attempt=pl.col("attempt").fill_null(1),
        run_id=pl.col("run_id").fill_null(run_id),
        engine=pl.col("engine").fill_null("none"),
        completed_at=pl.col("completed_at").fill_null(datetime.now(UTC)),
    )
