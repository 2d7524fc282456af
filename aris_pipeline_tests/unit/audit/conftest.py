"""Judged batches with a file of categories, and logs of verdicts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aris_pipeline.audit import (
    MeasuredImpact,
    measure_impact,
    read_demographics,
    read_quarantined,
)
from aris_pipeline.completions import RunStats
from aris_pipeline.evaluations import TRIAGED
from aris_pipeline.labels import Population, read_population
from aris_pipeline.storage import (
    LANDING_SHARD,
    Batch,
    Completions,
    DataStore,
    Judge,
    Quarantine,
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
from aris_pipeline_tests.unit.audit.logged import FAILED, Logged

JUDGE = Judge("aris-swe-v2", "small")


@dataclass(frozen=True)
class Judged:
    """A judged batch, and what one does to audit it."""

    store: DataStore
    batch: Batch
    folder: Path

    @property
    def population(self) -> Population:
        return read_population(self.store, JUDGE, self.batch)

    def people(self, **columns: Sequence[str]) -> Path:
        """Writes categories of the candidates c0, c1, ..., a column a dimension."""
        rows = [f"c{n},{','.join(cells)}" for n, cells in enumerate(zip(*columns.values()))]  # noqa: B905
        file = self.folder / "people.csv"
        file.write_text("\n".join([f"custom_id,{','.join(columns)}", *rows]), encoding="utf-8")
        return file

    def measure(self, file: Path, **options: Any) -> MeasuredImpact:
        population = self.population
        missed = read_quarantined(self.store, [population])
        ids = pl.concat([population.rows["custom_id"], missed.ids])
        demographics = read_demographics(file, ids)
        return measure_impact(self.store, [population], missed, demographics, **options)

    def quarantine(self, *rows: dict[str, Any]) -> None:
        """Puts records into the quarantine of landing."""
        write_table(self.store.quarantine(Shard(self.batch.name, LANDING_SHARD)), Quarantine, *rows)


Judging = Callable[..., Judged]


@pytest.fixture
def judged(store: DataStore, tmp_path: Path) -> Judging:
    """Judges candidates c0, c1, ... as `verdict` or `triaged` makes them."""

    def write(*rows: dict[str, Any], **fields: Any) -> Judged:
        batch = make_batch(len(rows), **fields)
        write_bytes(batch.model_dump_json().encode(), store.batch_file(batch.name))
        stats = RunStats(
            run_id="now", started_at=DAY, generated=len(rows), reused=0, failed=0, wall_s=1.0
        )  # fmt: skip
        write_parquet(
            table(Completions, *({} for _ in rows)),
            store.completions(JUDGE, Shard.all_of(batch)[0]),
            Completions,
            metadata={"aris.run_stats": stats.model_dump_json()},
        )
        write_verdicts(store, JUDGE, batch, WITH_EVIDENCE, *rows)
        return Judged(store, batch, tmp_path)

    return write


def verdict(recommendation: str, score: float | None = 2.0) -> dict[str, Any]:
    return {"recommendation": recommendation, "score": score}


def triaged(score: float) -> dict[str, Any]:
    return failed(score) | {"invalid_reason": TRIAGED}


def failed(score: float | None) -> dict[str, Any]:
    return verdict("", score) | {
        "recommendation": None,
        "is_valid": False,
        "invalid_reason": "truncated",
    }


@pytest.fixture
def logged(store: DataStore) -> Logged:
    """Six candidates, logged: one of them failed, one triaged, one without a score."""
    triaged = {**FAILED, "invalid_reason": "triaged"}
    made = Logged(store, [{}, {}, {}, FAILED, triaged, {"score": None}])
    made.log()
    return made


@pytest.fixture
def grown(logged: Logged) -> Logged:
    """The same after two more runs that changed some verdicts: three files, ten rows."""
    logged.rows[0] = {"score": 1.25}
    logged.rows[3] = {"recommendation": "No"}
    logged.log()
    logged.rows[0] = {"score": 3.75}
    logged.rows[1] = FAILED
    logged.log()
    return logged
