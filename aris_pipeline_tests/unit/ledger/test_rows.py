from typing import Any

import pytest

from aris_pipeline.errors import DamagedDataError
from aris_pipeline.ledger import ROW_COLUMNS, trace_batch
from aris_pipeline.storage import Batch, Completions, DataStore, Quarantine, write_frame
from aris_pipeline_tests.tables import table, write_table
from aris_pipeline_tests.unit.ledger.conftest import (
    BATCH,
    FIRST,
    JUDGE,
    LANDING,
    SECOND,
    Write,
    row_of,
)


def _lives(store: DataStore, batch: Batch, *columns: str) -> dict[str | None, Any]:
    """What these columns say of each row, by its id."""
    rows = trace_batch(store, batch, JUDGE).to_dicts()
    return {row["custom_id"]: tuple(row[name] for name in columns) for row in rows}


def test_every_row_that_went_in_is_traced_once_with_where_it_came_from(
    batch: Batch, bring: Write, store: DataStore
) -> None:
    bring(FIRST, "a1", "a2", "a3")

    rows = trace_batch(store, batch, JUDGE)

    assert rows.columns == list(ROW_COLUMNS)
    assert rows["batch"].unique().to_list() == [BATCH.name]
    assert rows.select("shard", "file", "line").rows() == [
        ("s000", "export.json", 1),
        ("s000", "export.json", 2),
        ("s000", "export.json", 3),
        ("s001", "export.json", 4),
        ("s001", "export.json", 5),
        ("landing", "export.json", 6),
    ]


def test_a_row_is_as_far_as_the_last_table_that_has_it(
    batch: Batch, bring: Write, judge: Write, store: DataStore
) -> None:
    bring(FIRST, "a1", "a2", "a3", to="raw_candidates")
    bring(SECOND, "b1", "b2", to="prompts")
    lives = _lives(store, batch, "state")
    assert (lives["a1"], lives["b1"], lives["c0"]) == (("usable",), ("prompted",), ("quarantined",))

    bring(FIRST, "a1", "a2", to="completions")
    judge(FIRST, "a1", {"custom_id": "a2", "is_valid": False, "invalid_reason": "truncated"})
    bring(SECOND, "b1", to="completions")

    assert _lives(store, batch, "state", "reason") == {
        "a1": ("evaluated", None),
        "a2": ("failed", "truncated"),
        "a3": ("landed", None),
        "b1": ("completed", None),
        "b2": ("landed", None),
        "c0": ("quarantined", "wrong_type"),
    }


def test_a_row_that_validation_rejected_is_quarantined_by_its_line(
    batch: Batch, bring: Write, store: DataStore
) -> None:
    bring(SECOND, "b1")
    rejected = {"custom_id": None, "line": 5, "rule": "no_usable_text"}
    write_table(store.quarantine(SECOND), Quarantine, rejected)

    lives = _lives(store, batch, "state", "reason")

    assert (lives["b1"], lives["b2"]) == (("evaluated", None), ("quarantined", "no_usable_text"))


def test_an_answered_row_says_which_attempt_of_which_request_and_run_answered_it(
    batch: Batch, bring: Write, store: DataStore
) -> None:
    bring(FIRST, "a1", "a2", "a3", to="prompts")
    repaired = row_of("a1", attempt=2, overrides='{"seed": 7}', engine="vllm-1", run_id="now")
    refused = row_of("a2", error_type="refused", text=None)
    taken_over = row_of("a3", reused=True)
    write_table(store.completions(JUDGE, FIRST), Completions, repaired, refused, taken_over)

    lives = _lives(
        store, batch, "state", "reason", "request_key", "attempt", "overrides", "engine", "run_id"
    )

    assert lives["a1"] == (
        *("completed", None, "key of a1", 2),
        *('{"seed": 7}', "vllm-1", "now"),
    )
    assert lives["a2"][:2] == ("completed", "refused")
    assert lives["b1"] == ("landed", *[None] * 6)
    reused = _lives(store, batch, "reused")
    assert (reused["a1"], reused["a3"], reused["b1"]) == ((False,), (True,), (None,))


def test_completions_of_a_version_without_repairs_are_traced_too(
    batch: Batch, bring: Write, store: DataStore
) -> None:
    bring(FIRST, "a1", "a2", "a3", to="prompts")
    old = table(Completions, row_of("a1"), row_of("a2"), row_of("a3")).drop("overrides")
    write_frame(old, store.completions(JUDGE, FIRST))

    assert _lives(store, batch, "state", "overrides")["a1"] == ("completed", None)


def test_a_damaged_file_is_named_instead_of_guessing(
    batch: Batch, bring: Write, store: DataStore
) -> None:
    bring(FIRST, "a1", "a2", "a3")
    store.prompts(JUDGE, FIRST).write_bytes(b"half a fi")

    with pytest.raises(DamagedDataError, match=str(store.prompts(JUDGE, FIRST))):
        trace_batch(store, batch, JUDGE)


def test_without_a_judge_rows_are_traced_as_far_as_they_are_without_one(
    batch: Batch, bring: Write, store: DataStore
) -> None:
    bring(FIRST, "a1", "a2", "a3")

    assert trace_batch(store, batch, None)["state"].to_list() == [
        *["usable"] * 3,
        *["landed"] * 2,
        "quarantined",
    ]


def test_the_quarantine_of_landing_may_have_several_files(batch: Batch, store: DataStore) -> None:
    second = store.quarantine(LANDING).with_stem("quarantine-001")
    write_table(second, Quarantine, {"line": 7})

    rows = trace_batch(store, batch, None).filter(state="quarantined")

    assert sorted(rows["line"]) == [6, 7]
