"""What the user sees of a line that says how far work is: on a terminal, in a pipe, in a log."""

import os
import subprocess
import sys
import time

import pytest

from aris_pipeline.completions import live_line
from aris_pipeline.completions.live_line import LiveLine, duration
from aris_pipeline_tests.terminal import on_a_terminal

WORK = """
import os, sys, time
from aris_pipeline.completions import live_line
live_line._DRAWN_EVERY_S, live_line._PRINTED_EVERY_S = 0.02, 0.04
line = live_line.LiveLine(draws=True)
line.say("loading the model")
with line.showing(lambda: "outer: 9 s"), line.showing(lambda: "loading: 3 s " + "x" * 200):
    time.sleep(0.2)
line.say("loaded in 4 s")
"""


@pytest.mark.slow
def test_on_a_terminal_one_line_changes_in_place_and_is_gone_at_the_end() -> None:
    written = on_a_terminal([sys.executable, "-c", WORK])

    first, middle, last = written.split("\r\n")[:3]
    assert first.endswith("loading the model")
    drawn = middle.split("\r\x1b[K")
    assert drawn[1].startswith("loading: 3 s xxx")
    assert all(len(one) < 120 for one in drawn), "a line that wraps could not be drawn again"
    assert drawn[-1] == "loaded in 4 s"
    assert drawn[-2] == "", "what stays does not stand behind the last state of the line"
    assert last == ""
    assert "outer" not in written, "the innermost work is what one waits for"


def test_in_a_pipe_it_is_printed_now_and_then_without_control_characters() -> None:
    ended = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, check=True)

    lines = ended.stderr.splitlines()
    assert ended.stdout == ""
    assert (lines[0], lines[-1]) == ("loading the model", "loaded in 4 s")
    assert set(lines[1:-1]) == {"loading: 3 s " + "x" * 200}
    assert "\x1b" not in ended.stderr


def test_a_log_gets_it_at_a_lower_rate_and_nothing_is_drawn(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(live_line, "_DRAWN_EVERY_S", 0.01)
    monkeypatch.setattr(live_line, "_LOGGED_EVERY_S", 0.03)
    lines: list[str] = []
    line = LiveLine(log=lines.append)

    with line.showing(lambda: "at work"):
        time.sleep(0.2)

    assert 1 <= len(lines) <= 7
    assert set(lines) == {"at work"}
    assert capfd.readouterr() == ("", "")


def test_it_is_seen_while_stderr_is_another_file(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: os.PathLike[str]
) -> None:
    monkeypatch.setattr(live_line, "_DRAWN_EVERY_S", 0.01)
    monkeypatch.setattr(live_line, "_PRINTED_EVERY_S", 0.01)
    line = LiveLine(draws=True)
    kept = os.dup(2)
    with open(os.path.join(tmp_path, "engine.log"), "wb") as log:
        os.dup2(log.fileno(), 2)
        try:
            with line.showing(lambda: "at work"):
                time.sleep(0.1)
        finally:
            os.dup2(kept, 2)
            os.close(kept)
    line.close()

    assert "at work\n" in capfd.readouterr().err


def test_what_is_raised_at_work_ends_the_line(capfd: pytest.CaptureFixture[str]) -> None:
    line = LiveLine(draws=True)
    with pytest.raises(KeyboardInterrupt), line.showing(lambda: "at work"):
        raise KeyboardInterrupt
    line.say("stopped")
    line.close()

    assert capfd.readouterr().err == "stopped\n"


def test_seconds_are_shown_as_people_read_them() -> None:
    assert [duration(seconds) for seconds in (0.4, 59, 61, 3_600, 9_000)] == [
        *("0 s", "59 s", "1 min 01 s", "1 h 00 min", "2 h 30 min")
    ]
