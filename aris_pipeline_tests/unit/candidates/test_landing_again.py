"""The same content again: the same batch, made whole where it was damaged since."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from aris_pipeline.candidates import LandingOptions, land_file, landing
from aris_pipeline.errors import InputError, StorageError
from aris_pipeline.storage import LANDING_SHARD, Batch, Shard

from .conftest import DAY, Desk

LINES = "".join(f'{{"id": "{number}", "title": "x"}}\n' for number in range(12)) + "broken\n"


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def cut_in_half(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


@pytest.fixture
def batch(desk: Desk) -> Batch:
    return desk.land("a.jsonl", LINES, shard_size=5)


def again(desk: Desk) -> Batch:
    """The same content on another day, under another name and with another shard size."""
    return land_file(desk.store, desk.file("b.jsonl", LINES), LandingOptions(), on=date(2027, 1, 1))


@pytest.mark.parametrize("damage", [Path.unlink, flip_a_bit, cut_in_half])
@pytest.mark.parametrize("shard", ["s000", "s002", LANDING_SHARD])
def test_a_damaged_landed_file_is_written_again_in_the_same_place(
    desk: Desk, batch: Batch, damage: Callable[[Path], None], shard: str
) -> None:
    place = desk.store.quarantine if shard == LANDING_SHARD else desk.store.landed
    file = place(Shard(batch.name, shard))
    records, rules = desk.landed(batch), desk.rules(batch)
    damage(file)

    repaired = again(desk)

    assert (repaired.name, repaired.shard_rows) == (batch.name, [5, 5, 2])
    assert [row["record"] for row in desk.landed(repaired)] == [row["record"] for row in records]
    assert desk.rules(repaired) == rules


@pytest.mark.parametrize("damage", [Path.unlink, flip_a_bit, cut_in_half])
def test_a_damaged_manifest_is_written_again_under_the_same_name(
    desk: Desk, batch: Batch, damage: Callable[[Path], None]
) -> None:
    desk.validate(batch)
    damage(desk.store.batch_file(batch.name))

    repaired = again(desk)

    assert (repaired.name, repaired.shard_rows) == (batch.name, [5, 5, 2])
    assert desk.store.batches() == [repaired]


@pytest.mark.parametrize("damage", [Path.unlink, cut_in_half])
def test_other_content_never_takes_the_place_of_a_batch_with_a_damaged_manifest(
    desk: Desk, batch: Batch, damage: Callable[[Path], None]
) -> None:
    desk.validate(batch)
    damage(desk.store.batch_file(batch.name))

    other = desk.land("a.jsonl", LINES + '{"id": "new"}\n')

    assert other.name == f"{batch.name}-{other.digest[:8]}"
    assert len(desk.landed(batch)) == 12


def test_what_a_killed_landing_of_another_day_left_goes_with_the_next_landing(
    desk: Desk, batch: Batch
) -> None:
    desk.store.batch_file(batch.name).unlink()

    other = land_file(desk.store, desk.file("other.jsonl", LINES * 2), on=date(2027, 1, 1))

    assert [one.name for one in desk.store.batches()] == [other.name]
    for table in ("landed", "quarantine"):
        (left,) = (desk.store.root / table).iterdir()
        assert left.name == f"batch={other.name}"


def test_a_repair_that_cannot_be_written_leaves_what_is_there(
    desk: Desk, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.store.landed(Shard(batch.name, "s002")).unlink()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            again(desk)
    assert desk.store.landed(Shard(batch.name, "s001")).exists()

    assert len(desk.landed(again(desk))) == 12


def test_a_file_that_is_unreadable_because_it_is_still_written_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = desk.file("a.jsonl", LINES)

    def read_too_soon(*_: object) -> None:
        path.write_text(LINES * 2)
        raise InputError("no footer yet")

    monkeypatch.setattr(landing, "open_reader", read_too_soon)
    with pytest.raises(InputError, match=r"a\.jsonl changed while it was read"):
        land_file(desk.store, path, on=DAY)
    assert desk.store.batches() == []


def test_a_data_directory_that_cannot_be_written_is_named(desk: Desk) -> None:
    desk.store.root.write_text("a file where the data directory belongs")

    with pytest.raises(StorageError, match=f"{desk.store.root} is in the way"):
        desk.land("a.jsonl", LINES)
