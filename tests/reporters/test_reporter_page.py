"""The HTML report in a real browser: samples, both themes, small and large, and hostile texts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browser import Opened, browser, launched, opened
from conftest import build_report
from payloads import ALL, PAYLOADS
from test_reporter_html import hostile

from benchmark.plugins import Report
from benchmark.records import CitedArticle, Example, Generation, Message, Score, Verdict, Vote
from benchmark.reporters import sample_pages
from benchmark.reporters.board import build
from benchmark.reporters.html import Html
from benchmark.reporters.sample_data import SampleData

pytestmark = browser
LINK = "https://www.legifrance.gouv.fr/codes/article_lc/LEGIARTI000000000001"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with launched() as one:
        yield one


def judged(report: Report) -> Report:
    """Give the first answer of lora an invented citation, and judges that disagree on it."""
    first = report.examples[0]
    text = next(one.text for one in report.generations["lora"] if one.example_id == first.id)
    assert text is not None
    start = text.index("L. 4000-1")
    cite = CitedArticle(
        text="L. 4000-1", start=start, end=start + 9, number="L4000-1", code="Code fictif",
        verdict="invented", reason="The code has no such article.", link=LINK,
    )  # fmt: skip
    score = Score(
        example_id=first.id, candidate="lora", metric="citations", stats=(1.0,), values={},
        citations=(cite,),
    )  # fmt: skip
    votes = (
        Vote(member="a/plain/1", value=1.0, label="yes", rationale="It says the same."),
        Vote(member="b/plain/1", value=0.0, label="no", rationale="The delay is another."),
    )
    verdict = Verdict(
        example_id=first.id, judge="same-facts", candidates=("lora",), value=0.5, votes=votes,
        label="0.5", rationale="One of two.",
    )  # fmt: skip
    return replace(report, scores=[*report.scores, score], verdicts=[verdict])


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Html().write(judged(build_report(tmp_path_factory.mktemp("page"))))


@pytest.fixture
def window(chromium: Any, page: Path) -> Iterator[Opened]:
    with opened(chromium, page, viewport={"width": 1600, "height": 1000}) as one:
        one.ready()
        yield one
        one.assert_quiet(page.parent)


def accuracy(report: Report) -> dict[str, dict[str, float]]:
    """Return citation accuracy by candidate and example, straight from the records."""
    found: dict[str, dict[str, float]] = {}
    for row in report.scores:
        if "citation_accuracy" in row.values:
            mine = found.setdefault(row.candidate, {})
            mine[row.example_id] = row.values["citation_accuracy"]
    return found


def test_filters_and_sorting_are_those_of_the_records(window: Opened, tmp_path: Path) -> None:
    report = build_report(tmp_path)
    values = accuracy(report)
    flipped = [
        one.id for one in report.examples if values["base"][one.id] != values["lora"][one.id]
    ]
    worse = [one.id for one in report.examples if values["lora"][one.id] < values["base"][one.id]]
    assert flipped and window.found() == "32 of 32 samples"
    window.page.select_option("#filter", "flipped")
    expect(window, f"{len(flipped)} of 32 samples")
    assert window.shown() == flipped[:10]
    window.page.select_option("#filter", "worse")
    expect(window, f"{len(worse)} of 32 samples")
    window.page.select_option("#filter", "")
    window.page.select_option("#sort", "lost")
    gain = {one.id: values["lora"][one.id] - values["base"][one.id] for one in report.examples}
    wanted = sorted((one.id for one in report.examples), key=lambda name: gain[name])
    window.page.wait_for_function(
        f"() => document.querySelector('.permalink').text === '{wanted[0]}'"
    )
    assert window.shown() == wanted[:10]
    window.page.click("#next")
    window.page.wait_for_function(
        f"() => document.querySelector('.permalink').text === '{wanted[10]}'"
    )
    assert window.page.locator("#of").inner_text() == "page 2 of 4"


def first_is(window: Opened, name: str) -> None:
    """Wait until a sample is the first of the list."""
    window.page.wait_for_function(
        "name => document.querySelector('#list .permalink')?.text === name", arg=name, timeout=5_000
    )


def expect(window: Opened, text: str) -> None:
    """Wait until the page says how many samples there are."""
    window.page.wait_for_function(
        "text => document.getElementById('found').textContent === text", arg=text, timeout=5_000
    )


@pytest.mark.parametrize(
    ("filter_", "count"), [("invented", 1), ("wrong", 1), ("judges", 1), ("worst", 1)]
)
def test_what_a_reviewer_looks_for_is_found(window: Opened, filter_: str, count: int) -> None:
    window.page.select_option("#filter", filter_)
    if filter_ != "worst":
        expect(window, f"{count} of 32 samples")
        assert window.shown() == ["LEGIARTI000000000000"]
    else:
        window.page.wait_for_function("() => !found.textContent.startsWith('32')")
        score = window.page.locator(".answer:last-child .primary-score").first
        assert score.inner_text().startswith("0.000")


def test_a_failed_answer_says_why(window: Opened) -> None:
    window.page.select_option("#right", label="few-shot")
    window.page.select_option("#filter", "failed")
    expect(window, "1 of 32 samples")
    assert "the prompt has 2 311 tokens" in window.page.locator("#list .error").inner_text()


def test_search_and_slices(window: Opened) -> None:
    window.page.fill("#search", "reception DELAI LEGIARTI000000000007")
    expect(window, "1 of 32 samples")
    window.page.fill("#search", "nowhere")
    expect(window, "0 of 32 samples")
    window.page.fill("#search", "")
    window.page.select_option("#slice", "code: Code fictif du travail")
    expect(window, "16 of 32 samples")


def test_candidates_are_swapped_and_compared_with_each_other(window: Opened) -> None:
    heads = window.page.locator("#list .sample >> nth=0 >> h4")
    names = [text.split()[0] for text in heads.all_inner_texts()]
    assert names[-2:] == ["base", "lora"]
    assert window.page.locator("#list ins").count() > 0
    window.page.click("#swap")
    window.page.wait_for_function(
        "() => [...document.querySelectorAll('#list .sample:first-child .answer h4')]"
        ".map(one => one.textContent.split(' ')[0]).join() === 'lora,base'"
    )
    window.page.select_option("#left", label="oracle")
    window.page.select_option("#right", label="lora")
    window.page.select_option("#against", "other")
    first = window.page.locator("#list .answer:last-child .note").nth(1)
    assert "of words shared with oracle" in first.inner_text()
    assert window.page.locator("#list .answer:last-child").nth(1).locator("del").count() > 0


def test_a_citation_leads_to_its_verdict(window: Opened) -> None:
    window.page.locator("button.cite").first.click()
    row = window.page.locator(":focus")
    assert row.inner_text().startswith("✗ L. 4000-1 invented The code has no such article.")
    assert row.locator("a").get_attribute("href") == LINK
    sign = window.page.evaluate(
        "getComputedStyle(document.querySelector('button.cite'), '::after').content"
    )
    assert sign == '"✗"'  # not by colour alone
    column = window.page.locator("#list .answer:last-child").first
    column.locator("summary", has_text="Judges").click()
    assert "The delay is another." in column.inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1600])
def test_a_flipped_sample_opens_by_its_permalink(
    chromium: Any, page: Path, theme: str, width: int
) -> None:
    look = {"viewport": {"width": width, "height": 900}, "color_scheme": theme}
    with opened(chromium, page, "#show=flipped", **look) as one:
        one.ready()
        name = one.shown()[2]
        link = one.page.locator("#list .permalink").nth(2).get_attribute("href")
    with opened(chromium, page, f"{link}&left=5&right=1&diff=other", **look) as one:
        one.ready()
        head = one.page.locator(".sample.target h3")
        assert head.inner_text().startswith(name) and head.is_visible()
        box = head.bounding_box()
        assert box is not None and 0 <= box["y"] < 900
        chosen = [one.page.locator(f"#{part}").input_value() for part in ("left", "right")]
        assert chosen == ["5", "1"]
        assert one.page.evaluate("document.documentElement.scrollWidth") <= width
        assert one.page.locator("svg.chart").count() >= 2
        one.assert_quiet(page.parent)


@pytest.mark.parametrize(("theme", "width"), [("light", 1600), ("dark", 400)])
def test_no_serious_accessibility_problem(
    chromium: Any, page: Path, theme: str, width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    look = {"viewport": {"width": width, "height": 900}, "color_scheme": theme, "bypass_csp": True}
    with opened(chromium, page, **look) as one:
        one.ready()
        one.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = 1")
        found = Axe().run(one.page).response["violations"]
    bad = [
        (row["id"], [node["html"][:150] for node in row["nodes"][:3]])
        for row in found
        if row["impact"] in ("serious", "critical")
    ]
    assert bad == []


def test_it_is_complete_without_scripts(chromium: Any, page: Path) -> None:
    with opened(chromium, page, java_script_enabled=False) as one:
        text = one.page.inner_text("body")
        assert "PASS" in text and "Leaderboard" in text and "need a browser that runs" in text
        assert len(one.shown()) == 0 and one.page.locator("#list .sample").count() == 5
        assert not one.page.locator("#tools").is_visible()


def test_the_command_is_copied(chromium: Any, page: Path) -> None:
    with opened(chromium, page, permissions=["clipboard-read", "clipboard-write"]) as one:
        one.page.click("[data-copy=again]")
        one.page.wait_for_selector("[data-copy=again]:has-text('Copied')")
        copied = one.page.evaluate("navigator.clipboard.readText()")
        commit = "0123456789abcdef0123456789abcdef01234567"
        assert copied == f"git checkout {commit} && bench run suites/legi.yaml --limit 32"


# --- hostile texts ----------------------------------------------------------------------------


def poisoned(report: Report) -> Report:
    """Put every payload into a sample of its own, and all of them everywhere else."""
    rows = list(PAYLOADS.values())
    names = list(report.generations)
    examples = [
        Example(
            id=f"{place} {text}", prompt=(Message(role="user", content=text),),
            references=(f"mot {text} fin",), group=text[:40], meta={"kind": text, text: "x"},
        )
        for place, text in enumerate(rows)
    ]  # fmt: skip
    answers = {
        name: [
            Generation(example_id=one.id, candidate=name, text=f"mot {one.group} {text}")
            if name != "lora" or place % 2
            else Generation(example_id=one.id, candidate=name, text=None, error=text)
            for place, (one, text) in enumerate(zip(examples, rows, strict=True))
        ]
        for name in names
    }
    scores = [
        Score(
            example_id=one.id, candidate="base", metric="citations", stats=(1.0,), values={},
            citations=(
                CitedArticle(text="mot", start=0, end=3, number="", code=text, verdict="invented",
                             reason=text, link=text),
            ),
        )
        for one, text in zip(examples, rows, strict=True)
    ]  # fmt: skip
    verdicts = [
        Verdict(
            example_id=one.id, judge=text[:50], candidates=("base",), value=0.5, label=text,
            rationale=text, votes=(Vote(member=text, value=1.0, label=text, rationale=text),),
        )
        for one, text in zip(examples, rows, strict=True)
    ]  # fmt: skip
    (report.folder / "suite.yaml").write_text(ALL, "utf-8", "replace")
    return replace(
        hostile(report), examples=examples, generations=answers, scores=scores, verdicts=verdicts
    )


PROVOKE = """
for (const one of document.querySelectorAll("details")) one.open = true;
for (const one of document.querySelectorAll("#list *")) {
  for (const name of ["mouseover", "focus", "toggle", "load"]) one.dispatchEvent(new Event(name));
}
"""


@pytest.mark.parametrize("inline", [True, False])
def test_every_payload_stays_inert(
    chromium: Any, tmp_path: Path, inline: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the page's policy, and (inline) by escaping alone."""
    if not inline:
        monkeypatch.setattr(sample_pages.write, "__kwdefaults__", {"inline": 1})
    file = Html().write(poisoned(build_report(tmp_path)))
    assert (tmp_path / "report-samples" / "0001.js").exists() is not inline
    with opened(chromium, file, bypass_csp=inline) as one:
        one.ready()
        seen = 0
        while True:
            one.page.evaluate(PROVOKE)
            shown = one.shown()
            seen += len(shown)
            if one.page.locator("#next").is_disabled():
                break
            first = shown[0]
            one.page.click("#next")
            one.page.wait_for_function(
                "first => document.querySelector('#list .permalink').textContent !== first",
                arg=first,
            )
        assert seen == len(PAYLOADS)
        links = one.page.eval_on_selector_all("a", "all => all.map(one => one.href)")
        assert [one for one in links if not one.startswith(file.as_uri() + "#")] == []
        assert one.page.locator("iframe, object, embed, img, form:not(#tools), base").count() == 0
        assert one.page.title() != "hacked"
        one.assert_quiet(tmp_path)


