"""Benchmarks through the real definitions, with fake engines."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from aris_pipeline.benchmarks import ENGINES, History, decided_engine
from aris_pipeline.defs.benchmarks import cells
from aris_pipeline.defs.build import build_definitions
from aris_pipeline.defs.descriptions import described
from aris_pipeline.judging import EngineProfile
from aris_pipeline.models import find_model
from aris_pipeline.storage import DataStore
from aris_pipeline_tests.fake_engine import FakeEngine, FakeEngineResource

MODEL = "smollm2-135m-instruct"


@pytest.fixture
def run(
    store: DataStore, instance: dg.DagsterInstance, write_file: Callable[..., Path]
) -> Callable[[str, str], dg.ExecuteInProcessResult]:
    """Runs the job `benchmark` over a range of cells, from the first engine to the last."""
    FakeEngine.reset()
    definitions = build_definitions(engine=FakeEngineResource())

    def over(first: str, last: str) -> dg.ExecuteInProcessResult:
        asked = {"file": str(write_file(5)), "blocks": 2, "warm_up_rows": 1}
        return definitions.resolve_job_def("benchmark").execute_in_process(
            instance=instance,
            run_config={
                "ops": {"benchmark_runs": {"config": asked}},
                "resources": {"store": {"config": {"data_dir": str(store.root)}}},
            },
            tags={
                "dagster/asset_partition_range_start": f"{first}__{MODEL}",
                "dagster/asset_partition_range_end": f"{last}__{MODEL}",
            },
        )

    return over


def test_a_range_of_engines_is_measured_in_one_run_and_decided(
    run: Callable[[str, str], dg.ExecuteInProcessResult],
    store: DataStore,
    instance: dg.DagsterInstance,
) -> None:
    assert run("offline", "serve").success

    blocks = History(store.benchmarks).runs()
    assert set(blocks["engine"]) == {"offline", "serve"}
    assert blocks["run_id"].n_unique() == 1
    done = instance.get_materialized_partitions(dg.AssetKey("benchmark_runs"))
    assert done == {f"offline__{MODEL}", f"serve__{MODEL}"}
    decided = instance.get_latest_materialization_event(dg.AssetKey("benchmark_decision"))
    assert decided is not None
    assert decided.asset_materialization is not None
    metadata = decided.asset_materialization.metadata
    assert metadata["candidates"].value == 2
    assert decided_engine(store, MODEL).engine in {"offline", "serve"}


def test_each_cell_tells_figures_that_plot(
    run: Callable[[str, str], dg.ExecuteInProcessResult],
) -> None:
    result = run("offline", "offline")

    (materialized,) = result.asset_materializations_for_node("benchmark_runs")
    metadata: dict[str, Any] = {name: entry.value for name, entry in materialized.metadata.items()}
    assert metadata["status"] == "measured"
    assert metadata["success_rate"] == 1
    assert metadata["req_s"] > 0


def test_the_engines_of_a_model_stand_side_by_side_among_the_partitions() -> None:
    keys = list(cells.get_partition_keys())

    of_model = [number for number, key in enumerate(keys) if key.endswith(f"__{MODEL}")]
    assert of_model == list(range(of_model[0], of_model[0] + len(ENGINES)))


@pytest.mark.parametrize("asset", ["benchmark_runs", "benchmark_decision", "engine_tuning"])
def test_the_benchmark_assets_explain_themselves(asset: str) -> None:
    said = described(asset)

    assert said["group_name"] == "benchmarks"
    assert said["tags"]["aris/personal_data"] == "none"
    assert all(c.description for c in said["metadata"]["dagster/column_schema"].columns)


def test_tuning_a_model_tells_what_later_runs_use(
    store: DataStore, instance: dg.DagsterInstance, write_file: Callable[..., Path]
) -> None:
    FakeEngine.reset()
    definitions = build_definitions(engine=FakeEngineResource())
    asked = {"file": str(write_file(5)), "blocks": 1, "warm_up_rows": 0}

    result = definitions.resolve_job_def("tune_engine").execute_in_process(
        instance=instance,
        run_config={
            "ops": {"engine_tuning": {"config": asked}},
            "resources": {"store": {"config": {"data_dir": str(store.root)}}},
        },
        partition_key=MODEL,
    )

    (materialized,) = result.asset_materializations_for_node("engine_tuning")
    metadata: dict[str, Any] = {name: entry.value for name, entry in materialized.metadata.items()}
    assert metadata["trials"] >= 3
    assert metadata["failed"] == 0
    assert metadata["chosen"]
    assert EngineProfile.find(store, find_model(MODEL)) is not None
