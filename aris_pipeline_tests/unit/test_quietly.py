"""What `make setup` shows while the installer works."""

import os
import re
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aris_pipeline_tests.lock import ROOT

QUIETLY = str(ROOT / ".ci" / "quietly.py")


def quietly(log: Path, program: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, QUIETLY, str(log), "installing", sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_a_command_says_goes_to_the_log_alone(tmp_path: Path) -> None:
    log = tmp_path / "setup.log"
    log.write_text("before\n")

    done = quietly(log, "import sys; print('WARNING: x'); print('WARNING: y', file=sys.stderr)")

    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"installing \.\.\.\ninstalling: done in \d+ s\n", done.stdout)
    assert sorted(log.read_text().splitlines()) == ["WARNING: x", "WARNING: y", "before"]


def test_a_command_that_fails_shows_its_last_words_and_where_the_others_are(tmp_path: Path) -> None:
    log = tmp_path / "setup.log"

    done = quietly(log, "import sys; [print('line', n) for n in range(100)]; sys.exit(3)")

    lines = done.stdout.splitlines()
    assert done.returncode == 3
    assert lines[1:41] == [f"line {n}" for n in range(60, 100)]
    assert lines[41:] == [f"error: installing failed (exit code 3); all it said: {log}"]


def send(process: "subprocess.Popen[str]", number: int) -> None:
    process.send_signal(number)


def send_to_group(process: "subprocess.Popen[str]", number: int) -> None:
    os.killpg(process.pid, number)


@pytest.mark.parametrize(("number", "by"), [(signal.SIGTERM, send), (signal.SIGINT, send_to_group)])
def test_sigterm_and_a_terminals_ctrl_c_end_the_command_too(
    tmp_path: Path, number: int, by: Callable[["subprocess.Popen[str]", int], None]
) -> None:
    started, log = tmp_path / "started", tmp_path / "setup.log"
    # Python does not see a signal that comes just before a sleep until the sleep ends.
    program = (
        f"import pathlib, time\npathlib.Path({str(started)!r}).touch()\nwhile True: time.sleep(0.1)"
    )
    command = [sys.executable, QUIETLY, str(log), "installing", sys.executable, "-c", program]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    while not started.exists():
        time.sleep(0.02)

    by(process, number)

    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "installing: stopped after" in said
    assert log.read_text().rstrip().endswith("KeyboardInterrupt")


def test_it_says_once_in_a_while_that_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    program = runpy.run_path(QUIETLY)
    monkeypatch.setitem(program["main"].__globals__, "_EVERY_S", 0.4)

    code = program["main"](tmp_path / "log", "installing", ["sleep", "1"])

    signal.signal(signal.SIGTERM, before)
    assert code == 0
    said = capsys.readouterr().out
    assert re.fullmatch(
        r"installing \.\.\.\n(installing \.\.\. \d s\n){1,2}installing: done in \d s\n", said
    )
