"""A person is erased: from every file, whole or not at all, and for good."""

import contextlib
import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from aris_pipeline.audit import append_verdicts, log_is_stale, verify_log
from aris_pipeline.candidates import LandingOptions, land_file, validate_shard
from aris_pipeline.engines import EngineLock
from aris_pipeline.erasure import Erasure, add_hold, erase, plan_erasure, release_hold
from aris_pipeline.ledger import judges_of, reconcile
from aris_pipeline.storage import (
    Completions,
    DataStore,
    Judge,
    Shard,
    dagster_home,
)
from aris_pipeline.storage.process_lock import ProcessLock
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.tables import write_table
from aris_pipeline_tests.unit.erasure.judged import purge
from aris_pipeline_tests.unit.erasure.marked import FILES, ID, MARK, marked_files

Landing = Callable[[str], Path]


def is_whole(store: DataStore) -> bool:
    """Returns whether every row and every log of the store is as it should be."""
    return all(
        reconcile(store, batch, judge).ok
        and (judge is None or verify_log(store, judge, batch).fault is None)
        for batch in store.batches()
        for judge in judges_of(store, batch)
    )


@pytest.mark.slow
def test_nothing_of_a_person_is_left_in_any_file_of_the_data_directory(
    landed_and_judged: DataStore,
) -> None:
    (completions,) = landed_and_judged.root.glob("completions/*/*/*/*/*.parquet")
    part = (
        landed_and_judged.root
        / ".work"
        / completions.relative_to(landed_and_judged.root).with_name("part-1.parquet")
    )
    part.parent.mkdir(parents=True)
    shutil.copy(completions, part)
    data = ("--data-dir", landed_and_judged.root)
    assert aris("retain", "--hold", ID, "--why", f"{MARK} sues", "--by", "Ann", *data).code == 0
    assert aris("retain", "--release", ID, "--by", "Bob", *data).code == 0
    kinds = {name.partition("/")[0] for name in marked_files(landed_and_judged.root)}
    assert kinds >= {
        ".work",
        *("landing", "landed", "quarantine", "raw_candidates", "prompts", "completions"),
        *("evaluations", "candidate_ranking", "verdict_log", "label_samples", "labels"),
        *("decisions", "reports", "exports", "chats.jsonl", "sheet.csv", "sheet.html", "erasures"),
    }

    purge(landed_and_judged)

    assert marked_files(landed_and_judged.root) == []
    assert is_whole(landed_and_judged)
    (batch,) = landed_and_judged.batches()
    assert batch.erased == {"s000": 1, "landing": 3}
    assert len(list(landed_and_judged.root.glob("reports/*/*/*/*.html"))) == 2
    ranking = pl.read_parquet(
        next(landed_and_judged.root.glob("candidate_ranking/*/*/*/*.parquet"))
    )
    assert ranking["rank"].to_list() == [1, 2, 3, 4, 5]
    (ended,) = aris("retain", *data, "--json").figures["ended"]
    assert (ended["why"], ended["who"], ended["ended_by"]) == ("", "Ann", "Bob")
    assert ended["on"].startswith("erased:")


@pytest.mark.slow
def test_only_a_whole_equal_record_is_the_same_person(store: DataStore) -> None:
    long = "built services, " * 1_200
    profile = {"skills": ["Go"], "summary": long}
    lines = [
        json.dumps({**profile, "title": title, "id": f"long-{n}000"})
        for n, title in enumerate(("Engineer", "Architect"))
    ]
    file = store.landing / "long.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines))
    batch = land_file(store, file, LandingOptions())
    exports = store.root / "exports"
    exports.mkdir()
    (exports / "other.jsonl").write_text('{"id": "long-0000"}\n')
    (exports / "ours.jsonl").write_text('{"custom_id": "long-0000", "t": "a\u2028b"}\n')

    done = aris("purge", "--id", "long-0000", "--yes", "--data-dir", store.root)

    kept = pl.read_parquet(store.landed(Shard.numbered(batch.name, 0)))
    assert kept["custom_id"].to_list() == ["long-1000"]
    assert "Architect" in file.read_text()
    assert (exports / "ours.jsonl").read_text() == ""
    assert "other.jsonl mentions the id: see to it by hand" in " ".join(
        (done.stdout + done.stderr).split()
    )


def test_a_trial_lists_what_would_go_and_changes_nothing(landed_and_judged: DataStore) -> None:
    before = {file: file.read_bytes() for file in landed_and_judged.root.rglob("*.parquet")}

    said = purge(landed_and_judged, "--dry-run", yes=False)

    for name in ("landed", "verdict_log (emptied)", "sheet.csv", "cannot reach: backups"):
        assert name in said
    assert {file: file.read_bytes() for file in landed_and_judged.root.rglob("*.parquet")} == before
    assert not landed_and_judged.erasures.exists()


