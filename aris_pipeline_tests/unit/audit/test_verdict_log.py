"""The log of verdicts: what it keeps, and what it does after a run that was stopped."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aris_pipeline.audit import append_verdicts, log_entries, log_is_stale, verdict_log
from aris_pipeline.errors import DamagedDataError
from aris_pipeline.storage import VerdictLog, write_bytes, write_parquet
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.tables import WITH_EVIDENCE, write_verdicts
from aris_pipeline_tests.unit.audit.logged import FAILED, JUDGE, Logged


def test_every_row_is_logged_with_its_status_and_what_made_the_verdict(logged: Logged) -> None:
    rows = logged.read()

    assert rows["status"].to_list() == [
        *("evaluated", "evaluated", "evaluated"), "truncated", "triaged", "unscored",
    ]  # fmt: skip
    row = rows.row(0, named=True)
    assert (row["custom_id"], row["recommendation"], row["score"]) == ("c0", "Strong Yes", 3.0)
    assert (row["rubric_id"], row["model_id"], row["run_id"]) == (
        "aris-swe-v2",
        "acme/small",
        "earlier",
    )
    assert row["code_version"].startswith("0.")
    assert row["answer_digest"] == hashlib.sha256(b"fine").hexdigest()


def test_only_new_and_changed_verdicts_are_added(logged: Logged) -> None:
    before = logged.files[0].read_bytes()
    assert logged.log().added == 0
    assert len(logged.files) == 1, "nothing has changed"

    logged.rows[0] = FAILED
    logged.rows[2] = {"score": 2.5}
    counts = logged.log()

    assert (counts.added, counts.rows) == (2, 8)
    assert [file.name for file in logged.files] == ["000001.parquet", "000002.parquet"]
    assert logged.files[0].read_bytes() == before
    of_c0 = log_entries(logged.store, JUDGE, logged.batch.name, custom_id="c0")
    assert [row["status"] for row in of_c0] == ["evaluated", "truncated"]


def test_the_same_verdict_by_another_answer_is_logged(logged: Logged) -> None:
    answers: list[dict[str, Any]] = [{} for _ in logged.rows]
    answers[1] = {"text": "another", "attempt": 2, "overrides": '{"reseeded": {"seed": 1}}'}
    logged.answer(*answers)

    assert logged.log().added == 1
    last = logged.read().row(-1, named=True)
    assert (last["custom_id"], last["attempt"]) == ("c1", 2)
    assert last["overrides"] == '{"repairs": {"reseeded": {"seed": 1}}}'


def test_a_log_is_written_again_only_after_an_evaluation(logged: Logged) -> None:
    assert not log_is_stale(logged.store, JUDGE, logged.batch)

    os.utime(logged.folder / "head.json", (0, 0))

    assert log_is_stale(logged.store, JUDGE, logged.batch)
    append_verdicts(logged.store, JUDGE, logged.batch)
    assert not log_is_stale(logged.store, JUDGE, logged.batch)


@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_run_stopped_between_file_and_head_is_repaired_by_the_next(
    logged: Logged, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    if before == 0:
        for file in logged.folder.iterdir():
            file.unlink()
    if before == 2:
        logged.rows[0] = {"score": 1.5}
        logged.log()

    def stop(*given: Any) -> None:
        if len(list(logged.folder.glob("*.parquet"))) > before:
            raise KeyboardInterrupt
        write_bytes(*given)

    logged.rows[1] = {"score": 2.5}
    with monkeypatch.context() as patch:
        patch.setattr(verdict_log, "write_bytes", stop)
        with pytest.raises(KeyboardInterrupt):
            logged.log()

    fault = logged.verify().fault
    assert fault is not None
    assert "a run was stopped there: run the file again" in str(fault)
    assert log_is_stale(logged.store, JUDGE, logged.batch)
    assert logged.log().added == 0
    assert logged.verify().fault is None
    assert len(logged.files) == before + 1


def test_two_writers_wait_for_each_other(logged: Logged) -> None:
    logged.rows = [FAILED] * 6
    write_verdicts(logged.store, JUDGE, logged.batch, WITH_EVIDENCE, *logged.rows)

    with ThreadPoolExecutor() as pool:
        work = [pool.submit(append_verdicts, logged.store, JUDGE, logged.batch) for _ in range(4)]
        added = [counts.added for one in work if (counts := one.result())]

    assert sorted(added) == [0, 0, 0, 5], "one had failed before"
    assert logged.verify().fault is None


def test_a_log_without_its_head_is_not_repaired_because_rows_may_be_cut_off(
    logged: Logged,
) -> None:
    rows = pl.read_parquet(logged.files[0])
    write_parquet(rows.head(4), logged.files[0], VerdictLog)
    (logged.folder / "head.json").unlink()

    with pytest.raises(DamagedDataError, match=r"head\.json ends at nowhere"):
        logged.log()
    assert logged.verify().fault is not None


def test_nothing_is_added_to_a_log_whose_end_was_cut_off(grown: Logged) -> None:
    grown.files[-1].unlink()

    with pytest.raises(DamagedDataError, match=r"ends at row 10, .* end at row 8: restore"):
        grown.log()


def test_nothing_is_added_to_a_log_that_lacks_a_file(grown: Logged) -> None:
    grown.files[1].unlink()

    with pytest.raises(DamagedDataError, match=r"000002\.parquet is missing"):
        grown.log()


def test_the_command_lists_and_verifies(grown: Logged) -> None:
    data, batch = ("--data-dir", grown.store.root), grown.batch.name
    counts = grown.log()

    listed = aris("audit", "log", batch, "--last", 2, *data, "--json").figures
    of_one = aris("audit", "log", batch, "--id", "c0", *data, "--json").figures
    anchors = aris("audit", "log", *data).stdout
    kept = aris("audit", "log", batch, "--verify", "--head", counts.head, *data)

    assert (listed["rows"], listed["head"]) == (10, counts.head)
    assert [one["sequence"] for one in listed["entries"]] == [9, 10]
    assert [one["score"] for one in of_one["entries"]] == [3.0, 1.25, 3.75]
    assert counts.head in anchors
    assert (kept.code, kept.stdout.partition(":")[0]) == (0, "ok")
    assert max(map(len, aris("audit", "log", batch, *data).stdout.splitlines()[:-1])) <= 80


def test_the_command_says_where_the_fault_is(grown: Logged) -> None:
    grown.files[1].unlink()

    found = aris("audit", "log", "--verify", "--data-dir", grown.store.root)
    lost = aris("audit", "log", "--verify", "--head", "0" * 64, "--data-dir", grown.store.root)
    nobody = aris("audit", "log", grown.batch.name, "--id", "x", "--data-dir", grown.store.root)

    assert found.code == 1
    assert f"{grown.folder / '000002.parquet'}, row 1, file: it is missing: restore" in found.stderr
    assert f"no row has the head {'0' * 64}" in lost.stderr
    assert (nobody.code, "has no row of candidate 'x'" in nobody.stderr) == (2, True)


def test_a_batch_without_a_log_is_a_fault(logged: Logged, tmp_path: Path) -> None:
    logged.folder.rename(tmp_path / "elsewhere")

    fault = logged.verify().fault

    assert fault is not None
    assert "there is no log of the 6 verdicts" in fault.problem
    assert "run the file again" in fault.remedy
