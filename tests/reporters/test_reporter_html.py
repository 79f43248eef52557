"""The HTML report, read by a parser and by a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from benchmark.plugins import Report
from benchmark.records import Example, Generation, Message
from benchmark.reporters.html import Html
from benchmark.results import Results

HACK = "document.title='hacked'"
PAYLOADS = (
    f"<script>{HACK}</script>",
    f"</script></style></title></textarea>--><script>{HACK}</script>",
    f'"><img src=x onerror="{HACK}">',
    f"' onmouseover='{HACK}' autofocus onfocus='{HACK}' x='",
    f"<svg onload=\"{HACK}\"></svg><iframe srcdoc='<script>parent.{HACK}</script>'></iframe>",
    f'<a href="javascript:{HACK}">x</a><meta http-equiv="refresh" content="0;url=data:,x">',
    f"</div></article></main><style>* {{ display: none }}</style><script>{HACK}</script>",
    "{{ 7 * 7 }}{% for x in y %}",
)
ALL = " ".join(PAYLOADS)
MANIFEST_TEXTS = (
    "key", "method", "base", "base_sha256", "adapter_sha256", "data_sha256", "device", "dtype",
    "overfitting", "objective", "hardware", "commit", "created",
)  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for one in NAMES if (path := shutil.which(one))), None)
browser = pytest.mark.skipif(CHROMIUM is None, reason="needs a chromium to open the page in")
CSP = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


def dump(page: Path) -> str:
    """Open a page in a real browser; return the document after its scripts have run."""
    assert CHROMIUM is not None
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars"
        " --disable-background-networking --window-size=1280,900"
        f" --user-data-dir={page.parent / 'profile'} --dump-dom"
    )
    done = subprocess.run(
        [CHROMIUM, *flags.split(), page.as_uri()], capture_output=True, timeout=120, check=True
    )
    return done.stdout.decode("utf-8", "replace")


def with_script(page: Path, script: str) -> Path:
    """Copy a page with a script of ours at its end, without the policy that would stop it."""
    text = CSP.sub("", page.read_text("utf-8"))
    copy = page.with_name("probe.html")
    copy.write_text(text.replace("</body>", f"<script>{script}</script></body>"), "utf-8")
    return copy


def hostile(report: Report) -> Report:
    """Put every payload wherever the outside world can put a text."""
    results = report.results
    candidates = tuple(
        one.model_copy(
            update={
                "description": ALL,
                "backend": ALL,
                "fingerprint": ALL,
                "error": ALL if one.name == "dora" else None,
                "training": one.training
                and one.training.model_copy(
                    update={
                        **dict.fromkeys(MANIFEST_TEXTS, ALL),
                        "versions": {ALL: ALL},
                        "parameters": {ALL: ALL, "peft": {ALL: [ALL, 1]}},
                    }
                ),
            }
        )
        for one in results.candidates
    )
    texts = {name: ALL for name in ("suite", "run_id", "command", "started", "fingerprint")}
    data = {"name": ALL, "notes": PAYLOADS, "sources": {ALL: ALL}, "dropped": {ALL: 1}}
    hacked = results.model_copy(
        update={
            **texts,
            "candidates": candidates,
            "scores": tuple(one.model_copy(update={"signature": ALL}) for one in results.scores),
            "comparisons": tuple(
                one.model_copy(update={"test": ALL}) for one in results.comparisons
            ),
            "retrieval": tuple(
                one.model_copy(update=dict.fromkeys(("candidate", "documents", "signature"), ALL))
                for one in results.retrieval
            ),
            "forgetting": tuple(
                one.model_copy(update={"candidate": ALL, "signature": ALL})
                for one in results.forgetting
            ),
            "gates": tuple(
                one.model_copy(update={"gate": ALL, "reason": ALL}) for one in results.gates
            ),
            "dataset": results.dataset.model_copy(update=data),
            "environment": results.environment.model_copy(update={"versions": {ALL: ALL}}),
            "timings": {ALL: 1.0},
            "computed": {ALL: 1},
        }
    )
    examples = [
        Example(
            id=f"{place}{payload}",
            prompt=(Message(role="user", content=payload),),
            references=(f"mot {payload} mot", payload),
            group=payload,
            meta={payload: payload},
        )
        for place, payload in enumerate(PAYLOADS)
    ]
    answers = [
        Generation(example_id=one.id, candidate="base", text=f"mot {one.group} autre mot")
        for one in examples
    ]
    errors = [
        Generation(example_id=one.id, candidate="lora", text=None, error=one.group)
        for one in examples
    ]
    return replace(
        report, results=hacked, examples=examples, generations={"base": answers, "lora": errors}
    )


class Tags(HTMLParser):
    """Collects the tags of a page, and checks that those which need it are closed in order."""

    VOID = frozenset(("meta", "input", "br", "wbr", "img", "link", "base"))
    DRAWN = frozenset(("line", "path", "circle", "polyline", "rect", "text", "g"))

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.DRAWN
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("which", ["report", "trained"])
@pytest.mark.parametrize("make", [lambda report: report, hostile])
def test_it_loads_nothing_and_has_no_tags_but_ours(
    make: object, which: str, request: pytest.FixtureRequest
) -> None:
    assert callable(make)
    text = Html().write(make(request.getfixturevalue(which))).read_text("utf-8")
    tags = Tags(text).found
    names = [tag for tag, _ in tags]
    assert not {"link", "img", "iframe", "object", "embed", "base", "image", "use"} & set(names)
    scripts = [attributes.get("type") for tag, attributes in tags if tag == "script"]
    assert sorted(map(str, scripts)) == ["None", "application/json", "text/plain", "text/plain"]
    assert names.count("style") == 1
    for _, attributes in tags:
        assert not {"src", "srcset", "action", "data", "poster", "srcdoc", "style"} & set(
            attributes
        )
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#").startswith("#")
    style = text.split("<style>")[1].split("</style>")[0]
    assert "url(" not in style and "@import" not in style


def test_it_is_well_formed_when_empty(empty: Report) -> None:
    text = Html().write(empty).read_text("utf-8")
    Tags(text)
    assert "Nothing was scored." in text
    assert "NO GATES" in text


def test_the_verdict_comes_first(report: Report) -> None:
    text = Html().write(report).read_text("utf-8")
    places = [text.index(part) for part in ("<h1>", "PASS</h1>", "citations", 'id="leaderboard"')]
    assert places == sorted(places)
    assert "<title>PASS · legi" in text


def test_an_incomplete_run_never_looks_like_a_pass(report: Report) -> None:
    results = report.results.model_copy(update={"status": "incomplete"})
    text = Html().write(replace(report, results=results)).read_text("utf-8")
    assert "INCOMPLETE</h1>" in text
    assert 'class="verdict inconclusive"' in text


def test_every_number_has_its_interval_n_and_signature(report: Report) -> None:
    text = Html().write(report).read_text("utf-8")
    for row in report.results.scores:
        assert f">{row.signature}<" in text
    assert "citation_accuracy: 0.969 [0.848, 1.000] n=32" in text
    assert "n=31, 1 failed" in text


def test_a_fake_that_keeps_up_is_named_first(report: Report) -> None:
    text = Html().write(report).read_text("utf-8")
    assert "citation_accuracy (echo 0.969, lora 0.969)" in text


def test_samples_are_capped_evenly_and_it_says_so(report: Report) -> None:
    text = Html(samples=4).write(report).read_text("utf-8")
    assert "4 of 32 examples, evenly spaced" in text
    shown = re.findall(r"<h3>(LEGIARTI\d+)", text)
    assert shown == [report.examples[place].id for place in (0, 8, 16, 24)]
    assert "All 32 examples" in Html(samples=32).write(report).read_text("utf-8")
    assert Html(samples=0).write(report).read_text("utf-8").count("<h3>LEGIARTI") == 0


def test_answers_are_compared_with_the_reference(report: Report) -> None:
    """Also in the samples that need no script."""
    text = Html().write(replace(report, examples=report.examples[:5])).read_text("utf-8")
    assert "<del>réception </del><ins>date </ins>de la demande" in text
    assert "No answer: the prompt has 2 311 tokens, the model takes 2 048" in text
    assert "<b>cut at the token limit</b>" in text


@pytest.mark.parametrize("which", ["report", "trained"])
def test_all_text_of_models_is_escaped(which: str, request: pytest.FixtureRequest) -> None:
    text = Html().write(hostile(request.getfixturevalue(which))).read_text("utf-8")
    for payload in PAYLOADS[:7]:
        assert payload not in text
    assert "{{ 7 * 7 }}{% for x in y %}" in text


@browser
def test_the_payloads_are_live(tmp_path: Path) -> None:
    page = tmp_path / "live.html"
    page.write_text(f"<!doctype html><title>clean</title><body>{PAYLOADS[0]}", "utf-8")
    assert "<title>hacked</title>" in dump(page)


@browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_never_scrolls_sideways(trained: Report, width: int) -> None:
    report = trained
    long = "x" * 3_000
    texts = {"suite": long, "run_id": long, "command": long}
    gates = tuple(one.model_copy(update={"reason": long}) for one in report.results.gates)
    adapters = tuple(
        one.model_copy(
            update={
                "training": one.training
                and one.training.model_copy(
                    update={"method": long, "hardware": long, "parameters": {long: long}}
                )
            }
        )
        for one in report.results.candidates
    )
    results = report.results.model_copy(update={**texts, "gates": gates, "candidates": adapters})
    generations = {
        name: [one.model_copy(update={"text": long}) for one in rows]
        for name, rows in report.generations.items()
    }
    examples = [one.model_copy(update={"references": (long,)}) for one in report.examples[:3]]
    page = Html().write(
        replace(report, results=results, generations=generations, examples=examples)
    )
    probe = "for (const one of document.querySelectorAll('details')) one.open = true;"
    probe += "parent.postMessage([innerWidth, document.documentElement.scrollWidth].join(' '), '*')"
    # A window has a least width, a frame has none.
    frame = page.with_name("frame.html")
    frame.write_text(
        "<!doctype html><title></title><script>onmessage = (event) => document.title = event.data"
        f"</script><iframe src='{with_script(page, probe).name}' width='{width}' height='900' "
        "style='border: 0'></iframe>",
        "utf-8",
    )
    assert f"<title>{width} {width}</title>" in dump(frame)


def test_results_of_one_run_are_not_needed_twice(report: Report) -> None:
    """A results file that was read back draws the same page."""
    first = Html().write(report).read_bytes()
    back = Results.model_validate_json(report.results.model_dump_json())
    assert Html().write(replace(report, results=back)).read_bytes() == first
