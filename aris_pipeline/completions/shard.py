"""Holds the completions of one shard: the known ones, the awaited ones, and the file."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from aris_pipeline.completions.answer_repair import RETRY_STEPS
from aris_pipeline.completions.clock import EngineTime
from aris_pipeline.completions.row_in_flight import POISON
from aris_pipeline.completions.stats import STATS_KEY, GenerationStats, Prediction, RunStats
from aris_pipeline.storage import Completions, DataStore, Judge, Shard, write_parquet
from aris_pipeline.storage.schemas import polars_schema

Row = dict[str, Any]

PROMPTS_KEPT = ["custom_id", "request_key", "error", "prompt_tokens"]
"""Columns of a shard's prompts that are needed until it ends."""


@dataclass
class OpenShard:
    """A shard between its prompts and its completions.

    Attributes:
        shard: which shard it is.
        parts: the directory of its part files.
        prompts: the columns of its prompts that are kept until the end.
        todo: prompts that must be asked, each a different request.
        known: answers that existed before the run.
        predicted: how long they are expected to take.
        left_out: rows that triage has only scored.
        borrowed: answers that the run gave to the same request of another shard.
        fresh: rows that were asked for this shard, as they finish.
        awaited: requests, asked for this shard or another, whose answer is still to come.
        spent: the engine's time for this shard.
        begun: whether its turn has come.
        failed: whether its rows are no longer needed.
        started: monotonic seconds when its turn came.
        loaded_s: seconds that loads of the engine had taken by then.
    """

    shard: Shard
    parts: Path
    prompts: pl.DataFrame
    todo: pl.DataFrame = field(default_factory=pl.DataFrame)
    known: pl.DataFrame = field(default_factory=pl.DataFrame)
    left_out: pl.DataFrame = field(default_factory=pl.DataFrame)
    predicted: Prediction | None = None
    borrowed: list[Row] = field(default_factory=list)
    fresh: list[Row] = field(default_factory=list)
    awaited: int = 0
    spent: EngineTime = field(default_factory=EngineTime)
    begun: bool = False
    failed: bool = False
    started: float = 0.0
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    loaded_s: float = 0.0

    def begin(self, loaded_s: float) -> None:
        """Notes that its turn has come."""
        self.begun, self.loaded_s = True, loaded_s
        self.started, self.started_at = time.monotonic(), datetime.now(UTC)

    def take(self, row: Row, *, own: bool) -> None:
        """Takes an awaited answer."""
        self.awaited -= 1
        if own:
            self.fresh.append(row)
        else:
            self.borrowed.append({**row, "reused": True})

    def write(
        self,
        store: DataStore,
        judge: Judge,
        generation: GenerationStats,
        *,
        run_id: str,
        loaded_s: float,
    ) -> RunStats:
        """Writes the completions file and returns what the shard cost.

        Args:
            store: the data directory.
            judge: the judge whose completions these are.
            generation: figures of the engine's part.
            run_id: the id of this run.
            loaded_s: seconds that loads of the engine have taken so far.
        """
        types = polars_schema(Completions)
        fresh = pl.DataFrame(self.fresh, schema=types, orient="row")
        borrowed = pl.DataFrame(self.borrowed, schema=types, orient="row")
        known = self.known.with_columns(reused=pl.lit(value=True))
        answers = [known, borrowed, fresh, *([self.left_out] if self.left_out.height else [])]
        completions = _assemble(self.prompts, pl.concat(answers), run_id)
        stats = RunStats(
            **generation.model_dump(),
            run_id=run_id,
            started_at=self.started_at,
            generated=fresh["error_type"].is_null().sum(),
            triaged=completions["triaged"].sum(),
            reused=completions["reused"].sum(),
            failed=completions["error_type"].is_not_null().sum(),
            poison=(fresh["error_type"] == POISON).sum(),
            repairs={
                step: fresh["overrides"].str.json_path_match(f"$.{step}").is_not_null().sum()
                for step in RETRY_STEPS
            },
            wall_s=time.monotonic() - self.started - (loaded_s - self.loaded_s),
        )
        write_parquet(
            completions,
            store.completions(judge, self.shard),
            Completions,
            metadata={STATS_KEY: stats.model_dump_json()},
        )
        return stats


def askable(prompts: pl.DataFrame) -> pl.DataFrame:
    """Returns one prompt for each request that can be asked."""
    return prompts.filter(pl.col("error").is_null()).unique(
        "request_key", keep="first", maintain_order=True
    )


def _assemble(prompts: pl.DataFrame, answers: pl.DataFrame, run_id: str) -> pl.DataFrame:
    """Returns one row a prompt, in order; a prompt that could not be rendered is a failed row.

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
    triaged = pl.col("triaged").fill_null(value=False)
    answered = pl.col("asked_by").is_not_null() & pl.col("error_type").is_null() & ~triaged
    generated_here = (pl.col("asked_by") == pl.col("custom_id")) & ~pl.col("known")
    return joined.with_columns(
        triaged=triaged,
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
