"""`bench check`: one exact line a mistake, with path and line, and nothing is fetched."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_helpers import Cli, add


def test_a_good_suite(cli: Cli, suite: Path) -> None:
    done = cli("check", suite)
    assert done.out == "jardin.yaml: ok. 3 candidates, 2 metrics, 0 gates; baseline shuffled\n"
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("sede: 1\n", "jardin.yaml:16: sede: unknown key; did you mean 'seed'?"),
        ('seed: "42"\n', "jardin.yaml:16: seed: expected a whole number, found text '42'"),
        (
            "seed: 1\nversion: 1\nseed: 2\n",
            "jardin.yaml:18: seed: is already set on line 16; keep one of them",
        ),
        (
            "judges:\n  fixed: {use: fixd, needle: a, value: 1}\n",
            "jardin.yaml:17: judges.fixed: unknown judge 'fixd'; did you mean 'fixed'?",
        ),
        (
            "gates:\n  g: {score: exact_mach, floor: 0.5}\n",
            "jardin.yaml:17: gates.g.score: no metric gives 'exact_mach'; "
            "did you mean 'exact_match'?",
        ),
        (
            "primary: rougeL\n",
            "jardin.yaml:16: primary: no metric gives 'rougeL'; known: exact_match, levenshtein",
        ),
        ("generation:\n\ttop_p: 1\n", "jardin.yaml:17: a tab stands where YAML wants spaces; "),
        ("resamples: 5\n", "jardin.yaml:16: resamples: is already set on line 15; keep one"),
    ],
    ids=[
        "unknown key",
        "wrong type",
        "duplicate key",
        "unknown plugin",
        "unknown score",
        "unknown primary",
        "tab",
        "duplicate of an earlier key",
    ],
)
def test_one_line_with_path_and_line(cli: Cli, suite: Path, more: str, said: str) -> None:
    add(suite, more)
    done = cli("check", suite)
    assert done.code == 2
    assert done.out == ""
    (line,) = done.lines
    assert line.startswith(f"bench: {said}")


def test_all_problems_at_once(cli: Cli, suite: Path) -> None:
    done = cli(
        "check",
        suite,
        "seed=soon",
        "metrics.exact_match.normalize=true",
        "metrics.levenstein={}",
        "generation.top_p=2",
    )
    assert done.code == 2
    assert sorted(done.lines) == [
        "bench: override generation.top_p=2: generation.top_p: must be at most 1, found 2",
        "bench: override metrics.exact_match.normalize=true: metrics.exact_match.normalize: "
        "unknown key; did you mean 'normalise'?",
        "bench: override metrics.levenstein={}: metrics.levenstein: unknown metric 'levenstein'; "
        "did you mean 'levenshtein'?",
        "bench: override seed=soon: seed: expected a whole number, found text 'soon'",
    ]


def test_sweeps_are_counted_before_anything_else(cli: Cli, suite: Path) -> None:
    model = "backend={use: hf, model: .}"
    sweep = "candidates.lora={train: {r: [1, 2, 3], seed: [1, 2, 3, 4, 5, 6, 7]}}"
    said = "bench: jardin.yaml:5: candidates: sweeps make 24 candidates (lora: 3 × 7), and {} are "
    said += "allowed; give fewer values, or allow it with --max-candidates 24\n"
    for command in ("check", "run"):
        assert cli(command, suite, model, sweep) == (2, "", said.format(20))
        assert cli(command, suite, model, sweep, "--max-candidates", "23").err == said.format(23)
        assert not Path("reports").exists()
    done = cli("check", suite, model, sweep, "--max-candidates", "24")
    assert done.out.startswith("jardin.yaml: ok. 24 candidates, ")


def test_missing_suite(cli: Cli, suite: Path) -> None:
    done = cli("check", "jardim.yaml")
    assert (done.code, done.out) == (2, "")
    assert done.err == "bench: jardim.yaml: does not exist; did you mean 'jardin.yaml'?\n"


def test_folder_for_a_suite(cli: Cli, suite: Path) -> None:
    done = cli("check", ".")
    assert done.code == 2
    assert done.err == "bench: .: is a folder; name a file in it, such as jardin.yaml\n"


def test_missing_rows(cli: Cli, suite: Path) -> None:
    Path("rows.jsonl").unlink()
    done = cli("check", suite)
    assert done.code == 2
    assert done.err == (
        "bench: jardin.yaml:2: dataset.path: no such file or folder: rows.jsonl; "
        "relative paths start from the folder where the command runs\n"
    )


def test_nothing_is_written(cli: Cli, suite: Path, here: Path) -> None:
    cli("check", suite)
    assert sorted(path.name for path in here.iterdir()) == ["jardin.yaml", "rows.jsonl"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00", b"\xff\xfe", b"suite: \xc3\xa9\xed\xa0\x80", b"- a\n", b"{" * 99],
    ids=["empty", "NUL", "UTF-16 mark", "lone surrogate", "list", "deep"],
)
def test_files_that_are_no_suite(cli: Cli, here: Path, content: bytes) -> None:
    Path("odd.yaml").write_bytes(content)
    done = cli("check", "odd.yaml")
    assert done.code == 2
    (line,) = done.lines
    assert line.startswith("bench: odd.yaml")
    assert "Traceback" not in done.err
    assert "bug" not in done.err
