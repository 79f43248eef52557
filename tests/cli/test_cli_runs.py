"""`bench show`, `bench leaderboard`, `bench gate`: finished runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_helpers import Cli, add

from benchmark.results import Results


def run_id(suite: str = "jardin") -> str:
    """Return the latest run's name."""
    return Path("reports", suite, "latest").resolve().name


# --- show -----------------------------------------------------------------------------------


def test_show_the_latest(cli: Cli, ran: Path) -> None:
    done = cli("show")
    assert (done.code, done.err) == (0, "")
    names = ["oracle", "echo", "shuffled"]
    board = [line.split()[0] for line in done.out.splitlines() if line.split()[:1]]
    assert [name for name in board if name in names] == names  # the best first
    assert "exact_match" in done.out


@pytest.mark.parametrize("name", ["suite", "id", "end of the id", "folder", "file"])
def test_a_run_has_many_names(cli: Cli, ran: Path, name: str) -> None:
    named = {
        "suite": "jardin",
        "id": run_id(),
        "end of the id": run_id()[-8:],
        "folder": "reports/jardin/latest",
        "file": f"reports/jardin/{run_id()}/results.json",
    }[name]
    assert Results.model_validate_json(cli("show", named, "--json").out).run_id == run_id()


def test_show_what_is_not_there(cli: Cli, here: Path) -> None:
    done = cli("show", "nothing")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "bench: no finished run 'nothing'; `bench leaderboard` lists what is there; "
        "`bench run` makes one\n"
    )


def test_show_a_damaged_file(cli: Cli, ran: Path) -> None:
    path = Path("reports", "jardin", run_id(), "results.json")
    path.write_text(path.read_text(encoding="utf-8")[:-40], encoding="utf-8")
    done = cli("show")
    assert done.code == 2
    (line,) = done.lines
    assert line.endswith("is not a results file of this version of bench; run the suite again")


