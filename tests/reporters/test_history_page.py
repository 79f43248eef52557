"""The leaderboard's page and terminal view: complete, inert, readable in both themes."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from payloads import ALL, PAYLOADS
from rich.console import Console

from benchmark.history import (
    Best,
    Change,
    History,
    Line,
    Point,
    RunNote,
    Series,
    SuiteHistory,
    Table,
)
from benchmark.reporters import history_chart, history_console
from benchmark.reporters.history_page import page

CHROMIUM = "/usr/bin/chromium"


def point(run: int, value: float, change: str = "", text: str = "run") -> Point:
    """Return a number of one run."""
    before = Change(
        against=f"{text}{run - 1}", difference=-0.1, low=-0.2, high=-0.05, n=12,
        how=f"paired {text}", verdict=change,
    )  # fmt: skip
    return Point(
        run_id=f"{text}{run}", finished=f"2026-11-{19 + run}T10:00:00+00:00", commit=f"{text}abc",
        dirty=True, fingerprint=f"f{run}", adapter=f"{text}key", value=value, low=value - 0.05,
        high=value + 0.05, n=12, failed=1, change=before if run > 1 else None,
    )  # fmt: skip


def board(text: str = "", runs: int = 3) -> History:
    """Return a leaderboard in which every text is the given one, if there is one."""
    name = text or "tuned"
    points = tuple(
        point(run, 0.9 - run / 10, "worse" if run == 2 else "", text or "run")
        for run in range(1, runs + 1)
    )
    lines = (
        Line(candidate=name, kind="model", points=points),
        Line(candidate=f"{text}base", kind="model", points=points[:1]),
        Line(candidate=f"{text}oracle", kind="control", points=points),
    )
    now = Series(
        score=text or "rouge_l", metric=text or "rouge", signature=text or "rouge|x",
        higher_is_better=True, test=12, test_sha256=text or "a" * 64, lines=lines,
    )  # fmt: skip
    apart = now.model_copy(update={"apart": text or "other test data", "lines": lines[1:2]})
    notes = tuple(
        RunNote(
            suite=text or "jardin",
            suite_version=1,
            run_id=one.run_id,
            folder=text or "x",
            finished=one.finished,
            commit=one.commit,
            dirty=None,
            status="complete",
            verdict="pass",
            gates=1,
            test=12,
            test_sha256=text or "a" * 64,
            primary=now.score,
        )
        for one in points
    )
    best = [
        Best(
            candidate=line.candidate,
            kind=line.kind,
            description=text or "what it is",
            point=line.points[-1],
            runs=2,
            baseline=text or "base",
            difference=0.1,
            low=0.05,
            high=0.2,
            verdict="better",
        )
        for line in lines
    ]
    suite = SuiteHistory(
        suite=text or "jardin", runs=notes, series=(now, apart), known=(now.score,),
        tables=(Table(score=now.score, higher_is_better=True, rows=tuple(best)),),
    )  # fmt: skip
    return History(suites=(suite, suite.model_copy(update={"suite": "b"})), problems=(text or "x",))


@pytest.fixture(scope="module")
def browser():
    """Return the system's Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    if not Path(CHROMIUM).exists():
        pytest.skip("no chromium here")
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.mark.parametrize("width", [400, 1600])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_in_a_browser(browser, tmp_path, theme, width):
    from axe_playwright_python.sync_playwright import Axe

    path = tmp_path / "board.html"
    path.write_text(page(board()), encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    shown = context.new_page()
    said, asked = [], []
    shown.on("console", lambda message: said.append(message.text))
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(path.as_uri())
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert shown.locator("h2").all_inner_texts()[0].split() == ["jardin", "PASS"]
    assert "tuned is worse on rouge_l in run2" in shown.locator("section").first.inner_text()
    # The chart takes its colours from the page.
    muted = shown.evaluate("getComputedStyle(document.querySelector('svg text')).fill")
    assert muted == {"light": "rgb(91, 96, 103)", "dark": "rgb(163, 168, 174)"}[theme]
    # axe needs to run a script, which the page's own policy forbids: so it looks at a copy.
    policy = re.compile('<meta http-equiv="Content-Security-Policy"[^>]*>')
    shown.set_content(policy.sub("", path.read_text(encoding="utf-8")))
    broken = Axe().run(shown).response["violations"]
    assert [one["id"] for one in broken if one["impact"] in ("serious", "critical")] == []
    assert (said, asked) == ([], [path.as_uri()])
    context.close()


def test_payloads_stay_text(browser, tmp_path):
    context = browser.new_context()
    shown = context.new_page()
    asked, asked_for = [], []
    shown.on("request", lambda request: asked.append(request.url))
    shown.on("dialog", lambda dialog: asked_for.append(dialog.message) or dialog.dismiss())
    texts = [*PAYLOADS.values(), ALL]
    boards = [board(text, runs=2) for text in texts]
    every = History(
        suites=tuple(one.suites[0] for one in boards),
        problems=tuple(problem for one in boards for problem in one.problems),
    )
    # Without the policy: the page must be inert by its text alone.
    content = page(every).replace("Content-Security-Policy", "x-none")
    path = tmp_path / "board.html"
    path.write_text(content, encoding="utf-8")
    shown.goto(path.as_uri())
    assert shown.evaluate("window.hacked") is None
    assert shown.title() == f"Leaderboard · {len(texts)} suites"
    # None but our own elements: each text made one section, its tables and one chart.
    assert shown.locator("section").count() == len(texts) + 1
    assert shown.locator("main > section table").count() == 2 * len(texts)
    assert shown.locator("svg").count() == len(texts)
    foreign = "script, img, iframe, object, embed, form, input, button, base, link, video, svg a"
    assert shown.locator(foreign).count() == 0
    assert shown.locator("body *[onload], body *[onclick], body *[onfocus]").count() == 0
    assert shown.locator("meta").count() == 5
    assert asked_for == []
    assert {address.partition(":")[0] for address in asked} == {"file"}
    context.close()


@pytest.mark.parametrize("text", [*PAYLOADS.values(), ALL], ids=[*PAYLOADS, "all"])
def test_payloads_in_the_terminal(text):
    console = Console(width=100, force_terminal=True, highlight=False, color_system="truecolor")
    with console.capture() as captured:
        for part in history_console.parts(board(text), 100):
            console.print(part)
    out = re.sub(r"\x1b\[[\d;]*m", "", captured.get())  # rich's own colours
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", out
    )


