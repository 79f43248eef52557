"""The page in a real browser, over a service that does as the test says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from page_fake import NOW, WEB, Fake, application, serve
from page_helpers import barriers, chromium, opened, tab_to
from playwright.sync_api import expect

EVIL = "<img src=x onerror=\"document.title='hit'\"><script>document.title='hit'</script>"
TOKEN = "bench_s3cret"
REPORT = "<!doctype html><title>r</title><style>h1{color:green}</style><h1>The report</h1>"
SCORE = {"metric": "rouge", "score": "rougeL", "value": 0.3, "low": 0.2, "high": 0.4, "n": 32}
RESULTS = {
    "suite": "tiny", "primary": "rougeL",
    "candidates": [
        {"name": "base", "kind": "model", "training": None},
        {"name": "lora", "kind": "model", "training": {"curve": [
            {"step": 1, "loss": 3.0, "eval_loss": None},
            {"step": 2, "loss": 2.0, "eval_loss": 2.5}]}},
    ],
    "gates": [{"gate": "better", "outcome": "pass", "reason": "it is better"}],
    "scores": [{**SCORE, "candidate": "base", "value": 0.1, "low": 0.05, "high": 0.2},
               {**SCORE, "candidate": "lora"},
               {**SCORE, "candidate": "lora", "score": "words", "value": 60, "low": None}],
}  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright, found = chromium()
    yield found
    found.close()
    playwright.stop()


@pytest.fixture
def fake() -> Fake:
    made = Fake()
    made.suites = [{"name": "tiny", "description": "Small", "candidates": ["base", "lora"]}]
    return made


@pytest.fixture
def url(fake: Fake) -> Iterator[str]:
    with serve(application(fake)) as address:
        yield address


def finished(fake: Fake, **more: Any) -> str:
    """Add a job that has all that a job can have."""
    job = fake.job(state="succeeded", verdict="pass", run_id="r1", started=NOW, finished=NOW,
                   exit_code=0, attempts=1, **more)  # fmt: skip
    fake.tell(job, "log", line="done")
    fake.files[job] = {"report.html": REPORT, "adapters/lora.zip": "zip"}
    fake.files[job] |= {"results": json.dumps(RESULTS)}
    return job


def running(fake: Fake, **more: Any) -> str:
    """Add a job in the middle of a training."""
    job = fake.job(state="running", started=NOW, attempts=1, **more)
    for step in (1, 2, 3):
        fake.tell(job, "progress", stage="train", item="lora", done=step, total=10, unit="steps",
                  fraction=step / 10, eta_seconds=70, line=f"loss {4 - step}.125")  # fmt: skip
        fake.tell(job, "log", line=f"step {step}")
    return job


def row(of: str, **more: Any) -> dict[str, Any]:
    return {**SCORE, "kind": "model", "run_id": f"run-{of[-1]}", "job": of, "verdict": "pass",
            "finished": NOW, "candidate": "lora", **more}  # fmt: skip


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1600])
def test_every_page_fits_and_keeps_nobody_out(
    browser: Any, fake: Fake, url: str, theme: str, width: int
) -> None:
    done, busy = finished(fake, name="x" * 150), running(fake)
    error = {"what": "the loss is nan", "where": "lora", "hint": "lower the rate"}
    failed = fake.job(state="failed", verdict="inconclusive", exit_code=2, error=error)
    fake.boards = [{"suite": "tiny", "primary": "rougeL", "higher_is_better": True,
                    "rows": [row(done), row(done, candidate="oracle", kind="control"),
                             row(busy, value=None, low=None, high=None)]}]  # fmt: skip
    pages = {
        "#/jobs": "3 shown", "#/jobs?q=nothing": "No job fits", f"#/jobs/{done}": "it is better",
        f"#/jobs/{busy}": "step 3", f"#/jobs/{failed}": "the loss is nan",
        f"#/jobs/{done}/report": "Download", "#/leaderboard": "0.200 to 0.400",
        "#/new": "Candidates: base, lora", "#/nowhere": "There is no such page",
    }  # fmt: skip
    with opened(browser, width=width, theme=theme) as page:
        for place, text in pages.items():
            page.goto(f"{url}/{place}")
            expect(page.get_by_text(text).locator("visible=true").first).to_be_visible()
            assert barriers(page) == [], place
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place
        page.goto(f"{url}/#/jobs/{busy}")
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert barriers(page) == []
    fake.token = TOKEN
    with opened(browser, width=width, theme=theme, refused=True) as page:
        page.goto(url)
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert barriers(page) == []


def test_a_keyboard_is_enough_to_start_a_run(browser: Any, fake: Fake, url: str) -> None:
    with opened(browser) as page:
        page.goto(url)
        expect(page.get_by_text("No jobs yet.")).to_be_visible()
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        tab_to(page, "New run")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="New run")).to_be_focused()
        tab_to(page, "Limit")
        page.keyboard.type("8")
        tab_to(page, "Overrides")
        page.keyboard.type("seed=7")
        tab_to(page, "Name")
        page.keyboard.type("by hand")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="by hand")).to_be_focused()
        (sent,) = [body for method, path, body in fake.calls if (method, path) == ("POST", "jobs")]
        assert sent == {"suite": "tiny", "overrides": ["limit=8", "seed=7"], "priority": 0,
                        "name": "by hand"}  # fmt: skip


def test_a_keyboard_is_enough_to_watch_cancel_resume_and_read(
    browser: Any, fake: Fake, url: str
) -> None:
    job = fake.job(name="by hand")
    with opened(browser) as page:
        page.goto(f"{url}/#/jobs/{job}")
        expect(page.locator(".pills")).to_contain_text("Queued")
        fake.tell(job, "state", state="running", started=NOW, attempts=1)
        fake.tell(job, "progress", stage="train", item="lora", done=5, total=10, unit="steps",
                  fraction=0.5, eta_seconds=200, line="loss 2.500")  # fmt: skip
        bar = page.get_by_role("progressbar")
        expect(bar).to_have_attribute("value", "0.5")
        expect(page.get_by_text("about 3 min 20 s left")).to_be_visible()
        expect(page.get_by_text("loss 2.500 at step 5")).to_be_visible()
        expect(page.get_by_role("status")).to_have_text("Running")

        tab_to(page, "Cancel")
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="Cancel this job?")).to_be_visible()
        expect(page.get_by_role("button", name="Keep it")).to_be_focused()
        tab_to(page, "Cancel the job")
        page.keyboard.press("Enter")
        expect(page.locator(".pills")).to_contain_text("Cancelling")
        fake.tell(job, "end", state="cancelled")
        tab_to(page, "Resume")
        page.keyboard.press("Enter")
        expect(page.locator(".pills")).to_contain_text("Queued")

        fake.files[job] = {"report.html": REPORT, "results": json.dumps(RESULTS)}
        fake.tell(job, "end", state="succeeded", verdict="pass", run_id="r", finished=NOW)
        expect(page.get_by_role("status")).to_have_text("Done, verdict pass")
        tab_to(page, "Open the report")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Report", exact=True)).to_be_focused()
        inside = page.frame_locator("iframe").get_by_role("heading", name="The report")
        expect(inside).to_be_visible()
        assert inside.evaluate("it => getComputedStyle(it).color") == "rgb(0, 128, 0)"


def test_data_stays_text(browser: Any, fake: Fake, url: str) -> None:
    fake.suites = [{"name": EVIL, "description": EVIL, "candidates": [EVIL]}]
    error = {"what": EVIL, "where": EVIL, "hint": "javascript:document.title='hit'"}
    job = fake.job(name=EVIL, suite=EVIL, state="incomplete", verdict=EVIL, error=error, run_id="r",
                   progress={"stage": EVIL, "item": EVIL, "line": EVIL, "fraction": 7})  # fmt: skip
    fake.tell(job, "log", line=f"{EVIL}\x1b[31mred\x1b[0m\u202eturned")
    told = {**RESULTS, "gates": [{"gate": EVIL, "outcome": EVIL, "reason": EVIL}]}
    told["scores"] = [{**SCORE, "candidate": EVIL, "score": EVIL, "value": EVIL}]
    fake.files[job] = {EVIL: "x", "../../jobs": "x", "results": json.dumps(told)}
    fake.boards = [{"suite": EVIL, "primary": EVIL, "higher_is_better": None, "rows": [
        row(job, candidate=EVIL, run_id=EVIL, job="javascript:alert(1)", value=EVIL)]}]  # fmt: skip
    with opened(browser) as page:
        for place in ("#/jobs", f"#/jobs/{job}", "#/leaderboard", "#/new", f"#/new?suite={EVIL}"):
            page.goto(f"{url}/{place}")
            expect(page.locator("main").get_by_text("<img src=x").first).to_be_attached()
            assert page.locator("main img, main script, [onerror]").count() == 0
            assert "hit" not in page.title().split()
        links = page.locator("a[href]").evaluate_all("all => all.map(one => one.protocol)")
        assert set(links) == {"http:"}
        page.goto(f"{url}/#/jobs/{job}")
        expect(page.get_by_role("log")).to_contain_text("redturned")


def test_a_hostile_report_reaches_neither_token_nor_service(
    browser: Any, fake: Fake, url: str
) -> None:
    fake.token = TOKEN
    job = finished(fake)
    fake.files[job]["report.html"] = """<!doctype html><h1>mine</h1><ol></ol><script>
      const tell = (text) => document.querySelector("ol").append(
        Object.assign(document.createElement("li"), { textContent: text }));
      const attempt = async (name, what) => {
        try { tell(name + " worked: " + await what()); } catch { tell(name + " failed"); }
      };
      await_all();
      async function await_all() {
        await attempt("own storage", () => sessionStorage.getItem("bench-token"));
        await attempt("page's storage", () => parent.sessionStorage.getItem("bench-token"));
        await attempt("page", () => parent.document.title);
        await attempt("top", () => { top.location.href = "/evil"; return top.location.href; });
        await attempt("read", async () => (await fetch("/api/v1/jobs?read=it")).text());
        await attempt("write", () => fetch("/api/v1/jobs", {method: "POST", mode: "no-cors"}));
        document.body.append(Object.assign(new Image(), { src: "/api/v1/jobs?image=1" }));
        document.body.insertAdjacentHTML("beforeend",
          "<form method=post action=/api/v1/jobs target=_self><input name=x></form>");
        try { document.forms[0].submit(); } catch {}
        tell("end");
      }
    </script>"""
    context = {"viewport": {"width": 1000, "height": 800}}
    page = browser.new_context(**context).new_page()  # its console is full of refusals
    page.add_init_script(f"sessionStorage.setItem('bench-token', '{TOKEN}')")
    page.goto(f"{url}/#/jobs/{job}/report")
    said = page.frame_locator("iframe").locator("li")
    expect(said.last).to_have_text("end")
    assert said.all_inner_texts() == [
        "own storage failed", "page's storage failed", "page failed", "top failed",
        "read failed", "write failed", "end"]  # fmt: skip
    page.wait_for_timeout(300)  # whatever it sent would be here by now
    assert page.url == f"{url}/#/jobs/{job}/report"
    assert [call for call in fake.calls if call[0] == "POST" or "image" in call[2]] == []
    assert not any("read" in call[2] for call in fake.calls)
    page.context.close()


def test_a_stream_that_breaks_goes_on_where_it_was(browser: Any, fake: Fake, url: str) -> None:
    fake.cut_after = 2
    job = running(fake)  # six events
    with opened(browser) as page:
        page.goto(f"{url}/#/jobs/{job}")
        expect(page.get_by_role("log")).to_contain_text("step 3")
        fake.tell(job, "log", line="late")
        expect(page.get_by_role("log")).to_contain_text("late")
        fake.tell(job, "end", state="failed", error={"what": "it broke"})
        expect(page.get_by_text("it broke")).to_be_visible()
        lines = page.get_by_role("log").inner_text().split("\n")
        assert lines[:4] == ["step 1", "step 2", "step 3", "late"]
    assert fake.streams[:3] == ["", "2", "4"]


def test_a_job_that_was_resumed_is_followed_past_its_first_end(
    browser: Any, fake: Fake, url: str
) -> None:
    job = running(fake)
    fake.tell(job, "end", state="cancelled")
    fake.tell(job, "state", state="running")
    with opened(browser) as page:
        page.goto(f"{url}/#/jobs/{job}")
        expect(page.get_by_role("log")).to_contain_text("step 3")
        fake.tell(job, "log", line="second life")
        expect(page.get_by_role("log")).to_contain_text("second life")
    assert fake.streams == [""]


def test_signing_in_and_out(browser: Any, fake: Fake, url: str) -> None:
    fake.token = TOKEN
    job = finished(fake, name="secret one")
    with opened(browser, refused=True) as page:
        page.goto(f"{url}/#/jobs/{job}")
        page.get_by_label("Token").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert").get_by_text("not accepted")).to_be_visible()
        page.get_by_label("Token").fill(TOKEN)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="secret one")).to_be_visible()
        with page.expect_download() as taken:
            page.get_by_role("button", name="adapters/lora.zip").click()
        assert taken.value.suggested_filename == "lora.zip"
        assert taken.value.path().read_text() == "zip"
        assert TOKEN not in page.url + page.content()
        assert not any(TOKEN in json.dumps(call) for call in fake.calls)
        assert page.evaluate("[document.cookie, localStorage.length]") == ["", 0]
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token")).to_be_focused()
        assert page.evaluate("sessionStorage.length") == 0
        expect(page.get_by_text("secret one")).to_have_count(0)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((429, {"error": {"what": "too many requests"}}, {"Retry-After": "1"}), "too many"),
        ((500, {"error": {"what": "this is a bug in bench"}}, {}), "this is a bug"),
        ((502, "not ours", {}), "The service answered 502"),
    ],
)
def test_a_refusal_is_told_and_tried_again(
    browser: Any, fake: Fake, url: str, answer: Any, words: str
) -> None:
    fake.job(name="there")
    fake.refusals = [("GET jobs", *answer)]
    with opened(browser, refused=True) as page:
        page.goto(url)
        expect(page.get_by_role("alert")).to_contain_text(words)
        expect(page.get_by_role("link", name="there")).to_be_visible()
        expect(page.get_by_role("alert")).to_have_count(0)


def test_a_service_that_is_gone_is_missed_until_it_is_back(
    browser: Any, fake: Fake, url: str
) -> None:
    job = running(fake)
    with opened(browser, refused=True) as page:
        page.goto(f"{url}/#/jobs/{job}")
        expect(page.get_by_text("30 %")).to_be_visible()
        page.goto(f"{url}/#/jobs")
        expect(page.get_by_text("1 running")).to_be_visible()
        page.context.set_offline(True)
        expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
        expect(page.get_by_text("30 %")).to_be_visible()  # what was known stays
        page.context.set_offline(False)
        expect(page.get_by_role("alert")).to_have_count(0)


def test_the_service_s_errors_stand_at_their_fields(browser: Any, fake: Fake, url: str) -> None:
    problems = [
        {"what": "unknown key 'sede'", "where": "sede", "hint": "did you mean 'seed'?"},
        {"what": "too large", "where": "body.priority", "hint": ""},
        {"what": "too many jobs wait", "where": "", "hint": "try later"},
    ]
    with opened(browser, refused=True) as page:
        page.goto(f"{url}/#/new")
        expect(page.get_by_text("Candidates: base, lora")).to_be_visible()
        page.get_by_label("Limit").fill("0")
        page.get_by_role("button", name="Start the run").click()
        expect(page.get_by_label("Limit")).to_be_focused()
        assert not [call for call in fake.calls if call[0] == "POST"]
        page.get_by_label("Limit").fill("")
        page.get_by_label("Overrides").fill("sede=1\n\n a=b ")
        fake.refusals = [("POST jobs", 422, {"error": problems[0], "problems": problems}, {})]
        page.get_by_role("button", name="Start the run").click()
        expect(page.locator("#overrides-wrong")).to_have_text(
            "sede unknown key 'sede'; did you mean 'seed'?"
        )
        expect(page.locator("#priority-wrong")).to_contain_text("too large")
        expect(page.get_by_role("alert").get_by_text("too many jobs wait")).to_be_visible()
        expect(page.get_by_role("button", name="Start the run")).to_be_enabled()
        assert fake.calls[-1][2]["overrides"] == ["sede=1", "a=b"]

        page.get_by_label("A suite that I paste").check()
        page.get_by_label("Suite as YAML").fill("suite: [")
        told = {"what": "not YAML", "where": "suite_yaml:1", "hint": "close the bracket"}
        fake.refusals = [("POST jobs", 422, {"error": told, "problems": []}, {})]
        page.get_by_role("button", name="Start the run").click()
        expect(page.get_by_label("Suite as YAML")).to_be_focused()
        expect(page.locator("#suite_yaml-wrong")).to_contain_text("suite_yaml:1 not YAML")


def test_filters_and_pages_are_in_the_address(browser: Any, fake: Fake, url: str) -> None:
    for number in range(30):
        fake.job(name=f"job {number:02d}", state="failed" if number % 2 else "queued")
    with opened(browser) as page:
        page.goto(url)
        expect(page.get_by_text("25+ shown")).to_be_visible()
        page.get_by_role("button", name="Older").click()
        expect(page.get_by_role("link", name="job 00")).to_be_visible()
        expect(page.get_by_text("job 29")).to_have_count(0)
        page.go_back()
        expect(page.get_by_role("link", name="job 29")).to_be_visible()
        page.get_by_label("State").select_option("failed")
        expect(page.get_by_text("15 shown")).to_be_visible()
        page.get_by_label("Name, suite or id").fill("job 1")
        expect(page.get_by_text("5 shown", exact=True)).to_be_visible()
        assert "state=failed" in page.url
        page.reload()
        expect(page.get_by_text("5 shown", exact=True)).to_be_visible()
        expect(page.get_by_label("Name, suite or id")).to_have_value("job 1")
        box = page.get_by_role("link", name="job 11").element_handle()
        fake.tell(fake.job(name="job 15b", state="failed"), "log", line="")
        page.get_by_label("State").select_option("")
        expect(page.get_by_role("link", name="job 15b")).to_be_visible()
        assert page.evaluate("([one]) => one.isConnected", [box]), "rows that stay are kept"


def test_deleting_asks_first(browser: Any, fake: Fake, url: str) -> None:
    job = finished(fake)
    with opened(browser, refused=True) as page:
        page.goto(f"{url}/#/jobs/{job}")
        delete = page.get_by_role("button", name="Delete", exact=True)
        delete.click()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert job in fake.jobs
        expect(delete).to_be_enabled()
        fake.refusals = [(f"DELETE jobs/{job}", 403, {"error": {"what": "scope is run"}}, {})]
        for refused in (True, False):
            delete.click()
            page.get_by_role("dialog").get_by_role("button", name="Delete").click()
            if refused:
                expect(page.get_by_text("scope is run")).to_be_visible()
        expect(page.get_by_role("heading", name="Jobs")).to_be_focused()
        assert fake.jobs == {}
        page.goto(f"{url}/#/jobs/{job}")
        expect(page.get_by_text("there is no such job")).to_be_visible()


def test_what_moves_stands_still_for_those_who_ask(browser: Any, fake: Fake, url: str) -> None:
    job = fake.job(state="running", progress={"stage": "fetch", "fraction": None})
    with opened(browser, reduced_motion="reduce") as page:
        page.goto(f"{url}/#/jobs/{job}")
        bar = page.get_by_role("progressbar")
        assert bar.evaluate("it => getComputedStyle(it).animationName") == "none"
        assert bar.get_attribute("value") is None


def test_the_page_is_its_own_and_writes_no_markup_from_data() -> None:
    files = sorted(path for path in WEB.iterdir() if path.suffix in (".js", ".html", ".css"))
    assert len(files) > 10
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 300, path.name
        outside = [
            hit for hit in re.findall(r"https?://[^\s\"')]+", text) if "www.w3.org" not in hit
        ]
        assert outside == [], path.name
        if path.name != "frame.html":  # which has no origin, and shows one report as it is
            found = re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(", text)
            assert found == [], path.name
            assert "<script>" not in text
