"""Batches go when they are too old, unless a legal hold keeps them."""

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from aris_pipeline.candidates import LandingOptions, land_file
from aris_pipeline.defs.instance import open_instance
from aris_pipeline.defs.partitions import SHARDS
from aris_pipeline.erasure.id_mentions import mention_of
from aris_pipeline.storage import Batch, DataStore, Shard, write_bytes
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.unit.erasure.marked import ID, MARK, marked_files

Landing = Callable[[str], Path]


def retain(store: DataStore, *options: object, code: int = 0) -> str:
    done = aris("retain", *options, "--data-dir", store.root)
    assert done.code == code, done.stderr
    return done.stdout + done.stderr


def aged(store: DataStore, batch: Batch, days: int) -> Batch:
    older = batch.model_copy(update={"landed_at": datetime.now(UTC) - timedelta(days=days)})
    write_bytes(older.model_dump_json().encode(), store.batch_file(batch.name))
    return older


@pytest.mark.slow
def test_all_of_a_batch_that_is_too_old_goes_and_nothing_of_others(
    landed_and_judged: DataStore, tmp_path: Path
) -> None:
    (old,) = landed_and_judged.batches()
    aged(landed_and_judged, old, 400)
    new = tmp_path / "new.csv"
    new.write_text("id,Resume\nsomebody,Built things in Python\n")
    kept = land_file(landed_and_judged, new)
    for file in ("sheet.csv", "sheet.html", "decisions.csv", "chats.jsonl"):
        (landed_and_judged.root / file).unlink()  # of raters, whose names do not say the batch

    probe = {"ops": {"bias_probe": {"config": {"batch": old.name}}}}
    with open_instance(landed_and_judged.root) as instance:
        instance.add_run(
            dg.DagsterRun("audit", run_config=probe, status=dg.DagsterRunStatus.SUCCESS)
        )

    said = retain(landed_and_judged, "--days", 365, "--yes")

    assert f"erased {old.name}; backups" in said
    assert marked_files(landed_and_judged.root) == []
    assert [batch.name for batch in landed_and_judged.batches()] == [kept.name]
    with open_instance(landed_and_judged.root) as instance:
        assert instance.get_dynamic_partitions(SHARDS) == []
        jobs = {run.job_name for run in instance.get_runs()}
    assert jobs <= {"rank", "report"}, "they are of all batches"
    (history,) = landed_and_judged.root.glob(".dagster/history/runs/index.db")
    with sqlite3.connect(history) as database:
        checks = database.execute("SELECT DISTINCT asset_key FROM asset_check_executions")
        assert checks.fetchall() == [('["candidate_ranking"]',)]
    assert [file for file in landed_and_judged.root.rglob("*") if old.name in str(file)] == []


@pytest.mark.parametrize("on", ["batch", "id"])
def test_a_legal_hold_keeps_a_batch_and_a_person_until_it_ends(
    store: DataStore, landing: Landing, on: str
) -> None:
    batch = land_file(store, landing("document.json"))
    aged(store, batch, 400)
    held = batch.name if on == "batch" else ID
    retain(store, "--hold", held, "--why", "a lawsuit", "--by", "Ann")

    assert "a lawsuit" in retain(store, "--days", 365, "--yes")
    refused = aris("purge", "--id", ID, "--yes", "--data-dir", store.root)
    assert refused.code == 2
    assert "by Ann: a lawsuit" in refused.stderr
    assert f"aris retain --release {held}" in refused.stderr
    assert store.batch(batch.name)

    retain(store, "--release", held)
    retain(store, "--days", 365, "--yes")
    assert store.batches() == []
    assert marked_files(store.root) == []


def test_a_trial_and_a_call_without_yes_erase_nothing(store: DataStore, landing: Landing) -> None:
    batch = land_file(store, landing("document.json"))
    aged(store, batch, 10)

    assert batch.name in retain(store, "--days", 5, "--dry-run")
    assert "--yes" in retain(store, "--days", 5, code=2)
    assert "no batch landed more than 20 days ago" in retain(store, "--days", 20)
    assert MARK.encode() in (store.landing / "document.json").read_bytes()


def test_a_hold_on_a_name_that_is_nowhere_says_that_it_keeps_nothing_yet(
    store: DataStore, landing: Landing
) -> None:
    batch = land_file(store, landing("document.json")).name

    said = retain(store, "--hold", "documant", "--why", "a lawsuit")

    assert "no batch and no candidate is called 'documant', so the hold keeps nothing yet" in said
    assert f"batches: {batch}" in said
    assert "keeps nothing" not in retain(store, "--hold", batch, "--why", "a lawsuit")


def test_a_hold_keeps_the_batch_of_a_person_who_is_in_quarantine_alone(
    store: DataStore, landing: Landing
) -> None:
    file = landing("requests.jsonl")
    bad = json.loads(file.read_text().splitlines()[0]) | {"custom_id": "odd-1", "url": "elsewhere"}
    file.write_text(file.read_text() + json.dumps(bad))
    batch = aged(store, land_file(store, file), 400)

    assert f'"keeps": ["{batch.name}"]' in retain(
        store, "--hold", "odd-1", "--why", "a lawsuit", "--json"
    )
    retain(store, "--days", 365, "--yes")

    assert store.batch(batch.name)


