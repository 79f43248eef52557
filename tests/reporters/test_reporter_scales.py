"""Places between floor and oracle, and what the controls say, in every report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.plugins import Report
from benchmark.reporters import board as boards
from benchmark.reporters import scales, verdict
from benchmark.reporters.console import Console
from benchmark.reporters.html import Html
from benchmark.reporters.json_file import JsonFile
from benchmark.reporters.markdown import Markdown
from benchmark.results import Results
from benchmark.side_results import Scale

FLOORS = {"citation_accuracy": ("echo", 0.5), "rougeL": ("shuffled", 0.179)}


def scale(score: str, **update: object) -> Scale:
    floor_by, floor = FLOORS.get(score, ("shuffled", 0.2))
    return Scale(
        score=score, floor=floor, floor_by=floor_by, ceiling=1.0, difference=0.8, low=0.7,
        high=0.9, informative=True, echo=0.1,
    ).model_copy(update=update)  # fmt: skip


@pytest.fixture
def scaled(report: Report) -> Report:
    """Return the report with scales for three numbers; one of them says nothing."""
    rows = []
    for row in report.results.scores:
        update: dict[str, object] = {}
        if row.score in FLOORS and row.value is not None:
            floor = FLOORS[row.score][1]
            place = (row.value - floor) / (1 - floor)
            ends = {"normalised_low": place - 0.1, "normalised_high": place + 0.1}
            update |= {"normalised": place, **ends}
        if row.metric == "bertscore" and row.candidate in ("base", "lora"):
            update["cut"] = 3
        rows.append(row.model_copy(update=update))
    found = (
        scale("citation_accuracy", echo=0.969),
        scale("rougeL"),
        scale("meteor", informative=False, difference=0.01, low=-0.02, high=0.04),
    )
    results = report.results.model_copy(update={"scores": tuple(rows), "scales": found})
    return replace(report, results=results)


def test_places_stand_beside_the_values_in_markdown(scaled: Report) -> None:
    text = Markdown().write(scaled).read_text()
    # lora: (0.969 - 0.5) / 0.5 = 94 %, base: (0.719 - 0.5) / 0.5 = 44 %.
    (line,) = [line for line in text.splitlines() if line.startswith("| **citation_accuracy ↑**")][
        :1
    ]
    assert "· 94\u202f%" in line and "· 44\u202f%" in line
    assert scales.LEGEND in text and scales.UNINFORMATIVE in text
    assert "| meteor ↑ ⚠ |" in text
    fakes = text.split("### What a fake scores")[1].split("##")[0]
    assert "· 100\u202f%" not in fakes


def test_places_stand_beside_the_values_in_html(scaled: Report) -> None:
    page = Html().write(scaled).read_text()
    assert page.count('class="place"') == 2 * 3  # two numbers of three models that could run
    assert ">94\u202f%</span>" in page and "[84\u202f%, 104\u202f%]" in page
    assert page.count('class="doubt"') == 1
    assert scales.LEGEND in page


def test_the_first_number_has_its_place_in_the_terminal(
    scaled: Report, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lines(width: int) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(width))
        Console().write(scaled)
        return capsys.readouterr().out.splitlines()

    wide = lines(90)
    (lora,) = [line for line in wide if line.startswith("lora  ")][:1]
    assert lora.split() == ["lora", "32", "0.969", "±0.076", "▲", "94", "%", "0.287", "±0.036",
                            "▲", "268.9", "±31.1", "▲"]  # fmt: skip
    (oracle,) = [line for line in wide if line.startswith("oracle")][:1]
    assert "%" not in oracle
    assert "of oracle: 0 % is the best fake without skill, 100 % the oracle" in "\n".join(wide)
    narrow = "\n".join(lines(40))
    assert "94\u202f%" not in narrow and "0.969" in narrow


def test_notices_say_what_the_numbers_cannot(scaled: Report) -> None:
    found = verdict.notices(scaled.results, boards.build(scaled.results))
    text = "\n".join(found)
    assert "cannot be told apart by meteor (oracle minus shuffled +0.010 [−0.020, +0.040])" in text
    assert "An echo of the prompt gets as far towards the oracle as 97\u202f% on citation_accuracy" in text  # fmt: skip # noqa: E501
    assert "bertscore read an answer or its reference only up to its longest text: 3 of 32 of base, 3 of 32 of lora" in text  # fmt: skip # noqa: E501


def test_nothing_is_said_where_nothing_is_known(report: Report, tmp_path: Path) -> None:
    board = boards.build(report.results)
    assert list(scales.notices(report.results, board)) == [] == scales.legend(board)
    page, text = Html().write(report).read_text(), Markdown().write(report).read_text()
    assert 'class="place"' not in page and 'class="doubt"' not in page
    assert "⚠ cannot" not in text and "best fake without skill" not in text


def test_results_json_holds_it_all(scaled: Report) -> None:
    read = Results.model_validate_json(JsonFile().write(scaled).read_text())
    assert read.scales == scaled.results.scales
    assert read.score("lora", "rougeL").normalised == pytest.approx((0.287 - 0.179) / 0.821)
