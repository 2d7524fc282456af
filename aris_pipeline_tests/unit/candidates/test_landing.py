import re
from datetime import date
from pathlib import Path

import pytest

from aris_pipeline.candidates import LandingOptions, has_settled, land_file, landing, writers
from aris_pipeline.errors import InputError
from aris_pipeline.storage import Shard

from .conftest import DAY, Desk

LINES = "".join(f'{{"id": "{number}", "title": "x"}}\n' for number in range(12))


def test_shards_are_cut_in_order(desk: Desk) -> None:
    batch = desk.land("a.jsonl", LINES, shard_size=5)
    assert batch.shard_rows == [5, 5, 2]
    assert desk.ids(batch) == [str(number) for number in range(12)]


def test_shards_of_long_records_are_cut_earlier(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "_SHARD_CHARACTERS", 100)
    batch = desk.land("a.jsonl", LINES)
    assert batch.shard_rows == [4, 4, 4]


def test_a_large_quarantine_is_written_in_several_files(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "_QUARANTINE_ROWS", 4)
    batch = desk.land("a.jsonl", LINES + "broken\n" * 10)
    directory = desk.store.quarantine(Shard(batch.name, "landing")).parent
    assert sorted(file.name for file in directory.iterdir()) == [
        "quarantine-001.parquet",
        "quarantine-002.parquet",
        "quarantine.parquet",
    ]
    assert sorted(line for line, _ in desk.rules(batch)) == list(range(13, 23))
    assert batch.quarantined == 10


def test_landing_the_same_content_again_returns_the_same_batch_untouched(desk: Desk) -> None:
    first = desk.land("a.jsonl", LINES)
    manifest = desk.store.batch_file(first.name)
    written = manifest.stat().st_mtime_ns
    path = desk.file("renamed.jsonl", LINES)
    options = LandingOptions(shard_size=3, format="jsonl")
    assert land_file(desk.store, path, options, on=date(2027, 1, 1)) == first
    assert manifest.stat().st_mtime_ns == written


def test_other_content_under_the_same_name_gets_its_digest_appended(desk: Desk) -> None:
    first = desk.land("a.jsonl", LINES)
    second = desk.land("a.jsonl", LINES + '{"id": "new"}')
    assert first.name == "2026-11-21_a"
    assert second.name == f"2026-11-21_a-{second.digest[:8]}"
    assert [batch.name for batch in desk.store.batches()] == [first.name, second.name]


def test_a_limit_makes_a_batch_of_its_own(desk: Desk) -> None:
    whole = desk.land("a.jsonl", "broken\n" + LINES)
    part = desk.land("a.jsonl", "broken\n" + LINES, limit=3)
    assert part.name == "2026-11-21_a-first3"
    assert desk.ids(part) == ["0", "1"]
    assert (part.rows_in, part.quarantined) == (3, 1)
    assert part.digest != whole.digest


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [
        ("Export 2026 (final).csv", "Export-2026-final"),
        ("Lebensläufe.csv", "Lebenslaufe"),
        ("履歴書.csv", "batch"),
        ("a..b.csv", "a.b"),
        ("a%2F..%2Fb=c.csv", "a-2F.-2Fb-c"),
        ("export_s001.csv", "export-s001"),
        ("x" * 200 + ".csv", "x" * 80),
        ("-_.csv", "batch"),
    ],
)
def test_batch_names_are_safe_in_paths_and_partition_keys(
    desk: Desk, file_name: str, expected: str
) -> None:
    batch = desk.land(file_name, "Resume\nx\n")
    assert batch.name == f"2026-11-21_{expected}"
    assert re.fullmatch(r"[A-Za-z0-9._-]+", batch.name)
    shard = Shard.numbered(batch.name, 3)
    assert Shard.parse(shard.key) == shard


def test_what_a_killed_landing_left_is_replaced(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        # A kill leaves everything but the manifest: nothing tidies up.
        patch.setattr(landing._Landing, "discard", lambda _: None)
        patch.setattr(landing._Landing, "register", lambda *_: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            desk.land("a.jsonl", LINES, shard_size=2)
    assert desk.store.landed(Shard("2026-11-21_a", "s005")).exists()
    batch = desk.land("a.jsonl", LINES, shard_size=6)
    assert batch.shard_rows == [6, 6]
    directory = desk.store.landed(Shard(batch.name, "s000")).parent.parent
    assert sorted(file.name for file in directory.iterdir()) == ["shard=s000", "shard=s001"]


def test_a_file_that_changes_while_it_is_read_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = desk.file("a.jsonl", LINES)
    reads = landing._Landing.run

    def append(one: landing._Landing) -> None:
        reads(one)
        with path.open("a") as file:
            file.write('{"id": "late"}\n')

    monkeypatch.setattr(landing._Landing, "run", append)
    with pytest.raises(InputError, match="changed while it was read"):
        land_file(desk.store, path, on=DAY)
    assert desk.store.batches() == []


@pytest.mark.parametrize(
    ("file_name", "content", "expected"),
    [
        ("empty.csv", "", "is empty"),
        ("blank.jsonl", "\n \n", "holds no record"),
        ("a.xlsx", "x", "format of a '.xlsx' file is not known"),
        ("README", "x", "name it with --format"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    desk: Desk, file_name: str, content: str, expected: str
) -> None:
    with pytest.raises(InputError, match=expected) as refused:
        desk.land(file_name, content)
    assert file_name in str(refused.value)
    assert desk.store.batches() == []


def test_a_missing_file_is_refused(desk: Desk) -> None:
    with pytest.raises(InputError, match="is not a file"):
        land_file(desk.store, desk.files / "nowhere.csv")
    with pytest.raises(InputError, match="is a directory: name the files in it"):
        land_file(desk.store, desk.files)


def test_a_format_can_be_named(desk: Desk) -> None:
    assert desk.land("export.txt", LINES, format="jsonl").format == "jsonl"


def test_a_file_has_settled_once_it_is_unchanged_for_long_enough(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    assert not has_settled(path, quiet_s=0, now=0)
    path.write_text("x")
    changed = path.stat().st_mtime
    assert not has_settled(path, quiet_s=10, now=changed + 9)
    assert has_settled(path, quiet_s=10, now=changed + 10)
    assert not has_settled(tmp_path, quiet_s=0, now=changed + 10)
