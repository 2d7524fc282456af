import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aris_pipeline.engines import Engine, EngineLock, EngineSession
from aris_pipeline.errors import EngineBusyError, EngineError
from aris_pipeline_tests.fake_engine import FakeEngine

HOLDER = """
import sys, time
from pathlib import Path
from aris_pipeline.engines.session import EngineLock
lock = EngineLock(directory=Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


class WatchedEngine(FakeEngine):
    """Knows whether it was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock of this machine's engine is not ours to take."""
    monkeypatch.setenv("ARIS_CACHE_DIR", str(tmp_path / "cache"))
    FakeEngine.reset()


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    return tmp_path / "locks"


@pytest.fixture
def holder(locks: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the engine."""
    arguments = [sys.executable, "-c", HOLDER, str(locks)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_busy_engine_names_the_process_that_holds_it(
    locks: Path, holder: "subprocess.Popen[str]"
) -> None:
    started = time.monotonic()

    with pytest.raises(EngineBusyError) as raised:
        EngineLock(directory=locks).acquire()

    assert f"process {holder.pid} (" in str(raised.value)
    assert str(locks / "engine-cpu.lock") in str(raised.value)
    assert time.monotonic() - started < 2


def test_the_lock_vanishes_with_a_killed_holder(
    locks: Path, holder: "subprocess.Popen[str]"
) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()

    lock = EngineLock(directory=locks)
    lock.acquire()

    with pytest.raises(EngineBusyError, match=f"process {os.getpid()} "):
        EngineLock(directory=locks).acquire()
    lock.release()
    EngineLock(directory=locks).acquire()


def test_checking_the_lock_does_not_keep_it() -> None:
    EngineLock.check()
    EngineLock.check()


def test_runs_on_different_gpus_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    on_first = EngineLock()
    on_first.acquire()
    with pytest.raises(EngineBusyError):
        EngineLock.check()

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    EngineLock.check()

    on_first.release()


def test_each_engine_takes_the_first_free_gpus_and_sees_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    first, pair, third = EngineLock(), EngineLock(gpus=2), EngineLock()

    seen = []
    for lock in (first, pair, third):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
        lock.acquire()
        seen.append(os.environ["CUDA_VISIBLE_DEVICES"])

    assert seen == ["0", "2,3", "1"]
    third.release()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1,2,3"
    with pytest.raises(EngineBusyError, match=r"engine-0\.lock.*engine-2\.lock"):
        EngineLock(gpus=2).acquire()
    first.release()
    pair.release()


def test_the_engine_is_loaded_when_it_is_first_asked_for_and_only_once() -> None:
    with EngineSession(FakeEngine) as session:
        assert (FakeEngine.loads, session.loads) == (0, 0)
        assert session.engine() is session.engine()
        assert (FakeEngine.loads, session.loads) == (1, 1)


def test_a_session_that_needs_no_engine_takes_no_lock() -> None:
    held = EngineLock()
    held.acquire()

    with EngineSession(FakeEngine):
        pass

    assert FakeEngine.loads == 0
    held.release()


def test_the_engine_is_closed_and_free_again_also_after_an_error() -> None:
    engine = WatchedEngine()
    session = EngineSession(lambda: engine)

    def work_on_a_bad_shard() -> None:
        with session:
            session.engine()
            with pytest.raises(EngineBusyError):
                EngineLock.check()
            raise RuntimeError("bad shard")

    with pytest.raises(RuntimeError, match="bad shard"):
        work_on_a_bad_shard()

    assert engine.closed
    EngineLock.check()


def test_an_engine_that_cannot_be_closed_still_gives_its_lock_back() -> None:
    class Stuck(FakeEngine):
        def close(self) -> None:
            raise EngineError("the core does not answer")

    session = EngineSession(Stuck)
    with pytest.raises(EngineError, match="does not answer"), session:
        session.engine()

    EngineLock.check()


def test_an_engine_that_cannot_be_loaded_gives_its_lock_back_at_once() -> None:
    def fail() -> Engine:
        raise EngineError("no memory left")

    with EngineSession(fail) as session:
        for _shard in range(2):
            with pytest.raises(EngineError, match="no memory left"):
                session.engine()
            EngineLock.check()
        assert session.loads == 0
