"""The picture of a report in the README: `python perf/picture.py RUN OUT.png`.

RUN is the folder of a finished run (`reports/legi/latest`), or its `report.html`. Takes the top of
the page, in the light theme, as a headless chromium shows it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

WIDTH, HEIGHT = 1280, 900
END = "#leaderboard .controls"
"""The picture ends above this, or at HEIGHT where there is none."""


def take(page_file: Path, out: Path, height: int | None) -> None:
    """Write the picture."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light", device_scale_factor=1
        )
        page.goto(page_file.resolve().as_uri())
        page.add_style_tag(content="nav { position: static !important }")
        box = page.locator(END).first.bounding_box() if page.locator(END).count() else None
        shown = height or (int(box["y"]) if box else HEIGHT)
        page.screenshot(
            path=out, full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": shown}
        )
        browser.close()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--height", type=int, help="pixels; by default all above the controls")
    asked = parser.parse_args()
    file = asked.run / "report.html" if asked.run.is_dir() else asked.run
    if not file.is_file():
        sys.exit(f"there is no {file}: run the suite first")
    take(file, asked.out, asked.height)


if __name__ == "__main__":
    main()
