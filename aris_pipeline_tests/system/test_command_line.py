"""The command `aris`: its contract, and what is left when it is killed."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from aris_pipeline.candidates import write_synthetic
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.terminal import on_a_terminal, states

pytestmark = pytest.mark.system

FAKE = [sys.executable, "-m", "aris_pipeline_tests.fake_aris"]
KEYS = {
    *("batch", "shards", "rows_in", "evaluated", "failed", "quarantined", "triaged", "reused"),
    *("valid_rate", "success_rate", "wall_s", "load_s", "score_s", "scored", "generate_s"),
    *("req_s", "output_tok_s", "total_tok_s"),
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def candidates(tmp_path: Path) -> Path:
    file = tmp_path / "candidates.json"
    write_synthetic(60, 3, "aris", file)
    return file


def test_a_run_says_what_it_is_at_in_a_pipe_and_on_a_terminal(
    candidates: Path, data: Path, tmp_path: Path
) -> None:
    often = {"FAKE_PRINTED_EVERY_S": "0.5", "FAKE_LOAD_S": "1.5", "FAKE_SECONDS_PER_ROW": "2.5"}
    command = [*FAKE, "run", str(candidates), "--limit", "3", "--data-dir"]

    piped = subprocess.run(
        [*command, str(data)], capture_output=True, text=True, check=True, env=os.environ | often
    )
    shown = states(on_a_terminal([*command, str(tmp_path / "again")], often))

    for phase in ("land: candidates.json", "materializing prompts", "materializing completions"):
        assert phase in piped.stdout.splitlines()
        assert phase in shown
    for said in (piped.stderr.splitlines(), shown):
        one_after_the_other = [
            r"loading smollm2-135m-instruct$",
            r"loading smollm2-135m-instruct: 1 s$",
            r"loaded smollm2-135m-instruct in \d+ s$",
            r"answering: \d+%, 0 of 3 rows, up to .* left, [\d,]+ new tok/s, [\d,]+ prompt tokens ",
            r"first row after \d+ s$",
            r"answering: \d+%, 2 of 3 rows, .* left, 0\.\d\d rows/s, [\d,]+ new tok/s, ",
            r"answered 3 rows in \d+ s, 0\.\d\d rows/s$",
        ]
        found = iter(said)
        for line in one_after_the_other:
            assert any(re.match(line, one) for one in found), (line, said)
    assert "\x1b" not in piped.stderr + piped.stdout


def test_a_run_prints_its_figures_and_every_command_reads_what_it_wrote(
    tmp_path: Path, data: Path
) -> None:
    file = tmp_path / "candidates.json"
    assert aris("generate", "--count", 60, "--seed", 3, "--out", file).code == 0
    finished = aris("run", file, "--data-dir", data, "--shard-size", 25, "--json")
    assert finished.code == 0, finished.stderr
    figures = finished.figures
    assert figures.keys() >= KEYS
    assert (figures["rows_in"], figures["shards"]) == (60, 3)
    assert figures["evaluated"] + figures["failed"] + figures["quarantined"] == 60
    batch = figures["batch"]

    verified = aris("verify", "--data-dir", data, "--batch", batch, "--json").figures
    assert verified["ok"]
    assert (verified["missing"], verified["duplicates"], verified["orphans"]) == (0, 0, 0)
    (row,) = aris("status", "--data-dir", data, "--json").figures["batches"]
    assert (row["batch"], row["evaluated"]) == (batch, 60)
    shown = aris("show", batch, "--top", 5, "--data-dir", data, "--json").figures
    assert [one["rank"] for one in shown["candidates"]] == [1, 2, 3, 4, 5]
    who = shown["candidates"][0]["custom_id"]
    one = aris("show", batch, "--candidate", who, "--data-dir", data, "--json").figures
    assert {"profile", "prompt", "answer", "verdict"} <= one.keys()
    assert (one["ledger"]["state"], one["ledger"]["reused"]) == ("evaluated", False)
    (predicted,) = aris("stale", "--data-dir", data, "--json").figures["batches"]
    assert (predicted["fresh"], predicted["stale"], predicted["seconds"]) == (60, 0, 0)
    warmer = ("--temperature", 0.5, "--batch", batch)
    (predicted,) = aris("stale", *warmer, "--data-dir", data, "--json").figures["batches"]
    assert (predicted["fresh"], predicted["stale"]) == (0, 60)
    for form in ("openai", "csv", "parquet", "xlsx"):
        files = aris(
            *("export", batch, "--format", form, "--out", tmp_path / form),
            *("--data-dir", data, "--json"),
        ).figures["files"]
        assert all(Path(file).exists() for file in files)

    _verify_names_a_damaged_file_and_still_reconciles_the_other_shards(data)
    _verify_counts_the_rows_of_an_output_that_went_missing(data)


def _verify_names_a_damaged_file_and_still_reconciles_the_other_shards(data: Path) -> None:
    damaged = next(data.glob("evaluations/**/shard=s001/*.parquet"))
    damaged.write_bytes(b"half a fi")

    finished = aris("verify", "--data-dir", data, "--json")

    assert finished.code == 1
    assert "Traceback" not in finished.stderr
    assert f"{damaged} cannot be read" in finished.stderr
    found = finished.figures
    assert (found["evaluated"], found["missing"], found["damaged_files"]) == (35, 25, 1)
    (fault,) = found["batches"][0]["faults"]
    assert (fault["kind"], fault["table"]) == ("damaged_file", "evaluations")


def _verify_counts_the_rows_of_an_output_that_went_missing(data: Path) -> None:
    for file in data.glob("evaluations/**/*.parquet"):
        file.unlink()

    finished = aris("verify", "--data-dir", data, "--json")

    assert finished.code == 1
    assert finished.figures["missing"] == 60


def test_a_quarantined_row_is_shown_by_its_line(tmp_path: Path, data: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("id,Resume\na,Software engineer\nb,A cook\na,The same id again\n")
    batch = aris("run", file, "--data-dir", data, "--json").figures["batch"]

    shown = aris("show", batch, "--line", 4, "--data-dir", data, "--json").figures

    assert shown["quarantine"]["rule"] == shown["ledger"]["reason"] == "duplicate_id"


def test_a_run_says_which_fields_are_judged_and_takes_a_mapping_of_others(
    tmp_path: Path, data: Path
) -> None:
    file, columns = tmp_path / "table.csv", tmp_path / "columns.yaml"
    file.write_text("id,Resume,Erfahrung\na,Cook,Ten years of storage engines at Northwind\n")
    columns.write_text("resume_text: [Resume, Erfahrung]\n")
    until = ("--until", "raw_candidates", "--data-dir", data)

    plain = aris("run", file, *until)
    mapped = aris("run", file, *until, "--columns", columns, "--json")
    wrong = aris("run", file, *until, "--columns", file)

    assert "Erfahrung (41 characters in 1 row)" in plain.stdout
    assert "91% of its text is in fields that are not judged" in plain.stderr
    assert mapped.figures["fields"]["sources"] == {"resume_text": ["Resume", "Erfahrung"]}
    assert mapped.figures["fields"]["unused_share"] == 0
    assert (wrong.code, "table.csv maps nothing" in wrong.stderr) == (2, True)


def test_a_missing_file_is_named_in_one_line_without_a_traceback(data: Path) -> None:
    finished = aris("run", "nowhere.json", "--data-dir", data, "--json")

    assert finished.code == 2
    assert "nowhere.json" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert finished.figures["error_type"] == "InputError"


def test_an_unknown_model_is_answered_with_the_nearest_names(candidates: Path, data: Path) -> None:
    finished = aris("run", candidates, "--data-dir", data, "--model", "gema3:4b")

    assert finished.code == 2
    assert "gemma3:4b" in finished.stderr


def test_too_few_valid_answers_fail_the_run(tmp_path: Path, data: Path) -> None:
    lines = [
        {
            "custom_id": f"r{number}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {
                "messages": [{"role": "user", "content": f"hello {number}"}],
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": {"type": "integer", "minimum": limit}},
                },
            },
        }
        for number, limit in enumerate([1, 1, 1, 1])
    ]
    lines[0]["body"]["response_format"]["json_schema"]["schema"] = {  # type: ignore[index]
        "type": "string",
        "minLength": 99,
    }
    file = tmp_path / "requests.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))

    strict = aris("run", file, "--data-dir", data, "--json")
    lenient = aris("run", file, "--data-dir", data, "--min-success", 0.5, "--json")

    assert (strict.code, lenient.code) == (1, 0)
    assert (strict.figures["evaluated"], strict.figures["failed"]) == (3, 1)


def test_a_run_that_is_stopped_twice_goes_on_and_loses_nothing(
    candidates: Path, data: Path
) -> None:
    command = ["run", str(candidates), "--data-dir", str(data), "--shard-size", "15", "--json"]
    for done, signal_number in enumerate((signal.SIGTERM, signal.SIGINT)):
        process = subprocess.Popen(
            [*FAKE, *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "FAKE_SECONDS_PER_ROW": "0.2"},
        )
        deadline = time.monotonic() + 60
        while len(list(data.glob("completions/**/completions.parquet"))) <= done:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1)
        process.send_signal(signal_number)
        assert process.wait(timeout=10) != 0

    finished = aris(*command)

    assert finished.code == 0, finished.stderr
    figures = finished.figures
    assert figures["evaluated"] == 60
    assert figures["reused"] >= 30
    rows = pl.read_parquet(data / "evaluations/**/*.parquet", hive_partitioning=False)
    assert rows["custom_id"].n_unique() == rows.height == 60
    assert aris("verify", "--data-dir", data, "--json").figures["ok"]


def test_a_second_run_at_once_is_told_who_holds_the_engine(candidates: Path, data: Path) -> None:
    process = subprocess.Popen(
        [*FAKE, "run", str(candidates), "--data-dir", str(data), "--shard-size", "20"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "FAKE_SECONDS_PER_ROW": "0.5"},
    )
    try:
        deadline = time.monotonic() + 60
        while not list(data.glob("completions/**/*.parquet")):
            assert time.monotonic() < deadline
            time.sleep(0.05)

        second = aris("run", candidates, "--data-dir", data)

        assert second.code == 2
        assert str(process.pid) in second.stderr
    finally:
        process.kill()
        process.wait()


def test_of_several_files_a_bad_one_is_named_at_the_end_and_the_others_are_judged(
    tmp_path: Path, candidates: Path, data: Path
) -> None:
    bad, missing = tmp_path / "bad.csv", tmp_path / "missing.csv"
    bad.write_text("1,Engineer at Acme\n2,Baker\n")
    good = tmp_path / "good.csv"
    good.write_text("id,Resume\n1,Engineer at Acme\n")

    finished = aris("run", bad, candidates, missing, good, "--data-dir", data, "--json")

    assert finished.code == 1
    figures = finished.figures
    assert (figures["rows_in"], figures["evaluated"]) == (61, 61)
    assert [one["file"] for one in figures["refused"]] == [str(bad), str(missing)]
    *_, first, second = finished.stderr.splitlines()
    assert str(bad) in first
    assert f"{missing} is not a file" in second

    finished = aris("run", bad, missing, "--data-dir", data, "--json")

    assert finished.code == 2
    assert all(str(file) in finished.figures["error"] for file in (bad, missing))


def test_verify_names_what_is_next_for_a_batch_that_stopped_on_the_way(
    candidates: Path, data: Path
) -> None:
    for until, next_table in (("raw_candidates", "prompts"), ("prompts", "completions")):
        assert aris("run", candidates, "--until", until, "--data-dir", data).code == 0

        finished = aris("verify", "--data-dir", data)

        assert finished.code == 1
        assert f"60 rows are not in {next_table} " in finished.stderr
        assert f"materialize {next_table}, " in finished.stderr


def test_a_port_that_is_in_use_is_named_before_anything_starts(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "execve", lambda *_: None)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = aris("dev", "--data-dir", data, "--port", port)

    assert refused.code == 2
    assert f"port {port} cannot be used" in refused.stderr
    assert "--port" in refused.stderr
    assert not data.exists()
