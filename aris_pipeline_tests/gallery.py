"""Makes the pictures of a report in `docs/images` anew, by `python -m`; after `make demo`.

It takes the newest page of a data directory, `data` if none is named.
"""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from aris_pipeline_tests.system.interface import BROWSER

_IMAGES = Path(__file__).parents[1] / "docs/images"
_SIZES = {"report-desktop": (1200, 1330), "report-phone": (390, 844)}
_COLORS = 64


def main(data: Path) -> None:
    """Opens the newest page of a data directory and writes its pictures."""
    pages = data.glob("reports/*/*/*/report.html")
    page = max(pages, key=lambda file: file.stat().st_mtime)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        for name, (width, height) in _SIZES.items():
            view = browser.new_page(viewport={"width": width, "height": height})
            view.goto(page.absolute().as_uri())
            drawn = Image.open(io.BytesIO(view.screenshot())).convert("RGB")
            drawn.quantize(_COLORS, dither=Image.Dither.NONE).save(
                _IMAGES / f"{name}.png", optimize=True
            )
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "data"))
