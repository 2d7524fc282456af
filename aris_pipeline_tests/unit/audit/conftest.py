"""Logs, and a marked person, for scenarios."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from aris_pipeline.storage import DataStore
from aris_pipeline_tests.unit.audit.judged import make_store
from aris_pipeline_tests.unit.audit.logged import FAILED, Logged
from aris_pipeline_tests.unit.audit.marked import FILES


@pytest.fixture
def logged(store: DataStore) -> Logged:
    """Six candidates, logged: one of them failed, one triaged, one without a score."""
    triaged = {**FAILED, "invalid_reason": "triaged"}
    made = Logged(store, [{}, {}, {}, FAILED, triaged, {"score": None}])
    made.log()
    return made


@pytest.fixture
def grown(logged: Logged) -> Logged:
    """The same after two more runs that changed some verdicts: three files, ten rows."""
    logged.rows[0] = {"score": 1.25}
    logged.rows[3] = {"recommendation": "No"}
    logged.log()
    logged.rows[0] = {"score": 3.75}
    logged.rows[1] = FAILED
    logged.log()
    return logged


@pytest.fixture(scope="package")
def judged_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("judged") / "data"
    make_store(root)
    return root


@pytest.fixture
def judged(judged_once: Path, tmp_path: Path) -> DataStore:
    """Returns a copy of the judged data directory, with Dagster's history."""
    shutil.copytree(judged_once, tmp_path / "judged")
    return DataStore(tmp_path / "judged")


@pytest.fixture
def landing(tmp_path: Path) -> Callable[[str], Path]:
    """Returns what writes one of `FILES` into the landing directory of the fixture `store`."""

    def write(name: str) -> Path:
        file = tmp_path / "data" / "landing" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(FILES[name])
        return file

    return write