def test_a_person_leaves_a_file_of_any_format_and_all_others_stay(
    store: DataStore, landing: Landing
) -> None:
    batches = {name: land_file(store, landing(name)) for name in FILES}
    for batch in batches.values():
        validate_shard(store, Shard.numbered(batch.name, 0))
    others = {
        name: pl.read_parquet(store.landed(Shard.numbered(batch.name, 0)))
        .filter(pl.col("custom_id") != ID)["record"]
        .to_list()
        for name, batch in batches.items()
    }

    purge(store)

    assert marked_files(store.root) == []
    for name, batch in batches.items():
        again = DataStore(store.root.parent / "again")
        landed = land_file(again, store.landing / name)
        records = pl.read_parquet(again.landed(Shard.numbered(landed.name, 0)))["record"]
        assert records.to_list() == others[name], name
        assert landed.quarantined == 0, name
        assert land_file(store, store.landing / name).name == batch.name, "it is no new batch"


def test_a_person_of_one_batch_is_somebody_else_in_another(
    store: DataStore, landing: Landing
) -> None:
    first, second = (land_file(store, landing(name)) for name in ("table.csv", "requests.jsonl"))

    purge(store, "--batch", first.name)

    assert {name.split("/")[1] for name in marked_files(store.root)} == {
        "requests.jsonl",
        f"batch={second.name}",
    }


class Killed(BaseException):
    """What ends a process, as far as a test in the same process can tell."""


@pytest.mark.slow
def test_a_purge_that_is_killed_is_done_whole_or_not_at_all(
    landed_and_judged: DataStore, tmp_path: Path
) -> None:
    shutil.rmtree(dagster_home(landed_and_judged.root))
    add_hold(landed_and_judged, ID, "a lawsuit", "Ann")
    release_hold(landed_and_judged, ID, "Bob")
    ended: set[bool] = set()
    for at in [1, *random.Random(23).sample(range(2, 50), 19)]:
        store = DataStore(tmp_path / f"killed-at-{at}")
        shutil.copytree(landed_and_judged.root, store.root)
        _kill(store, at)

        assert aris("verify", "--data-dir", store.root).code == 0

        left = marked_files(store.root)
        assert left == [] or left == marked_files(landed_and_judged.root)
        assert is_whole(store)
        ended.add(not left)
    assert ended == {True, False}


