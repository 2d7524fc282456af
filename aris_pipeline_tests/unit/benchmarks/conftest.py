"""A contest of fake engines on synthetic rows, as the command line would run it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aris_pipeline.benchmarks import Contest, FileSource, Plan
from aris_pipeline.engines import Engine, EngineSettings
from aris_pipeline.judging import JudgingSettings
from aris_pipeline.models import ModelCard, find_model
from aris_pipeline.storage import BenchmarkRuns
from aris_pipeline.storage.schemas import polars_schema
from aris_pipeline_tests.fake_engine import FakeEngine

CARD = find_model("smollm2-135m-instruct")


@pytest.fixture
def contest(write_file: Callable[..., Path]) -> Callable[..., Contest]:
    """Returns a function that makes a contest; rows of an Aris export, two blocks."""

    def make(*contestants: str, **fields: Any) -> Contest:
        given = {
            "contestants": contestants,
            "cards": [CARD],
            "source": FileSource(write_file(6), None, JudgingSettings()),
            "settings": EngineSettings(),
            "plan": Plan("engines", blocks=2, seed=3, warm_up_rows=2),
        }
        return Contest(**{**given, **fields})

    return make


class Fakes:
    """Opens fake engines by kind, and remembers what was opened and closed."""

    def __init__(self, **answers: Callable[..., Any]) -> None:
        self.events: list[str] = []
        self.resets = 0
        self._answers = answers

    def __call__(self, card: ModelCard, settings: EngineSettings) -> Engine:
        fakes = self
        kind = settings.engine

        class Watched(FakeEngine):
            def reset_prefix_cache(self) -> bool:
                fakes.resets += 1
                return True

            def close(self) -> None:
                fakes.events.append(f"close {kind} {card.name}")

        self.events.append(f"open {kind} {card.name}")
        return Watched(self._answers.get(kind))


def measured_runs(
    figures: Mapping[tuple[str, str], Sequence[tuple[float, float]]], **fields: Any
) -> pl.DataFrame:
    """Rows of `BenchmarkRuns`: (req_s, total_s) of each block by (engine, model)."""
    rows = []
    for position, ((engine, model), blocks) in enumerate(figures.items()):
        for block, (req_s, total_s) in enumerate(blocks, start=1):
            row = {
                "run_id": "20261101T000000Z-engines",
                "suite": "engines",
                "started_at": datetime(2026, 11, 1, tzinfo=UTC),
                "arm": f"{engine} {model}",
                "position": position,
                "engine": engine,
                "model": model,
                "status": "measured",
                "block": block,
                "turn": block,
                "workload": "10 rows of candidates.json, JSON schema",
                "workload_digest": "d",
                "rows": 10,
                "schema_on": True,
                "fixed_lengths": False,
                "random_weights": False,
                "temperature": 0.0,
                "seed": 1,
                "loading": "in_turn",
                "prefix_cache": "emptied",
                "warm_up_rows": 2,
                "load_s": 1.0,
                "processing_s": total_s - 1.0,
                "total_s": total_s,
                "rows_ok": 10,
                "rows_valid": 10,
                "success_rate": 1.0,
                "valid_rate": 1.0,
                "req_s": req_s,
                "output_tok_s": req_s * 50,
                "total_tok_s": req_s * 500,
                "differences": '{"dtype": "bfloat16", "note": "a note"}',
                "engine_version": "fake-1",
                "host": "a processor, 2 cores",
                "versions": '{"polars": "2.1"}',
                **fields,
            }
            rows.append(row)
    return pl.DataFrame(rows, schema=polars_schema(BenchmarkRuns), orient="row")