# --- large runs -------------------------------------------------------------------------------


def large(folder: Path, count: int) -> Report:
    """Return a run of so many examples, with five models' answers in words drawn at random."""
    report = build_report(folder)
    rng = random.Random(5)
    words = [f"mot{place}" for place in range(4_000)]
    names = ("base", "few-shot", "lora", "oracle", "shuffled")
    examples, scores = [], []
    generations: dict[str, list[Generation]] = {name: [] for name in names}
    for place in range(count):
        text = " ".join(rng.choices(words, k=60))
        example = Example(
            id=f"id-{place}", prompt=(Message(role="user", content=f"Question {place} ?"),),
            references=(text,), meta={"parity": str(place % 2)},
        )  # fmt: skip
        examples.append(example)
        for name in names:
            answer = " ".join(rng.choices(words, k=60))
            generations[name].append(
                Generation(example_id=example.id, candidate=name, text=answer, tokens_out=60)
            )
            scores.append(
                Score(example_id=example.id, candidate=name, metric="citation_accuracy",
                      stats=(1.0,), values={"citation_accuracy": float(rng.random() < 0.5)})
            )  # fmt: skip
    return replace(report, examples=examples, generations=generations, scores=scores)


def test_a_large_run_pages_its_samples_from_files(chromium: Any, tmp_path: Path) -> None:
    report = large(tmp_path, 2_500)
    file = Html().write(report)
    assert file.stat().st_size < 1_000_000
    assert len(list((tmp_path / "report-samples").glob("*.js"))) == 26
    with opened(chromium, file, "#sample=id-2345&right=2&show=better") as one:
        one.ready()
        assert one.page.locator(".sample.target h3").inner_text().startswith("id-2345")
        asked = {name.rpartition("/")[2].split("#")[0] for name in one.requests}
        assert asked >= {"index.js", "0024.js"} and len(asked) <= 8
        one.page.fill("#search", report.examples[1234].references[0][:60])
        one.page.select_option("#filter", "")
        expect(one, "1 of 2500 samples")
        assert one.shown() == ["id-1234"]
        one.assert_quiet(tmp_path)
    Html(samples=20).write(report)  # a smaller report leaves no file of the larger one
    assert not (tmp_path / "report-samples").exists()


def test_a_missing_folder_is_told(
    chromium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_pages.write, "__kwdefaults__", {"inline": 1})
    file = Html().write(large(tmp_path, 30))
    (tmp_path / "report-samples").rename(tmp_path / "elsewhere")
    with opened(chromium, file) as one:
        one.page.wait_for_function("() => found.textContent.includes('keep that folder beside')")
        assert one.page.locator("#list .sample").count() == 5


def test_five_hundred_samples_of_five_candidates_fit_in_one_small_file(tmp_path: Path) -> None:
    file = Html().write(large(tmp_path, 500))
    assert file.stat().st_size < 3_000_000
    assert not (tmp_path / "report-samples").exists()


def test_the_script_cannot_be_guessed_from_outside(tmp_path: Path) -> None:
    """The nonce depends on every text: who writes one cannot put the nonce of all into it."""
    report = large(tmp_path, 40)
    other = replace(report, examples=[*report.examples[:-1], report.examples[-1].model_copy(
        update={"references": ("x",)})])  # fmt: skip
    nonces = {
        sample_pages.write(
            SampleData(one, build(one.results), 100), tmp_path / "report.html", inline=1
        ).nonce
        for one in (report, other)
    }
    assert len(nonces) == 2 and "" not in nonces
