"""Makes the pictures of report and asset graph in `docs/images` anew, by `python -m`.

It takes the newest page of a data directory, `data` if none is named: run `make demo` before.
"""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from aris_pipeline_tests.system.interface import BROWSER, served

_IMAGES = Path(__file__).parents[1] / "docs/images"
_SIZES = {"report-desktop": (1200, 1330), "report-phone": (390, 844)}
_COLORS = 64
_SETTLED_MS = 5_000


def main(data: Path) -> None:
    """Opens the newest page of a data directory, and the UI, and writes their pictures."""
    pages = data.glob("reports/*/*/*/report.html")
    page = max(pages, key=lambda file: file.stat().st_mtime)
    with served(data.absolute()) as (_process, port), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        for name, (width, height) in _SIZES.items():
            view = browser.new_page(viewport={"width": width, "height": height})
            view.goto(page.absolute().as_uri())
            _keep(view, name)
        graph = browser.new_page(viewport={"width": 1500, "height": 800})
        graph.goto(f"http://127.0.0.1:{port}/asset-groups")
        graph.get_by_text("judging").first.wait_for()
        graph.keyboard.press("Alt+e")  # opens all groups
        graph.get_by_text("batch_report").first.wait_for()
        graph.wait_for_timeout(_SETTLED_MS)
        _keep(graph, "asset-graph")
        browser.close()


def _keep(view: Page, name: str) -> None:
    drawn = Image.open(io.BytesIO(view.screenshot())).convert("RGB")
    drawn.quantize(_COLORS, dither=Image.Dither.NONE).save(_IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "data"))
