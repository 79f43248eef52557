from __future__ import annotations

import io
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console as Terminal

from benchmark.plugins import Report
from benchmark.reporters.console import Console, leaderboard_table
from benchmark.results import Results

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def printed(
    report: Report, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    assert Console().write(report) is None
    return capsys.readouterr().out.split("\n")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160, 400])
@pytest.mark.parametrize("which", ["report", "empty", "trained"])
def test_no_line_is_wider_than_the_terminal(
    which: str,
    width: int,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = printed(request.getfixturevalue(which), capsys, monkeypatch, width)
    assert max(map(cell_len, lines)) <= width


def test_at_80_columns(
    report: Report, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(report, capsys, monkeypatch, 80)
    text = "\n".join(lines)
    assert "✓ PASS  2 of 2 gates held." in lines
    assert "lora                 32  0.969 ±0.076 ▲  0.287 ±0.036 ▲  268.9 ±31.1 ▲" in lines
    assert "few-shot   31, 1 failed  0.656 ±0.079    0.166 ±0.022    441.0 ±50.9 ▲" in lines
    assert any(re.fullmatch(r"dora +error +– +– +–", line) for line in lines)
    assert "not shown here: levenshtein_similarity, exact_match, bleu, rouge1" in text
    assert "· dora could not run: the loss became NaN at step 14" in text
    assert lines[-2:] == [".", ""]


def test_all_numbers_fit_a_wide_terminal(report: Report) -> None:
    shown = {column.header.plain.replace("\n", "") for column in leaderboard_table(report.results, 400).columns}  # type: ignore[union-attr] # fmt: skip # noqa: E501
    assert {f"{row.score} {'↑' if row.higher_is_better else '↓'}" for row in report.results.scores} <= shown  # fmt: skip # noqa: E501


def test_the_primary_number_is_shown_however_narrow(report: Report) -> None:
    assert [str(column.header) for column in leaderboard_table(report.results, 1).columns] == [
        "candidate", "n", "citation_\naccuracy ↑",
    ]  # fmt: skip


def test_controls_stand_below_a_rule_and_in_the_order_of_the_score(
    report: Report, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(report, capsys, monkeypatch, 80)
    names = [line.split(" ")[0] for line in lines]
    rules = [place for place, line in enumerate(lines) if line and set(line) == {"─"}]
    order = ["lora", "base", "few-shot", "dora", "oracle", "echo", "shuffled"]
    places = [names.index(name) for name in order]
    assert places == sorted(places)
    assert rules[0] < places[0] and places[3] < rules[1] < places[4]


def test_the_last_line_is_the_path_of_the_report(
    report: Report, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (report.folder / "report.html").write_text("x")
    assert printed(report, capsys, monkeypatch, 80)[-2:] == ["report.html", ""]
    away = replace(report, folder=report.folder.parent / "elsewhere")
    assert printed(away, capsys, monkeypatch, 80)[-2] == str(away.folder)


def test_no_escape_codes_when_piped(
    report: Report, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "\x1b" not in "\n".join(printed(report, capsys, monkeypatch, 80))


def test_colours_on_a_terminal_and_none_when_refused(
    report: Report, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = printed(report, capsys, monkeypatch, 80)
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = "\n".join(printed(report, capsys, monkeypatch, 80))
    assert "\x1b[1;32m✓ PASS\x1b[0m" in coloured
    assert [line.rstrip() for line in COLOUR.sub("", coloured).split("\n")] == plain
    monkeypatch.setenv("NO_COLOR", "1")
    refused = "\n".join(printed(report, capsys, monkeypatch, 80))
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", refused)


def test_names_are_not_markup(
    report: Report, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    candidates = tuple(
        one.model_copy(update={"name": "[red]x[/red] [/] :smile:"}) if one.name == "dora" else one
        for one in report.results.candidates
    )
    gates = tuple(
        one.model_copy(update={"reason": "[bold]why[/bold] \x1b[31mred"})
        for one in report.results.gates
    )
    results = report.results.model_copy(
        update={"candidates": candidates, "gates": gates, "suite": "[blink]suite"}
    )
    text = "\n".join(printed(replace(report, results=results), capsys, monkeypatch, 160))
    assert "[red]x[/red] [/] :smile:" in text
    assert "[bold]why[/bold] ␛[31mred" in text
    assert "[blink]suite" in text


def test_wide_characters_and_long_names_keep_the_columns(
    report: Report, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"lora": "模型" * 40, "dora": "x" * 64, "few-shot": "é" * 30}

    def rename(results: Results) -> Results:
        update = {
            part: tuple(
                one.model_copy(update={field: names.get(getattr(one, field), getattr(one, field))})
                for one in getattr(results, part)
            )
            for part, field in (("candidates", "name"), ("scores", "candidate"))
        }
        return results.model_copy(update=update)

    renamed = replace(report, results=rename(report.results))
    for width in (80, 160):
        lines = printed(renamed, capsys, monkeypatch, width)
        assert max(map(cell_len, lines)) <= width
        board = lines[: lines.index("Gates")]
        ends = {
            cell_len(line.split("±")[0]) for line in board if re.match(r"\S+ +\d.* ±", line)
        }  # fmt: skip
        assert len(ends) == 1


def test_a_terminal_without_the_signs(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    monkeypatch.setenv("COLUMNS", "80")
    Console().write(report)
    assert b"? PASS  2 of 2 gates held." in raw.getvalue()


def test_the_table_alone_says_what_was_left_out(report: Report) -> None:
    out = io.StringIO()
    Terminal(file=out, width=80).print(leaderboard_table(report.results, 80))
    assert "not shown here" in out.getvalue()
    assert "▲ better, ▼ worse than base beyond chance" in out.getvalue()


def test_a_pipe_cuts_no_name(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    Console().write(report)
    lines = capsys.readouterr().out.split("\n")
    assert any(line.startswith("few-shot   31, 1 failed  0.656 ±0.079") for line in lines)
    assert max(map(cell_len, lines)) > 80
