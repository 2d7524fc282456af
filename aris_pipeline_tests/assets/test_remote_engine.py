"""The chain with a remote engine, through the real definitions, against a server of the tests."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from aris_pipeline.defs.batch_run import BatchRunner
from aris_pipeline.defs.build import build_definitions
from aris_pipeline.engines import EngineLock
from aris_pipeline.errors import ConfigError
from aris_pipeline.ledger import reconcile
from aris_pipeline.storage import DataStore, Shard, read_parquet
from aris_pipeline_tests.openai_server_fake import FakeServer

pytestmark = pytest.mark.slow

KEY = "sk-never-to-be-seen-7f3a"


def _runner(store: DataStore, instance: dg.DagsterInstance, **judging: object) -> BatchRunner:
    return BatchRunner(build_definitions(), instance, store, judging, say=lambda _text: None)


@pytest.fixture
def another_run_has_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_lock: EngineLock) -> None:
        raise AssertionError("a remote run has no use for this machine's engine")

    monkeypatch.setattr(EngineLock, "acquire", busy)


@pytest.mark.usefixtures("another_run_has_the_engine")
def test_a_batch_is_judged_by_a_server_that_fails_now_and_then(
    store: DataStore,
    instance: dg.DagsterInstance,
    write_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ARIS_SERVER_API_KEY", KEY)
    with FakeServer(fault_rate=0.10, key=KEY) as server:
        runner = _runner(
            store, instance, engine="remote", server_url=server.url, stall_timeout_s=3.0
        )
        outcome = runner.run(write_file(40), {"shard_size": 40}, "candidate_ranking")

    assert outcome.failures == []
    assert reconcile(store, outcome.batch, outcome.judge).ok
    ranking = pl.read_parquet(store.candidate_ranking(outcome.judge, outcome.batch.name))
    assert ranking.height == 40
    assert ranking["score"].null_count() == 0
    (shard,) = Shard.all_of(outcome.batch)
    completions = read_parquet(store.completions(outcome.judge, shard), hint="")
    assert completions["engine"].unique().to_list() == [
        f"remote-{server.url.removeprefix('http://')}"
    ]
    throughput = read_parquet(store.throughput(outcome.judge, shard), hint="").row(0, named=True)
    assert throughput["latency_p50_s"] > 0
    assert throughput["prefix_hit_rate"] > 0
    assert (throughput["kv_cache_tokens"], throughput["kv_cache_peak"]) == (None, None)
    said = capfd.readouterr()
    assert KEY not in said.out + said.err
    written = [file for file in store.root.rglob("*") if file.is_file()]
    assert not [file for file in written if KEY.encode() in file.read_bytes()]


def test_a_chat_only_server_gives_verdicts_without_scores(
    store: DataStore, instance: dg.DagsterInstance, write_file: Callable[..., Path]
) -> None:
    with FakeServer(chat_only=True) as server:
        runner = _runner(store, instance, engine="remote", server_url=server.url)
        outcome = runner.run(write_file(10), {}, "candidate_ranking")

    assert outcome.failures == []
    ranking = pl.read_parquet(store.candidate_ranking(outcome.judge, outcome.batch.name))
    assert ranking.height == 10
    assert ranking["score"].null_count() == 10


def test_an_engine_without_its_address_ends_the_run_before_a_row_is_asked(
    store: DataStore, instance: dg.DagsterInstance, write_file: Callable[..., Path]
) -> None:
    runner = _runner(store, instance, engine="remote")

    with pytest.raises(ConfigError, match="ARIS_SERVER_URL"):
        runner.run(write_file(3), {}, "candidate_ranking")


@pytest.mark.usefixtures("another_run_has_the_engine")
def test_the_answers_of_another_engine_are_not_taken_for_this_ones(
    store: DataStore, instance: dg.DagsterInstance, write_file: Callable[..., Path]
) -> None:
    file = write_file(5)
    with FakeServer() as server:
        settings = {"engine": "remote", "server_url": server.url}
        first = _runner(store, instance, **settings).run(file, {}, "completions")
        asked = len(server.bodies)
        _runner(store, instance, **settings).run(file, {}, "completions")
        assert len(server.bodies) == asked

    (shard,) = Shard.all_of(first.batch)
    keys = read_parquet(store.prompts(first.judge, shard), hint="")["request_key"].to_list()
    _runner(store, instance).run(file, {}, "prompts")
    other = read_parquet(store.prompts(first.judge, shard), hint="")["request_key"].to_list()
    assert not set(keys) & set(other)
