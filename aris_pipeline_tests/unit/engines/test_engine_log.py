"""What vLLM prints goes to a file, and what the run has to say is said all the same."""

import ctypes
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aris_pipeline.engines.engine_log import EngineLog, mark_warnings

CHILD = """
import logging
from aris_pipeline.engines.engine_log import mark_warnings
print("Capturing CUDA graphs: 100%")
mark_warnings()
logging.getLogger("aris_pipeline.engines.grammar_masks").warning("masks are slower")
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EngineLog:
    monkeypatch.setenv("ARIS_CACHE_DIR", str(tmp_path))
    return EngineLog("offline")


def test_whoever_prints_while_it_captures_prints_to_the_file(
    log: EngineLog, capfd: pytest.CaptureFixture[str]
) -> None:
    libc = ctypes.CDLL(None)
    libc.puts(b"C before")
    with log.capturing():
        os.write(2, b"a kernel writes\n")
        libc.puts(b"a C library prints into its buffer")
        child = subprocess.Popen(["sh", "-c", "echo first; read _; echo later"], stdin=-1)
    libc.puts(b"C after")
    libc.fflush(None)
    child.communicate(b"\n", timeout=30)

    said = capfd.readouterr()
    assert said.out == "C before\nC after\n"
    assert said.err == ""
    text = log.path.read_text()
    for line in ("a kernel writes\n", "into its buffer\n", "first\n"):
        assert line in text
    assert text.endswith("later\n"), "a process keeps the file for as long as it lives"


def test_an_exception_and_ctrl_c_give_the_output_back(
    log: EngineLog, capfd: pytest.CaptureFixture[str]
) -> None:
    for stop in (RuntimeError, KeyboardInterrupt):
        with pytest.raises(stop), log.capturing():
            raise stop
        os.write(1, b"seen\n")

    assert capfd.readouterr().out == "seen\nseen\n"


def test_our_own_warnings_are_seen_also_those_of_engine_processes(
    log: EngineLog, caplog: pytest.LogCaptureFixture
) -> None:
    ours = logging.getLogger("aris_pipeline.engines.grammar_masks")
    with log.capturing():
        ours.warning("of this process")
        assert not caplog.messages
        subprocess.run([sys.executable, "-c", CHILD], check=True)
    log.pass_on_warnings()
    log.pass_on_warnings()

    assert caplog.messages == ["of this process", "masks are slower"]
    assert "Capturing CUDA graphs" in log.path.read_text()


def test_it_tells_how_far_a_start_is_and_the_errors_that_ended_it(log: EngineLog) -> None:
    assert (log.stage(), log.last_errors()) == (None, None)
    with log.path.open("a") as file:
        file.write("(Worker pid=7) INFO [gpu_model_runner.py:1] Starting to load model x...\n")
        assert log.stage() is None, "what is in the buffer is not known"
        file.flush()
        assert log.stage() == "reading the weights"
        file.write("(Worker pid=7) INFO Loading weights took 2.10 seconds\n")
        file.write("Traceback (most recent call last):\n  File x\nValueError: no such layer\n")
        file.write("(EngineCore pid=6) RuntimeError: Engine core initialization failed.\n")

    assert log.stage() == "compiling and warming up"
    assert log.last_errors() == (
        "ValueError: no such layer | "
        "(EngineCore pid=6) RuntimeError: Engine core initialization failed."
    )


def test_logs_of_a_week_ago_go(log: EngineLog) -> None:
    log.path.touch()
    os.utime(log.path, (0, 0))
    EngineLog("serve")
    assert not log.path.exists()


def test_warnings_of_an_engine_process_are_marked(capfd: pytest.CaptureFixture[str]) -> None:
    ours = logging.getLogger("aris_pipeline")
    before = list(ours.handlers)
    mark_warnings()
    try:
        ours.warning("it is slower")
    finally:
        ours.handlers = before

    assert capfd.readouterr().err == "aris warning: it is slower\n"
