"""Every storage fault on a finished batch, in this process: what is said, and that it heals."""

import errno
import os
import random
import shutil
import sqlite3
from pathlib import Path

import polars as pl
import pytest

from aris_pipeline.candidates import write_synthetic
from aris_pipeline.completions import parts
from aris_pipeline.defs.batch_run import BatchRunner, RunOutcome
from aris_pipeline.defs.build import build_definitions
from aris_pipeline.defs.instance import open_instance, storage_errors_named
from aris_pipeline.errors import ArisError, DamagedDataError, DiskError, StorageError
from aris_pipeline.ledger import reconcile
from aris_pipeline.storage import DataStore, Judge, Shard
from aris_pipeline_tests.fake_engine import FakeEngine, FakeEngineResource
from aris_pipeline_tests.soak.storage_faults import FAULTS, TABLES

pytestmark = pytest.mark.slow

LAST = "candidate_ranking"
SAID = {
    "blocked_table": (StorageError, "is in the way"),
    "damaged_history": (DamagedDataError, "move that directory elsewhere"),
    "read_only_disk": (DiskError, "read-only"),
}
"""Faults that a run cannot get over by itself, with what it says."""
PROCESS = "full_disk"
"""Ends a run of Dagster half-way, whose place only its process gives back: see `system/`."""
_HEALED = sorted(name for name in FAULTS if name not in (*SAID, PROCESS))
PAIRS = [_HEALED[at : at + 2] for at in range(0, len(_HEALED), 2)]
"""Faults that a run gets over by itself, two at a time."""


@pytest.fixture(scope="module")
def candidates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("files") / "candidates.json"
    write_synthetic(12, 1, "aris", file)
    return file


@pytest.fixture(scope="module")
def finished(candidates: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a batch that is done; never written to."""
    data = tmp_path_factory.mktemp("finished") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        assert run(data, candidates).failures == []
    return data


@pytest.fixture
def data(finished: Path, tmp_path: Path) -> Path:
    FakeEngine.reset()
    shutil.copytree(finished, tmp_path / "data")
    return tmp_path / "data"


def run(data: Path, file: Path) -> RunOutcome:
    """Runs a file as a new process would, with the fake engine."""
    with open_instance(data) as instance:
        definitions = build_definitions(engine=FakeEngineResource())
        runner = BatchRunner(definitions, instance, DataStore(data), {}, say=lambda _: None)
        return runner.run(file, {"shard_size": 6}, LAST)


def failure_of(data: Path, file: Path) -> Exception:
    """Why a run failed, be it as a whole or in some of its shards."""
    try:
        outcome = run(data, file)
    except ArisError as error:
        return error
    return StorageError(outcome.failures[0])


def is_whole(data: Path, outcome: RunOutcome) -> bool:
    assert outcome.failures == []
    return reconcile(DataStore(data), outcome.batch, outcome.judge).ok


def refuse_to_flush(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """A full disk for all files in whose path a word stands."""
    flush = os.fsync

    def fsync(descriptor: int) -> None:
        if where in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize("names", PAIRS, ids=" and ".join)
def test_a_run_heals(data: Path, candidates: Path, names: list[str]) -> None:
    for name in names:
        FAULTS[name](data, random.Random(name))

    outcome = run(data, candidates)

    assert is_whole(data, outcome)
    assert list(data.rglob("*.tmp")) == []
    for table in TABLES:
        assert pl.scan_parquet(data / table).select(pl.len()).collect().item() >= 0


@pytest.mark.parametrize("name", [name for name in FAULTS if name in SAID])
def test_a_run_says_what_it_cannot_get_over_and_then_goes_on(
    data: Path, candidates: Path, name: str
) -> None:
    kind, words = SAID[name]
    end = FAULTS[name](data, random.Random(name))
    assert end is not None
    try:
        failure = failure_of(data, candidates)
    finally:
        end()

    assert isinstance(failure, kind)
    assert words in str(failure)
    assert str(data) in str(failure)
    assert is_whole(data, run(data, candidates))


def test_a_history_that_cannot_grow_is_a_full_disk(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "runs.db")
    database.execute("pragma max_page_count = 2")
    database.execute("create table runs (body)")

    with pytest.raises(DiskError, match="the disk is full"), storage_errors_named(tmp_path):
        database.execute("insert into runs values (zeroblob(100000))")


def test_a_history_that_may_not_be_written_is_told_with_its_owner(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "runs.db").execute("create table runs (body)").close()
    database = sqlite3.connect(f"file:{tmp_path}/runs.db?mode=ro", uri=True)

    with pytest.raises(StorageError, match="belongs to user"), storage_errors_named(tmp_path):
        database.execute("insert into runs values (1)")


def test_what_is_no_fault_of_the_storage_stays_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), storage_errors_named(tmp_path / "home"):
        raise PermissionError(errno.EACCES, "not yours", "/etc/shadow")
    with pytest.raises(sqlite3.OperationalError), storage_errors_named(tmp_path / "home"):
        sqlite3.connect(":memory:").execute("no sql")


def test_an_engine_does_not_work_on_for_a_full_disk(
    data: Path, candidates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(data / "completions")
    monkeypatch.setattr(parts, "MAX_ROWS_AT_RISK", 2)
    with monkeypatch.context() as patch:
        refuse_to_flush(patch, "part-")
        with pytest.raises(DiskError, match=r"part-.* the disk is full"):
            run(data, candidates)
        assert len(FakeEngine.generated()) == 2

    assert is_whole(data, run(data, candidates))


def test_answers_survive_a_disk_that_is_full_when_they_are_put_together(
    data: Path, candidates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(data / "completions")
    with monkeypatch.context() as patch:
        refuse_to_flush(patch, "completions.parquet")
        with pytest.raises(DiskError, match=r"completions\.parquet cannot be written"):
            run(data, candidates)

    assert is_whole(data, run(data, candidates))
    asked = [request.request_id for request in FakeEngine.generated()]
    assert len(asked) == len(set(asked)) == 12  # of both shards, whichever had begun


def test_a_damaged_file_of_another_judge_is_named_and_keeps_nobody_from_this_one(
    data: Path, candidates: Path
) -> None:
    store = DataStore(data)
    (judge,) = store.judges("completions", next(data.glob("batches/*.json")).stem)
    other = Judge(judge.rubric, "a-model-of-old")
    for table in ("prompts", "completions"):
        shutil.copytree(store.judged(table, judge), store.judged(table, other))
    damaged = next(store.judged("completions", other).glob("*/shard=s001/*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:-50])
    shutil.rmtree(data / "evaluations")

    outcome = run(data, candidates)

    assert len(outcome.failures) == 2  # of throughput and evaluations
    assert all(str(damaged) in failure for failure in outcome.failures)
    assert "materialize completions of this shard" in outcome.failures[0]
    assert reconcile(store, outcome.batch, judge).ok
    assert store.evaluations(other, Shard(outcome.batch.name, "s000")).exists()


def test_a_batch_with_a_damaged_file_is_not_ranked_and_the_others_are(
    data: Path, candidates: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second.json"
    write_synthetic(6, 2, "aris", second)
    damaged = sorted(data.glob("evaluations/**/*.parquet"))[0]
    damaged.write_bytes(b"half")

    outcome = run(data, second)

    assert [str(damaged) in failure for failure in outcome.failures] == [True]
    assert DataStore(data).candidate_ranking(outcome.judge, outcome.batch.name).exists()
    assert is_whole(data, run(data, candidates))
