import os
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aris_pipeline.completions import parts
from aris_pipeline.completions.parts import (
    MAX_ROWS_AT_RISK,
    PartWriter,
    part_files,
    remove_finished_parts,
    remove_parts,
)
from aris_pipeline.errors import StorageError
from aris_pipeline.storage import Completions, DataStore, Judge, Shard
from aris_pipeline_tests.tables import table, write_table

ROW: dict[str, Any] = table(Completions, {}).row(0, named=True)


def _row(n: int) -> dict[str, Any]:
    return {**ROW, "custom_id": f"c{n}", "request_key": f"k{n}"}


def _saved(directory: Path) -> list[str]:
    return [key for file in part_files(directory) for key in pl.read_parquet(file)["request_key"]]


def test_no_more_rows_than_agreed_are_ever_at_risk(tmp_path: Path) -> None:
    with PartWriter() as writer:
        for n in range(MAX_ROWS_AT_RISK - 1):
            writer.add(tmp_path, _row(n))
        assert _saved(tmp_path) == []

        writer.add(tmp_path, _row(MAX_ROWS_AT_RISK - 1))
        assert _saved(tmp_path) == [f"k{n}" for n in range(MAX_ROWS_AT_RISK)]


def test_no_more_seconds_than_agreed_are_ever_at_risk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "MAX_SECONDS_AT_RISK", 0.05)
    with PartWriter() as writer:
        writer.add(tmp_path, _row(0))

        deadline = time.monotonic() + 5
        while _saved(tmp_path) != ["k0"]:
            assert time.monotonic() < deadline, "no part although no other row came"
            time.sleep(0.01)


def test_rows_that_could_not_be_written_in_time_are_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "MAX_SECONDS_AT_RISK", 0.02)
    in_the_way = tmp_path / "parts"
    in_the_way.write_text("a file where the directory should be")
    with PartWriter() as writer:
        writer.add(in_the_way, _row(0))
        time.sleep(0.1)
        in_the_way.unlink()

    assert _saved(in_the_way) == ["k0"]


def test_the_next_row_is_told_that_parts_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "MAX_SECONDS_AT_RISK", 0.02)
    in_the_way = tmp_path / "parts"
    in_the_way.write_text("a file where the directory should be")

    def generate() -> None:
        with PartWriter() as writer:
            for n in range(2):
                writer.add(in_the_way, _row(n))
                time.sleep(0.2)
            pytest.fail("the engine works on")

    with pytest.raises(StorageError, match=str(in_the_way)):
        generate()


def test_rows_that_could_not_be_written_are_tried_once_more_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "MAX_ROWS_AT_RISK", 2)
    in_the_way = tmp_path / "parts"
    in_the_way.write_text("a file where the directory should be")

    def generate() -> None:
        with PartWriter() as writer:
            writer.add(in_the_way, _row(0))
            try:
                writer.add(in_the_way, _row(1))
            finally:
                in_the_way.unlink()

    with pytest.raises(StorageError):
        generate()

    assert _saved(in_the_way) == ["k0", "k1"]


def test_rows_that_are_lost_do_not_hide_why_the_run_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    in_the_way = tmp_path / "parts"
    in_the_way.write_text("a file where the directory should be")

    def stop() -> None:
        with PartWriter() as writer:
            writer.add(in_the_way, _row(0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()

    assert "1 finished rows are lost" in caplog.text


def test_what_was_finished_before_an_error_is_written(tmp_path: Path) -> None:
    def die_half_way() -> None:
        with PartWriter() as writer:
            writer.add(tmp_path, _row(0))
            raise RuntimeError("the engine died")

    with pytest.raises(RuntimeError, match="engine died"):
        die_half_way()

    assert _saved(tmp_path) == ["k0"]


def test_nothing_finished_leaves_no_file(tmp_path: Path) -> None:
    with PartWriter():
        pass

    assert part_files(tmp_path / "parts") == []
    remove_parts(tmp_path / "parts")


def test_parts_that_a_completions_file_has_taken_in_go_and_others_stay(store: DataStore) -> None:
    judge = Judge("aris-swe-v1", "small")
    finished, begun_again, unfinished = (Shard("b", f"s00{n}") for n in range(3))
    for shard in (finished, begun_again, unfinished):
        with PartWriter() as writer:
            writer.add(store.completion_parts(judge, shard), _row(0))
    for shard, seconds in ((finished, 1), (begun_again, -1)):
        (part,) = part_files(store.completion_parts(judge, shard))
        completions = store.completions(judge, shard)
        write_table(completions, Completions, {})
        os.utime(completions, ns=(0, part.stat().st_mtime_ns + seconds))

    remove_finished_parts(store)

    left = [
        shard for shard in (finished, begun_again, unfinished) if _has_parts(store, judge, shard)
    ]
    assert left == [begun_again, unfinished]


def _has_parts(store: DataStore, judge: Judge, shard: Shard) -> bool:
    return bool(part_files(store.completion_parts(judge, shard)))


def test_removed_parts_are_gone(tmp_path: Path) -> None:
    directory = tmp_path / "parts"
    with PartWriter() as writer:
        writer.add(directory, _row(0))

    remove_parts(directory)

    assert not directory.exists()
