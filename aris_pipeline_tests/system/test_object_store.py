"""The whole chain with its data in an object store: killed, run again, verified and exported."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from aris_pipeline.candidates import write_synthetic
from aris_pipeline.ledger import ExportFormat, export_batch, reconcile
from aris_pipeline.models import cache_dir
from aris_pipeline.storage import DataStore, data_path
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.seaweed import BUCKET, Seaweed, seaweed, surround
from aris_pipeline_tests.soak.processes import ArisProcess, Finished

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("object_store")]

ROWS, SHARD_SIZE, AT_RISK = 48, 24, 6
DATA = f"s3://{BUCKET}/team/data"
PARTS = ".work/completions/rubric=*/model=*/batch=*/shard=*/part-*.parquet"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    with seaweed(tmp_path_factory.mktemp("seaweed")) as running:
        yield running


class Host:
    """A machine with a cache of its own, and so with locks and a history of its own."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "generated.log"
        self._cache = folder / "cache"
        self._cache.mkdir(parents=True)
        (self._cache / "models").symlink_to(cache_dir() / "models")

        self._own = {"ARIS_CACHE_DIR": str(self._cache), "FAKE_LOG": str(self._log)}

    def start(self, *arguments: object, **fake: object) -> ArisProcess:
        """Starts a command that is going to be disturbed."""
        faults = {f"FAKE_{name.upper()}": str(value) for name, value in fake.items()}
        command = ["-m", "aris_pipeline_tests.fake_aris", *map(str, arguments)]
        environment = {**os.environ, **self._own, **faults}
        return ArisProcess([*command, "--data-dir", DATA, "--json"], environment)

    def aris(self, *arguments: object) -> Finished:
        """Runs a command to its end."""
        variables: dict[str, object] = {**self._own}
        return aris(*arguments, "--data-dir", DATA, "--json", engine=True, **variables)

    @property
    def generated(self) -> Counter[str]:
        """How often each request was generated here."""
        return Counter(self._log.read_text().split() if self._log.exists() else [])


@pytest.fixture
def candidates(tmp_path: Path) -> Path:
    file = tmp_path / "candidates.json"
    write_synthetic(ROWS, 1, "aris", file)
    return file


def wait_for_parts(process: ArisProcess, files: int) -> None:
    deadline = time.monotonic() + 60
    while len(list(data_path(DATA).glob(PARTS))) < files:
        assert process.running
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_run_that_is_killed_goes_on_from_the_store_and_another_host_reads_and_audits_it(
    server: Seaweed, candidates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    surround(monkeypatch, server.environment())
    ours, theirs = Host(tmp_path / "ours"), Host(tmp_path / "theirs")
    run = ("run", candidates, "--shard-size", SHARD_SIZE)

    with ours.start(*run, seconds_per_row=0.1, rows_at_risk=AT_RISK) as process:
        wait_for_parts(process, 2)
        process.send(signal.SIGKILL)
        process.finish()
    finished = ours.aris(*run)

    assert finished.code == 0, finished.stderr
    figures = finished.figures
    assert (figures["rows_in"], figures["evaluated"], figures["failed"]) == (ROWS, ROWS, 0)
    assert figures["reused"] >= 2 * AT_RISK
    assert ours.generated.total() <= ROWS + AT_RISK
    assert list(data_path(DATA).glob(".work/completions/*")) == []

    again = theirs.aris(*run, "--until", "completions").figures
    assert (again["reused"], again["generated"]) == (ROWS, 0)
    assert not theirs.generated

    store = DataStore.at(DATA)
    (batch,) = store.batches()
    (judge,) = store.judges("evaluations", batch.name)
    assert reconcile(store, batch, judge).ok
    page = store.batch_report(judge, batch.name)
    assert figures["report"] == str(page)
    assert f"All {ROWS} rows are accounted for".encode() in page.read_bytes()
    for form in ExportFormat:
        files = export_batch(store, batch, judge, form, store.root / "exports")
        assert all(file.read_bytes() or form is ExportFormat.OPENAI for file in files)
    ranking = pl.read_parquet(f"{DATA}/candidate_ranking/**/*.parquet", hive_partitioning=True)
    assert ranking["custom_id"].n_unique() == ranking.height == ROWS
    assert ranking["batch"].unique().to_list() == [figures["batch"]]

    people = tmp_path / "people.csv"
    ids = ranking["custom_id"].sort()
    people.write_text("\n".join(["custom_id,sex", *(f"{one},Female" for one in ids)]))
    audited = theirs.aris("audit", "impact", batch.name, "--demographics", people).figures
    purged = ours.aris("purge", "--id", ids[0], "--yes").figures
    named = [said for said in purged["cannot_reach"] if "counts the person" in said]
    assert len(named) == 2
    assert all(any(audited[one] in said for said in named) for one in ("table", "file"))
    left = pl.read_parquet(f"{DATA}/candidate_ranking/**/*.parquet")["custom_id"]
    assert left.sort().equals(ids[1:])
    assert reconcile(store, store.batch(batch.name), judge).ok


def test_a_store_that_goes_away_ends_the_run_with_the_remedy(
    candidates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "seaweed"
    folder.mkdir()
    host = Host(tmp_path / "host")
    run = ("run", candidates, "--shard-size", SHARD_SIZE)
    with seaweed(folder) as server:
        surround(monkeypatch, server.environment() | {"AWS_MAX_ATTEMPTS": "2"})
        process = host.start(*run, seconds_per_row=0.1, rows_at_risk=AT_RISK)
        wait_for_parts(process, 1)
    finished = process.finish()

    assert finished.code == 2
    assert "Traceback" not in finished.said
    assert "cannot be reached" in finished.said
