"""A batch of one shard with its verdicts, written as the stages before the report write them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aris_pipeline.completions import RunStats
from aris_pipeline.evaluations import evaluation_schema, rank_batch, review_reasons
from aris_pipeline.evaluations.evaluating import RUBRIC_KEY
from aris_pipeline.prompts import OPENAI, Rubric, load_rubric
from aris_pipeline.reports import Report, write_page
from aris_pipeline.storage import (
    Batch,
    Completions,
    DataStore,
    Judge,
    Landed,
    Prompts,
    Quarantine,
    RawCandidates,
    Shard,
    write_parquet,
)
from aris_pipeline_tests.reading_pages import ReadPage, read_page
from aris_pipeline_tests.tables import DAY, make_batch, table, write_table

JUDGE = Judge("aris-swe-v2", "small")
LANDING = "landing"


@dataclass(frozen=True)
class Judged:
    """A judged batch."""

    store: DataStore
    batch: Batch
    judge: Judge

    def report(self, **options: Any) -> Report:
        return write_page(self.store, self.judge, self.batch, **options)

    def page(self, **options: Any) -> ReadPage:
        return read_page(self.report(**options).path)


Judging = Callable[..., Judged]


@pytest.fixture(scope="session")
def rubric() -> Rubric:
    return load_rubric("aris-swe-v2")


@pytest.fixture(autouse=True)
def _no_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures take most of a second."""
    if "picture" not in request.node.nodeid:
        for name in ("verdict_mix", "score_distribution"):
            monkeypatch.setattr(f"aris_pipeline.reports.batch_report.{name}", lambda *_, **__: None)


@pytest.fixture
def judged(store: DataStore, rubric: Rubric) -> Judging:
    """Judges rows, each given by what matters: columns of its evaluation, `names`, `overrides`."""

    def write(
        *rows: dict[str, Any],
        by: Rubric | None = rubric,
        quarantined: tuple[dict[str, Any], ...] = (),
    ) -> Judged:
        batch = make_batch(len(rows), quarantined=len(quarantined))
        (shard,), judge = Shard.all_of(batch), Judge(by.id if by else OPENAI, "small")
        ids = [{"custom_id": row.get("custom_id", f"c{n}")} for n, row in enumerate(rows)]
        write_table(store.landed(shard), Landed, *ids)
        names = [row.pop("names", {}) for row in rows]
        write_table(
            store.raw_candidates(shard),
            RawCandidates,
            *(one | name for one, name in zip(ids, names, strict=True)),
        )
        write_table(store.quarantine(Shard(batch.name, LANDING)), Quarantine, *quarantined)
        write_table(store.prompts(judge, shard), Prompts, *ids)
        overrides = [json.dumps(row.pop("overrides", None)) for row in rows]
        _complete(store.completions(judge, shard), ids, overrides)
        schema = evaluation_schema(by)
        given = table(schema, *(_verdict(row, by) | row for row in rows))
        overridden = given.with_columns(overrides=pl.Series(overrides, dtype=pl.String))
        write_parquet(
            given.with_columns(overridden.select(review_reasons(by))),
            store.evaluations(judge, shard),
            schema,
            metadata={RUBRIC_KEY: by.model_dump_json()} if by else None,
        )
        rank_batch(store, judge, batch)
        return Judged(store, batch, judge)

    return write


def _complete(path: Path, ids: list[dict[str, Any]], overrides: list[str]) -> None:
    rows = [
        one | {"overrides": None if given == "null" else given}
        for one, given in zip(ids, overrides, strict=True)
    ]
    stats = RunStats(
        run_id="now", started_at=DAY, generated=len(ids), reused=0, failed=0, wall_s=1.0
    )  # fmt: skip
    footer = {"aris.run_stats": stats.model_dump_json()}
    write_parquet(table(Completions, *rows), path, Completions, metadata=footer)


def _verdict(row: dict[str, Any], rubric: Rubric | None) -> dict[str, Any]:
    if rubric is None:
        return {"rubric_id": OPENAI}
    found: dict[str, Any] = {"rubric_id": rubric.id, "rubric_digest": rubric.digest}
    if not row.get("is_valid", True):
        return found
    for criterion in rubric.criteria:
        found |= {criterion.name: "Good", f"{criterion.name}_reason": "a degree"}
        if rubric.evidence:
            found |= {f"{criterion.name}_evidence": "E1", f"{criterion.name}_quote": "BSc, Physics"}
    found |= {flag.name: True for flag in rubric.flags}
    if rubric.evidence:
        found |= {"grounding": "grounded", "ungrounded": [], "contradictions": []}
    verdict = row.get("recommendation", "Yes")
    return found | {
        "overall_reason": "a steady career",
        "recommendation": verdict,
        "score": 3.2,
        "confidence": 0.6,
        "score_recommendation": verdict,
    }
