"""A real browser over a report: what it asks for, logs and shows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for one in NAMES if (path := shutil.which(one))), None)
browser = pytest.mark.skipif(CHROMIUM is None, reason="needs a chromium to open the page in")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")


@dataclass
class Opened:
    """A page that is open, and what went wrong in it."""

    page: Any
    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def assert_quiet(self, folder: Path) -> None:
        """Hold that nothing was logged, asked or loaded, but files of the report."""
        assert self.errors == []
        assert self.console == []
        assert self.dialogs == []
        assert [one for one in self.requests if not one.startswith(folder.as_uri())] == []
        assert self.page.evaluate("window.hacked === undefined && ({}).hacked === undefined")

    def ready(self) -> None:
        """Wait until the page's script shows the samples."""
        self.page.wait_for_selector("html[data-samples=ready]", timeout=20_000)

    def shown(self) -> list[str]:
        """Return the ids of the samples on the page."""
        return self.page.locator("#list .permalink").all_inner_texts()

    def found(self) -> str:
        """Return how many samples the page says there are."""
        return str(self.page.locator("#found").inner_text())


@contextmanager
def launched() -> Iterator[Any]:
    """Start a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        one = started.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield one
        one.close()


@contextmanager
def opened(one: Any, file: Path, address: str = "", **look: Any) -> Iterator[Opened]:
    """Open a file in a window of its own; `look` is for Playwright's `new_context`."""
    context = one.new_context(**look)
    page = context.new_page()
    seen = Opened(page)
    page.on("console", lambda message: seen.console.append(message.text))
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: seen.requests.append(request.url))
    page.goto(file.as_uri() + address)
    yield seen
    context.close()
