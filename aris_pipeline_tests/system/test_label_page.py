"""What a rater does: labels in a real browser by keyboard, saves, and the file is imported."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from aris_pipeline_tests.command import aris
from aris_pipeline_tests.system.interface import BROWSER

HOSTILE = '"><svg/onload=alert(1)><script>alert(2) {{ 7 * 7 }}'
"""What landing takes for text: it removes whatever is HTML for certain."""

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


def listen(page: Page) -> tuple[list[str], list[str]]:
    """What the page complains of, and what it asks for."""
    said: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    return said, requests


def test_labels_by_keyboard_come_back_as_a_sheet_that_can_be_imported(
    page: Page, tmp_path: Path
) -> None:
    file, data, sheet = tmp_path / "c.jsonl", tmp_path / "data", tmp_path / "sheet.html"
    ids = ["=1+1", "two", "three"]
    titles = ["Engineer", "Engineer", HOSTILE]
    lines = [
        json.dumps({"id": one, "title": title}) for one, title in zip(ids, titles, strict=True)
    ]
    file.write_text("\n".join(lines))
    batch = aris("run", file, "--data-dir", data, "--json").figures["batch"]
    aris("label", "sample", batch, "--out", sheet, "--data-dir", data)
    said, requests = listen(page)

    page.goto(sheet.as_uri())
    profiles = []
    for _ in ids:
        profiles.append(page.locator("#profile").text_content() or "")
        page.keyboard.press("n")
    assert sorted(profiles) == sorted(f"Title: {title}" for title in titles)
    assert page.locator("#profile *").count() == 0
    page.keyboard.press("p")
    page.keyboard.press("p")
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
    page.once("dialog", lambda asked: asked.accept())
    page.reload()
    page.locator("#load").set_input_files(labels)
    expect(page.get_by_role("heading", name="Candidate 3 of 3")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("2 of 3 labeled")
    page.locator("#load").set_input_files(file)
    expect(page.get_by_role("status")).to_have_text(
        "c.jsonl is not a file that this page has saved, as it was saved"
    )
    kept = aris("label", "import", labels, "--by", "Ada", "--data-dir", data, "--json").figures
    assert (kept["kept"], kept["refused"]) == (4, [])
    loaded = {url for url in requests if not url.startswith(("data:", "blob:"))}
    assert loaded == {sheet.as_uri()}
    assert said == []
