import re
import time
from functools import partial

import pytest

from aris_pipeline import live_line
from aris_pipeline.completions import Progress, ProgressReporter, progress
from aris_pipeline.engines import EngineSession
from aris_pipeline.engines.loading import at_stage
from aris_pipeline.storage import Shard
from aris_pipeline_tests.fake_engine import FakeEngine

FIRST, SECOND = Shard("b", "s000"), Shard("b", "s001")


def _progress(shard: Shard = FIRST, done: int = 1_500) -> Progress:
    return Progress(shard, total=5_000, done=done, tokens=1_650_000, seconds=600)


def test_a_line_says_which_shard_how_far_how_fast_and_how_long_yet() -> None:
    assert str(_progress()) == (
        "b_s000: 1,500 of 5,000 rows, 2.50 rows/s, 2,750 tok/s, 1,400 s left"
    )


def test_no_time_gone_by_is_no_reason_to_fail() -> None:
    assert "0.00 rows/s" in str(Progress(FIRST, total=5, done=0, tokens=0, seconds=0))


def test_lines_come_at_intervals_and_not_for_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(progress, "_LOG_EVERY_S", 1_000)
    with ProgressReporter(lines.append, bar=False) as report:
        for done in range(10):
            report(_progress(done=done))
        assert lines == []

        monkeypatch.setattr(progress, "_LOG_EVERY_S", 0)
        report(_progress(done=10))
    assert lines == [str(_progress(done=10))]


def test_the_bar_is_drawn_on_stderr_one_for_each_shard(capfd: pytest.CaptureFixture[str]) -> None:
    with ProgressReporter(lambda _line: None, bar=True) as report:
        report(_progress(FIRST, done=5_000))
        report(_progress(SECOND, done=2_000))

    drawn = capfd.readouterr()
    assert drawn.out == ""
    assert "b_s000: 100%" in drawn.err
    assert "b_s001:  40%" in drawn.err
    assert "2,750 tok/s" in drawn.err


def test_without_a_bar_nothing_is_drawn(capfd: pytest.CaptureFixture[str]) -> None:
    with ProgressReporter(lambda _line: None, bar=False) as report:
        report(_progress())

    assert capfd.readouterr() == ("", "")


def test_a_load_is_said_with_what_it_is_at_and_its_seconds(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(live_line, "_DRAWN_EVERY_S", 0.01)
    monkeypatch.setattr(live_line, "_PRINTED_EVERY_S", 0.02)
    logged: list[str] = []

    def open_engine() -> FakeEngine:
        at_stage("importing vLLM")
        time.sleep(0.2)
        return FakeEngine()

    with ProgressReporter(logged.append, bar=True) as report:
        loading = partial(report.loading, "gemma3:4b")
        EngineSession(open_engine, on_this_machine=False, while_loading=loading).engine()

    # A busy machine may take a second longer.
    said = [re.sub(r"\d s$", "N s", line) for line in capfd.readouterr().err.splitlines()]
    assert (said[0], said[-1]) == ("loading gemma3:4b", "loaded gemma3:4b in N s")
    assert "loading gemma3:4b (importing vLLM): N s" in said
    assert [re.sub(r"\d s$", "N s", line) for line in logged] == [said[0], said[-1]]
