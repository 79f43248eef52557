"""`bench compare`: what differs first, then numbers on shared items, then what flipped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_helpers import QUESTIONS, Cli

from benchmark.contrast import Contrast

ANSWERS = list(QUESTIONS.values())


def latest() -> str:
    """Return the latest run's id."""
    return Path("reports/jardin/latest").resolve().name


@pytest.fixture
def two(cli: Cli, suite: Path) -> tuple[str, str]:
    """Return two runs: `model` answers all six at first, and later five, one of them wrongly."""
    asked = [
        {"id": str(at), "prompt": question, "reference": answer}
        for at, (question, answer) in enumerate(QUESTIONS.items())
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in asked)
    Path("rows.jsonl").write_text(text, encoding="utf-8")
    rows = [{"id": str(at), "text": text} for at, text in enumerate(ANSWERS)]
    names = []
    for name, texts in (("old", rows), ("new", [{"id": "0", "text": "Rien."}, *rows[1:5]])):
        lines = (json.dumps(row, ensure_ascii=False) for row in texts)
        Path(f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        backend = f"{{use: replay, path: {name}.jsonl}}"
        assert cli("run", suite, f"candidates.echo.backend={backend}").code in (0, 4)
        names.append(latest())
    return names[0], names[1]


def compare(cli: Cli, *arguments: object) -> Contrast:
    """Return what `--json` prints."""
    done = cli("compare", *arguments, "--json")
    assert done.code == 0, done.err
    return Contrast.model_validate_json(done.out)


def test_says_what_differs_then_compares_what_is_shared(cli: Cli, two: tuple[str, str]) -> None:
    found = compare(cli, *two)
    assert (found.shared, found.only_left, found.only_right, found.edited) == (6, 0, 0, 0)
    changed = {(row.part, row.name) for row in found.changed}
    assert changed == {
        ("candidate echo", "description"),
        ("candidate echo", "backend"),
        ("candidate echo", "fingerprint"),
        ("candidate echo", "answered"),
        ("candidate echo", "failed"),
        ("suite", "candidates.echo.backend.parameters.path"),
    }
    row = next(row for row in found.rows if row.score == "exact_match")
    assert (row.n, row.shared) == (5, 6)
    # Of the five that both answered: five right before, four now.
    assert (row.left, row.right, row.difference) == (1.0, 0.8, pytest.approx(-0.2))
    (flip,) = [flip for flip in found.flips if flip.score == "exact_match"]
    assert (flip.example_id, flip.left, flip.right, flip.is_better) == ("0", 1.0, 0.0, False)
    assert (flip.left_text, flip.right_text) == (ANSWERS[0], "Rien.")


def test_terminal_and_markdown(cli: Cli, two: tuple[str, str]) -> None:
    done = cli("compare", *two, "-o", "out/c.md")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == f"{two[0]} → {two[1]}: 6 shared examples"
    # What differs comes before any number.
    assert lines.index("What differs") < next(
        at for at, line in enumerate(lines) if line.startswith("candidate ")
    )
    assert any(line.startswith("Flipped: echo on exact_match, 1 worse, 0 better") for line in lines)
    assert "      now:    Rien." in lines
    page = Path("out/c.md").read_text(encoding="utf-8")
    for text in ("## What differs", "## Numbers", "## Flipped: echo on exact_match", "Rien."):
        assert text in page
    assert "5 of 6" in page


def test_the_same_run_has_no_differences(cli: Cli, ran: Path) -> None:
    backend = "candidates.echo.backend={use: replay, path: old.jsonl}"
    Path("old.jsonl").write_text('{"id": "0", "text": "x"}\n', encoding="utf-8")
    cli("run", ran, backend)
    done = cli("compare", "jardin", "jardin")
    assert "Nothing differs in how they were made" in done.out
    assert "Flipped" not in done.out


def test_numbers_of_other_signatures_are_refused_unless_forced(
    cli: Cli, two: tuple[str, str], suite: Path
) -> None:
    backend = "{use: replay, path: new.jsonl}"
    change = "metrics.exact_match.normalise=false"
    cli("run", suite, f"candidates.echo.backend={backend}", change)
    found = compare(cli, two[0], latest())
    row = next(row for row in found.rows if row.score == "exact_match")
    assert (row.difference, row.n) == (None, 0)
    assert row.problem.startswith("measured differently: exactmatch|normalise:yes|")
    assert all(flip.score != "exact_match" for flip in found.flips)
    assert next(row for row in found.rows if row.score == "levenshtein").difference is not None
    text = cli("compare", two[0], latest()).out
    assert "≠ echo exact_match: not compared; measured differently" in text

    forced = compare(cli, two[0], latest(), "--force")
    row = next(row for row in forced.rows if row.score == "exact_match")
    assert row.difference == pytest.approx(-0.2) and row.problem and row.verdict == ""
    assert "compared all the same (--force)" in cli("compare", two[0], latest(), "--force").out


def test_other_data_is_paired_on_what_is_shared(
    cli: Cli, two: tuple[str, str], suite: Path
) -> None:
    rows = Path("rows.jsonl").read_text(encoding="utf-8").splitlines()
    rows[1] = rows[1].replace("haie", "haie vive")
    Path("rows.jsonl").write_text("\n".join(rows[:4]) + "\n", encoding="utf-8")
    backend = "candidates.echo.backend={use: replay, path: old.jsonl}"
    cli("run", suite, backend, "split.test=4")
    found = compare(cli, two[0], latest())
    assert (found.shared, found.only_left, found.only_right, found.edited) == (3, 2, 0, 1)
    assert ("data", "test_sha256") in {(row.part, row.name) for row in found.changed}
    assert all(row.shared == 3 for row in found.rows)


def test_candidates_of_other_names(cli: Cli, two: tuple[str, str]) -> None:
    found = compare(cli, *two, "--pair", "echo=oracle")
    assert {row.candidate for row in found.rows} == {"echo → oracle"}
    done = cli("compare", *two, "--pair", "echo=orcle")
    assert done.code == 2
    assert done.err.endswith("has no candidate 'orcle'; known: echo, oracle, shuffled\n")


@pytest.mark.parametrize(
    "more, said",
    [
        (["-o", "x.html"], "-o writes .md or .json"),
        (["--pair", "echo"], "--pair is A=B, and each A is named once"),
    ],
)
def test_wrong_use(cli: Cli, two: tuple[str, str], more: list[str], said: str) -> None:
    done = cli("compare", *two, *more)
    assert done.code == 2 and said in done.err


def test_a_run_that_is_not_there(cli: Cli, ran: Path) -> None:
    done = cli("compare", "jardin", "nothing")
    assert (done.code, len(done.lines)) == (2, 1)


def test_nothing_shared(cli: Cli, two: tuple[str, str], suite: Path) -> None:
    row = {"id": "z", "prompt": "Où est la bêche ?", "reference": "Dans la remise du fond."}
    Path("rows.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    Path("old.jsonl").write_text('{"id": "z", "text": "x"}\n', encoding="utf-8")
    cli("run", suite, "candidates.echo.backend={use: replay, path: old.jsonl}", "split.test=1")
    done = cli("compare", two[0], latest())
    assert done.code == 2 and "share no example" in done.err
