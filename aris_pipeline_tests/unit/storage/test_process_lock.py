"""A lock between processes, whose file may be removed."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aris_pipeline.errors import StorageError
from aris_pipeline.storage.process_lock import ProcessLock


def test_only_one_has_a_lock_whose_file_is_removed_all_the_time(tmp_path: Path) -> None:
    inside: list[int] = []

    def take_it_often(who: int) -> int:
        crowd = 0
        for _ in range(50):
            lock = ProcessLock(tmp_path / "batch.lock")
            assert lock.acquire(wait_s=30)
            inside.append(who)
            time.sleep(0.001)
            crowd = max(crowd, len(inside))
            inside.remove(who)
            lock.release()
            lock.remove()
        return crowd

    with ThreadPoolExecutor(4) as pool:
        assert {*pool.map(take_it_often, range(4))} == {1}

    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_another_one_has_is_not_removed(tmp_path: Path) -> None:
    lock = ProcessLock(tmp_path / "batch.lock")
    assert lock.acquire()

    ProcessLock(lock.path).remove()

    assert not ProcessLock(lock.path).acquire()
    assert f"process {os.getpid()}" in lock.holder()
    lock.release()


def test_a_lock_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "locks").write_text("")

    with pytest.raises(StorageError, match=r"batch\.lock cannot be written"):
        ProcessLock(tmp_path / "locks" / "batch.lock").acquire()
