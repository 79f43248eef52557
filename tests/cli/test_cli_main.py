"""What all commands share: help, usage errors, tracebacks only on request."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cli_helpers import Cli

from benchmark import __version__
from benchmark.cli import COMMANDS


def test_version(cli: Cli) -> None:
    assert cli("--version").out == f"bench, version {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_the_table_says(cli: Cli, name: str) -> None:
    done = cli(name, "--help")
    assert done.code == 0
    assert done.out.startswith(f"Usage: bench {name} ")
    # Groups: their commands do.
    assert "--debug" in done.out or name in ("data", "baseline", "judge")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chek", "s.yaml"], "no command 'chek'; did you mean 'check'?"),
        (["check"], "Missing argument 'SUITE'."),
        (["run", "s.yaml", "--limt", "3"], "No such option '--limt'"),
        (["run", "s.yaml", "--limit", "0"], "0 is not in the range x>=1"),
        (["run", "s.yaml", "--limit", "many"], "'many' is not a valid integer"),
        (["ls", "metric"], "'metric' is not one of 'metrics'"),
    ],
)
def test_usage_errors(cli: Cli, here: Path, arguments: list[str], said: str) -> None:
    done = cli(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "benchmark", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_no_traceback_without_debug(here: Path) -> None:
    done = bench("check", "nothing.yaml")
    assert done.returncode == 2
    assert done.stderr == "bench: nothing.yaml: does not exist\n"


def test_traceback_with_debug(here: Path) -> None:
    done = bench("check", "nothing.yaml", "--debug")
    assert done.returncode != 0
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert "ConfigError: nothing.yaml: does not exist" in done.stderr


def test_a_reader_that_goes_away(here: Path) -> None:
    # `bench ls | head -1`: the pipe closes before everything is written.
    command = f"{sys.executable} -m benchmark ls | head -n 1"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, cwd=here
    )
    assert done.stdout == "metrics\n"
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
