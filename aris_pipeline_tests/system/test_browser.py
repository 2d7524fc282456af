"""What a data engineer does in the Dagster UI: a real browser, the real engine behind it."""

import glob
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from aris_pipeline.candidates import write_synthetic
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.system.interface import BROWSER, ask, served
from aris_pipeline_tests.tiny_model import TinyModel

pytestmark = [
    *(pytest.mark.system, pytest.mark.engine),
    *(pytest.mark.timeout(900), pytest.mark.xdist_group("browser")),
]

_SHARDS = 6
_BAD = 3
_LARGE = 400
"""Rows of a shard that is not done before somebody has found the button."""


@dataclass(frozen=True)
class Site:
    """The UI of a data directory with a batch of small shards and one of a single large shard."""

    page: Page
    port: int
    data: Path
    small: list[str]
    large: str

    def open(self, path: str) -> None:
        self.page.goto(f"http://127.0.0.1:{self.port}{path}")

    def leave(self) -> None:
        """Opens an empty page: those of a run ask the webserver again and again while it works."""
        self.page.goto("about:blank")

    def partitions(self, asset: str) -> dict[str, list[str]]:
        """The shards of an asset that are materialized, failed, ..."""
        query = (
            f'{{ assetNodeOrError(assetKey: {{path: ["{asset}"]}}) {{ ... on AssetNode {{'
            " assetPartitionStatuses { ... on DefaultPartitionStatuses {"
            " materializedPartitions failedPartitions materializingPartitions } } } } }"
        )
        found: dict[str, list[str]] = ask(self.port, query)["assetNodeOrError"][
            "assetPartitionStatuses"
        ]
        return found

    def picture(self, name: str) -> None:
        """Keeps a screenshot beside the data, for whoever looks into a failure."""
        self.page.screenshot(path=self.data.parent / f"{name}.png")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, tiny: TinyModel) -> Iterator[Site]:
    if BROWSER is None:
        pytest.skip("no Chromium: apt-get install chromium")
    folder = tmp_path_factory.mktemp("browser")
    data = folder / "data"
    for name, rows, size in (("small", _SHARDS, 1), ("large", _LARGE, _LARGE)):
        write_synthetic(rows, 3, "jsonl", folder / f"{name}.jsonl")
        landed = ["--data-dir", data, "--shard-size", size, "--until", "prompts"]
        aris("run", folder / f"{name}.jsonl", *landed, ARIS_MODELS=tiny.table)
    keys = sorted(path.parent for path in data.glob("landed/**/records.parquet"))
    names = [f"{key.parent.name[6:]}_{key.name[6:]}" for key in keys]
    with served(data, **tiny.environment) as (_process, port), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        page.set_default_timeout(30_000)
        expect.set_options(timeout=30_000)
        small = [name for name in names if "_small_" in name]
        (large,) = (name for name in names if "_large_" in name)
        yield Site(page, port, data, small, large)
        browser.close()


def wait_until(holds: Callable[[], Any], site: Site, seconds: float = 420) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            site.picture("not-reached")
            pytest.fail(f"not reached in {seconds} s; see {site.data.parent}/not-reached.png")
        time.sleep(1)


def materialize_dialog(site: Site, asset: str) -> Locator:
    site.open(f"/assets/{asset}")
    site.page.get_by_role("button", name="Materialize…").click()
    return site.page.get_by_role("dialog").filter(has_text="Launch runs to materialize")


def choose(site: Site, asset: str, shard: str) -> None:
    """Launches the materialization of one shard, by clicks."""
    dialog = materialize_dialog(site, asset)
    dialog.get_by_text("Select a partition or create one").click()
    site.page.locator("span", has_text=shard).first.click()
    site.page.keyboard.press("Escape")
    site.page.get_by_role("button", name="Launch 1 run").click()
    expect(dialog).to_be_hidden()
    site.leave()


def test_the_graph_shows_every_asset(site: Site) -> None:
    site.open("/asset-groups")
    expect(site.page.get_by_text("judging").first).to_be_visible()
    site.page.keyboard.press("Alt+e")

    for asset in ("prompts", "completions", "evaluations", "throughput", "candidate_ranking"):
        expect(site.page.get_by_text(asset, exact=True).first).to_be_visible()
    site.picture("graph")


def test_of_six_shards_the_bad_one_fails_alone_and_a_good_one_shows_its_figures(
    site: Site,
) -> None:
    bad = site.small[_BAD]
    (prompts,) = site.data.glob(f"prompts/*/*/*small*/shard={bad[-4:]}/prompts.parquet")
    prompts.write_bytes(b"not parquet")
    dialog = materialize_dialog(site, "completions")
    dialog.get_by_text("Select a partition or create one").click()
    site.page.get_by_placeholder("Filter partitions").fill("small")
    site.page.get_by_text(f"Select all ({_SHARDS})").click()
    site.page.keyboard.press("Escape")
    site.page.get_by_role("button", name="Launch backfill").click()
    expect(dialog).to_be_hidden()
    site.leave()
    good = {shard for shard in site.small if shard != bad}

    wait_until(lambda: site.partitions("completions")["failedPartitions"] == [bad], site)
    assert set(site.partitions("completions")["materializedPartitions"]) == good
    wait_until(lambda: set(site.partitions("evaluations")["materializedPartitions"]) == good, site)
    wait_until(lambda: list(site.data.glob("candidate_ranking/*/*/*small*/*.parquet")), site)
    reports = site.data / "throughput_report/rubric=*/model=*/batch=*small*/report.parquet"
    wait_until(lambda: _measured_shards(reports) == len(good), site)
    assert pl.read_parquet(reports, columns=["loads"]).item() == 1
    site.open("/assets/completions?view=partitions")
    expect(site.page.get_by_text(bad).first).to_be_visible()
    site.picture("backfill")
    _shows_figures_and_a_picture(site, min(good))


def _shows_figures_and_a_picture(site: Site, shard: str) -> None:
    site.open(f"/assets/completions?view=partitions&partition={shard}")
    expect(site.page.get_by_text("generate_s").first).to_be_visible()
    site.page.get_by_text("[Show Markdown]").first.click()
    curve = site.page.get_by_alt_text("Finished rows and tokens by time").first
    expect(curve).to_be_visible()
    assert curve.evaluate("image => image.complete && image.naturalWidth > 300")
    site.picture("shard")


def _measured_shards(reports: Path) -> int:
    """The shards that the report counts; 0 until there is one."""
    found = glob.glob(str(reports))
    return int(pl.read_parquet(found[0], columns=["shards_measured"]).item()) if found else 0


def test_a_run_is_terminated_and_keeps_what_is_finished(site: Site) -> None:
    choose(site, "completions", site.large)
    work = site.data / ".work"
    wait_until(lambda: list(work.glob("completions/**/part-*.parquet")), site)
    query = "{ runsOrError(filter: {statuses: [STARTED]}) { ... on Runs { results { runId } } } }"
    (run,) = ask(site.port, query)["runsOrError"]["results"]
    site.open(f"/runs/{run['runId']}")
    site.page.get_by_role("button", name="Terminate").first.click()
    site.page.get_by_role("dialog").get_by_role("button", name="Terminate").click()

    query = f'{{ runOrError(runId: "{run["runId"]}") {{ ... on Run {{ status }} }} }}'
    wait_until(lambda: ask(site.port, query)["runOrError"]["status"] == "CANCELED", site, 60)
    site.picture("terminated")
    assert list(work.glob("completions/**/part-*.parquet"))
