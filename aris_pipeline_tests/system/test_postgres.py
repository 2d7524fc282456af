"""Dagster's storage in a real PostgreSQL, by the dagster.yaml of docs/deployment.md."""

import re
import time
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import pytest
import yaml

from aris_pipeline.defs.instance import open_instance
from aris_pipeline.errors import ArisError, ConfigError, InstanceError
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.conftest import REPOSITORY
from aris_pipeline_tests.postgres_server import initdb, postgres_server, rows_of
from aris_pipeline_tests.soak.accounts import generated
from aris_pipeline_tests.soak.partitions import BACKFILL
from aris_pipeline_tests.soak.processes import Finished, Place, Workshop
from aris_pipeline_tests.soak.terminations import Site, webserver

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("postgres")]

_RUNS = """
query($id: String!) { runsOrError(filter: {tags: [{key: "dagster/backfill", value: $id}]}) {
  ... on Runs { results { status } }
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


def run(place: Place, url: str, *options: str) -> Finished:
    run = ("run", place.file, "--shard-size", place.shard_size, *options)
    return aris(*run, "--data-dir", place.data, "--json", DAGSTER_POSTGRES_URL=url)


def test_the_documented_settings_are_the_shipped_ones_with_another_storage() -> None:
    shipped = resources.files("aris_pipeline.defs").joinpath("dagster.yaml").read_text()
    documented = yaml.safe_load(documented_settings())

    storage = documented.pop("storage")

    assert documented == yaml.safe_load(shipped)
    assert storage == {"postgres": {"postgres_url": {"env": "DAGSTER_POSTGRES_URL"}}}


def test_runs_and_a_backfill_by_the_daemon_are_in_postgresql(url: str, place: Place) -> None:
    landed = run(place, url, "--until", "prompts")
    assert landed.code == 0, landed.stderr
    shards = [f"{landed.figures['batch']}_s{number:03d}" for number in range(3)]

    with webserver(place, log=place.log(0), DAGSTER_POSTGRES_URL=url) as ask:
        launched = ask(BACKFILL, asset=["completions"], shards=shards)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        statuses = _ended(ask, launched["backfillId"])

    assert statuses == ["SUCCESS"]
    assert len(generated(place.log(0))) == 60
    tagged = "select count(*) from run_tags where key = 'dagster/backfill'"
    assert rows_of(url, tagged) == [(1,)]

    finished = run(place, url)

    assert finished.code == 0, finished.stderr
    figures = finished.figures
    assert (figures["rows_in"], figures["shards"], figures["reused"]) == (60, 3, 60)
    ended = {status for (status,) in rows_of(url, "select distinct status from runs")}
    assert ended == {"SUCCESS"}
    assert [str(file) for file in place.folder.rglob("*.db*")] == []
    assert aris("verify", "--data-dir", place.data, "--json").figures["ok"]


def _ended(ask: Site, backfill: str) -> list[str]:
    """How the runs of a backfill have ended; asked until there are some and all have."""
    deadline = time.monotonic() + 120
    while True:
        runs = ask(_RUNS, id=backfill)["runsOrError"]["results"]
        statuses = [run["status"] for run in runs]
        if statuses and {*statuses} <= {"SUCCESS", "FAILURE", "CANCELED"}:
            return statuses
        assert time.monotonic() < deadline, statuses
        time.sleep(0.5)


_NOBODY_LISTENS = "postgresql+psycopg2://aris:hunter2@127.0.0.1:1/"
_REFUSED: dict[str, tuple[str | None, type[ArisError], str]] = {
    "away": (_NOBODY_LISTENS, InstanceError, "Connection refused"),
    "wrong password": ("postgresql+psycopg2://aris:hunter2@HOST/", InstanceError, "authentication"),
    "unencoded password": ("postgresql+psycopg2://aris:at@hunter2@HOST/", ConfigError, "as %40"),
    "another driver": ("postgresql://aris:hunter2@HOST/", ConfigError, "must be like postgresql"),
    "another scheme": ("postgres://aris:hunter2@HOST/", ConfigError, "must be like postgresql"),
    "not set": (None, ConfigError, '"DAGSTER_POSTGRES_URL" which is not set'),
}


@pytest.mark.parametrize("fault", _REFUSED)
def test_a_server_that_does_not_let_us_in_is_one_error_without_the_password(
    url: str,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    address, error, said = _REFUSED[fault]
    host, _, database = url.partition("@")[2].partition("/")
    monkeypatch.setattr("dagster_postgres.utils.calculate_delay", lambda **_: 0.0)
    if address:
        address = address.replace("HOST", host) + database
        monkeypatch.setenv("DAGSTER_POSTGRES_URL", address)

    with pytest.raises(error, match=said) as raised:
        open_instance(place.data)

    assert "hunter2" not in str(raised.value) + caplog.text
