"""What an analyst does with the page of a batch: a real browser, from disk, without a network."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from aris_pipeline.candidates import write_synthetic
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.system.interface import BROWSER

pytestmark = [pytest.mark.system, pytest.mark.timeout(300), pytest.mark.xdist_group("browser")]

_ROWS = 120
_HOSTILE = "<img src=x onerror=alert(1)>\u202egpj"
_LONG = "w" * 10_000


@dataclass(frozen=True)
class Opened:
    """A page that was opened from disk, and what it did besides."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def row(self, number: int) -> list[str]:
        cells = self.page.locator("#candidates tbody tr").nth(number).locator("th, td")
        return cells.all_text_contents()

    def column(self, label: str) -> list[str]:
        labels = self.page.locator("#candidates thead th").all_text_contents()
        at = labels.index(label)
        rows = self.page.locator("#candidates tbody tr").all()
        return [row.locator("th, td").nth(at).text_content() or "" for row in rows]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page, with names, of a batch in which two candidates mean harm."""
    if BROWSER is None:
        pytest.skip("no Chromium: apt-get install chromium")
    folder = tmp_path_factory.mktemp("report")
    file, data = folder / "candidates.jsonl", folder / "data"
    write_synthetic(_ROWS - 2, 3, "jsonl", file)
    with file.open("a") as lines:
        for name in (_HOSTILE, _LONG):
            profile = {"id": name, "first_name": name, "title": f"Engineer {name}"}
            lines.write(json.dumps(profile) + "\n")
    batch = aris("run", file, "--data-dir", data, "--json").figures["batch"]
    made = aris("report", batch, "--names", "--data-dir", data, "--json").figures
    return Path(made["path"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(report: Path, browser: Browser) -> Iterator[Opened]:
    context = browser.new_context(offline=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    opened = Opened(page)
    page.on("request", lambda request: opened.requests.append(request.url))
    page.on("console", lambda message: opened.errors.append(message.text))
    page.on("pageerror", lambda error: opened.errors.append(str(error)))
    page.on("dialog", lambda dialog: opened.errors.append(dialog.message))
    page.goto(report.as_uri())
    yield opened
    context.close()


def test_the_page_opens_from_disk_asks_for_nothing_and_complains_of_nothing(
    opened: Opened, report: Path
) -> None:
    expect(opened.page.locator("#candidates tbody tr")).to_have_count(10)

    loaded = opened.page.evaluate("[...document.images].every((one) => one.naturalWidth > 0)")
    assert loaded
    assert [url for url in opened.requests if not url.startswith("data:")] == [report.as_uri()]
    assert opened.errors == []


def test_the_table_sorts_filters_searches_and_turns_its_pages(opened: Opened) -> None:
    page = opened.page
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("status")).to_have_text("Rows shown: 11 to 20 of 120")

    page.get_by_role("button", name="Score").click()
    scores = [float(score) for score in opened.column("Score")]
    assert scores == sorted(scores)
    page.get_by_role("button", name="Score").click()
    scores = [float(score) for score in opened.column("Score")]
    assert scores == sorted(scores, reverse=True)
    heading = page.locator("#candidates th", has_text="Score")
    expect(heading).to_have_attribute("aria-sort", "descending")

    page.get_by_role("combobox", name="Recommendation").select_option(label="Strong Yes")
    assert set(opened.column("Recommendation")) == {"Strong Yes"}
    page.get_by_role("combobox", name="Recommendation").select_option(label="any")

    page.get_by_label("Search").fill("SYN-3-000007")
    expect(page.get_by_role("status")).to_have_text("Rows shown: 1 to 1 of 1, chosen from 120")
    assert opened.column("Candidate") == ["syn-3-000007"]
    page.get_by_label("Search").fill("nobody at all")
    expect(page.get_by_role("status")).to_have_text("Rows shown: none, chosen from 120")
    assert opened.errors == []


def test_a_hostile_name_is_text_and_a_long_one_wraps_on_a_phone(opened: Opened) -> None:
    page = opened.page
    page.get_by_label("Search").fill("onerror")
    (found,) = opened.column("Candidate")
    assert "<img src=x onerror=alert(1)>" in found

    page.get_by_label("Search").fill("wwwwwwww")
    assert page.locator("#candidates tbody tr").count() == 1
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("img[src='x']").count() == 0
    assert opened.errors == []


def test_a_print_has_all_chosen_rows_and_every_reason(opened: Opened) -> None:
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")

    assert opened.page.locator("#candidates tbody tr").count() == _ROWS
    assert opened.page.locator("details:not([open])").count() == 0
    opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.page.locator("#candidates tbody tr").count() == 10


def test_the_keyboard_skips_to_the_content_and_sorts(opened: Opened) -> None:
    opened.page.keyboard.press("Tab")
    assert opened.page.evaluate("document.activeElement.textContent") == "Skip to the content"

    opened.page.get_by_role("button", name="Candidate").focus()
    opened.page.keyboard.press("Enter")
    names = opened.column("Candidate")
    assert names == sorted(names) or names[0].startswith("<img")
