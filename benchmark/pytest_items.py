"""The tests that `pytest --bench` collects; imported only where it is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import BenchError
from benchmark.gate_results import GateResult
from benchmark.results import Results
from benchmark.suite import Suite


class SuiteFile(pytest.File):
    """One suite; it runs once."""

    inconclusive = "fail"
    """What an inconclusive gate is."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield a test for each gate, and one for the run."""
        self.run = _Run(self.path, self.config)
        try:
            gates = list(self.run.load().gates)
        except BenchError as error:
            raise self.CollectError(str(error)) from None
        yield RunItem.from_parent(self, name="run")
        for gate in gates:
            yield GateItem.from_parent(self, name=gate)


class Item(pytest.Item):
    """Shows an error of ours as its one line."""

    parent: SuiteFile

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """Return one clear text, without a traceback of ours."""
        if isinstance(excinfo.value, BenchError | _Failed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the place: the suite, and the line of the gate."""
        line = self.parent.run.line(self.name)
        return self.path, line, f"{self.path.name}: {self.name}"


class RunItem(Item):
    """Whether the run is complete."""

    def runtest(self) -> None:
        """Run the suite. Raises what `bench run` would say."""
        results = self.parent.run.results()
        if results.status != "complete":
            from benchmark.reporters.verdict import headline

            errors = [f"{one.name}: {one.error}" for one in results.candidates if one.error]
            raise _Failed("\n".join([headline(results).sentence, *errors]))


class GateItem(Item):
    """One gate, for all candidates and parts that it judges."""

    def runtest(self) -> None:
        """Fail or skip as the gate says."""
        results = self.parent.run.results()
        mine = [gate for gate in results.gates if gate.gate == self.name]
        self.add_report_section("call", "bench", _told(mine))
        outcome = worst(mine, self.parent.inconclusive)
        if outcome == "skip":
            pytest.skip(_told(mine))
        if outcome == "fail":
            raise _Failed(_told(mine))


class _Failed(Exception):
    """A test that failed for what the suite measured."""


class _Run:
    """One suite, loaded once and run once."""

    def __init__(self, path: Path, config: pytest.Config) -> None:
        self.path, self.config = path, config
        self._suite: Suite | None = None
        self._results: Results | Exception | None = None

    def load(self) -> Suite:
        """Return the suite. Raises ConfigError."""
        if self._suite is None:
            from benchmark.suite_file import load_suite

            self._suite = load_suite(self.path, self.config.getoption("--bench-set"))
        return self._suite

    def line(self, gate: str) -> int:
        """Return the line of a gate in its file, counted from 0; 0 where it is not known."""
        lines = self.load().origin.lines
        return max(0, lines.get(("gates", gate), ("", 1))[1] - 1)

    def results(self) -> Results:
        """Return the results; what went wrong the first time goes wrong again at once."""
        if self._results is None:
            try:
                self._results = self._run()
            except Exception as error:
                self._results = error
        if isinstance(self._results, Exception):
            raise self._results
        return self._results

    def _run(self) -> Results:
        from benchmark.core.plan import make_plan
        from benchmark.core.run import run

        command = f"pytest --bench {self.path.name}"
        reports = self.config.getoption("--bench-reports")
        return run(make_plan(self.load()), reports=reports, command=command)


def worst(gates: Sequence[GateResult], inconclusive: str) -> str:
    """Return fail, skip or pass: the worst of a gate's results."""
    found = {gate.effective for gate in gates} or {"inconclusive"}
    if "fail" in found:
        return "fail"
    return inconclusive if "inconclusive" in found else "pass"


def _told(gates: Sequence[GateResult]) -> str:
    """Return the sentences of a gate's results, one a line."""
    rows = [f"{gate.outcome}: {gate.title} ({gate.who}): {gate.reason}" for gate in gates]
    return "\n".join(rows) or "the gate judged nothing"