def test_control_characters_of_an_answer_do_not_reach_the_terminal(cli: Cli, suite: Path) -> None:
    row = {"prompt": "Et \x1b[2J ?", "reference": "\x1b]0;titre\x07"}
    Path("rows.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    add(suite, 'description: "\\e[2J"\n')
    assert cli("run", suite, "split.test=1").code == 0
    assert "\x1b[2J" not in cli("show").out


# --- leaderboard ----------------------------------------------------------------------------


def test_leaderboard_shows_each_suite(cli: Cli, ran: Path) -> None:
    assert cli("run", ran, "suite=potager").code == 0
    assert cli("run", ran, "seed=7").code == 0
    done = cli("leaderboard")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines if line.endswith("NO GATES")] == ["jardin", "potager"]
    assert any(line.startswith("2 runs · newest ") for line in lines)
    for arguments in (("jardin",), ("--suite", "jardin"), ("jardin", "--suite", "jardin")):
        done = cli("leaderboard", *arguments)
        heads = [line.split()[0] for line in done.out.splitlines() if line.endswith("NO GATES")]
        assert heads == ["jardin"]


@pytest.mark.parametrize("columns", [20, 60, 100, 200])
def test_leaderboard_is_no_wider_than_the_terminal(
    cli: Cli, ran: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    done = cli("leaderboard", "--metric", "*")
    assert max(map(len, done.out.splitlines())) <= max(columns, 40)


def test_leaderboard_as_files(cli: Cli, ran: Path) -> None:
    files = ("--html", "out/board.html", "--csv", "out/board.csv")
    done = cli("leaderboard", *files, "--metric", "exact_match", "--json")
    assert (done.code, done.err) == (0, "")
    (suite,) = json.loads(done.out)["suites"]
    assert [row["candidate"] for row in suite["tables"][0]["rows"]] == [
        "oracle",
        "echo",
        "shuffled",
    ]
    assert "exact_match" in Path("out/board.html").read_text(encoding="utf-8")
    head, *rows = Path("out/board.csv").read_text(encoding="utf-8").splitlines()
    assert head.startswith("suite,score,metric,")
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("jardin", "--suite", "potager"), "SUITE is 'jardin' and --suite is 'potager': name one"),
        (("--metric", "rouge"), "bench: no number 'rouge' in these runs; known: exact_match, "),
        (("--html", "rows.jsonl/x.html"), "bench: rows.jsonl/x.html: cannot write the report"),
        (("--csv", "rows.jsonl/x.csv"), "bench: rows.jsonl/x.csv: cannot write the table"),
    ],
)
def test_leaderboard_mistakes_are_one_line(
    cli: Cli, ran: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = cli("leaderboard", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.lines[-1]


def test_leaderboard_of_nothing(cli: Cli, here: Path) -> None:
    done = cli("leaderboard", "jardin")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("bench: no finished run of 'jardin' in reports; ")


# --- report ---------------------------------------------------------------------------------


def test_report_writes_files(cli: Cli, ran: Path) -> None:
    done = cli("report", "latest", "-o", "a/x.html", "-o", "x.md", "-o", "x.csv", "--full")
    assert (done.code, done.err) == (0, "")
    assert done.out == "wrote a/x.html\nwrote x.md\nwrote x.csv\n"
    assert len(Path("x.csv").read_text(encoding="utf-8").splitlines()) == 1 + 6 * 3 * 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "x.pdf"), "bench: x.pdf: no report ends so; name a file that ends in .html, .md, "),
        ((), "Missing option '-o'"),
        (("nothing", "-o", "x.md"), "bench: no finished run 'nothing'; "),
    ],
)
def test_report_mistakes_are_one_line(
    cli: Cli, ran: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = cli("report", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.lines[-1]


def test_report_of_a_run_without_its_records(cli: Cli, ran: Path) -> None:
    (Path("reports", "jardin", run_id()) / "scores.jsonl").unlink()
    done = cli("report", "-o", "x.csv")
    assert (done.code, done.out) == (2, "")
    (line,) = done.lines
    assert line.endswith("scores.jsonl is missing; run the suite again")
    # What needs only the results can still be had.
    assert cli("report", "-o", "x.junit.xml", "-o", "x.json").code == 0


# --- push -----------------------------------------------------------------------------------


def test_push_to_nowhere(cli: Cli, ran: Path) -> None:
    done = cli("push", "--to", "excel")
    assert (done.code, done.out) == (2, "")
    assert done.lines == ["bench: no tracker 'excel'; known: mlflow, wandb"]


# --- gate -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "code", "word"),
    [
        ("{score: exact_match, candidates: [oracle], max_drop: 0.1}", 0, "PASS"),
        ("{score: exact_match, candidates: [echo], floor: 0.9}", 1, "FAIL"),
        ("{score: exact_match, floor: 0.5}", 3, "INCONCLUSIVE"),
    ],
)
def test_gate_says_what_the_run_said(
    cli: Cli, suite: Path, rule: str, code: int, word: str
) -> None:
    add(suite, f"gates:\n  rule: {rule}\n")
    assert cli("run", suite).code == code
    done = cli("gate", "jardin")
    assert done.code == code
    (line,) = done.out.splitlines()
    assert line.startswith(f"{word:<12} rule: ")


def test_gate_without_gates(cli: Cli, ran: Path) -> None:
    done = cli("gate")
    assert (done.code, done.out) == (0, "the suite has no gates\n")


def test_gate_against_a_baseline_file(cli: Cli, suite: Path) -> None:
    rule = "{score: exact_match, candidates: [oracle], max_drop: 0.1}"
    add(suite, f"gates:\n  rule: {rule}\n")
    assert cli("run", suite).code == 0
    good = run_id()
    # The same name, but now it answers with other examples' references.
    cli("run", suite, "candidates.oracle.backend=shuffled", "baseline=echo")
    bad = run_id()
    assert good != bad
    done = cli("gate", bad, "--baseline", f"reports/jardin/{good}/results.json")
    assert done.code == 1
    assert done.out.startswith("FAIL         rule: exact_match of oracle is 1.00 below ")
    done = cli("gate", good, "--baseline", f"reports/jardin/{good}/results.json")
    assert done.code == 0
    assert "n=6, the answers are the same word for word" in done.out


def test_gate_refuses_a_baseline_of_other_data(cli: Cli, suite: Path) -> None:
    add(suite, "gates:\n  rule: {score: exact_match, candidates: [oracle], max_drop: 0.7}\n")
    assert cli("run", suite).code == 0
    before = run_id()
    assert cli("run", suite, "--limit", 3).code == 0
    done = cli("gate", run_id(), "--baseline", f"reports/jardin/{before}")
    assert (done.code, done.out) == (2, "")
    (line,) = done.lines
    assert "test data" in line


def test_gate_with_a_missing_baseline(cli: Cli, ran: Path) -> None:
    done = cli("gate", "--baseline", "reports/nothing.json")
    assert (done.code, done.out) == (2, "")
    assert len(done.lines) == 1
