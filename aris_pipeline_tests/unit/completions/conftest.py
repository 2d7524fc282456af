"""A shard's prompts, a verdict scale of three, and the room's work on them with the fake engine."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aris_pipeline.completions import RunStats, Shorten, complete_shards
from aris_pipeline.completions.generation import generate_rows
from aris_pipeline.engines import Engine, EngineSession
from aris_pipeline.scoring import ScoreNode, ScorePlan, Scoring
from aris_pipeline.storage import DataStore, Judge, Prompts, Shard
from aris_pipeline_tests.fake_engine import FakeEngine
from aris_pipeline_tests.tables import write_table

JUDGE = Judge("aris-swe-v1", "small")
SHARD = Shard("2026-11-21_export", "s000")

STRONG, MAYBE, YES, NO = 10, 11, 20, 21
PLAN = ScorePlan(
    options=("Strong Yes", "Maybe", "Strong No"),
    nodes=(ScoreNode((7,), (STRONG, MAYBE)), ScoreNode((7, STRONG), (YES, NO))),
    paths=(((0, STRONG), (1, YES)), ((0, MAYBE),), ((0, STRONG), (1, NO))),
)
SCORING = Scoring(PLAN, calibration_prompt=[1])

Ask = Callable[..., None]
Complete = Callable[..., RunStats]


@pytest.fixture(autouse=True)
def _own_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARIS_CACHE_DIR", str(tmp_path / "cache"))
    FakeEngine.reset()


@pytest.fixture
def ask(store: DataStore) -> Ask:
    """Writes the prompts of a shard; each is given by what matters."""

    def write(*rows: dict[str, Any], shard: Shard = SHARD) -> None:
        write_table(store.prompts(JUDGE, shard), Prompts, *rows)

    return write


@pytest.fixture
def complete(store: DataStore) -> Complete:
    """Completes a shard in a run of its own, with an engine of its own."""

    def run(
        engine: Callable[[], Engine] = FakeEngine,
        *,
        shard: Shard = SHARD,
        scoring: Scoring | None = None,
        run_id: str = "now",
        **options: Any,
    ) -> RunStats:
        with EngineSession(engine, backoff_s=0) as session:
            ((_shard, outcome),) = complete_shards(
                *(store, JUDGE, [shard], session),
                scoring=scoring,
                run_id=run_id,
                on_written=lambda _shard, stats: stats,
                **{"shorten": cannot_shorten, **options},
            )
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return run


def cannot_shorten(_prompt: Mapping[str, Any], _limit: int) -> list[int] | None:
    return None


def generated(
    engine: Callable[[], Engine],
    prompts: pl.DataFrame,
    scoring: Scoring | None = None,
    shorten: Shorten = cannot_shorten,
) -> Iterator[dict[str, Any]]:
    """The rows that generation yields, with engines opened by `engine`."""
    with EngineSession(engine, backoff_s=0) as session:
        rows = prompts.iter_rows(named=True)
        yield from generate_rows(session, rows, scoring=scoring, shorten=shorten, run_id="now")


def completed(store: DataStore, shard: Shard = SHARD) -> pl.DataFrame:
    return pl.read_parquet(store.completions(JUDGE, shard))
