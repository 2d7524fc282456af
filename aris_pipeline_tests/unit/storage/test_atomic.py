import errno
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

import duckdb
import polars as pl
import pytest

from aris_pipeline.errors import DiskError, StorageError
from aris_pipeline.storage import DataStore, Judge, Shard, write_bytes, write_frame
from aris_pipeline.storage.atomic import remove_leftovers

FRAME = pl.DataFrame({"a": [1]})
WRITER = """
import os, sys, time
from pathlib import Path
from aris_pipeline.storage import write_bytes
os.fsync = lambda _: (print("writing", flush=True), time.sleep(60))
write_bytes(b"half a file", Path(sys.argv[1]))
"""
Refuse = Callable[[int], None]


@pytest.fixture
def table(store: DataStore) -> Path:
    return store.evaluations(Judge("aris-swe-v1", "small"), Shard("b", "s000"))


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Makes the operating system refuse what is flushed to the disk."""

    def with_(number: int) -> None:
        def fsync(_: int) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", fsync)

    return with_


def start_writer(path: Path) -> subprocess.Popen[str]:
    """A process that is in the middle of writing a file."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    return writer


def temporary_files(store: DataStore) -> list[Path]:
    return list(store.root.rglob("*.tmp"))


def test_a_killed_writer_leaves_nothing_once_something_is_written_again(
    store: DataStore, table: Path
) -> None:
    writer = start_writer(table)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert len(temporary_files(store)) == 1

    write_frame(FRAME, store.prompts(Judge("another", "judge"), Shard("c", "s000")))

    assert temporary_files(store) == []


def test_what_a_living_writer_is_writing_stays_and_is_in_the_way_of_no_reader(
    store: DataStore, table: Path
) -> None:
    writer = start_writer(table.with_name("second.parquet"))
    try:
        write_frame(FRAME, table)

        assert len(temporary_files(store)) == 1
        found = pl.scan_parquet(store.root / "evaluations").collect()
        assert found.select("a", "rubric", "shard").rows() == [(1, "aris-swe-v1", "s000")]
        query = f"select a, batch from '{store.root}/evaluations/**/*.parquet'"
        assert duckdb.connect().execute(query).fetchall() == [(1, "b")]
    finally:
        writer.kill()
        writer.wait()


def test_a_writer_that_is_interrupted_leaves_nothing(
    store: DataStore, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: signal.raise_signal(signal.SIGINT))

    with pytest.raises(KeyboardInterrupt):
        write_frame(FRAME, table)

    assert not table.exists()
    assert temporary_files(store) == []


def test_a_file_is_written_even_if_a_sweep_meets_it_before_it_is_locked(
    store: DataStore, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock

    def sweep_first(file: IO[bytes], operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        remove_leftovers(store.root)
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", sweep_first)
    write_frame(FRAME, table)

    assert pl.read_parquet(table, hive_partitioning=False).equals(FRAME)
    assert temporary_files(store) == []


@pytest.mark.parametrize(
    ("number", "kind", "said"),
    [
        (errno.ENOSPC, DiskError, "the disk is full ("),
        (errno.EDQUOT, DiskError, "quota is used up"),
        (errno.EROFS, DiskError, "read-only"),
        (errno.EACCES, StorageError, "belongs to user"),
        (errno.EIO, StorageError, "Input/output error"),
    ],
)
def test_what_cannot_be_written_is_named_with_the_reason_and_the_remedy(
    table: Path, refuse: Refuse, number: int, kind: type[StorageError], said: str
) -> None:
    refuse(number)

    with pytest.raises(StorageError) as raised:
        write_frame(FRAME, table)

    assert type(raised.value) is kind
    assert str(table) in str(raised.value)
    assert said in str(raised.value)
    assert "run the same command" in str(raised.value)


def test_what_cannot_be_written_leaves_the_old_file_and_nothing_else(
    store: DataStore, table: Path, refuse: Refuse
) -> None:
    write_frame(FRAME, table)
    refuse(errno.ENOSPC)

    with pytest.raises(DiskError):
        write_frame(FRAME.vstack(FRAME), table)

    assert pl.read_parquet(table, hive_partitioning=False).equals(FRAME)
    assert temporary_files(store) == []


def test_a_full_disk_is_told_with_what_is_free_and_what_is_needed(
    tmp_path: Path, refuse: Refuse
) -> None:
    refuse(errno.ENOSPC)

    with pytest.raises(DiskError, match=r"[\d,.]+ MiB free, 3\.00 MiB needed"):
        write_bytes(bytes(3 * 2**20), tmp_path / "new" / "file")


def test_what_is_in_the_way_is_named(store: DataStore, table: Path) -> None:
    store.root.mkdir()
    in_the_way = store.root / "evaluations"
    in_the_way.write_text("a file where a directory belongs")
    with pytest.raises(StorageError, match=f"{in_the_way} is in the way"):
        write_frame(FRAME, table)

    in_the_way.unlink()
    table.mkdir(parents=True)
    with pytest.raises(StorageError, match=f"{table} is in the way"):
        write_frame(FRAME, table)


def test_a_name_that_is_too_long_is_named(store: DataStore) -> None:
    file = store.evaluations(Judge("r" * 300, "small"), Shard("b", "s000"))

    with pytest.raises(StorageError, match="name is too long"):
        write_frame(FRAME, file)


def test_the_longest_name_that_a_file_system_takes_can_be_written(tmp_path: Path) -> None:
    write_bytes(b"x", tmp_path / ("n" * 255))

    assert [file.name for file in tmp_path.iterdir()] == ["n" * 255]


def test_temporary_files_of_others_are_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / ".notes.txt.tmp"
    theirs.write_text("not ours")

    write_bytes(b"x", tmp_path / "page.html")

    assert theirs.read_text() == "not ours"


def test_a_link_stays_and_the_file_that_it_names_is_written(tmp_path: Path) -> None:
    shared, link = tmp_path / "shared/page.html", tmp_path / "page.html"
    shared.parent.mkdir()
    link.symlink_to(shared)

    write_bytes(b"x", link)

    assert link.is_symlink()
    assert shared.read_bytes() == b"x"


def test_a_directory_in_place_of_a_file_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="or name a file in it"):
        write_bytes(b"x", tmp_path)
