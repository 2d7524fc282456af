"""A judged batch whose verdicts are logged, and what one does to its log."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from aris_pipeline.audit import LogCounts, VerifiedLog, append_verdicts, verify_log
from aris_pipeline.completions import RunStats
from aris_pipeline.storage import (
    Batch,
    Completions,
    DataStore,
    Judge,
    Prompts,
    Shard,
    write_bytes,
    write_parquet,
)
from aris_pipeline_tests.tables import (
    DAY,
    WITH_EVIDENCE,
    make_batch,
    table,
    write_table,
    write_verdicts,
)

JUDGE = Judge("aris-swe-v2", "small")
FAILED = {"is_valid": False, "recommendation": None, "invalid_reason": "truncated"}


@dataclass
class Logged:
    """Candidates c0, c1, ... of one shard; `rows` says what matters of each verdict."""

    store: DataStore
    rows: list[dict[str, Any]]
    batch: Batch = field(init=False)

    def __post_init__(self) -> None:
        self.batch = make_batch(len(self.rows))
        write_bytes(self.batch.model_dump_json().encode(), self.store.batch_file(self.batch.name))
        (shard,) = Shard.all_of(self.batch)
        given = {
            "messages": json.dumps([{"role": "user", "content": "Judge."}]),
            "max_tokens": WITH_EVIDENCE.max_tokens,
            "seed": 42,
        }
        write_table(self.store.prompts(JUDGE, shard), Prompts, *[given for _ in self.rows])
        self.answer(*[{} for _ in self.rows])

    def answer(self, *rows: dict[str, Any]) -> None:
        """Writes what the engine answered to each candidate; a row says what matters."""
        (shard,) = Shard.all_of(self.batch)
        stats = RunStats(
            run_id="now", started_at=DAY, generated=1, reused=0, failed=0, wall_s=1.0
        )  # fmt: skip
        write_parquet(
            table(Completions, *rows),
            self.store.completions(JUDGE, shard),
            Completions,
            metadata={"aris.run_stats": stats.model_dump_json()},
        )

    @property
    def folder(self) -> Path:
        return self.store.verdict_log(JUDGE, self.batch.name)

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.parquet"))

    def log(self) -> LogCounts:
        """Judges the rows as they are now, and logs that."""
        write_verdicts(self.store, JUDGE, self.batch, WITH_EVIDENCE, *self.rows)
        counts = append_verdicts(self.store, JUDGE, self.batch)
        assert counts is not None
        return counts

    def verify(self, *anchors: str) -> VerifiedLog:
        return verify_log(self.store, JUDGE, self.batch, anchors)

    def read(self) -> pl.DataFrame:
        return pl.concat([pl.read_parquet(file) for file in self.files])
