"""`bench doctor`: what is there, what is missing, what installs it."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from cli_helpers import Cli
from packaging.requirements import Requirement


def test_every_declared_package_is_named(cli: Cli, here: Path) -> None:
    done = cli("doctor")
    assert done.code == 0, done.out
    names = [line.split()[1] for line in done.out.splitlines()]
    wanted = [Requirement(line) for line in requires("benchmark") or []]
    for requirement in wanted:
        if requirement.marker is None:
            assert requirement.name in names
    assert f"{version('rich')}" in done.out


def test_the_cache_is_where_the_user_said(
    cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(here / "mine"))
    assert f"{here / 'mine'} (0.0 GB used)" in cli("doctor").out
    assert not (here / "mine").exists()


def test_a_cache_that_cannot_be_used(cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "taken").touch()
    monkeypatch.setenv("BENCH_CACHE", str(here / "taken"))
    done = cli("doctor")
    assert done.code == 2
    lines = done.out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("missing  cache"))
    assert lines[at + 1].strip() == "set BENCH_CACHE to a folder that you can write"


def test_a_missing_package_has_its_command(here: Path) -> None:
    # A process that cannot find rapidfuzz: its metadata is hidden, as if it were not installed.
    script = """
import sys, importlib.metadata as metadata
real = metadata.version
def version(name):
    if name == "rapidfuzz":
        raise metadata.PackageNotFoundError(name)
    return real(name)
metadata.version = version
from benchmark.cli import main
sys.argv = ["bench", "doctor"]
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "missing  rapidfuzz              not installed\n" in done.stdout
    assert 'python -m pip install "rapidfuzz' in done.stdout
