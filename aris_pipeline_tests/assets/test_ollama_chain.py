"""The whole chain through the real definitions with the Ollama engine, on a server of ours."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from aris_pipeline.defs import resources
from aris_pipeline.defs.batch_run import BatchRunner
from aris_pipeline.defs.build import build_definitions
from aris_pipeline.engines import EngineSettings
from aris_pipeline.engines.ollama import OllamaEngine
from aris_pipeline.ledger import reconcile, summarize
from aris_pipeline.models import ModelCard, find_model
from aris_pipeline.models.cards import load_tokenizer
from aris_pipeline.storage import DataStore, Shard
from aris_pipeline_tests.fake_ollama import DIGEST, FakeOllama

pytestmark = pytest.mark.slow

WriteFile = Callable[..., Path]


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama(load_tokenizer(find_model("smollm2"))).running() as server:
        yield server


@pytest.fixture
def ollama(
    server: FakeOllama,
    store: DataStore,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> BatchRunner:
    """Runs files with `engine: ollama`, with short waits between attempts."""

    def opens(card: ModelCard, settings: EngineSettings) -> OllamaEngine:
        return OllamaEngine(card, settings, backoff_s=0.001)

    monkeypatch.setattr(resources, "open_engine", opens)
    judging = {"engine": "ollama", "server_url": server.url}
    return BatchRunner(build_definitions(), instance, store, judging, say=lambda _text: None)


def test_a_batch_is_judged_by_ollama_with_scores_and_every_row_accounted_for(
    ollama: BatchRunner, server: FakeOllama, store: DataStore, write_file: WriteFile
) -> None:
    dice = random.Random(3)
    server.ill = lambda number, _prompt: (
        dice.choice(["429", "500", "drop", "drop_midway"])
        if number > 1 and dice.random() < 0.1
        else None
    )

    outcome = ollama.run(write_file(25), {"shard_size": 10}, "candidate_ranking")

    assert outcome.failures == []
    counts = reconcile(store, outcome.batch, outcome.judge)
    assert (counts.ok, counts.evaluated) == (True, 25)
    ranking = pl.read_parquet(store.candidate_ranking(outcome.judge, outcome.batch.name))
    assert ranking["score"].null_count() == 0
    completions = pl.concat(
        pl.read_parquet(store.completions(outcome.judge, shard))
        for shard in Shard.all_of(outcome.batch)
    )
    assert completions["engine"].unique().to_list() == [f"ollama-0.40.0 smollm2:135m@{DIGEST[:12]}"]
    assert completions["prompt_tokens"].min() > 300  # type: ignore[operator]
    assert completions["latency_s"].unique().to_list() == [2.5]
    assert server.unloaded


def test_without_log_probabilities_the_verdicts_stand_and_the_scores_are_null(
    ollama: BatchRunner, server: FakeOllama, store: DataStore, write_file: WriteFile
) -> None:
    server.has_logprobs = False

    outcome = ollama.run(write_file(5), {"shard_size": 10}, "candidate_ranking")

    ranking = pl.read_parquet(store.candidate_ranking(outcome.judge, outcome.batch.name))
    assert ranking["recommendation"].null_count() == 0
    assert ranking["score"].null_count() == 5
    assert len(server.rows) == 5


def test_the_same_file_again_asks_ollama_nothing(
    ollama: BatchRunner, server: FakeOllama, store: DataStore, write_file: WriteFile
) -> None:
    file = write_file(5)
    ollama.run(file, {"shard_size": 10}, "candidate_ranking")
    asked = len(server.requests)

    again = ollama.run(file, {"shard_size": 10}, "candidate_ranking")

    assert len(server.requests) == asked
    assert summarize(store, again.batch, again.judge).reused == 5


def test_a_missing_model_ends_the_run_with_the_command_that_fetches_it(
    ollama: BatchRunner, server: FakeOllama, write_file: WriteFile
) -> None:
    server.tag = "another:1b"

    outcome = ollama.run(write_file(5), {"shard_size": 10}, "candidate_ranking")

    assert any("ollama pull smollm2:135m" in failure for failure in outcome.failures)
