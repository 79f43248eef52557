"""The page over the real service: a tiny model is trained, cancelled, resumed and reported on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import tiny
from page_helpers import barriers, chromium, opened
from playwright.sync_api import expect
from service_helpers import Server, end, rows

SUITE = """\
suite: small
description: A tiny model, trained
dataset: {{use: jsonl, path: {rows}}}
split: {{train: 40, validation: 4, test: 8}}
template: alpaca
backend: {{use: hf, model: {model}, dtype: float32}}
generation: {{max_new_tokens: 8, batch_size: 4}}
candidates:
  base:
  lora: {{train: {{r: 4, epochs: 8, learning_rate: 1e-2, batch_size: 4, max_length: 128}}}}
baseline: base
primary: rougeL
metrics: {{rouge: , token_f1: }}
"""
SLOW = 100_000  # milliseconds: a process starts, imports torch, trains


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Return a real server that allows a suite which trains a tiny Llama."""
    model = tiny.build(tmp_path / "model")
    (tmp_path / "suites").mkdir()
    text = SUITE.format(rows=rows(tmp_path / "rows.jsonl", 52), model=model)
    (tmp_path / "suites" / "small.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "config.yaml").write_text("grace: 8\n", encoding="utf-8")
    made = Server(tmp_path, f"sqlite:///{tmp_path / 'service.db'}").start()
    yield made
    end(made)


@pytest.fixture
def browser() -> Iterator[Any]:
    playwright, found = chromium()
    yield found
    found.close()
    playwright.stop()


def test_a_run_from_the_form_to_the_report(browser: Any, server: Server) -> None:
    with opened(browser, refused=True) as page:
        page.goto(f"{server.url}/#/new")
        expect(page.get_by_text("Candidates: base, lora")).to_be_visible()
        page.get_by_label("Overrides").fill("candidates.lora.train.epoch=3")
        page.get_by_role("button", name="Start the run").click()
        expect(page.locator("#overrides-wrong")).to_contain_text("epoch")
        page.get_by_label("Overrides").fill("generation.max_new_tokens=6")
        page.get_by_label("Limit").fill("6")
        page.get_by_label("Name").fill("from the page")
        page.get_by_role("button", name="Start the run").click()

        pills, bar = page.locator(".pills"), page.get_by_role("progressbar")
        expect(pills).to_contain_text("Running", timeout=SLOW)
        expect(page.get_by_text("loss")).not_to_have_count(0, timeout=SLOW)
        expect(page.locator(".loss polyline")).to_be_visible(timeout=SLOW)
        early = float(bar.get_attribute("value") or 0)
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
        expect(pills).to_contain_text("Cancelled", timeout=SLOW)

        page.get_by_role("button", name="Resume").click()
        expect(pills).to_contain_text("Done", timeout=SLOW)
        job = server.ask("GET", f"jobs/{page.url.rpartition('/')[2]}")
        assert (job["name"], job["attempts"], job["state"]) == ("from the page", 2, "succeeded")
        assert 0 < early < 1
        (about,) = [one for one in server.ask("GET", "leaderboard") if one["suite"] == "small"]
        assert {row["n"] for row in about["rows"]} == {6}
        expect(page.get_by_role("heading", name="Scores")).to_be_visible()
        expect(page.get_by_role("link", name="adapters/lora.zip")).to_be_visible()
        assert barriers(page) == []
        with page.expect_download() as taken:
            page.get_by_role("link", name="results.json").click()
        assert job["run_id"] in taken.value.path().read_text(encoding="utf-8")

        page.get_by_role("link", name="Open the report").click()
        frame = page.frame_locator("iframe")
        expect(frame.locator("h1")).to_be_visible()
        expect(frame.locator("body")).to_contain_text(job["run_id"])
        frame.get_by_label("Search").fill("no such words")  # the report's own script runs
        expect(frame.locator("#found")).to_contain_text("0 of")
        page.get_by_role("link", name="Leaderboard").click()
        expect(page.get_by_role("row", name="lora")).to_contain_text("6")


def test_the_frame_of_reports_has_no_origin(server: Server) -> None:
    policy = {
        path: httpx2.get(server.url + path).headers["content-security-policy"]
        for path in ("/", "/web/app.js", "/web/frame.html")
    }
    assert policy["/"].startswith("default-src 'self'")
    assert "script-src" not in policy["/"]
    assert policy["/"] == policy["/web/app.js"]
    assert policy["/web/frame.html"].startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy["/web/frame.html"]
    assert "default-src 'none'" in policy["/web/frame.html"]
