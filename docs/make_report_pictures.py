"""Write the pictures of a report in docs/images: 1280 and 500 pixels wide, light and dark.

Usage: python docs/make_report_pictures.py [FOLDER]. It runs the demo, whose report has a made
fortnight, and shows the page in Chromium.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).with_name("images")
SIZES = ((1280, 1010), (500, 1150))
THEMES = ("light", "dark")


def main() -> int:
    folder = Path(sys.argv[1]) if sys.argv[1:] else IMAGES
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        page = Path(scratch) / "report.html"
        demo = [sys.executable, "-m", "sockfleet.cli", "demo", "--no-keep", "--report", str(page)]
        subprocess.run(demo, check=True, stdout=subprocess.DEVNULL)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for theme in THEMES:
            for width, height in SIZES:
                view = browser.new_page(
                    viewport={"width": width, "height": height},
                    color_scheme="dark" if theme == "dark" else "light",
                )
                view.goto(page.as_uri())
                view.screenshot(path=folder / f"report-{width}-{theme}.png")
                view.close()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
