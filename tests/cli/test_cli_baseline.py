"""`bench baseline`, and `--baseline` with a file, a run and a commit; hostile files."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_helpers import Cli, add

from benchmark.core.baseline_file import parse, read, to_text
from benchmark.errors import StoreError
from benchmark.results import Results

GATE = """\
gates:
  holds: {score: exact_match, candidates: [oracle], max_drop: 0.1, against: accepted}
"""
FILE = Path("reports/baselines/jardin.json")


def results() -> Results:
    """Return what the latest run says."""
    path = Path("reports", "jardin", "latest", "results.json")
    return Results.model_validate_json(path.read_bytes())


@pytest.fixture
def accepted(cli: Cli, suite: Path) -> Path:
    """Return the suite with a gate against its accepted baseline, which is there."""
    add(suite, GATE)
    assert cli("run", suite).code == 3
    reason = results().gates[0].reason
    assert reason.endswith(
        f"cannot be compared: there is no {FILE}; write it: bench baseline accept RUN"
    )
    done = cli("baseline", "accept", "--suite", "jardin")
    assert done.code == 0, done.err
    assert done.out.splitlines()[-2:][0].startswith("note: this run's verdict was inconclusive")
    return suite


def test_accepting_settles_the_gate(cli: Cli, accepted: Path) -> None:
    assert cli("run", accepted).code == 0
    assert "the answers are the same word for word" in results().gates[0].reason
    assert cli("gate").code == 0


def test_the_file_is_small_whole_and_one_line_an_example(cli: Cli, accepted: Path) -> None:
    found = read(FILE)
    assert (found.suite, found.run_id) == ("jardin", results().run_id)
    # Only what gates and the leaderboard's first number need; only whom they name.
    assert list(found.signatures) == ["exact_match"]
    assert list(found.candidates) == ["oracle"]
    assert found.stats("oracle", "exact_match") == dict.fromkeys(found.examples, (1.0, 1.0))
    lines = FILE.read_text(encoding="utf-8").splitlines()
    for example in found.examples:
        assert sum(json.dumps(example) in line for line in lines) == 1
    assert parse(to_text(found), "x") == found
    assert cli("baseline", "accept", "--all").code == 0
    assert list(read(FILE).signatures) == ["exact_match", "levenshtein"]


def test_show(cli: Cli, accepted: Path) -> None:
    done = cli("baseline", "show")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{FILE}: jardin v1\n  run {results().run_id}, accepted ")
    assert "  oracle exact_match 1.000 " in done.out
    assert cli("baseline", "show", "jardin").out == done.out
    assert cli("baseline", "show", "verger").err == (
        "bench: reports/baselines/verger.json: there is no such baseline; "
        "accept a run again: bench baseline accept RUN\n"
    )


def test_an_incomplete_run_is_not_accepted(cli: Cli, suite: Path) -> None:
    Path("some.jsonl").write_text('{"id": "0", "text": "mot"}\n', encoding="utf-8")
    backend = "candidates.echo.backend={use: replay, path: some.jsonl}"
    assert cli("run", suite, backend).code == 4
    done = cli("baseline", "accept")
    assert done.code == 2 and "is incomplete, so it is no measure for others" in done.err
    assert not FILE.exists()
    assert cli("baseline", "accept", "--force").code == 0


# --- runs that cannot be compared -----------------------------------------------------------


def test_other_data_leaves_the_gate_open_and_says_why(cli: Cli, accepted: Path) -> None:
    assert cli("run", accepted, "--limit", 3).code == 3
    (gate,) = results().gates
    assert "answered other test data: 6 examples with hash" in gate.reason
    # Named on the command line, it is refused before anything is done.
    done = cli("run", accepted, "--limit", 3, "--baseline", FILE)
    assert done.code == 2 and "answered other test data" in done.lines[-1]


def test_another_version_of_the_suite_is_refused(cli: Cli, accepted: Path) -> None:
    done = cli("run", accepted, "version=2")
    assert done.code == 2
    assert "is of version 1 of the suite, and this is version 2" in done.lines[-1]


def test_another_signature_leaves_the_gate_open_and_says_why(cli: Cli, accepted: Path) -> None:
    assert cli("run", accepted, "metrics.exact_match.normalise=false").code == 3
    (gate,) = results().gates
    assert "exact_match is measured differently in baseline" in gate.reason
    assert gate.reason.count("exactmatch") == 2
    done = cli("gate", "--baseline", FILE)
    assert done.code == 2 and "is measured differently" in done.lines[-1]


# --- files that are not what was accepted ---------------------------------------------------


def edited(change: Callable[[dict[str, Any]], None]) -> Callable[[str], str]:
    """Return what changes a file as an editor would, the checksum left as it is."""

    def make(text: str) -> str:
        data = json.loads(text)
        change(data)
        return json.dumps(data)

    return make


def forged(change: Callable[[dict[str, Any]], None]) -> Callable[[str], str]:
    """Return what changes a file and makes its checksum right again."""
    from hashlib import sha256

    from benchmark.keys import canonical

    def make(text: str) -> str:
        data = json.loads(text)
        del data["sha256"]
        change(data)
        return json.dumps({**data, "sha256": sha256(canonical(data).encode()).hexdigest()})

    return make


def first(data: dict[str, Any]) -> dict[str, Any]:
    """Return the statistics of the first example."""
    found: dict[str, Any] = next(iter(data["examples"].values()))["oracle"]
    return found


CHANGED = "was changed after it was accepted: its numbers are not those of a run"
HOSTILE: dict[str, tuple[Callable[[str], str], str]] = {
    "empty": (lambda text: "", "is no whole JSON (line 1: Expecting value)"),
    "truncated": (lambda text: text[: len(text) // 2], "is no whole JSON (line "),
    "a merge conflict": (
        lambda text: text.replace(' "examples"', '<<<<<<< HEAD\n "examples"'),
        "it was cut off, or holds the marks of a merge conflict",
    ),
    "another suite": (forged(lambda data: data.update(suite="verger")), "is of suite 'verger'"),
    "a duplicate example": (
        lambda text: text.replace(' "examples": {', ' "examples": {"0": {}, "0": {},'),
        "has '0' twice",
    ),
    "a duplicate key": (
        lambda text: text.replace('{\n "kind"', '{\n "suite": "verger",\n "kind"'),
        "has 'suite' twice",
    ),
    "an edited number": (
        edited(lambda data: data["numbers"][0].update(value=0.1, low=0.0)),
        CHANGED,
    ),
    "an edited statistic": (
        edited(lambda data: first(data).update(exact_match=[0.0, 1.0])),
        CHANGED,
    ),
    "an added field": (edited(lambda data: data.update(note="good")), "Extra inputs"),
    "a field too few": (edited(lambda data: data.pop("signatures")), "signatures: Field required"),
    "NaN": (lambda text: text.replace("[1.0, 1.0]", "[NaN, 1.0]"), "holds NaN, which is no number"),
    "statistics of another length": (
        forged(lambda data: first(data).update(exact_match=[1.0])),
        "statistics of exact_match differ in length",
    ),
    "somebody unknown": (
        forged(lambda data: data["candidates"].clear()),
        "has statistics of 'oracle', which is none of its candidates",
    ),
    "more examples than the test side": (
        forged(lambda data: data["dataset"].update(test=2)),
        "has 6 examples of a test side of 2",
    ),
    "another version": (
        forged(lambda data: data.update(schema_version=9)),
        "was written by another version of bench",
    ),
    "another kind of file": (lambda text: '{"rows": []}', "is no baseline of bench"),
    "a list": (lambda text: "[]", "is no baseline of bench"),
    "deep nesting": (lambda text: "[" * 100_000, "is nested too deep"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_one_clear_line_before_the_work(
    cli: Cli, accepted: Path, name: str
) -> None:
    change, reason = HOSTILE[name]
    text = FILE.read_text(encoding="utf-8")
    assert change(text) != text
    FILE.write_text(change(text), encoding="utf-8")
    before = results()
    for arguments in (("run", accepted), ("run", accepted, "--baseline", FILE), ("gate",)):
        done = cli(*arguments)
        (line,) = [line for line in done.lines if line.startswith("bench: ")]
        assert done.code == 2 and reason in line, line
    assert results() == before


def test_not_utf8(accepted: Path) -> None:
    FILE.write_bytes(b"\xff\xfe{")
    with pytest.raises(StoreError, match="cannot be read"):
        read(FILE)


# --- a baseline of another commit -----------------------------------------------------------


def git(*arguments: str) -> str:
    """Run git as nobody in particular."""
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    done = subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_baseline_is_pinned_by_its_commit(cli: Cli, accepted: Path) -> None:
    git("init", "-q")
    git("add", "-f", str(FILE))
    git("commit", "-qm", "accept")
    commit = git("rev-parse", "HEAD")
    FILE.write_text("not any more", encoding="utf-8")
    for name in (commit, commit[:10]):
        assert cli("run", accepted, "--baseline", name).code == 0
        assert cli("gate", "--baseline", name).code == 0
    git("rm", "-q", "--cached", str(FILE))
    git("commit", "-qm", "drop")
    done = cli("gate", "--baseline", "HEAD")
    assert done.code == 2
    assert f"has no {FILE}; accept a run again" in done.lines[-1]


@pytest.mark.parametrize("name", ["0" * 40, "--output=x", "nothing"])
def test_what_names_nothing(cli: Cli, accepted: Path, name: str) -> None:
    done = cli("gate", f"--baseline={name}")
    assert done.code == 2
    assert "is no baseline file, no run in reports and no commit that git knows" in done.lines[-1]
