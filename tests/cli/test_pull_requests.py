"""Three pull requests against a small suite, as CI sees them: exit code and every page it gets."""

from __future__ import annotations

import html
import json
import random
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cli_helpers import Cli, Done

from benchmark.results import Results

N = 120
SUITE = """\
suite: jardin
dataset: {use: files, path: rows.jsonl}
split: {train: 0, validation: 0, test: 120}
backend: {use: replay, path: base.jsonl}
candidates:
  base:
  lora: {backend: {use: replay, path: lora.jsonl}}
baseline: base
primary: citation_accuracy
metrics:
  citation_accuracy:
gates:
  citations-hold: {score: citation_accuracy, max_drop: 0.05, against: accepted}
  cites-at-all: {score: citation_accuracy, floor: 0.2}
checks: {off: [short_answer]}
resamples: 2000
reports: {json: , markdown: , html: , junit: }
"""


def right(at: int) -> str:
    return f"Article L{at + 100}-1 : le jardin ferme à {at % 12 + 8} heures, sauf le dimanche."


WRONG = "Article L9-9 : aucune règle n'est prévue à ce sujet par le code des jardins."


def answers(name: str, good: list[bool]) -> None:
    """Write a candidate's answers; a bad one cites an article that is not the one asked for."""
    rows = [
        {"id": f"q{at}", "text": right(at) if is_good else WRONG, "tokens_out": 20}
        for at, is_good in enumerate(good)
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    Path(name).write_text(text, encoding="utf-8")


def lora(share: float) -> list[bool]:
    """Return the answers on the main branch: fixed, and right so often."""
    draw = random.Random(1)
    return [draw.random() < share for _ in range(N)]


def improvement() -> list[bool]:
    """Return a pull request's answers: half of what was wrong is right now."""
    return [is_good or at % 2 == 0 for at, is_good in enumerate(lora(0.8))]


def regression() -> list[bool]:
    """Return answers of which every fourth that was right cites another article now."""
    return [is_good and at % 4 != 0 for at, is_good in enumerate(lora(0.8))]


def noise() -> list[bool]:
    """Return answers of which 9 got worse and 6 better: -2.5 points of 120."""
    good = lora(0.8)
    changed = [at for at in range(N) if good[at]][:9] + [at for at in range(N) if not good[at]][:6]
    return [is_good != (at in changed) for at, is_good in enumerate(good)]


@pytest.fixture
def accepted(cli: Cli, here: Path) -> None:
    """Run the main branch and accept it."""
    rows = [
        {"id": f"q{at}", "prompt": f"Que dit l'article L{at + 100}-1 ?", "reference": right(at)}
        for at in range(N)
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    Path("rows.jsonl").write_text(text, encoding="utf-8")
    Path("suite.yaml").write_text(SUITE, encoding="utf-8")
    answers("base.jsonl", lora(0.4))
    answers("lora.jsonl", lora(0.8))
    # No baseline yet: the gate is open and says what to do, it does not pass.
    assert cli("run", "suite.yaml").code == 3
    assert cli("baseline", "accept").code == 0


def opened(cli: Cli, monkeypatch: pytest.MonkeyPatch, good: list[bool]) -> tuple[Done, str]:
    """Run a pull request in CI; return what the command left and the step summary."""
    answers("lora.jsonl", good)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(Path("summary.md").absolute()))
    done = cli("run", "suite.yaml")
    return done, Path("summary.md").read_text(encoding="utf-8")


CASES = {
    "improvement": (improvement, 0, "pass", "within the allowed drop of 0.05"),
    "regression": (regression, 1, "fail", "more than the allowed drop of 0.05"),
    "noise": (noise, 3, "inconclusive", "which spans the allowed drop of 0.05"),
}


@pytest.mark.usefixtures("accepted")
@pytest.mark.parametrize("name", CASES)
def test_a_pull_request(cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    make, code, outcome, reason = CASES[name]
    made, word = make(), outcome.upper()
    done, summary = opened(cli, monkeypatch, made)
    assert done.code == code, done.err

    folder = Path("reports/jardin/latest")
    results = Results.model_validate_json((folder / "results.json").read_bytes())
    gate = next(row for row in results.gates if row.gate == "citations-hold")
    assert (gate.outcome, reason in gate.reason) == (outcome, True), gate.reason
    assert "n=120" in gate.reason
    assert (gate.needed is not None) == (outcome == "inconclusive")

    page = (folder / "report.html").read_text(encoding="utf-8")
    report = (folder / "report.md").read_text(encoding="utf-8")
    assert report.startswith("# ") and word in report.splitlines()[0]
    for text in (page, report, summary):
        assert reason in text
        assert word in text
        assert "citations-hold" in text

    worse = {"improvement": 0, "noise": 9}.get(name)
    assert worse is None or f"{worse} answers score worse" in summary

    # The summary needs nothing beside it: verdict, numbers, and the answers behind the verdict.
    assert summary.splitlines()[0].endswith(f"{word}: jardin")
    assert "Answers behind citations-hold" in summary
    pairs = enumerate(zip(lora(0.8), made, strict=True))
    changed = {at for at, (before, now) in pairs if before != now}
    pattern = r"<summary>\w+: Que dit l'article L(\d+)-1 \?</summary>"
    shown = re.findall(pattern, html.unescape(summary))
    assert len(shown) == 5
    assert {int(number) - 100 for number in shown} <= changed
    assert ("Article L9-9" in summary) == (name != "improvement")
    assert "lora" in summary

    root = ElementTree.fromstring((folder / "junit.xml").read_text(encoding="utf-8"))
    case = next(c for c in root.iter("testcase") if str(c.get("name")).startswith("citations-hold"))
    tag = {"pass": None, "fail": "failure", "inconclusive": "error"}[outcome]
    assert [part.tag for part in case if part.tag != "system-out"] == ([tag] if tag else [])
    assert root.get("tests") == "4" and root.get("skipped") == "0"

    commands = [line for line in done.lines if line.startswith("::")]
    line = SUITE.splitlines().index(
        "  citations-hold: {score: citation_accuracy, max_drop: 0.05, against: accepted}"
    )
    kind = {"pass": None, "fail": "error", "inconclusive": "warning"}[outcome]
    head = f"::{kind} file=suite.yaml,line={line + 1},title=jardin%3A citations-hold (lora)"
    assert [command.startswith(head) for command in commands] == ([True] if kind else [])


@pytest.mark.usefixtures("accepted")
def test_nothing_changed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    done, summary = opened(cli, monkeypatch, lora(0.8))
    assert done.code == 0
    assert "the answers are the same word for word" in summary
    assert "Answers behind" not in summary


@pytest.mark.usefixtures("accepted")
def test_the_gate_alone_says_the_same_and_writes_its_reports(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(cli, monkeypatch, regression())
    Path("summary.md").unlink()
    done = cli("gate", "--baseline", "reports/baselines/jardin.json")
    assert done.code == 1
    assert done.out.startswith("FAIL         citations-hold: citation_accuracy of lora is ")
    names = sorted(path.name for path in Path("reports/jardin/latest/gate").iterdir())
    assert names == ["junit.xml", "report.html", "report.md", "results.json"]
    assert "❌ FAIL: jardin" in Path("summary.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("accepted")
def test_a_candidate_that_loses_answers_does_not_pass(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers("lora.jsonl", improvement())
    rows = Path("lora.jsonl").read_text(encoding="utf-8").splitlines()
    Path("lora.jsonl").write_text("\n".join(rows[20:]) + "\n", encoding="utf-8")
    assert cli("run", "suite.yaml").code == 4  # incomplete: 20 of 120 have no answer
    done = cli("run", "suite.yaml", "max_failed=0.2")
    assert done.code == 3
    results = Results.model_validate_json(Path("reports/jardin/latest/results.json").read_bytes())
    gate = next(row for row in results.gates if row.gate == "citations-hold")
    assert "n=100 of 120" in gate.reason
    assert "but not if the 20 that are missing had scored worst" in gate.reason