def test_a_chart_is_whole_and_says_what_it_shows():
    (series, _) = board().suites[0].series
    places = {name: at for at, name in enumerate(series.runs, 1)}
    drawn = history_chart.svg(series, places)
    root = Xml.fromstring(drawn)
    assert root.get("role") == "img"
    assert (
        root.get("aria-label")
        == "rouge_l over 3 runs: tuned from 0.800 to 0.600, base from 0.800 to 0.800"
    )
    text = " ".join("".join(one.itertext()) for one in root.iter() if one.tag.endswith("text"))
    assert "rouge_l ↑" in text
    assert ("tuned" in text, "base" in text, "oracle" in text) == (True, True, False)
    # One point is marked as worse.
    assert drawn.count("var(--bad, #b3261e)") == 1
    assert history_chart.svg(series.model_copy(update={"lines": ()}), places) == ""


def test_many_runs_and_candidates_are_drawn_in_bounds():
    series = board(runs=3).suites[0].series[0]
    points = tuple(point(run, 0.5).model_copy(update={"finished": f"2026-11-20T10:{run:02d}"})
                   for run in range(1, 60))  # fmt: skip
    lines = tuple(Line(candidate=f"c{at}", kind="model", points=points) for at in range(20))
    many = series.model_copy(update={"lines": lines})
    drawn = history_chart.svg(many, {name: at for at, name in enumerate(many.runs, 1)})
    assert Xml.fromstring(drawn) is not None
    assert len(drawn) < 2_000_000
