"""What a rater does: labels in a real browser by keyboard, saves, and the file is imported."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from aris_pipeline_tests.command import aris
from aris_pipeline_tests.system.interface import BROWSER

pytestmark = [pytest.mark.system, pytest.mark.timeout(300), pytest.mark.xdist_group("browser")]


@pytest.fixture
def page() -> Iterator[Page]:
    if BROWSER is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        context = browser.new_context(offline=True, accept_downloads=True)
        yield context.new_page()
        browser.close()


def test_labels_by_keyboard_come_back_as_a_sheet_that_can_be_imported(
    page: Page, tmp_path: Path
) -> None:
    file, data, sheet = tmp_path / "c.jsonl", tmp_path / "data", tmp_path / "sheet.html"
    ids = ["=1+1", "two", "three"]
    lines = [json.dumps({"id": one, "title": "Engineer"}) for one in ids]
    file.write_text("\n".join(lines))
    batch = aris("run", file, "--data-dir", data, "--json").figures["batch"]
    aris("label", "sample", batch, "--out", sheet, "--data-dir", data)
    said: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))

    page.goto(sheet.as_uri())
    expect(page.locator("#profile")).to_have_text("Title: Engineer")
    page.keyboard.press("2")
    expect(page.get_by_role("heading", name="Candidate 2 of 3")).to_be_visible()
    page.keyboard.press("4")
    page.keyboard.press("p")
    expect(
        page.get_by_role("group", name="Recommendation").get_by_label("No", exact=True)
    ).to_be_checked()
    page.keyboard.press("p")
    page.get_by_role("group", name="Education").get_by_label("Good").check()
    page.get_by_role("button", name="Next").click()
    education = page.get_by_role("group", name="Education")
    expect(education.get_by_label("not labeled")).to_be_checked()
    page.get_by_role("group", name="Companies").get_by_label("Weak").check()
    page.get_by_role("button", name="Next").click()
    for group in page.get_by_role("group").all():
        expect(group.get_by_label("not labeled")).to_be_checked()
    expect(page.get_by_role("status")).to_have_text("2 of 3 labeled, not saved yet")
    with page.expect_download() as saved:
        page.keyboard.press("s")
    expect(page.get_by_role("status")).to_have_text("2 of 3 labeled")

    labels = tmp_path / saved.value.suggested_filename
    saved.value.save_as(labels)
    kept = aris("label", "import", labels, "--by", "Ada", "--data-dir", data, "--json").figures
    assert (kept["kept"], kept["refused"]) == (4, [])
    assert [url for url in requests if not url.startswith(("data:", "blob:"))] == [sheet.as_uri()]
    assert said == []
