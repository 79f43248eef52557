"""What a suite can show: from an earlier run, and at worst without one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from benchmark import load_suite, make_plan, run
from benchmark.core.power import Power, forecast
from benchmark.core.store import RunFolder
from benchmark.records import Score

SUITE = """\
suite: power
dataset: {use: jsonl, path: rows.jsonl}
split: {train: 0, validation: 0, test: 40}
backend: echo
candidates:
  base:
  other: {backend: {use: replay, path: answers.jsonl}}
  oracle: {backend: oracle}
baseline: base
metrics: {exact_match: , levenshtein: }
gates:
  hold: {score: exact_match, max_drop: 0.1}
  near: {score: levenshtein, candidates: [other], floor: 3, max_drop: 0}
reports: {json: }
resamples: 200
"""


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write 40 questions in 20 groups, and a candidate's answers of unequal worth."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(1)
    rows, answers = [], []
    for at in range(40):
        question, reference = f"Question {at} ?", f"Question {at}" + " !" * int(random.integers(4))
        rows.append({"id": f"q{at}", "prompt": question, "reference": reference,
                     "group": f"L{at // 2}"})  # fmt: skip
        answers.append({"id": f"q{at}", "answer": reference if at % 3 else f"{reference} xyz"})
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    Path("answers.jsonl").write_text("\n".join(map(json.dumps, answers)), encoding="utf-8")
    Path("suite.yaml").write_text(SUITE, encoding="utf-8")
    return Path("suite.yaml")


def test_without_a_run_only_the_worst_case_is_known(suite: Path) -> None:
    found = forecast(make_plan(load_suite(suite)), None)
    assert (found.run, found.examples, found.clusters, found.numbers) == ("", 40, 20, ())
    # Each cluster worth one answer; the sides differ on half of them.
    theirs = TTestPower().solve_power(nobs=20, alpha=0.05, power=0.8)
    assert found.worst == pytest.approx(theirs * 0.5**0.5, rel=1e-4)
    hold, drop, floor = found.gates
    assert (hold.gate, hold.candidate, hold.bound) == ("hold", "other", "drop of at most 0.1")
    n = TTestPower().solve_power(0.1 / 0.5**0.5, alpha=0.05, power=0.8, alternative="larger")
    assert hold.needed == 2 * np.ceil(n)  # two examples a cluster
    assert (drop.needed, floor.needed) == (None, None)
    assert "exactly at the bound" in drop.note
    assert floor.note == "only a run tells how far it is from the bound"


def test_an_earlier_run_tells_how_much_answers_vary(suite: Path) -> None:
    plan = make_plan(load_suite(suite))
    results = run(plan, reports="reports")
    folder = Path("reports/power") / results.run_id
    found = forecast(plan, (results.run_id, folder))
    assert (found.run, {row.candidate for row in found.numbers}) == (results.run_id, {"other"})
    row = next(row for row in found.numbers if row.score == "levenshtein")
    scores: dict[str, dict[str, float]] = {"base": {}, "other": {}}
    for score in RunFolder(folder).read_rows("scores.jsonl", Score):
        if score.metric == "levenshtein" and score.candidate in scores:
            scores[score.candidate][score.example_id] = score.values["levenshtein"]
    d = np.array([scores["other"][f"q{at}"] - scores["base"][f"q{at}"] for at in range(40)])
    means = d.reshape(20, 2).mean(axis=1)
    assert row.difference == pytest.approx(d.mean())
    theirs = TTestPower().solve_power(nobs=20, alpha=0.05, power=0.8)
    assert row.detectable == pytest.approx(theirs * means.std(ddof=1), rel=1e-4)
    alone, clustered = d.var(ddof=1) / 40, means.var(ddof=1) / 20
    assert row.design_effect == pytest.approx(clustered / alone)
    # Four times the examples show half the difference, or nearly.
    more = forecast(plan, (results.run_id, folder), examples=160)
    assert more.clusters == 80
    again = next(other for other in more.numbers if other.score == "levenshtein")
    assert again.detectable == pytest.approx(row.detectable / 2, rel=0.05)
    assert [gate.bound for gate in found.gates] == [
        "drop of at most 0.1", "drop of at most 0.1",
        "drop of at most 0", "drop of at most 0", "at most 3",
    ]  # fmt: skip
    assert found.gates[0].assumed == "as good as the baseline"
    # The further from its bound, the fewer it takes.
    assert found.gates[1].needed < found.gates[0].needed
    assert Power.model_validate_json(found.model_dump_json()) == found


def test_a_run_without_the_gates_number_says_so(suite: Path) -> None:
    less = Path("less.yaml")
    text = SUITE.replace(", levenshtein: ", "")
    less.write_text("".join(line + "\n" for line in text.splitlines() if "near" not in line))
    results = run(make_plan(load_suite(less)), reports="reports")
    folder = Path("reports/power") / results.run_id
    found = forecast(make_plan(load_suite(suite)), (results.run_id, folder))
    notes = {gate.gate: gate.note for gate in found.gates}
    assert notes["near"] == "the earlier run has no such number"


def test_what_never_varied_promises_nothing(suite: Path) -> None:
    # The references differ from the questions only in what exact match does not look at.
    plan = make_plan(load_suite(suite, ["gates.hold.candidates=[oracle]"]))
    results = run(plan, reports="reports")
    found = forecast(plan, (results.run_id, Path("reports/power") / results.run_id))
    assert [gate.note for gate in found.gates if gate.gate == "hold"] == [
        "nothing varied in the earlier run"
    ] * 2
