import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aris_pipeline.cli.console import (
    say,
    shortfalls,
    show_forecasts,
    show_ranking,
    show_table,
    show_why,
    total,
)
from aris_pipeline.errors import ConfigError, MissingDataError
from aris_pipeline.ledger import Forecast, explain
from aris_pipeline.storage import DataStore, Judge, write_bytes
from aris_pipeline_tests.tables import WITH_EVIDENCE, make_batch, write_verdicts
from aris_pipeline_tests.terminal import on_a_terminal

START = "from aris_pipeline.cli.console import command, say\nfrom aris_pipeline.errors import *\n"


def _run(body: str, *, as_json: bool = True) -> "subprocess.CompletedProcess[str]":
    """Runs a command in a process of its own, as the command line does."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    program = (
        f"{START}import typer\napp = typer.Typer()\n@app.command()\ndef main():\n"
        f"  with command({as_json}) as emit:\n{lines}\napp()"
    )
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )


NOISE = """
import ctypes, os, subprocess, sys
print("a library prints")
os.write(1, b"a kernel writes\\n")
subprocess.run(["echo", "a child prints"])
ctypes.CDLL(None).puts(b"a C library prints into its buffer")
emit({"answer": 1})
say("[bold]for people[/bold]")
print("a library prints after the result")
emit({"answer": 42, "name": "Zo\\u00eb"})
"""


@pytest.mark.slow
def test_stdout_has_the_json_and_nothing_else_whoever_prints() -> None:
    ended = _run(NOISE)

    assert ended.returncode == 0
    (line,) = ended.stdout.splitlines()
    assert json.loads(line) == {"answer": 42, "name": "Zoë"}
    for said in ("library prints\n", "kernel writes", "child prints", "C library", "after the"):
        assert said in ended.stderr
    assert "[bold]for people[/bold]" in ended.stderr


@pytest.mark.slow
def test_people_find_their_text_on_stdout_without_json_and_without_noise() -> None:
    ended = _run(NOISE, as_json=False)

    assert (ended.returncode, ended.stdout) == (0, "[bold]for people[/bold]\n")
    assert "library prints\n" in ended.stderr


@pytest.mark.slow
def test_a_typed_error_is_one_line_for_people_and_json_for_programs() -> None:
    ended = _run("emit({'rows': 1})\nraise ConfigError('no model [x]; choose one with --model')")

    assert ended.returncode == 2
    assert json.loads(ended.stdout) == {
        "error": "no model [x]; choose one with --model",
        "error_type": "ConfigError",
    }
    assert ended.stderr == "error: no model [x]; choose one with --model\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "stop",
    [
        "raise KeyboardInterrupt",
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(5)",
    ],
)
def test_a_stopped_command_says_that_it_can_go_on(stop: str) -> None:
    ended = _run(stop)

    assert ended.returncode == 128 + signal.SIGINT
    assert "the same command goes on from there" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "error" in json.loads(ended.stdout)


@pytest.mark.slow
def test_an_exit_status_of_its_own_keeps_the_json() -> None:
    ended = _run("emit({'ok': False})\nraise typer.Exit(1)")

    assert ended.returncode == 1
    assert json.loads(ended.stdout) == {"ok": False}


@pytest.mark.slow
def test_a_fault_of_ours_is_not_dressed_up() -> None:
    ended = _run("raise ZeroDivisionError('ours')")

    assert ended.returncode == 1
    assert "ZeroDivisionError: ours" in ended.stderr


def _figures(**fields: Any) -> dict[str, Any]:
    return {
        "batch": "b",
        "shards": 1,
        "rows_in": 10,
        "evaluated": 8,
        "failed": 1,
        "quarantined": 1,
        "triaged": 0,
        "erased": 0,
        "scored": 0,
        "score_s": 0.0,
        "reused": 0,
        "generated": 9,
        "valid_rate": 0.8889,
        "success_rate": 0.8889,
        "wall_s": 20.0,
        "load_s": 4.0,
        "generate_s": 10.0,
        "predicted_s": 12.0,
        "req_s": 0.9,
        "output_tok_s": 90.0,
        "total_tok_s": 900.0,
        **fields,
    }


def test_one_batch_is_its_own_total() -> None:
    assert total([_figures()], wall_s=99) == _figures()


def test_several_batches_add_up_and_rates_are_over_their_seconds() -> None:
    other = _figures(
        batch="c",
        rows_in=30,
        evaluated=29,
        failed=0,
        generate_s=30.0,
        req_s=0.1,
        output_tok_s=10.0,
        total_tok_s=100.0,
    )

    added = total([_figures(), other], wall_s=45.678)

    assert added["batch"] == ["b", "c"]
    assert (added["rows_in"], added["evaluated"], added["failed"]) == (40, 37, 1)
    assert (added["quarantined"], added["load_s"], added["generate_s"]) == (2, 8.0, 40.0)
    assert (added["req_s"], added["output_tok_s"], added["total_tok_s"]) == (0.3, 30.0, 300.0)
    assert (added["valid_rate"], added["success_rate"]) == (0.9737, 0.9737)
    assert added["wall_s"] == 45.68
    assert added["batches"] == [_figures(), other]


RATES = ("req_s", "output_tok_s", "total_tok_s")
REUSED = _figures(generated=0, reused=9, generate_s=0.0, **dict.fromkeys((*RATES, "predicted_s")))


@pytest.mark.parametrize("rows", [[_figures(), REUSED], [REUSED, _figures()]])
def test_a_batch_that_was_reused_leaves_the_rates_of_the_other(rows: list[dict[str, Any]]) -> None:
    added = total(rows, wall_s=1)

    assert [added[name] for name in RATES] == [0.9, 90.0, 900.0]
    assert (added["generated"], added["reused"]) == (9, 9)


def test_the_predictions_add_up_where_every_batch_that_generated_has_one() -> None:
    unknown = _figures(predicted_s=None)

    assert total([_figures(), _figures()], wall_s=1)["predicted_s"] == 24.0
    assert total([REUSED, _figures()], wall_s=1)["predicted_s"] == 12.0
    assert total([_figures(), unknown], wall_s=1)["predicted_s"] is None
    assert total([unknown, _figures()], wall_s=1)["predicted_s"] is None


def test_batches_that_were_all_reused_have_no_rates() -> None:
    assert [total([REUSED, REUSED], wall_s=1)[name] for name in RATES] == [None] * 3


def test_a_run_that_lost_no_row_and_reached_its_share_has_no_shortfall() -> None:
    assert shortfalls(_figures(), 0.8) == []
    assert shortfalls(_figures(success_rate=0.95), 0.95) == []


def test_a_shortfall_says_how_short_and_where_to_look() -> None:
    (short,) = shortfalls(_figures(), 0.95)
    assert "88.9% of the usable rows" in short
    assert "95.0%" in short
    assert "invalid_reason" in short

    (short,) = shortfalls(_figures(evaluated=0, failed=0, triaged=9, success_rate=0.0), 0.95)
    assert "invalid_reason" not in short

    lost, short = shortfalls(_figures(rows_in=12), 0.95)
    assert "12 rows went in and 10 are accounted for; see `aris verify`" in lost


def test_a_batch_without_a_ranking_says_what_to_do(store: DataStore) -> None:
    with pytest.raises(MissingDataError, match="run it with a rubric"):
        show_ranking(store, make_batch(1), Judge("aris-swe-v1", "small"), top=5)


def test_a_file_of_openai_requests_says_where_its_answers_are(store: DataStore) -> None:
    with pytest.raises(ConfigError, match=r"no ranking\. `aris show .* --candidate ID` shows one"):
        show_ranking(store, make_batch(1), Judge("openai", "small"), top=5)


def test_a_forecast_says_where_its_time_comes_from_and_what_it_does_not_count(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = Forecast(
        batch="one-batch",
        rubric="aris-swe-v1",
        model="small",
        rows=10,
        fresh=4,
        stale=5,
        reused_in_batch=0,
        unrenderable=1,
        not_validated=5_000,
        prompt_tokens=4_000,
        output_tokens=None,
        seconds=None,
        estimate="no run of this model",
    )

    show_forecasts([found])

    said = capsys.readouterr().err
    assert "seconds: no run of this model" in said
    assert "5,000 landed rows are not validated yet" in said
    assert "aris run FILE --until raw_candidates" in said
    assert "no prompt can be made of 1 rows" in said


def test_what_a_candidate_or_the_model_wrote_does_not_drive_the_terminal(
    store: DataStore, capsys: pytest.CaptureFixture[str]
) -> None:
    judge, batch = Judge("aris-swe-v2", "small"), make_batch(1)
    hostile = "[/b] :bomb: \x1b[31m\u202e\r"
    told = {
        "overall_reason": hostile,
        "role_reason": hostile,
        "role_quote": f"{hostile}\n{hostile}",
    }
    found: dict[str, Any] = {
        "ungrounded": [hostile],
        "contradictions": [hostile],
        "grounding": "ungrounded",
        "review_reasons": ["contradicts", "not grounded"],
    }
    write_verdicts(store, judge, batch, WITH_EVIDENCE, {"custom_id": hostile, **told, **found})

    (row,) = show_ranking(store, batch, judge, top=5)
    show_why(explain(store, batch, judge, hostile))
    say(hostile)

    shown = capsys.readouterr().err
    assert row["custom_id"] == hostile
    assert shown.count("[/b]") == shown.count(":bomb:") == 15
    assert not set("\x1b\u202e\r") & set(shown)


def test_a_ranking_without_reasons_to_look_at_it_says_so(
    store: DataStore, capsys: pytest.CaptureFixture[str]
) -> None:
    judge, batch = Judge("aris-swe-v2", "small"), make_batch(1)
    write_verdicts(store, judge, batch, WITH_EVIDENCE, {"review_reasons": []})
    show_ranking(store, batch, judge, top=5)
    assert "version" not in capsys.readouterr().err
    ranking = store.candidate_ranking(judge, batch.name)
    pl.read_parquet(ranking).drop("review_reasons").write_parquet(ranking)

    show_ranking(store, batch, judge, top=5)

    said = capsys.readouterr().err
    assert "warning: 2026-11-21_export: 1 verdicts were made by a version before 0.3.0" in said


def test_rows_that_are_too_wide_for_the_terminal_stand_one_below_the_other(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    name = "2026-11-21_a-batch-with-a-long-name"

    show_table([{"batch": name, "rows_in": 40}, {"batch": "other", "rows_in": 2}])
    beside = capsys.readouterr().err
    show_table([{"batch": name, **{f"count_{n}": n for n in range(9)}}])
    below = capsys.readouterr().err

    assert any(name in line and "40" in line for line in beside.splitlines())
    assert any(name in line and "batch" in line for line in below.splitlines())
    assert max(map(len, below.splitlines())) <= 80


@pytest.mark.slow
def test_what_goes_to_a_file_has_no_escapes_though_the_messages_go_to_a_terminal(
    store: DataStore, tmp_path: Path
) -> None:
    batch, out = make_batch(1), tmp_path / "ranking.txt"
    write_verdicts(store, Judge("aris-swe-v2", "small"), batch, WITH_EVIDENCE, {"custom_id": "ada"})
    write_bytes(batch.model_dump_json().encode(), store.batch_file(batch.name))
    show = f"{sys.executable} -m aris_pipeline.cli show {batch.name} --data-dir {store.root}"

    seen = on_a_terminal(["sh", "-c", f"{show} && {show} > {out}"])

    assert "\x1b[" in seen
    assert "ada" in out.read_text()
    assert "\x1b" not in out.read_text()
    assert not [line for line in out.read_text().splitlines() if line.endswith(" ")]


@pytest.mark.slow
def test_ctrl_c_before_a_command_has_begun_ends_it_without_a_traceback() -> None:
    program = (
        "import signal, aris_pipeline.cli as cli\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "print(flush=True)\n"
        "cli.main()"
    )
    starting = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert starting.stdout is not None
    starting.stdout.readline()
    time.sleep(0.3)
    starting.send_signal(signal.SIGINT)

    _, said = starting.communicate()

    assert (starting.returncode, said) == (130, "")
