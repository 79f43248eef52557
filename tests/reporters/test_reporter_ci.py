"""The step summary and the annotations of GitHub, where the environment asks for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.errors import StoreError
from benchmark.gate_results import GateResult
from benchmark.plugins import Report
from benchmark.reporters import ci


def gate(outcome: str, **more: object) -> GateResult:
    fields = {"gate": "rule", "candidate": "lora", "score": "rougeL", "reason": "why"}
    return GateResult.model_validate({**fields, "outcome": outcome, **more})


def with_gates(report: Report, *gates: GateResult, **more: object) -> Report:
    results = report.results.model_copy(update={"gates": gates, "status": "complete", **more})
    return replace(report, results=results)


def test_elsewhere_nothing_is_written(
    report: Report, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    ci.publish(report)
    assert capsys.readouterr() == ("", "")


def test_the_summary_is_added_to_what_other_steps_wrote(
    report: Report, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "summary.md"
    path.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    ci.publish(report)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("before\n# ")
    assert "## Leaderboard" in text and "All differences" in text


def test_a_summary_that_cannot_be_written(
    report: Report, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    with pytest.raises(StoreError, match="cannot write the step summary"):
        ci.publish(report)


def test_the_answers_behind_a_gate_are_shown(report: Report) -> None:
    ids = [example.id for example in report.examples]
    page = ci.summary(with_gates(report, gate("fail", worse=ids[:7], better=ids[7:9])))
    assert "### Answers behind rule (lora)" in page
    assert page.count("<summary>worse: ") == 5 and page.count("<summary>better: ") == 0
    page = ci.summary(with_gates(report, gate("pass", worse=ids[:1], better=ids[1:3])))
    assert page.count("<summary>worse: ") == 1 and page.count("<summary>better: ") == 2


def test_a_summary_that_github_would_drop_is_cut(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ci, "MAX_BYTES", 700)
    page = ci.summary(report)
    assert len(page.encode()) < 800
    assert page.endswith("… cut here; report.md has the rest.\n\n")


def commands(report: Report, **places: tuple[str, int]) -> list[str]:
    return list(ci.workflow_commands(report, places))


def test_annotations(report: Report) -> None:
    found = commands(
        with_gates(
            report,
            gate("pass"),
            gate("inconclusive", gate="open", slice="code=x"),
            gate("inconclusive", gate="counted", counts_as="fail"),
            gate("fail", gate="lost", reason="50 % less,\nmuch: less"),
        ),
        lost=("suites/x.yaml", 7),
    )
    assert found == [
        "::error file=suites/x.yaml,line=7,title=legi%3A lost (lora)%3A fail"
        "::50 %25 less, much: less",
        "::error title=legi%3A counted (lora)%3A inconclusive::why",
        "::warning title=legi%3A open [code=x] (lora)%3A inconclusive::why",
    ]


def test_text_of_others_starts_no_command(report: Report) -> None:
    evil = gate("fail", gate="x\n::stop-commands::y", reason="a\r\n::set-output name=x::y")
    (line,) = commands(with_gates(report, evil))
    assert "\n" not in line and "\r" not in line and line.startswith("::error title=")


def test_an_incomplete_run_is_an_error_and_ten_of_a_kind_are_enough(report: Report) -> None:
    many = [gate("fail", gate=f"g{at}") for at in range(25)]
    found = commands(with_gates(report, *many, status="incomplete"))
    assert len(found) == 11
    assert found[-1].startswith("::error title=legi%3A incomplete::The run is incomplete")