def _kill(store: DataStore, at: int) -> None:
    """Ends an erasure before or after its n-th file becomes visible."""
    calls = 0

    def killing(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            nonlocal calls
            calls += 1
            if calls == at:
                raise Killed
            return real(*arguments)

        return call

    plan = plan_erasure(store, ID, store.batches(), everywhere=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", killing(os.fsync))
        patch.setattr(Path, "replace", killing(Path.replace))
        with contextlib.suppress(Killed):
            erase(store, plan.erasure)


def test_the_journal_and_the_list_of_the_erased_do_not_say_who_it_is(
    store: DataStore, landing: Landing
) -> None:
    land_file(store, landing("document.json"))
    plan = plan_erasure(store, ID, store.batches(), everywhere=True)

    assert MARK not in json.dumps(asdict(plan.erasure))
    assert Erasure.parse(asdict(plan.erasure)) == plan.erasure
    assert (store.erasures / "key").stat().st_mode & 0o777 == 0o600


def test_what_dagster_and_engines_have_quoted_is_cleaned(
    store: DataStore, landing: Landing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ARIS_CACHE_DIR", str(tmp_path / "cache"))
    land_file(store, landing("lines.jsonl"))
    home, log = dagster_home(store.root), tmp_path / "cache" / "logs" / "vllm-1.log"
    log.parent.mkdir(parents=True)
    log.write_text(f"request {ID} came\nall else stays\n")
    home.mkdir()
    with sqlite3.connect(home / "events.db") as database:
        database.execute("CREATE TABLE event_logs (id INTEGER, event TEXT)")
        said = json.dumps({"message": f"the id '{ID}' is already that of line 3, which stays"})
        database.execute("INSERT INTO event_logs VALUES (1, ?)", [said])
    database.close()

    said = purge(store)

    assert "Dagster's history" in said
    assert "engine logs" in said
    assert marked_files(store.root) + marked_files(log.parent) == []
    assert "all else stays" in log.read_text()


@pytest.mark.parametrize("storage", ["sqlite", "postgres"])
def test_a_history_in_postgresql_is_named_as_out_of_reach(
    store: DataStore,
    landing: Landing,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    storage: str,
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text(f"# or postgres\nstorage:\n  {storage}:\n    url: x\n")
    land_file(store, landing("document.json"))

    said = purge(store, "--dry-run")

    assert ("cannot reach: Dagster's history in PostgreSQL" in said) == (storage == "postgres")


def test_a_batch_that_is_being_run_is_refused(store: DataStore, landing: Landing) -> None:
    batch = land_file(store, landing("document.json"))
    lock = ProcessLock(store.locks / "locks" / f"{batch.name}.lock")
    assert lock.acquire()
    try:
        said = purge(store, code=2)
    finally:
        lock.release()

    assert f"batch {batch.name} is being run" in said
    assert marked_files(store.landing) != []


def test_the_run_of_a_batch_that_shares_the_landed_file_is_named(
    store: DataStore, landing: Landing
) -> None:
    file = landing("table.csv")
    ours, theirs = (land_file(store, file, LandingOptions(limit=rows)) for rows in (None, 5))
    lock = ProcessLock(store.locks / "locks" / f"{theirs.name}.lock")
    assert lock.acquire()
    try:
        said = purge(store, "--batch", ours.name, code=2)
    finally:
        lock.release()
    data = ("--data-dir", store.root)
    assert aris("retain", "--hold", theirs.name, "--why", "a lawsuit", *data).code == 0

    held = purge(store, "--batch", ours.name, code=2)

    assert f"batch {theirs.name} is being run" in said
    assert f"legal hold on {theirs.name}" in held
    assert file.read_bytes() == FILES["table.csv"]


def test_a_file_that_lands_while_the_question_stands_is_not_overlooked(
    store: DataStore, landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_file(store, landing("document.json"))
    with monkeypatch.context() as asking:
        asking.setattr(
            "aris_pipeline.cli.purge._confirm", lambda *_: land_file(store, landing("table.csv"))
        )
        said = purge(store, code=2)

    purge(store)

    assert "table landed meanwhile: purge the person again" in said
    assert marked_files(store.root) == []


def test_a_run_of_the_ui_that_answers_the_batch_is_refused(
    store: DataStore, landing: Landing
) -> None:
    batch = land_file(store, landing("document.json"))
    parts = store.completion_parts(Judge("r", "m"), Shard.numbered(batch.name, 0))
    write_table(parts / "part-1.parquet", Completions, {"custom_id": ID})
    engine = EngineLock()
    engine.acquire()
    try:
        said = purge(store, code=2)
    finally:
        engine.release()

    assert f"batch {batch.name} may be running now" in said


def test_without_a_terminal_it_wants_a_yes(store: DataStore, landing: Landing) -> None:
    land_file(store, landing("document.json"))

    assert "--yes" in purge(store, yes=False, code=2)


def test_an_id_that_is_nowhere_is_said(store: DataStore, landing: Landing) -> None:
    land_file(store, landing("document.json"))

    said = aris("purge", "--id", "nobody", "--yes", "--data-dir", store.root)

    assert (said.code, "nothing of id 'nobody'" in said.stderr) == (2, True)


def test_rows_that_are_lost_cannot_pass_for_erased_ones(store: DataStore, landing: Landing) -> None:
    batch = land_file(store, landing("document.json"))
    file = store.landed(Shard.numbered(batch.name, 0))
    pl.read_parquet(file).tail(5).write_parquet(file)

    assert "land the file" in purge(store, code=2)


def test_a_source_outside_is_named_and_erased_from_if_asked(
    store: DataStore, tmp_path: Path
) -> None:
    file = tmp_path / "document.json"
    file.write_bytes(FILES["document.json"])
    batch = land_file(store, file, on=datetime.now(UTC).date())

    said = purge(store, "--dry-run")
    purge(store, "--source", file)

    assert f"the file document.json, from which {batch.name} was landed" in said
    assert MARK.encode() not in file.read_bytes()


def test_verdicts_that_are_not_logged_yet_are_logged_after_a_purge(
    landed_and_judged: DataStore,
) -> None:
    (batch,) = landed_and_judged.batches()
    (judge,) = landed_and_judged.judges("verdict_log", batch.name)
    assert not log_is_stale(landed_and_judged, judge, batch)

    purge(landed_and_judged)

    assert log_is_stale(landed_and_judged, judge, batch)
    append_verdicts(landed_and_judged, judge, batch)
    assert not log_is_stale(landed_and_judged, judge, batch)


def test_a_hold_that_tells_of_the_person_and_stays_is_named(
    store: DataStore, landing: Landing
) -> None:
    batch = land_file(store, landing("document.json"))
    data = ("--by", "Ann", "--data-dir", store.root)
    for on, why in (("other", f"as {ID} said"), (ID, "a lawsuit")):
        assert aris("retain", "--hold", on, "--why", why, *data).code == 0
    assert aris("retain", "--release", ID, *data).code == 0

    everywhere, there = purge(store, "--dry-run"), purge(store, "--batch", batch.name)

    assert "the legal hold on other since" in everywhere
    assert "legal holds (emptied)" in everywhere
    assert f"the legal hold on {ID} since" in there, "elsewhere the id may be somebody else's"
    assert ID in aris("retain", *data[2:]).stdout


def test_audits_that_count_the_person_are_named(landed_and_judged: DataStore) -> None:
    (batch,) = landed_and_judged.batches()
    (judge,) = landed_and_judged.judges("verdict_log", batch.name)
    place = landed_and_judged.impact(judge, batch.name)
    place.parent.mkdir(parents=True)
    pl.DataFrame({"n": [1]}).write_parquet(place)

    assert f"{place} counts the person" in purge(landed_and_judged, "--dry-run")
