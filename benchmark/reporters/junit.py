"""`junit.xml`: one test a gate and one a candidate, for CI systems that show tests.

Jenkins, GitLab, Azure and most others read this form. It has two ways to be red, and both are
used: a gate that failed is a `failure`, one that is inconclusive is an `error`. What the suite
counts as a pass though it is inconclusive is `skipped`: not red, and not green either.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as Xml

from benchmark.gate_results import GateResult
from benchmark.plugins import Plugin, Report
from benchmark.reporters import board as boards
from benchmark.reporters import format as fmt
from benchmark.reporters import verdict
from benchmark.reporters.board import Row
from benchmark.reporters.files import write_text
from benchmark.results import Results


class JUnit(Plugin):
    """Writes `junit.xml`."""

    def write(self, report: Report) -> Path:
        """Write the file and return it. Raises StoreError."""
        return write_text(report.folder / "junit.xml", text_of(report.results))


def text_of(results: Results) -> str:
    """Return the content of `junit.xml`."""
    board = boards.build(results)
    root = Xml.Element("testsuites", name=fmt.one_line(results.suite))
    for name, cases in (
        ("gates", list(_gates(results))),
        ("candidates", [_candidate(row, results) for row in (*board.models, *board.controls)]),
    ):
        suite = Xml.SubElement(root, "testsuite", name=f"{fmt.one_line(results.suite)}.{name}")
        _count(suite, cases)
        suite.set("time", f"{results.seconds:.3f}" if name == "candidates" else "0")
        suite.set("timestamp", fmt.one_line(results.started).partition("+")[0])
        if name == "gates":
            _properties(suite, results)
        suite.extend(cases)
    _count(root, [case for suite in root for case in suite.iter("testcase")])
    Xml.indent(root)
    body = Xml.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _gates(results: Results) -> Iterator[Xml.Element]:
    head = verdict.headline(results)
    for gate in results.gates:
        yield _gate(gate, results)
    if results.status == "incomplete":
        case = _case("the run is complete", results, "gates")
        _add(case, "error", "incomplete", head.sentence)
        yield case
    elif not results.gates:
        case = _case("gates", results, "gates")
        _add(case, "skipped", "", head.sentence)
        yield case


def _gate(gate: GateResult, results: Results) -> Xml.Element:
    case = _case(f"{gate.title} ({gate.who})", results, "gates")
    if gate.effective == "pass" and gate.outcome != "pass":
        _add(case, "skipped", "", gate.reason)
    elif gate.outcome == "fail":
        _add(case, "failure", "fail", gate.reason)
    elif gate.outcome == "inconclusive":
        _add(case, "error", "inconclusive", gate.reason)
    out = [gate.reason]
    for how, names in (("worse", gate.worse), ("better", gate.better)):
        if names:
            out.append(f"{how}: {', '.join(fmt.one_line(name, 80) for name in names)}")
    Xml.SubElement(case, "system-out").text = fmt.clean("\n".join(out))
    return case


def _candidate(row: Row, results: Results) -> Xml.Element:
    case = _case(row.name, results, "candidates")
    if row.candidate.error is not None:
        _add(case, "error", "could not run", row.candidate.error)
    lines = [
        " ".join(filter(None, (cell.column.score, cell.value, cell.interval, cell.mark, cell.n)))
        for cell in row.cells
        if cell.summary is not None
    ]
    counts = fmt.n_and_failed(row.candidate.answered, row.candidate.failed)
    Xml.SubElement(case, "system-out").text = fmt.clean("\n".join([counts, *lines]))
    return case


def _properties(suite: Xml.Element, results: Results) -> None:
    facts = {
        "verdict": results.verdict,
        "exit_code": str(results.exit_code),
        "run": results.run_id,
        "baseline": results.baseline,
        "test_sha256": results.dataset.test_sha256,
        "commit": results.environment.commit or "",
    }
    box = Xml.SubElement(suite, "properties")
    for name, value in facts.items():
        Xml.SubElement(box, "property", name=name, value=fmt.one_line(value))


def _case(name: str, results: Results, kind: str) -> Xml.Element:
    owner = f"{fmt.one_line(results.suite)}.{kind}"
    return Xml.Element("testcase", classname=owner, name=fmt.one_line(name), time="0")


def _add(case: Xml.Element, tag: str, kind: str, message: str) -> None:
    part = Xml.SubElement(case, tag, message=fmt.one_line(message, 1_000))
    if kind:
        part.set("type", kind)
        part.text = fmt.one_line(message, 2_000)


def _count(suite: Xml.Element, cases: list[Xml.Element]) -> None:
    suite.set("tests", str(len(cases)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(sum(case.find(tag) is not None for case in cases)))
