"""The log of verdicts through the real definitions: written by a run, and only if they changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from aris_pipeline.audit import log_head, verify_log
from aris_pipeline.defs.batch_run import BatchRunner
from aris_pipeline.storage import DataStore
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.soak.processes import Finished

pytestmark = pytest.mark.slow

WriteFile = Callable[..., Path]


def shown(instance: dg.DagsterInstance) -> dict[str, Any]:
    event = instance.get_latest_materialization_event(dg.AssetKey("verdict_log"))
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def test_a_run_logs_its_verdicts_and_shows_the_end_of_the_log(
    runner: BatchRunner, store: DataStore, instance: dg.DagsterInstance, write_file: WriteFile
) -> None:
    file = write_file(12)
    outcome = runner.run(file, {"shard_size": 5}, "verdict_log")
    first = shown(instance)
    runner.run(file, {"shard_size": 5}, "verdict_log")

    assert outcome.failures == []
    head = log_head(store, outcome.judge, outcome.batch.name)
    assert head is not None
    assert (first["rows_added"], first["rows"], first["head"]) == (12, 12, head.hash)
    assert shown(instance).get("rows_added", 0) == 0
    assert verify_log(store, outcome.judge, outcome.batch, [head.hash]).fault is None
    assert len(list(store.verdict_log(outcome.judge, outcome.batch.name).glob("*.parquet"))) == 1


@pytest.mark.parametrize("again", [False, True], ids=["nothing new", "new verdicts"])
def test_a_run_says_that_the_log_is_damaged_and_gives_no_end_to_keep(
    store: DataStore, write_file: WriteFile, again: bool
) -> None:
    def run(*options: object) -> Finished:
        return aris("run", write_file(12), "--data-dir", store.root, "--json", *options)

    whole = run()
    (folder,) = store.root.glob("verdict_log/*/*/*")
    (folder / "000001.parquet").unlink()

    damaged = run("--seed", 2) if again else run()

    assert whole.figures["log"]["rows"] == 12
    assert (damaged.code, damaged.figures["log"]) == (1, None)
    assert whole.figures["log"]["head"] not in damaged.stdout + damaged.stderr
    said = damaged.stderr
    assert said.count("restore the folder from a backup") == 1
    assert said.index("no end to keep: see below") < said.index("restore the folder")
