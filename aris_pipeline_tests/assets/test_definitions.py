import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import aris_pipeline
from aris_pipeline.defs.build import build_definitions
from aris_pipeline_tests.fake_engine import FakeEngineResource

SCAFFOLDED = """
import dagster as dg

from aris_pipeline.defs.assets import raw_candidates


@dg.asset(deps=[raw_candidates])
def assets_trial(context: dg.AssetExecutionContext) -> dg.MaterializeResult: ...
"""


@pytest.mark.slow
def test_a_file_in_the_folder_is_found_where_there_is_no_pyproject(tmp_path: Path) -> None:
    package = shutil.copytree(Path(aris_pipeline.__file__).parent, tmp_path / "aris_pipeline")
    (package / "defs" / "assets_trial.py").write_text(SCAFFOLDED)
    program = (
        "from aris_pipeline.definitions import defs\n"
        "graph = defs().resolve_asset_graph()\n"
        "print(sorted(key.to_user_string() for key in graph.get_all_asset_keys()))"
    )

    said = subprocess.check_output([sys.executable, "-c", program], cwd=tmp_path, text=True)

    assert "'assets_trial'" in said
    assert "'raw_candidates'" in said


@pytest.mark.parametrize(
    "job", ["land", "judge", "evaluate", "rank", "report", "benchmark", "tune_engine", "audit"]
)
def test_a_job_runs_in_one_process_only_for_the_engine(job: str) -> None:
    found = build_definitions().resolve_job_def(job)

    with_engine = "engine" in found.required_resource_keys
    assert found.executor_def.name == ("in_process" if with_engine else "multiprocess")


def test_a_run_of_any_assets_may_hold_the_engine() -> None:
    job = build_definitions().resolve_implicit_global_asset_job_def()

    assert job.executor_def.name == "in_process"


def test_another_engine_takes_no_other_resource() -> None:
    usual = build_definitions().resources or {}
    engine = FakeEngineResource()

    assert build_definitions(engine=engine).resources == {**usual, "engine": engine}
