"""`junit.xml`: every outcome has its own colour, and hostile text stays text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from benchmark.gate_results import GateResult
from benchmark.plugins import Report
from benchmark.reporters.junit import JUnit
from benchmark.results import Results


def written(report: Report, **changes: object) -> Xml.Element:
    """Write the report with other results, and read it back."""
    results = report.results.model_copy(update=changes)
    path = JUnit().write(replace(report, results=results))
    return Xml.fromstring(path.read_text(encoding="utf-8"))


def gate(outcome: str, **more: object) -> GateResult:
    fields = {"gate": "rule", "candidate": "lora", "score": "x", "reason": "why <&> \x1b[1m"}
    return GateResult.model_validate({**fields, "outcome": outcome, **more})


@pytest.mark.parametrize(
    "outcome, counts_as, tag, counts",
    [
        ("pass", None, None, "0 0 0"),
        ("fail", None, "failure", "1 0 0"),
        ("inconclusive", None, "error", "0 1 0"),
        ("inconclusive", "fail", "error", "0 1 0"),
        ("inconclusive", "pass", "skipped", "0 0 1"),
    ],
)
def test_outcomes(
    report: Report, outcome: str, counts_as: str | None, tag: str | None, counts: str
) -> None:
    root = written(report, gates=(gate(outcome, counts_as=counts_as, slice="code=x"),))
    suite = root.find("testsuite[@name='legi.gates']")
    assert suite is not None
    (case,) = suite.findall("testcase")
    assert case.get("name") == "rule [code=x] (lora)"
    assert [part.tag for part in case if part.tag != "system-out"] == ([tag] if tag else [])
    assert " ".join(str(suite.get(name)) for name in ("failures", "errors", "skipped")) == counts
    assert "why <&> \u241b[1m" in Xml.tostring(suite, encoding="unicode", method="text")


def test_totals_are_those_of_the_cases(report: Report) -> None:
    root = written(report)
    cases = list(root.iter("testcase"))
    assert (
        root.get("tests")
        == str(len(cases))
        == str(len(report.results.gates) + len(report.results.candidates))
    )
    broken = [case for case in cases if case.find("error") is not None]
    assert [case.get("name") for case in broken if "candidates" in str(case.get("classname"))] == [
        row.name for row in report.results.candidates if row.error
    ]


def test_a_run_without_gates_or_that_is_incomplete_is_never_all_green(report: Report) -> None:
    root = written(report, gates=(), status="complete")
    (case,) = root[0].findall("testcase")
    assert case.find("skipped") is not None
    root = written(report, gates=(gate("pass"),), status="incomplete")
    assert [case.find("error") is not None for case in root[0].findall("testcase")] == [False, True]


def test_what_it_holds_is_enough_to_find_the_run(report: Report, tmp_path: Path) -> None:
    found = {row.get("name"): row.get("value") for row in written(report).iter("property")}
    results: Results = report.results
    assert found["run"] == results.run_id
    assert found["exit_code"] == str(results.exit_code)
