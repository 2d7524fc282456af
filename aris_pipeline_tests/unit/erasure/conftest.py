"""A marked person in files of every format, and judged."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from aris_pipeline.storage import DataStore
from aris_pipeline_tests.unit.erasure.judged import make_store
from aris_pipeline_tests.unit.erasure.marked import FILES


@pytest.fixture(scope="package")
def judged_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("judged") / "data"
    make_store(root)
    return root


@pytest.fixture
def landed_and_judged(judged_once: Path, tmp_path: Path) -> DataStore:
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