def test_a_landed_file_stays_as_long_as_another_batch_is_of_it(
    store: DataStore, landing: Landing
) -> None:
    file = landing("table.csv")
    old, new = (land_file(store, file, LandingOptions(limit=rows)) for rows in (None, 5))

    for batch, is_there in ((old, True), (new, False)):
        aged(store, batch, 400)
        retain(store, "--days", 365, "--yes")
        assert file.exists() == is_there


def test_a_hold_that_has_ended_says_who_set_and_who_ended_it_and_holds_nothing(
    store: DataStore, landing: Landing
) -> None:
    batch = aged(store, land_file(store, landing("document.json")), 400).name
    retain(store, "--hold", batch, "--why", "a lawsuit", "--by", "Ann")

    assert "ended by Bob: legal hold" in retain(store, "--release", batch, "--by", "Bob")
    (ended,) = aris("retain", "--data-dir", store.root, "--json").figures["ended"]
    retain(store, "--hold", batch, "--why", "an appeal", "--by", "Ann")
    retain(store, "--release", batch, "--by", "Eve")
    retain(store, "--days", 365, "--yes")

    assert (ended["who"], ended["why"], ended["ended_by"]) == ("Ann", "a lawsuit", "Bob")
    assert ended["ended_at"] >= ended["since"]
    listed = retain(store)
    assert all(word in listed for word in (batch, "a lawsuit", "Bob", "an appeal", "Eve"))


def test_an_ended_hold_has_its_id_as_long_as_the_candidate_is_in_a_batch(
    store: DataStore, landing: Landing
) -> None:
    old, new = (land_file(store, landing(name)) for name in ("document.json", "table.csv"))
    retain(store, "--hold", ID, "--why", "a lawsuit")
    retain(store, "--release", ID)

    for batch, is_known in ((old, True), (new, False)):
        aged(store, batch, 400)
        retain(store, "--days", 365, "--yes")
        assert (ID in retain(store)) == is_known

    assert marked_files(store.root) == []


def test_a_killed_removal_is_completed_though_half_of_a_batch_is_gone(
    store: DataStore, landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    aged(store, land_file(store, landing("document.json")), 400)
    retain(store, "--hold", "person-9", "--why", "a lawsuit")
    retain(store, "--release", "person-9")

    class Killed(BaseException):
        pass

    def kill(file: Path) -> None:
        if file.parent.name == "batches":
            raise Killed

    with monkeypatch.context() as killing:
        killing.setattr("aris_pipeline.erasure.batch_removal.remove_file", kill)
        with pytest.raises(Killed):
            aris("retain", "--days", 365, "--yes", "--data-dir", store.root)
    assert len(store.batches()) == 1
    assert not [*store.root.glob("landed/*/*")]

    assert aris("status", "--data-dir", store.root).code == 0
    assert store.batches() == []


def test_a_hold_needs_a_reason_and_is_set_once(store: DataStore) -> None:
    assert "--why" in retain(store, "--hold", "x", code=2)
    retain(store, "--hold", "x", "--why", "a lawsuit")
    assert "there is one already" in retain(store, "--hold", "x", "--why", "again", code=2)
    assert "no legal hold on 'y'" in retain(store, "--release", "y", code=2)
    assert "a lawsuit" in retain(store)


def test_a_hold_keeps_equal_records_without_an_id_together(
    store: DataStore, tmp_path: Path
) -> None:
    """They are one person, so the hold on one id is a hold on the others."""
    file = tmp_path / "twins.jsonl"
    file.write_text('{"title": "Baker"}\n' * 3)
    batch = land_file(store, file)
    ids = pl.read_parquet(store.landed(Shard.all_of(batch)[0]))["custom_id"].to_list()
    data = ("--data-dir", store.root)
    assert aris("retain", "--hold", ids[0], "--why", "law", *data).code == 0

    refused = aris("purge", "--id", ids[1], "--yes", *data)

    assert refused.code == 2
    assert f"nothing is erased: legal hold on {ids[0]}" in refused.stderr


def test_a_hold_keeps_an_unusable_record_that_only_mentions_the_id(
    store: DataStore, tmp_path: Path
) -> None:
    file = tmp_path / "cut.jsonl"
    file.write_text('{"title": "Baker"}\n{"aristotleId": "trunc-000777", "title": "Ba\n')
    land_file(store, file)
    data = ("--data-dir", store.root)
    held = aris("retain", "--hold", "trunc-000777", "--why", "law", *data, "--json").figures

    found = aris("retain", "--days", 0, "--dry-run", *data, "--json").figures

    assert len(held["keeps"]) == 1
    assert "legal hold on trunc-000777" in found["batches"][0]["kept_by"]


def test_an_id_is_found_as_pages_and_sheets_write_it() -> None:
    mention = mention_of("o'brien & <co>")

    assert mention.search("<bdi>o&#39;brien &amp; &lt;co&gt;</bdi>")
    assert mention.search("<t>o'brien &amp; &lt;co&gt;</t>")
    assert mention_of('é"xé-77').search('{"id": "é\\"xé-77"}')
