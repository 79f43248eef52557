"""A browser, and an eye on all that a page does in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

FETCHES = "Failed to load resource"
"""How Chromium begins the line that tells of a refused call."""


def chromium() -> Any:
    """Start the system's Chromium; skip where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    playwright = sync_playwright().start()
    return playwright, playwright.chromium.launch(executable_path=program)


@contextmanager
def opened(
    browser: Any, *, width: int = 1000, theme: str = "light", refused: bool = False, **more: Any
) -> Iterator[Any]:
    """Open a page; it may say nothing on the console and ask no other host.

    Args:
        browser: Chromium.
        width: Of the window, in pixels.
        theme: "light" or "dark".
        refused: Whether calls may fail, which the browser notes on the console.
        more: Of the context.
    """
    size = {"width": width, "height": 900}
    context = browser.new_context(viewport=size, color_scheme=theme, **more)
    page = context.new_page()
    page.set_default_timeout(20_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    hosts: set[str] = set()
    context.on("request", lambda request: hosts.add(urlsplit(request.url).hostname or ""))
    yield page
    context.close()
    assert hosts - {""} == {"127.0.0.1"}
    assert [line for line in wrong if not (refused and FETCHES in line)] == []


def barriers(page: Any) -> list[str]:
    """Return what keeps people out of a page, as axe-core sees it: the serious kinds."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, context={"exclude": [["iframe"]]}).response["violations"]
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def tab_to(page: Any, text: str) -> None:
    """Press Tab until the focus is on what is called so, as a person without a mouse does."""
    for _ in range(60):
        page.keyboard.press("Tab")
        name = page.evaluate(
            "() => { const it = document.activeElement; "
            "return it.getAttribute('aria-label') || it.labels?.[0]?.innerText || it.innerText; }"
        )
        if name and name.strip().startswith(text):
            return
    raise AssertionError(f"no Tab leads to {text!r}")
