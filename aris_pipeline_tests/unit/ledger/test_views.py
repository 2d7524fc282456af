"""The views, as DuckDB answers from a directory other than the one where they were written."""

from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from aris_pipeline.ledger import VIEWS, views_sql
from aris_pipeline.prompts import load_rubric
from aris_pipeline.storage import (
    Batch,
    DataStore,
    Evaluations,
    Judge,
    Quarantine,
    RawCandidates,
    Shard,
)
from aris_pipeline_tests.tables import WITH_EVIDENCE, make_batch, write_table, write_verdicts

JUDGE = Judge("aris-swe-v2", "small")
BATCH = make_batch(3)
SHARD = Shard.all_of(BATCH)[0]
FAILED = {"is_valid": False, "recommendation": None, "score_recommendation": None}


def _asked(store: DataStore, query: str) -> list[tuple[Any, ...]]:
    text, _ = views_sql(store)
    with duckdb.connect() as connection:
        connection.execute(text)
        return connection.execute(query).fetchall()


def _judge(store: DataStore, *rows: dict[str, Any], batch: Batch = BATCH) -> None:
    write_verdicts(store, JUDGE, batch, WITH_EVIDENCE, *rows)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_rankings_of_all_batches_and_judges_stand_together(store: DataStore) -> None:
    other, plain = make_batch(1, name="2026-11-22_b"), load_rubric("aris-swe-v1")
    _judge(store, {"custom_id": "ada"}, {"custom_id": "bob", "score": 3.5})
    _judge(store, {"custom_id": "ada", "contradictions": ["years"]}, batch=other)
    write_verdicts(store, Judge("aris-swe-v1", "007"), BATCH, plain, {"custom_id": "ada"})

    found = _asked(
        store,
        "select batch, rubric, model, rank, custom_id, recommendation, contradictions from ranking"
        " order by batch, rubric, rank",
    )

    best = "Strong Yes"
    assert found == [
        (BATCH.name, "aris-swe-v1", "007", 1, "ada", best, None),
        (BATCH.name, "aris-swe-v2", "small", 1, "bob", best, []),
        (BATCH.name, "aris-swe-v2", "small", 2, "ada", best, []),
        (other.name, "aris-swe-v2", "small", 1, "ada", best, ["years"]),
    ]


def test_the_review_queue_says_why_a_verdict_is_in_it(store: DataStore) -> None:
    _judge(
        store,
        {"custom_id": "fine", "review_reasons": []},
        {"custom_id": "apart", "review_reasons": ["disagrees", "near the cut"]},
        {"custom_id": "broken", "shortened": True, "invalid_reason": "empty", **FAILED},
    )

    found = _asked(store, "select custom_id, rank, review_reasons from review_queue")

    assert found == [("apart", 1, ["disagrees", "near the cut"])]


def test_verdicts_of_a_version_that_gave_no_reasons_are_in_the_queue_as_such(
    store: DataStore,
) -> None:
    _judge(store, {"custom_id": "old"}, {"custom_id": "broken", **FAILED})
    evaluations = store.evaluations(JUDGE, SHARD)
    pl.read_parquet(evaluations).drop("review_reasons").write_parquet(evaluations)

    assert _asked(store, "select custom_id, review_reasons from review_queue") == [("old", None)]


def test_failed_rows_come_with_their_line_and_triaged_ones_are_none(store: DataStore) -> None:
    failed = {"is_valid": False}
    write_table(
        store.evaluations(JUDGE, SHARD),
        Evaluations,
        {"custom_id": "ada"},
        {"custom_id": "cut", "invalid_reason": "truncated", "invalid_detail": "400", **failed},
        {"custom_id": "left out", "invalid_reason": "triaged", **failed},
    )
    write_table(store.raw_candidates(SHARD), RawCandidates, {"custom_id": "cut", "line": 12})

    found = _asked(
        store,
        "select batch, shard, custom_id, file, line, invalid_reason, invalid_detail from failed",
    )

    assert found == [(BATCH.name, "s000", "cut", "export.json", 12, "truncated", "400")]


def test_quarantines_of_landing_and_of_shards_are_one_view(store: DataStore) -> None:
    write_table(store.quarantine(SHARD), Quarantine, {"line": 5})
    write_table(store.quarantine(Shard(BATCH.name, "landing")), Quarantine, {"line": 6})

    found = _asked(store, "select batch, shard, line, rule from quarantine order by line")

    assert found == [
        (BATCH.name, "s000", 5, "wrong_type"),
        (BATCH.name, "landing", 6, "wrong_type"),
    ]


def test_views_of_tables_without_files_are_empty_and_named(store: DataStore) -> None:
    text, empty = views_sql(store)

    assert {"evaluations", "candidate_ranking", "throughput", "quarantine"} <= set(empty)
    assert [_asked(store, f"from {view}") for view in VIEWS] == [[]] * len(VIEWS)
    assert str(store.root) not in text


def test_openai_answers_of_other_kinds_stand_together(store: DataStore) -> None:
    openai = Judge("openai", "small")
    write_table(store.evaluations(openai, SHARD), Evaluations, {"review_reasons": ["shortened"]})

    assert _asked(store, "select rubric, rank, review_reasons from review_queue") == [
        ("openai", None, ["shortened"])
    ]


@pytest.mark.parametrize(
    "name", ["it's", 'a "b"', "[1] * ?", "a; drop view ranking; --", "ä ö\n-- x"]
)
def test_a_data_directory_of_any_name_is_safe(tmp_path: Path, name: str) -> None:
    store = DataStore(tmp_path / name / "data")
    _judge(store, {"custom_id": "ada"})
    _judge(DataStore(tmp_path / "1 x y" / "data"), {"custom_id": "not meant"})

    assert _asked(store, "select custom_id from ranking") == [("ada",)]
