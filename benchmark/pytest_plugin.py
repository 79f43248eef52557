"""`pytest --bench suites/legi.yaml`: a test for each gate of a suite, and one for the run itself.

pytest loads this module in every project that has the package installed, so it imports nothing
of ours until `--bench` is given. The suite runs once, when the first of its tests does; reports
are written before any test fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

KEY = "benchmark.pytest_plugin"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--bench SUITE` and what goes with it."""
    group = parser.getgroup("bench", "evaluation of language models")
    add = group.addoption
    add(
        "--bench",
        action="append",
        default=[],
        metavar="SUITE",
        help="Run this suite file, with a test for each of its gates (repeatable).",
    )
    add(
        "--bench-set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="Change one key of the suites, as `bench run` does (repeatable).",
    )
    add(
        "--bench-inconclusive",
        choices=("fail", "skip", "pass"),
        default=None,
        help="What an inconclusive gate is, unless the suite says so itself (default: fail).",
    )
    add("--bench-reports", default="reports", metavar="DIR", help="Folder of run folders.")
    parser.addini(
        "bench_inconclusive",
        "What an inconclusive gate is: fail, skip or pass.",
        default="fail",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Collect the suites: alone, unless other paths are named beside `--bench`."""
    suites = config.getoption("--bench")
    if not suites:
        return
    import pytest

    chosen = config.getoption("--bench-inconclusive") or config.getini("bench_inconclusive")
    if chosen not in ("fail", "skip", "pass"):
        raise pytest.UsageError(f"bench_inconclusive is {chosen!r}; write fail, skip or pass")
    for name in suites:
        if not Path(name).is_file():
            raise pytest.UsageError(f"--bench: there is no suite file {name}")
    config.pluginmanager.register(
        _Collector([Path(name) for name in suites], chosen), f"{KEY}.collector"
    )
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    config.args = [*(config.args if named else []), *suites]


class _Collector:
    """Turns the named suite files into tests; is registered only where `--bench` is given."""

    def __init__(self, paths: Sequence[Path], inconclusive: str) -> None:
        self.paths = {path.resolve() for path in paths}
        self.inconclusive = inconclusive

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> Any:
        """Return the collector of a suite that was named."""
        if file_path.resolve() not in self.paths:
            return None
        from benchmark.pytest_items import SuiteFile

        found = SuiteFile.from_parent(parent, path=file_path)
        found.inconclusive = self.inconclusive
        return found
