"""The files of erased people land again: the people stay away, and all others come."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl

from aris_pipeline.candidates import LandingOptions, land_file
from aris_pipeline.ledger import reconcile
from aris_pipeline.storage import LANDING_SHARD, DataStore, Shard
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.unit.erasure.judged import purge
from aris_pipeline_tests.unit.erasure.marked import FILES, ID, marked_files

Landing = Callable[[str], Path]


def test_a_long_record_that_was_in_quarantine_alone_does_not_come_back(store: DataStore) -> None:
    file = store.landing / "long.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    text = (
        '{"title": "Engineer", "id": "broken-1", "text": "'
        + "long " * 20_000
        + '\n{"title": "A"}\n'
    )
    file.write_text(text)
    batch = land_file(store, file, LandingOptions())
    assert batch.quarantined == 1
    aris("purge", "--id", "broken-1", "--yes", "--data-dir", store.root)
    again = store.root.parent / "again.jsonl"
    again.write_text(text + '{"title": "B"}\n')

    landed = land_file(store, again, LandingOptions())

    assert landed.rows_erased == 1
    left = pl.read_parquet(store.quarantine(Shard(landed.name, LANDING_SHARD)))
    assert left.is_empty()


def test_the_file_of_a_person_that_lands_again_does_not_bring_them_back(
    store: DataStore, landing: Landing, tmp_path: Path
) -> None:
    file = landing("lines.jsonl")
    first = land_file(store, file)
    purge(store)
    longer = tmp_path / "longer.jsonl"
    longer.write_bytes(FILES["lines.jsonl"] + b'{"aristotleId": "new", "notes": "x"}\n')
    file.write_bytes(FILES["lines.jsonl"])

    same, other = land_file(store, file), land_file(store, longer)

    assert same.name == first.name
    assert other.erased == {"s000": 1, "landing": 3}
    assert other.warnings == ["records of people who were erased are left out: 4"]
    assert reconcile(store, other, None).missing == 6
    assert marked_files(store.root) == ["landing/lines.jsonl"], "whoever has put it back there"
    purge(store)
    assert marked_files(store.root) == []
    assert land_file(store, file).name == first.name


def test_a_changed_record_is_known_by_its_id_and_without_one_by_nothing(store: DataStore) -> None:
    file = store.landing / "people.jsonl"
    file.parent.mkdir(parents=True)

    def land(title: str) -> list[str]:
        people = [{"title": title, **one} for one in ({"id": "known-1"}, {}, {"id": "other-1"})]
        file.write_text("\n".join(map(json.dumps, people)))
        batch = land_file(store, file)
        return pl.read_parquet(store.landed(Shard.numbered(batch.name, 0)))["custom_id"].to_list()

    known, anonymous, other = land("Cook")
    for one in (known, anonymous):
        aris("purge", "--id", one, "--yes", "--data-dir", store.root)

    again, changed = land("Cook"), land("Baker")

    assert again == [other]
    assert len(changed) == 2
    assert known not in changed


def test_a_damaged_batch_that_is_cut_again_keeps_its_shards_and_leaves_the_person_out(
    store: DataStore, landing: Landing
) -> None:
    file = landing("lines.jsonl")
    batch = land_file(store, file, LandingOptions(shard_size=2))
    purge(store)
    shards = {shard: pl.read_parquet(store.landed(shard)) for shard in Shard.all_of(batch)}
    file.write_bytes(FILES["lines.jsonl"])
    store.landed(Shard.numbered(batch.name, 2)).unlink()

    again = land_file(store, file, LandingOptions(shard_size=2))

    assert again.erased == {"s001": 1, "landing": 3}
    for shard, rows in shards.items():
        assert pl.read_parquet(store.landed(shard)).equals(rows)


def test_an_id_that_is_readmitted_lands_again_in_new_records_alone(
    store: DataStore, landing: Landing, tmp_path: Path
) -> None:
    land_file(store, landing("lines.jsonl"))
    purge(store)
    application = tmp_path / "new.jsonl"
    new = {"aristotleId": ID, "notes": "a new application"}
    application.write_text(json.dumps(new) + "\n")
    command = ("purge", "--id", ID, "--readmit", "--data-dir", store.root)

    assert aris(*command, "--dry-run").code == 2
    taken_off, again = aris(*command), aris(*command)
    landed = land_file(store, application)
    application.write_bytes(FILES["lines.jsonl"])
    old = land_file(store, application)

    assert (taken_off.code, again.code) == (0, 2)
    assert "is not on the list of erased people" in again.stderr
    ids = pl.read_parquet(store.landed(Shard.all_of(landed)[0]))["custom_id"]
    assert ids.to_list() == [ID]
    assert old.rows_erased > 0
    assert ID not in pl.read_parquet(store.landed(Shard.all_of(old)[0]))["custom_id"]
