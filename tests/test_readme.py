"""README.md is true: its commands, its suite, its library lines, its plugin, its tree."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest
from readme_blocks import README, ROOT, blocks, kept_files, pattern

from benchmark.cli import COMMANDS
from benchmark.errors import ExitCode

TEXT = README.read_text(encoding="utf-8")


def code(mark: str) -> str:
    """Return the code block that follows a mark."""
    found = re.search(rf"^<!-- {re.escape(mark)} -->\n```\w+\n(.*?)\n```$", TEXT, re.M | re.S)
    assert found, f"README.md has no block after <!-- {mark} -->"
    return found[1]


def bench(folder: Path, *arguments: str, site: Path | None = None) -> str:
    """Run the command line and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", *arguments],
        cwd=folder,
        env={**os.environ, **({"PYTHONPATH": str(site)} if site else {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["help", "help run", "tree"])
def test_parts_made_from_the_code_are_up_to_date(name: str) -> None:
    found = pattern(name).search(TEXT)
    assert found, f"README.md has no part {name!r}"
    assert found.group() == blocks()[name], "run: python tests/readme_blocks.py"


def test_every_file_of_the_tree_says_what_it_is() -> None:
    rows = blocks()["tree"].splitlines()[1:-1]
    bare = [row for row in rows if len(row.split()) == 1 and not row.startswith("  ")]
    assert bare == []
    # Folders of tests mirror the package and need no words; every other line has some.
    before_tests = rows[: next(at for at, row in enumerate(rows) if row.startswith("tests/"))]
    assert [row for row in before_tests if len(row.split()) == 1] == []


def test_the_leaderboard_is_a_real_one() -> None:
    shown = TEXT.partition("<!-- leaderboard -->")[2].partition("<!-- /leaderboard -->")[0]
    for name in ("base", "few-shot", "lora", "echo", "oracle", "shuffled"):
        assert re.search(rf"^\W*{name}\b.*\d", shown, re.M), f"no row of {name!r}"


def test_commands_name_environments_of_tox() -> None:
    config = ConfigParser()
    config.read(ROOT / "tox.ini")
    known = {name.partition(":")[2] for name in config.sections() if ":" in name}
    assert set(re.findall(r"tox -e (\S+?)[`\s]", TEXT)) <= known
    assert code("run").endswith(".venv/bin/tox -e legi")
    assert code("tests") == ".venv/bin/tox"
    listed = {name.strip() for name in config["tox"]["env_list"].split(",")}
    assert {"tests", "lint", "types", "layers", "docs"} == listed <= known


def test_commands_are_the_real_ones() -> None:
    assert set(re.findall(r"`bench (\w+)", TEXT)) <= set(COMMANDS)


def test_exit_codes_are_the_real_ones() -> None:
    rows = re.findall(r"^\| (\d+) \|", TEXT, re.M)
    assert [int(row) for row in rows] == [int(exit_code) for exit_code in ExitCode]


def test_paths_exist() -> None:
    named = set(re.findall(r"`((?:benchmark|suites|tests|perf)/[\w./-]*)`", TEXT))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_suite_is_valid_and_short(tmp_path: Path) -> None:
    suite = code("suite")
    assert len(suite.splitlines()) <= 30
    (tmp_path / "suite.yaml").write_text(suite, encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text('{"prompt": "?", "reference": "!"}\n', encoding="utf-8")
    assert bench(tmp_path, "check", "suite.yaml").startswith("suite.yaml: ok.")


def test_the_library_lines_work(tmp_path: Path) -> None:
    lines = code("library")
    assert len(lines.splitlines()) <= 6
    rows = [{"prompt": f"Question {at} ?", "reference": f"mot{at}"} for at in range(8)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    # The same lines on a suite that needs no model.
    (tmp_path / "suite.yaml").write_text(
        "suite: x\ndataset: {use: jsonl, path: rows.jsonl}\n"
        "split: {train: 0, validation: 0, test: 8}\nbackend: echo\n"
        "candidates: {base: , lora: {backend: oracle}}\nbaseline: base\nmetrics: {rouge: }\n",
        encoding="utf-8",
    )
    assert "suites/legi.yaml" in lines
    script = lines.replace("suites/legi.yaml", "suite.yaml")
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # Of 2^8 ways to swap signs, two are as extreme: p is about 2/256 = 0.0078.
    said = done.stdout.splitlines()[-1]
    # All 8 answers turn from wrong to right: Tango's interval of that begins at 0.351.
    assert re.fullmatch(r"\+1\.000 \(\+0\.351 to \+1\.000\), p = 0\.0078", said)


def test_the_plugin_works(tmp_path: Path) -> None:
    for name in ("bench_length.py", "pyproject.toml"):
        (tmp_path / name).write_text(code(f"plugin {name}") + "\n", encoding="utf-8")
    site = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(site), "."]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    listed = bench(tmp_path, "ls", "metrics", site=site).splitlines()[-1]
    assert listed.split()[0] == "relative_length"
    assert " bench-length 0.1.0 " in listed
    (tmp_path / "rows.jsonl").write_text('{"prompt": "?", "reference": "un mot"}\n', "utf-8")
    (tmp_path / "suite.yaml").write_text(
        "suite: x\ndataset: {use: jsonl, path: rows.jsonl}\n"
        "split: {train: 0, validation: 0, test: 1}\nbackend: echo\n"
        "candidates: {oracle: {backend: oracle}, echo: }\nbaseline: echo\n"
        "metrics: {relative_length: {unit: characters}}\nreports: {json: }\n",
        encoding="utf-8",
    )
    found = json.loads(bench(tmp_path, "run", "suite.yaml", "--json", site=site))
    values = {row["candidate"]: row["value"] for row in found["scores"]}
    assert values == {"oracle": 1.0, "echo": pytest.approx(1 / 6)}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "suites").glob("*.yaml")), ids=lambda path: path.name
)
def test_every_suite_that_ships_is_valid_and_says_how_to_run_it(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    first, second = path.read_text(encoding="utf-8").splitlines()[:2]
    assert first.startswith(f"# Run:    bench run {name}")
    assert second.startswith(f"# Check:  bench check {name}")
    assert bench(ROOT, "check", name).startswith(f"{name}: ok.")


def test_ci_takes_its_commands_from_here() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    bash = shutil.which("bash")
    assert bash
    function = re.search(r"^readme\(\) \{.*?^\}", script, re.M | re.S)
    assert function
    for mark in ("run", "tests"):
        command = [bash, "-c", f"{function[0]}\nreadme {mark}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.rstrip("\n") == code(mark)


def test_licence_is_the_declared_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "Apache-2.0"
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License\n" in licence
    assert "Version 2.0, January 2004" in licence
    assert "LICENSE" in kept_files()
