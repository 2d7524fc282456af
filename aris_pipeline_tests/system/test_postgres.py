"""Dagster's storage in a real PostgreSQL, by the dagster.yaml of docs/deployment.md."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from aris_pipeline.defs.batch_run import CHAIN
from aris_pipeline_tests.conftest import REPOSITORY
from aris_pipeline_tests.postgres_server import initdb, postgres_server, rows_of
from aris_pipeline_tests.soak.accounts import generated
from aris_pipeline_tests.soak.partitions import BACKFILL
from aris_pipeline_tests.soak.processes import Finished, Place, Workshop
from aris_pipeline_tests.soak.terminations import webserver

pytestmark = pytest.mark.system

_STATUS = """
query($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status error { message } }
} }
"""


def documented_settings() -> str:
    """The dagster.yaml that docs/deployment.md tells a team to use."""
    text = (REPOSITORY / "docs" / "deployment.md").read_text()
    (block,) = re.findall(r"```yaml\n(# dagster\.yaml.*?)```", text, re.DOTALL)
    return str(block)


@pytest.fixture(scope="module")
def new_database() -> Iterator[Callable[[], str]]:
    if initdb() is None:
        pytest.skip("no PostgreSQL: apt-get install postgresql")
    pytest.importorskip("dagster_postgres", reason='pip install -e ".[postgres]"')
    with postgres_server() as server:
        yield server.database


@pytest.fixture
def url(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A data directory whose instance is in PostgreSQL, and candidates for three shards of 20."""
    place = Workshop(tmp_path).place("team", rows=60, shard_size=20)
    home = place.data / ".dagster"
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text(documented_settings())
    return place


def run(place: Place, url: str | None, *options: str) -> Finished:
    environment = {"DAGSTER_POSTGRES_URL": url} if url else {}
    with place.run(*options, **environment) as process:
        return process.finish()


def test_the_documented_settings_are_the_shipped_ones_with_another_storage() -> None:
    shipped = resources.files("aris_pipeline.defs").joinpath("dagster.yaml").read_text()
    documented = yaml.safe_load(documented_settings())

    storage = documented.pop("storage")

    assert documented == yaml.safe_load(shipped)
    assert storage == {"postgres": {"postgres_url": {"env": "DAGSTER_POSTGRES_URL"}}}


def test_the_chain_runs_and_its_runs_are_in_postgresql(url: str, place: Place) -> None:
    finished = run(place, url)

    assert finished.code == 0, finished.stderr
    assert (finished.figures["rows_in"], finished.figures["shards"]) == (60, 3)
    statuses = rows_of(url, "select status, count(*) from runs group by status")
    assert statuses == [("SUCCESS", 1 + len(CHAIN))]
    assert [str(file) for file in place.folder.rglob("*.db*")] == []
    with place.start("verify") as process:
        assert process.finish().figures["ok"]


def test_a_backfill_launched_by_the_daemon_finishes(url: str, place: Place) -> None:
    landed = run(place, url, "--until", "prompts")
    assert landed.code == 0, landed.stderr
    shards = [f"{landed.figures['batch']}_s{number:03d}" for number in range(3)]

    with webserver(place, log=place.log(0), DAGSTER_POSTGRES_URL=url) as ask:
        launched = ask(BACKFILL, asset=["completions"], shards=shards)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        ended = _ended(ask, launched["backfillId"])

    assert ended["status"] == "COMPLETED_SUCCESS", ended
    assert len(generated(place.log(0))) == 60
    assert rows_of(url, "select status from bulk_actions") == [("COMPLETED_SUCCESS",)]


def _ended(ask: Any, backfill: str) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    while True:
        found: dict[str, Any] = ask(_STATUS, id=backfill)["partitionBackfillOrError"]
        if found["status"] not in ("REQUESTED", "CANCELING"):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.5)


def nobody_listens() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("fault", "error_type", "said"),
    [
        ("away", "InstanceError", "Connection refused"),
        ("wrong password", "InstanceError", "password authentication failed"),
        ("unencoded password", "ConfigError", "as %40"),
        ("unknown scheme", "ConfigError", "must be like postgresql://"),
        ("not set", "ConfigError", "DAGSTER_POSTGRES_URL"),
    ],
)
def test_a_server_that_does_not_serve_is_one_clear_error_without_the_password(
    url: str, place: Place, fault: str, error_type: str, said: str
) -> None:
    host = url.partition("@")[2]
    address = {
        "away": f"postgresql://aris:hunter2@127.0.0.1:{nobody_listens()}/postgres",
        "wrong password": f"postgresql://aris:hunter2@{host}",
        "unencoded password": f"postgresql://aris:at@hunter2@{host}",
        "unknown scheme": f"postgres://aris:hunter2@{host}",
        "not set": None,
    }[fault]

    finished = run(place, address)

    assert finished.code == 2, finished.stderr
    assert finished.figures["error_type"] == error_type, finished.stderr
    assert said in finished.figures["error"]
    assert "Traceback" not in finished.stderr
    assert "hunter2" not in finished.stderr + finished.stdout
