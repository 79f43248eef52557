"""Finished runs beside each other, over suites and time: what `bench leaderboard` finds."""

from __future__ import annotations

from typing import Literal

from benchmark.gate_results import Outcome
from benchmark.records import Record


class RunNote(Record):
    """One finished run, in short."""

    suite: str
    suite_version: int
    run_id: str
    folder: str
    finished: str
    """ISO time."""
    commit: str | None
    dirty: bool | None
    status: Literal["complete", "incomplete"]
    verdict: Outcome
    gates: int
    test: int
    """Test examples."""
    test_sha256: str
    primary: str
    """The number that its leaderboard is sorted by."""


class Change(Record):
    """One number of a candidate against the same number in an earlier comparable run."""

    against: str
    """The earlier run's id."""
    difference: float
    """This run minus the earlier one, over the examples that both answered where it is paired."""
    low: float | None
    high: float | None
    """Ends of the 95 % interval of the difference; None where only two intervals were compared."""
    n: int
    """Examples that both answered; 0 where only two intervals were compared."""
    how: str
    """How it was compared: "paired, Student's t ...", or "overlapping intervals" and why."""
    verdict: Literal["better", "worse", ""]
    """"" where the two cannot be told apart, or neither way is better."""


class Point(Record):
    """One number of one candidate in one run."""

    run_id: str
    finished: str
    commit: str | None
    dirty: bool | None
    fingerprint: str
    """Hash of the weights that answered."""
    adapter: str
    """First digits of the key of the adapter that the run trained; "" for none."""
    value: float
    low: float | None
    high: float | None
    n: int
    failed: int
    change: Change | None = None
    """None for the first of its line."""


class Line(Record):
    """One candidate's number over runs, the oldest first."""

    candidate: str
    kind: Literal["model", "control"]
    points: tuple[Point, ...]


class Series(Record):
    """One number, measured in one way on one test set: only such runs share a chart."""

    score: str
    metric: str
    signature: str
    higher_is_better: bool | None
    test: int
    test_sha256: str
    lines: tuple[Line, ...]
    apart: str = ""
    """Why it does not share a chart with the newest run's; "" for that one."""

    @property
    def runs(self) -> list[str]:
        """Return the ids of its runs, the oldest first."""
        times = {point.run_id: point.finished for line in self.lines for point in line.points}
        return sorted(times, key=lambda name: (times[name], name))


class Best(Record):
    """One row of a suite's leaderboard: a candidate with one set of weights."""

    candidate: str
    kind: Literal["model", "control"]
    description: str
    point: Point
    """Its number in the newest run with these weights."""
    runs: int
    """Comparable runs in which these weights answered."""
    baseline: str
    """What that run compared with; "" for the baseline itself."""
    difference: float | None
    low: float | None
    high: float | None
    """Difference from that baseline in the same run, with its 95 % interval."""
    verdict: Literal["better", "worse", ""]
    """Against that baseline, beyond chance."""


class Table(Record):
    """Who is best on one number, over the runs that can be compared with the newest."""

    score: str
    higher_is_better: bool | None
    rows: tuple[Best, ...]
    """Models, the best first; then the newest run's controls."""


class SuiteHistory(Record):
    """All finished runs of one suite."""

    suite: str
    runs: tuple[RunNote, ...]
    """The oldest first."""
    tables: tuple[Table, ...]
    """The suite's first number first."""
    series: tuple[Series, ...]
    """Of each number: what the newest run can be compared with, then the others."""
    known: tuple[str, ...]
    """Every number of the newest run."""

    @property
    def latest(self) -> RunNote:
        """Return the newest run."""
        return self.runs[-1]

    def regressions(self) -> list[tuple[Series, Line, Point]]:
        """Return every point that is worse than the one before it, the newest first."""
        found = [
            (series, line, point)
            for series in self.series
            for line in series.lines
            for point in line.points
            if line.kind == "model" and point.change and point.change.verdict == "worse"
        ]
        return sorted(found, key=lambda item: item[2].finished, reverse=True)


class History(Record):
    """All of it."""

    suites: tuple[SuiteHistory, ...]
    problems: tuple[str, ...] = ()
    """One line for each run folder that could not be read."""
