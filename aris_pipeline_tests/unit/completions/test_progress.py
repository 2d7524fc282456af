"""What is said of a run under way: before its first row ends, and after; of a load too."""

import re
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from aris_pipeline.completions import Progress, ProgressReporter, live_line
from aris_pipeline.engines import EngineSession, TokenCounts
from aris_pipeline.engines.engine_log import EngineLog
from aris_pipeline.engines.loading import at_stage
from aris_pipeline_tests.fake_engine import FakeEngine

ASKED = Progress(
    "answering",
    total=40,
    asked=40,
    done=0,
    seconds=50,
    asked_tokens=80_000,
    most_output_tokens=8_000,
)
"""Forty rows of 2,000 prompt tokens each, with answers of at most 200."""


@pytest.fixture(autouse=True)
def _at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARIS_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(live_line, "_DRAWN_EVERY_S", 0.01)
    monkeypatch.setattr(live_line, "_PRINTED_EVERY_S", 0.02)


def test_before_the_first_row_ends_its_tokens_tell_how_far_it_is_and_how_long_it_takes() -> None:
    none = replace(ASKED, counted=TokenCounts(prompt=0, cached=0, output=0))
    assert str(none) == "answering: 0 of 40 rows, waiting for the first token, 50 s"
    assert str(ASKED) == "answering: 0 of 40 rows, waiting for the first finished row, 50 s"

    a_quarter = replace(ASKED, counted=TokenCounts(prompt=20_000, cached=0, output=200))
    assert a_quarter.share == pytest.approx(20_200 / 88_000)
    assert a_quarter.left_s == pytest.approx(50 * 67_800 / 20_200)
    assert str(a_quarter) == (
        "answering: 23%, 0 of 40 rows, up to 2 min 48 s left, "
        "404 new tok/s, 20,000 prompt tokens read, 200 written, 50 s"
    )


def test_prompt_tokens_from_the_cache_are_no_work() -> None:
    half = TokenCounts(prompt=40_000, cached=30_000, output=0)
    progress = replace(ASKED, counted=half, most_output_tokens=0)

    assert progress.share == pytest.approx(0.5)
    assert progress.left_s == pytest.approx(50)


def test_once_rows_end_their_answers_tell_how_long_the_others_are() -> None:
    counted = TokenCounts(prompt=80_000, cached=0, output=1_000)
    first = replace(ASKED, done=1, row_tokens=20_010, counted=counted)
    some = replace(ASKED, done=10, row_tokens=20_500, counted=counted)

    assert first.left_s == pytest.approx(50 * 7_000 / 81_000), "a short one says little of others"
    assert some.left_s == pytest.approx(50 * (40 * 1_200 / 11 - 1_000) / 81_000)
    assert str(some) == (
        "answering: 96%, 10 of 40 rows, 2 s left, 0.20 rows/s, 1,620 new tok/s, "
        "80,000 prompt tokens read, 1,000 written, 50 s"
    )


def test_rows_that_the_engine_was_not_given_yet_are_taken_to_be_like_the_others() -> None:
    counted = TokenCounts(prompt=20_000, cached=0, output=2_000)
    tenth = replace(ASKED, total=400, counted=counted)

    assert tenth.share == pytest.approx(22_000 / 880_000)


def test_an_engine_that_counts_no_tokens_is_judged_by_its_rows() -> None:
    assert replace(ASKED, done=10, row_tokens=20_500).left_s == pytest.approx(150)
    assert str(replace(ASKED, done=10, row_tokens=20_500)) == (
        "answering: 25%, 10 of 40 rows, 2 min 30 s left, 0.20 rows/s, 410 tok/s, 50 s"
    )


def test_at_the_end_nothing_is_left_whatever_was_counted() -> None:
    counted = TokenCounts(prompt=1_000, cached=0, output=10)
    ended = replace(ASKED, done=40, counted=counted)

    assert (ended.share, ended.left_s) == (1.0, 0.0)
    assert "reading prompts" in str(Progress("scoring", total=0, asked=0, done=0, seconds=0))


def test_a_run_says_its_first_row_how_far_it_is_and_what_it_came_to(
    capfd: pytest.CaptureFixture[str],
) -> None:
    logged: list[str] = []
    now = [ASKED]
    with (
        ProgressReporter(logged.append, bar=True) as report,
        report.working(lambda: now[0]) as done,
    ):
        time.sleep(0.1)
        now[0] = replace(ASKED, done=1)
        done()
        now[0] = replace(ASKED, done=40, seconds=80)
        done()

    said = capfd.readouterr()
    lines = said.err.splitlines()
    assert said.out == ""
    assert lines[0] == str(ASKED)
    assert logged == ["first row after 50 s", "answered 40 rows in 1 min 20 s, 0.50 rows/s"]
    # The bar may be drawn between them.
    assert [line for line in lines if line in logged] == logged
    assert lines[-1] == logged[-1]


def test_without_a_bar_nothing_is_drawn(capfd: pytest.CaptureFixture[str]) -> None:
    with ProgressReporter(lambda _line: None, bar=False) as report, report.working(lambda: ASKED):
        time.sleep(0.05)

    assert capfd.readouterr() == ("", "")


def test_a_load_is_said_with_what_it_is_at_and_its_seconds(
    capfd: pytest.CaptureFixture[str],
) -> None:
    logged: list[str] = []
    log = EngineLog("offline")

    def open_engine() -> FakeEngine:
        at_stage("importing vLLM", log)
        time.sleep(0.2)
        return FakeEngine()

    with ProgressReporter(logged.append, bar=True) as report:
        loading = partial(report.loading, "gemma3:4b")
        EngineSession(open_engine, on_this_machine=False, while_loading=loading).engine()

    # A busy machine may take a second longer.
    said = [re.sub(r"\d s\b", "N s", line) for line in capfd.readouterr().err.splitlines()]
    assert (said[0], said[-1]) == ("loading gemma3:4b", "loaded gemma3:4b in N s")
    assert f"loading gemma3:4b (importing vLLM): N s, log {log.path}" in said
    assert [re.sub(r"\d s$", "N s", line) for line in logged] == [said[0], said[-1]]
