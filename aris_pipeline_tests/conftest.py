"""What scenarios share: a data directory, synthetic files, and a runner on a fake engine."""

import os
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from hypothesis import settings

from aris_pipeline.candidates import write_synthetic
from aris_pipeline.defs.assets import GPU_POOL
from aris_pipeline.defs.batch_run import BatchRunner
from aris_pipeline.defs.build import build_definitions
from aris_pipeline.defs.instance import prepare_home
from aris_pipeline.models import cache_dir
from aris_pipeline.settings import judging_fields, variable_of
from aris_pipeline.storage import DataStore
from aris_pipeline_tests.fake_engine import FakeEngine, FakeEngineResource
from aris_pipeline_tests.tiny_model import TinyModel, make_tiny_model

REPOSITORY = Path(__file__).parents[1]

# How long an example takes depends on what else the machine does, and a scenario that fails by
# chance says nothing of the change at hand: `--hypothesis-profile=default` draws other examples.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")

# The scenarios run on the CPU. Triton asks once, when vLLM imports it, whether to interpret.
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TRITON_INTERPRET"] = "1"

_HERE = Path(__file__).parent
_EVERY_PROCESS = str(_HERE / "every_process")
# This one has started without it.
runpy.run_path(f"{_EVERY_PROCESS}/sitecustomize.py")
os.environ["PYTHONPATH"] = os.pathsep.join(
    [_EVERY_PROCESS, *filter(None, [os.environ.get("PYTHONPATH")])]
)

_ORDER = ("system", "assets", "unit", "engine")
_LONG = ("test_browser", "test_serve", "test_engine_faults", "test_ray", "test_small_model")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long scenarios first: at the end the workers would wait for the one that has a long one."""

    def rank(item: pytest.Item) -> tuple[int, int]:
        room, *_, file = item.path.relative_to(_HERE).with_suffix("").parts
        return _ORDER.index(room), _LONG.index(file) if file in _LONG else len(_LONG)

    items.sort(key=rank)


_SETTINGS = (
    *map(variable_of, judging_fields()),
    *("ARIS_DATA_DIR", "ARIS_MODELS", "ARIS_SERVER_API_KEY"),
    *("ARIS_AUTOMATION", "ARIS_GIT_URL", "ARIS_LANDING_MARKER", "ARIS_NIGHTLY", "ARIS_WEBHOOK_URL"),
)


@pytest.fixture(scope="session", autouse=True)
def _own_engine_lock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Scenarios beside each other, and a run of the developer's, do not share an engine lock."""
    prepared, cache = cache_dir() / "models", tmp_path_factory.mktemp("cache")
    prepared.mkdir(parents=True, exist_ok=True)
    (cache / "models").symlink_to(prepared.absolute())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARIS_CACHE_DIR", str(cache))
        yield


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's settings must not reach the scenarios."""
    for name in ("DAGSTER_HOME", *(name for name in os.environ if name in _SETTINGS)):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def store(tmp_path: Path) -> DataStore:
    return DataStore(tmp_path / "data")


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes synthetic candidates of any format."""

    def write(count: int, form: str = "aris", seed: int = 1) -> Path:
        ending = {"aris": "json", "openai": "jsonl"}.get(form, form)
        out = tmp_path / f"{form}-{count}-{seed}.{ending}"
        write_synthetic(count, seed, form, out)
        return out

    return write


@pytest.fixture
def instance(store: DataStore, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """The shipped settings with a history in memory; the history on disk has tests in `system/`."""
    settings = yaml.safe_load((prepare_home(store.root) / "dagster.yaml").read_text())
    folder = str(tmp_path / "dagster")
    with dg.DagsterInstance.ephemeral(tempdir=folder, settings=settings) as instance:
        instance.event_log_storage.set_concurrency_slots(GPU_POOL, 1)
        yield instance


@pytest.fixture
def runner(store: DataStore, instance: dg.DagsterInstance) -> BatchRunner:
    """Runs files through the real definitions on a persistent instance, with the fake engine."""
    FakeEngine.reset()
    definitions = build_definitions(engine=FakeEngineResource())
    return BatchRunner(definitions, instance, store, {}, say=lambda _text: None)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    """A model for scenarios of the real engine whose answers need no sense."""
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def resumes() -> Path:
    """A CSV of 437 real resumes that is not part of this repository."""
    folder = os.environ.get("ARIS_TEST_DATA", str(REPOSITORY.parent / "shared" / "data"))
    file = Path(folder) / "resumes-437.csv"
    if not file.exists():
        pytest.skip("resumes-437.csv is not here; ARIS_TEST_DATA may name its folder")
    return file


def pytest_make_parametrize_id(val: object) -> str | None:
    """Names bytes by their number: what an archive holds differs from second to second."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None
