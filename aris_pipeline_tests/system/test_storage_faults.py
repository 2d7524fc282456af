"""Storage faults that take processes: a killed writer, a full disk, a growing file, two at once."""

import subprocess
import sys
import threading
from pathlib import Path

import polars as pl
import pytest

from aris_pipeline.storage import DataStore, Shard
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.soak.processes import Finished, Place, Workshop
from aris_pipeline_tests.soak.storage_faults import may_mount, on_own_disk

pytestmark = pytest.mark.system

LANDER = """
import sys
from pathlib import Path
from aris_pipeline.candidates import land_file
from aris_pipeline.storage import DataStore
print("ready", flush=True)
sys.stdin.readline()
print(land_file(DataStore(Path(sys.argv[1])), Path(sys.argv[2])).name)
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A data directory, an engine lock of its own, and a file of 24 candidates in 3 shards."""
    return Workshop(tmp_path).place("place", rows=24, shard_size=8)


def again(place: Place) -> Finished:
    """Runs the same command once more."""
    return aris("run", place.file, "--shard-size", place.shard_size, "--data-dir", place.data)


def verified(place: Place) -> bool:
    return aris("verify", "--data-dir", place.data).code == 0


def test_a_writer_that_is_killed_leaves_nothing_after_the_next_run(place: Place) -> None:
    with place.run(kill_at="raw_candidates:3") as process:
        process.finish()
    (left,) = place.data.rglob("*.tmp")
    assert ".candidates.parquet." in left.name or ".quarantine.parquet." in left.name
    for table in ("landed", "quarantine"):
        assert pl.scan_parquet(place.data / table).select(pl.len()).collect().item() >= 0

    assert again(place).code == 0

    assert list(place.data.rglob("*.tmp")) == []
    assert list(place.data.glob(".work/**/*.parquet")) == []
    assert verified(place)


def test_of_two_runs_that_start_at_once_one_works_and_one_says_who_does(place: Place) -> None:
    with place.run() as first, place.run() as second:
        runs = {process.pid: process.finish() for process in (first, second)}

    assert sorted(run.code for run in runs.values()) == [0, 2]
    (refused,) = (run for run in runs.values() if run.code == 2)
    (winner,) = (pid for pid, run in runs.items() if run.code == 0)
    assert refused.figures["error_type"] == "BatchBusyError"
    assert f"process {winner} " in refused.said
    assert "Traceback" not in refused.stderr
    assert verified(place)


def test_a_batch_that_is_being_judged_is_left_alone_by_a_run_with_other_settings(
    place: Place,
) -> None:
    with place.run(seconds_per_row=0.2) as first:
        assert first.wait_for("completions")
        with place.run("--temperature", "0.5", "--until", "prompts") as second:
            refused = second.finish()
        assert first.finish().code == 0

    assert refused.code == 2
    assert f"process {first.pid} " in refused.said
    assert verified(place)


def test_processes_that_land_at_once_make_one_batch_of_each_content(place: Place) -> None:
    copy, namesake = place.folder / "copy.json", place.folder / "elsewhere" / place.file.name
    namesake.parent.mkdir()
    copy.write_bytes(place.file.read_bytes())
    namesake.write_bytes(place.file.read_bytes() + b"\n")
    landers = [
        subprocess.Popen(
            [sys.executable, "-c", LANDER, str(place.data), str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for file in (place.file, copy, namesake)
    ]
    for lander in landers:
        assert lander.stdout is not None
        lander.stdout.readline()
    for lander in landers:
        assert lander.stdin is not None
        lander.stdin.write("go\n")
        lander.stdin.flush()

    names = [lander.communicate()[0].strip() for lander in landers]

    store = DataStore(place.data)
    assert names[0] == names[1] != names[2]
    assert {batch.name for batch in store.batches()} == set(names)
    for batch in store.batches():
        landed = [pl.read_parquet(store.landed(shard)).height for shard in Shard.all_of(batch)]
        assert sum(landed) == 24


def test_a_file_that_is_still_being_written_is_refused_until_it_is_whole(place: Place) -> None:
    whole = threading.Event()

    def write_on() -> None:
        with place.file.open("ab") as file:
            while not whole.wait(0.001):
                file.write(b" ")
                file.flush()

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        with place.run() as process:
            refused = process.finish()
    finally:
        whole.set()
        writer.join()

    assert refused.code == 2
    assert refused.figures["error_type"] == "InputError"
    assert f"{place.file} changed while it was read" in refused.said
    assert again(place).code == 0


@pytest.mark.skipif(not may_mount(), reason="this user may not mount; unit tests fake the disk")
@pytest.mark.parametrize("history", ["with the data", "elsewhere"])
def test_a_run_on_a_full_disk_ends_with_a_plain_message_and_goes_on_when_there_is_room(
    place: Place, history: str
) -> None:
    if history == "elsewhere":
        place.data.mkdir(parents=True)
        (place.data / ".dagster").symlink_to(place.folder / "dagster")
        (place.folder / "dagster").mkdir()
    free_the_disk = on_own_disk(place.data, room=250_000)
    try:
        with place.run(rows_at_risk=2) as process:
            full = process.finish()
    finally:
        free_the_disk()

    assert full.code == 2
    assert full.figures["error_type"] == "DiskError"
    assert "the disk is full" in full.figures["error"]
    assert "run the same command" in full.figures["error"]
    assert "Traceback" not in full.stderr
    assert again(place).code == 0
    assert list(place.data.rglob("*.tmp")) == []
    assert verified(place)
