"""What the leaderboard calls a difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.plugins import Report
from benchmark.reporters.board import build, significant
from benchmark.reporters.markdown import Markdown


@pytest.mark.parametrize(
    "p, corrected, verdict",
    [(0.001, None, "better"), (0.001, 0.02, "better"), (0.001, 0.06, ""), (0.2, None, "")],
)
def test_what_counts_is_p_after_its_correction(
    report: Report, p: float, corrected: float | None, verdict: str
) -> None:
    row = report.results.comparison("lora", "rougeL")
    row = row.model_copy(update={"p": p, "p_adjusted": corrected})
    assert significant(row, 0.95) == verdict


def test_reports_show_the_corrected_p(report: Report, tmp_path: Path) -> None:
    rows = [
        row.model_copy(update={"p": 0.00777, "p_adjusted": 0.246, "family": "Holm over 20 tests"})
        for row in report.results.comparisons
    ]
    results = report.results.model_copy(update={"comparisons": tuple(rows)})
    assert "corrected for how many" in build(results).legend
    Markdown().write(Report(results, report.examples, report.generations, report.scores, tmp_path))
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| p, corrected |" in text
    assert text.count("| 0.246 |") == 2 * 12  # two contenders, twelve numbers
