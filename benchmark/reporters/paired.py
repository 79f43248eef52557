"""How a candidate's answers differ from the baseline's, example by example."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmark.plugins import Report
from benchmark.records import Score
from benchmark.reporters import format as fmt
from benchmark.reporters.board import Board, Column

BARS = 10
"""Bars on each side of 0."""
MOST_SCORES = 5
"""Numbers that are shown: the primary one, those that gates judge, and those of citations."""
MOST_CANDIDATES = 9


@dataclass(frozen=True, slots=True)
class Spread:
    """The paired differences of one candidate on one number."""

    score: str
    candidate: str
    higher_is_better: bool | None
    bars: tuple[tuple[float, float, int], ...]
    """(low end, high end, examples) of each bar that is not empty; the middle one is around 0."""
    better: int
    same: int
    worse: int
    reach: float
    """Where the outermost bars end, on both sides of 0."""

    @property
    def n(self) -> int:
        """Return how many examples both answered."""
        return self.better + self.same + self.worse

    @property
    def moved(self) -> bool:
        """Tell whether any example scores otherwise than the baseline's."""
        return self.same < self.n

    @property
    def title(self) -> str:
        """Return "lora: 20 better, 3 the same, 9 worse"."""
        ways = ("better", "worse") if self.higher_is_better is not None else ("higher", "lower")
        counts = (f"{fmt.count(self.better)} {ways[0]}", f"{fmt.count(self.same)} the same",
                  f"{fmt.count(self.worse)} {ways[1]}")  # fmt: skip
        return f"{self.candidate}: {', '.join(counts)}"

    @property
    def short(self) -> str:
        """Return the same for the head of a chart: "lora: ▲ 20, = 3, ▼ 9"."""
        counts = map(fmt.count, (self.better, self.same, self.worse))
        return "{}: ▲ {}, = {}, ▼ {}".format(self.candidate, *counts)

    def side(self, low: float) -> str:
        """Return whether a bar holds what is "better" or "worse", or "" for neither."""
        middle = low + self.reach / (2 * BARS + 1)
        if abs(middle) < self.reach / (2 * BARS + 1) or self.higher_is_better is None:
            return ""
        return "better" if (middle > 0) == self.higher_is_better else "worse"


def spreads(report: Report, board: Board) -> list[Spread]:
    """Return the paired differences of the numbers that matter most, by number and candidate."""
    columns = _columns(report, board)
    names = [row.candidate.name for row in board.contenders if row.has_values][:MOST_CANDIDATES]
    values = per_example(report.scores, board, columns, {board.baseline, *names})
    found = []
    for column in columns:
        base = values.get((board.baseline, column.score), {})
        pairs = {
            name: [
                value - base[example]
                for example, value in values.get((name, column.score), {}).items()
                if example in base
            ]
            for name in names
        }
        reach = max((abs(one) for row in pairs.values() for one in row), default=0.0) or 1.0
        # Wide enough that the middle bar is as wide as the others.
        reach *= (2 * BARS + 1) / (2 * BARS)
        found += [_spread(column, name, row, reach) for name, row in pairs.items() if row]
    return found


def per_example(
    scores: Sequence[Score], board: Board, columns: Sequence[Column], names: set[str]
) -> dict[tuple[str, str], dict[str, float]]:
    """Return finite per-example values of some numbers: (candidate, number) -> example -> value.

    Args:
        scores: All of a run's.
        board: Its leaderboard.
        columns: Which numbers.
        names: Which candidates.
    """
    wanted = {column.score: column for column in columns}
    metrics = {column.metric for column in columns}
    found: dict[tuple[str, str], dict[str, float]] = {}
    for row in scores:
        if row.candidate not in names or row.metric not in metrics:
            continue
        for name, value in row.values.items():
            label = label_of(row.metric, name, wanted)
            if label is not None and math.isfinite(value):
                found.setdefault((row.candidate, label), {})[row.example_id] = value
    return found


def label_of(metric: str, name: str, columns: dict[str, Column]) -> str | None:
    """Return the label of a metric's number on the board, None if it is not among `columns`."""
    # A metric with a name of its own in the suite puts it before its numbers.
    for label in (f"{metric}.{name}", name):
        if label in columns and columns[label].metric == metric:
            return label
    return None


def _columns(report: Report, board: Board) -> list[Column]:
    gated = {gate.score for gate in report.results.gates}
    order: Iterator[Column] = (
        column
        for wanted in (
            lambda one: one.primary,
            lambda one: one.score in gated,
            lambda one: "citation" in f"{one.metric} {one.score}" and one.higher_is_better,
            lambda one: "citation" in f"{one.metric} {one.score}",
        )
        for column in board.columns
        if wanted(column)
    )
    return list(dict.fromkeys(order))[:MOST_SCORES]


def _spread(column: Column, name: str, values: Sequence[float], reach: float) -> Spread:
    width = 2 * reach / (2 * BARS + 1)
    counts: dict[int, int] = {}
    for value in values:
        place = 0 if value == 0 else round(value / width)
        counts[place] = counts.get(place, 0) + 1
    above, below = sum(value > 0 for value in values), sum(value < 0 for value in values)
    higher = column.higher_is_better
    better, worse = (above, below) if higher is not False else (below, above)
    bars = tuple(
        ((place - 0.5) * width, (place + 0.5) * width, count)
        for place, count in sorted(counts.items())
    )
    return Spread(
        score=fmt.one_line(column.score, 60), candidate=fmt.one_line(name, 40),
        higher_is_better=higher, bars=bars, better=better,
        same=len(values) - above - below, worse=worse, reach=reach,
    )  # fmt: skip
