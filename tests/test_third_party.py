"""A package of somebody else brings plugins: installed for real, listed, checked, and run."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """\
suite: louange
dataset: {use: jsonl, path: rows.jsonl}
split: {train: 0, validation: 0, test: 4}
backend: {use: canned, answer: la haie est belle}
candidates:
  canned:
  oracle: {backend: oracle}
baseline: canned
metrics:
  word_overlap:
  strict: {use: word_overlap, casefold: false}
reports:
  json:
  csv:
gates:
  no-worse: {score: word_overlap, candidates: [oracle], max_drop: 0.9}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a suite that uses the package's plugins."""
    rows = [
        {"prompt": "Et la haie ?", "reference": "La haie est haute"},
        {"prompt": "Et la rose ?", "reference": "la rose est belle"},
        {"prompt": "Et le puits ?", "reference": "fermé"},
        {"prompt": "Et l'outil ?", "reference": "rangé"},
    ]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "rows.jsonl").write_text(lines, encoding="utf-8")
    (tmp_path / "louange.yaml").write_text(SUITE, encoding="utf-8")
    return tmp_path


def bench(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line with the package on its path."""
    return subprocess.run(
        [sys.executable, "-m", "benchmark", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("kind", "name", "about"),
    [
        ("metrics", "word_overlap", "Share of the first reference's words"),
        ("reporters", "csv", "Writes the leaderboard as a table"),
        ("backends", "canned", "Gives the same answer to every question"),
    ],
)
def test_listed_with_its_origin_and_version(
    plugin_site: Path, folder: Path, kind: str, name: str, about: str
) -> None:
    done = bench(plugin_site, folder, "ls", kind)
    (row,) = [line for line in done.stdout.splitlines() if line.split()[0] == name]
    assert about in row
    assert " bench-example-plugin 1.2.3 " in row


def test_parameters_are_listed(plugin_site: Path, folder: Path) -> None:
    done = bench(plugin_site, folder, "ls", "metrics", "word_overlap")
    assert "(bench_example_plugin.overlap:WordOverlap)" in done.stdout
    assert done.stdout.splitlines()[-1].split() == [
        "casefold", "bool", "default", "True"
    ]  # fmt: skip


def test_suite_is_checked(plugin_site: Path, folder: Path) -> None:
    done = bench(plugin_site, folder, "check", "louange.yaml")
    assert done.returncode == 0, done.stderr


def test_parameters_are_checked(plugin_site: Path, folder: Path) -> None:
    done = bench(plugin_site, folder, "check", "louange.yaml", "metrics.strict.casefolds=1")
    assert done.returncode == 2
    assert done.stderr == (
        "bench: override metrics.strict.casefolds=1: metrics.strict.casefolds: unknown key; "
        "did you mean 'casefold'?\n"
    )


def test_without_the_package_its_names_are_unknown(folder: Path) -> None:
    done = bench(Path("nowhere"), folder, "check", "louange.yaml")
    assert done.returncode == 2
    assert [line.split("; ")[0] for line in done.stderr.splitlines()] == [
        "bench: louange.yaml:4: backend: unknown backend 'canned'",
        "bench: louange.yaml:10: metrics.word_overlap: unknown metric 'word_overlap'",
        "bench: louange.yaml:11: metrics.strict: unknown metric 'word_overlap'",
        "bench: louange.yaml:14: reports.csv: unknown reporter 'csv'",
    ]


def test_a_run_uses_all_three(plugin_site: Path, folder: Path) -> None:
    done = bench(plugin_site, folder, "run", "louange.yaml")
    assert done.returncode == 0, done.stderr
    latest = folder / "reports" / "louange" / "latest"
    lines = (latest / "leaderboard.csv").read_text(encoding="utf-8").splitlines()
    table = list(csv.DictReader(lines))
    found = {(row["candidate"], row["score"]): float(row["value"]) for row in table}
    # By hand: 10 words in all references; "la haie est", "la est belle" are in the answer.
    assert found == {
        ("canned", "word_overlap"): 0.6,
        ("canned", "strict.word_overlap"): 0.5,  # "La" is not "la"
        ("oracle", "word_overlap"): 1.0,
        ("oracle", "strict.word_overlap"): 1.0,
    }


def test_its_code_is_part_of_the_key(plugin_site: Path, folder: Path, tmp_path: Path) -> None:
    first = bench(plugin_site, folder, "run", "louange.yaml", "--json")
    assert json.loads(first.stdout)["computed"]["scored"] == 4
    again = bench(plugin_site, folder, "run", "louange.yaml", "--json")
    assert json.loads(again.stdout)["computed"]["scored"] == 0
    # Another version of the package: one line of one plugin differs.
    other = tmp_path / "other"
    subprocess.run(["cp", "-r", str(plugin_site), str(other)], check=True)
    source = other / "bench_example_plugin" / "overlap.py"
    text = source.read_text(encoding="utf-8")
    source.write_text(text.replace("len(words & found)", "2 * len(words & found)"), "utf-8")
    changed = bench(other, folder, "run", "louange.yaml", "--json")
    computed = json.loads(changed.stdout)["computed"]
    assert (computed["scored"], computed["generated"]) == (4, 0)


def test_answers_that_fail_are_counted_and_never_scored(plugin_site: Path, folder: Path) -> None:
    done = bench(plugin_site, folder, "run", "louange.yaml", "backend.fail_on=rose", "--json")
    assert done.returncode == 4, done.stderr
    found = json.loads(done.stdout)
    assert found["status"] == "incomplete"
    (card,) = [row for row in found["candidates"] if row["name"] == "canned"]
    assert (card["answered"], card["failed"]) == (3, 1)
    (score,) = [
        row
        for row in found["scores"]
        if (row["candidate"], row["score"]) == ("canned", "word_overlap")
    ]
    assert (score["n"], score["failed"]) == (3, 1)
    assert score["value"] == pytest.approx(3 / 6)
    rows = (folder / "reports/louange/latest/generations/canned.jsonl").read_text("utf-8")
    (failed,) = [row for row in map(json.loads, rows.splitlines()) if row["text"] is None]
    assert failed["error"] == "RuntimeError: cannot answer 'Et la rose ?'"


def test_an_error_is_never_cached(plugin_site: Path, folder: Path) -> None:
    # The same plan; the log tells which questions were asked.
    log = folder / "asked.txt"
    settings = ["backend.fail_on=rose", f"backend.log={log}"]
    for _ in range(2):
        assert bench(plugin_site, folder, "run", "louange.yaml", *settings).returncode == 4
    asked = log.read_text(encoding="utf-8").splitlines()
    assert len(asked) == 5
    assert sorted(map(asked.count, set(asked))) == [1, 1, 1, 2]
