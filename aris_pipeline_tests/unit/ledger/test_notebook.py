"""The notebook, run as a script runs it: without a browser."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aris_pipeline import ledger
from aris_pipeline.storage import DataStore, Judge, Quarantine, Shard
from aris_pipeline_tests.tables import WITH_EVIDENCE, make_batch, write_table, write_verdicts

pytest.importorskip("marimo", reason="the extra `notebook` is not installed")

BATCH = make_batch(3)
FILE = Path(ledger.__file__).with_name("notebook.py")


def _answers(store: DataStore, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    from aris_pipeline.ledger.notebook import app

    monkeypatch.setenv("ARIS_DATA_DIR", str(store.root))
    _outputs, found = app.run()
    return dict(found)


@pytest.mark.slow
def test_five_questions_are_answered_of_the_newest_batch(
    store: DataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {"is_valid": False, "recommendation": None, "invalid_reason": "empty"}
    rows = (
        {"custom_id": "ada"},
        {"custom_id": "bob", "shortened": True},
        {"custom_id": "c", **broken},
    )
    for batch in (make_batch(1, name="2026-11-01_older"), BATCH):
        write_verdicts(store, Judge("aris-swe-v2", "small"), batch, WITH_EVIDENCE, *rows)
    write_table(store.quarantine(Shard(BATCH.name, "landing")), Quarantine, {"custom_id": "d"})

    found = _answers(store, monkeypatch)

    assert found["chosen"].value == (BATCH.name, "aris-swe-v2", "small")
    assert found["ranked"].select("rank", "custom_id").rows() == [(1, "ada"), (2, "bob")]
    assert {"overall_reason", "role_reason"} <= set(found["ranked"].columns)
    assert found["queue"].select("custom_id", "why").rows() == [("bob", "shortened")]
    assert found["verdicts"].select("recommendation", "candidates").rows() == [("Strong Yes", 2)]
    assert found["failures"].select("state", "custom_id").rows() == [
        ("failed", "c"),
        ("quarantined", "d"),
    ]
    assert found["costs"]["shards"].to_list() == [0]


@pytest.mark.slow
def test_no_link_of_a_text_is_one_in_the_notebook() -> None:
    import polars as pl

    from aris_pipeline.ledger.notebook import shown

    texts = ["see https://evil.example/a.png", "data:image/png;base64,AA"]

    (first, second) = shown(pl.DataFrame({"reason": texts}))["reason"]

    assert "https:" not in first
    assert not second.startswith("data:")


@pytest.mark.slow
def test_it_runs_as_a_script_also_where_nothing_is_judged(tmp_path: Path) -> None:
    command = [sys.executable, str(FILE), "--", "--data-dir", str(tmp_path)]

    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
