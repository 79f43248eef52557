"""`pytest --bench`: a test for each gate, in a pytest of its own as a user starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from benchmark.gate_results import GateResult
from benchmark.pytest_items import worst

ROOT = Path(__file__).resolve().parents[1]

SUITE = """\
suite: jardin
dataset: {use: jsonl, path: rows.jsonl}
split: {train: 0, validation: 0, test: 8}
backend: echo
candidates:
  echo:
  oracle: {backend: oracle}
baseline: echo
metrics: {exact_match: }
checks: {stop_on: never}
gates:
  holds: {score: exact_match, candidates: [oracle], floor: 0.5}
  lost: {score: exact_match, candidates: [echo], floor: 0.9}
  open: {score: exact_match, candidates: [oracle], floor: 0.95}
  waved: {score: exact_match, candidates: [oracle], floor: 0.95, on_inconclusive: pass}
resamples: 200
reports: {json: }
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    rows = [{"prompt": f"Question {at} ?", "reference": f"Réponse {at}."} for at in range(8)]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "rows.jsonl").write_text(text, encoding="utf-8")
    (tmp_path / "suite.yaml").write_text(SUITE, encoding="utf-8")
    (tmp_path / "test_own.py").write_text("def test_own():\n    assert True\n", encoding="utf-8")
    return tmp_path


def run(project: Path, *arguments: str) -> tuple[int, str]:
    """Run pytest with the plugin, as the entry point of the installed package loads it."""
    command = [sys.executable, "-m", "pytest", "-p", "benchmark.pytest_plugin"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-rA", "--color=no", *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_test_for_each_gate(project: Path) -> None:
    code, out = run(project, "--bench", "suite.yaml")
    assert code == 1
    outcomes = {
        line.split()[1].partition("::")[2]: line.split()[0]
        for line in out.splitlines()
        if line.startswith(("PASSED ", "FAILED "))
    }
    assert outcomes == {
        "run": "PASSED",
        "holds": "PASSED",
        "lost": "FAILED",
        "open": "FAILED",
        "waved": "PASSED",
    }
    assert "fail: lost (echo): exact_match of echo is 0.00" in out
    assert "inconclusive: open (oracle): exact_match of oracle is 1.00" in out
    assert "examples like these would settle it" in out
    assert "Traceback" not in out
    # The reports are there, whatever failed; the project's own tests were not asked for.
    assert (project / "reports" / "jardin" / "latest" / "results.json").is_file()
    assert "test_own" not in out


def test_what_an_inconclusive_gate_is_can_be_set(project: Path) -> None:
    code, out = run(
        project, "--bench", "suite.yaml", "--bench-inconclusive", "skip",
        "--bench-set", "gates.lost=false",
    )  # fmt: skip
    assert code == 0, out
    assert "3 passed, 1 skipped" in out


@pytest.mark.parametrize(
    "outcomes, chosen, expected",
    [
        (["pass", "inconclusive"], "fail", "fail"),
        (["pass", "inconclusive"], "pass", "pass"),
        (["fail", "inconclusive"], "pass", "fail"),
        (["pass", "pass"], "fail", "pass"),
        ([], "fail", "fail"),
        ([], "skip", "skip"),
    ],
)
def test_the_worst_result_of_a_gate_is_its_outcome(
    outcomes: list[str], chosen: str, expected: str
) -> None:
    gates = [
        GateResult.model_validate(
            {"gate": "g", "candidate": "c", "score": "s", "reason": "r", "outcome": outcome}
        )
        for outcome in outcomes
    ]
    assert worst(gates, chosen) == expected


def test_other_paths_may_stand_beside_it(project: Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\nbench_inconclusive = never\n", encoding="utf-8")
    code, out = run(project, "test_own.py", "--bench", "suite.yaml")
    assert code == 4 and "bench_inconclusive is 'never'; write fail, skip or pass" in out
    (project / "pytest.ini").write_text("[pytest]\nbench_inconclusive = pass\n", encoding="utf-8")
    asked = ("test_own.py", "--bench", "suite.yaml", "--collect-only", "-q")
    assert "6 tests collected" in run(project, *asked)[1]


def test_a_mistake_in_the_suite_is_its_line(project: Path) -> None:
    (project / "suite.yaml").write_text(SUITE.replace("floor: 0.5", "floor: -1"), encoding="utf-8")
    code, out = run(project, "--bench", "suite.yaml")
    assert code == 2
    assert "suite.yaml:12: gates.holds.floor: must be at least 0, found -1" in out
    assert "Traceback" not in out


def test_a_run_that_cannot_start_fails_every_test_with_one_line(project: Path) -> None:
    (project / "rows.jsonl").write_text("", encoding="utf-8")
    code, out = run(project, "--bench", "suite.yaml")
    assert code == 1
    assert "5 failed" in out and "rows.jsonl: has no rows" in out and "Traceback" not in out


def test_a_file_that_is_not_there(project: Path) -> None:
    code, out = run(project, "--bench", "nothing.yaml")
    assert code == 4 and "--bench: there is no suite file nothing.yaml" in out


def test_who_does_not_use_it_does_not_pay_for_it(project: Path) -> None:
    script = (
        "import sys, pytest\n"
        "code = pytest.main(['-q', '-p', 'benchmark.pytest_plugin', 'test_own.py'])\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}\n"
        "             & {'pydantic', 'yaml', 'numpy', 'torch', 'transformers', 'click'}),\n"
        "      sorted(name for name in sys.modules if name.startswith('benchmark.')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=project,
        # Plugins of others, which import what they like, are left out.
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[] ['benchmark.pytest_plugin']"
    # A suite among the arguments is nobody's test file unless --bench names it.
    assert run(project, "-q")[1].count("PASSED") == 1


def test_the_entry_point_is_named_like_its_module() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {
        "benchmark.pytest_plugin": "benchmark.pytest_plugin"
    }
