"""The real Dagster webserver and daemon, as `aris dev` starts them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from aris_pipeline_tests.command import aris
from aris_pipeline_tests.system.interface import ask, served

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("user_interface")]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ui")
    aris("generate", "--count", 10, "--out", folder / "c.json")
    aris("run", folder / "c.json", "--data-dir", folder / "data")
    return folder / "data"


@pytest.fixture(scope="module")
def interface(data: Path) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    with served(data) as site:
        yield site


def test_the_interface_shows_what_the_command_line_materialized(
    interface: tuple[subprocess.Popen[bytes], int],
) -> None:
    found = ask(
        interface[1],
        "{ assetNodes { assetKey { path } assetMaterializations(limit: 1) { partition } } }",
    )

    materialized = {
        node["assetKey"]["path"][0]: bool(node["assetMaterializations"])
        for node in found["assetNodes"]
    }
    chain = ("raw_candidates", "prompts", "completions", "evaluations", "throughput")
    assert all(materialized[name] for name in (*chain, "candidate_ranking")), materialized


def test_the_interface_listens_on_loopback_only(
    interface: tuple[subprocess.Popen[bytes], int],
) -> None:
    process, port = interface
    family = {process.pid, *(child.pid for child in psutil.Process(process.pid).children(True))}
    listening = [
        str(one.laddr)
        for one in psutil.net_connections("tcp")
        if one.pid in family and one.status == "LISTEN" and f"port={port}" in str(one.laddr)
    ]

    assert listening
    assert all("127.0.0.1" in address for address in listening), listening


def test_the_interface_ends_with_all_its_processes(
    interface: tuple[subprocess.Popen[bytes], int],
) -> None:
    process, _port = interface
    family = psutil.Process(process.pid).children(recursive=True)
    assert family

    process.terminate()
    process.wait(timeout=60)

    _gone, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
