"""Where the marks of a chart go, in pixels; the template draws them as inline SVG."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from benchmark.reporters import format as fmt
from benchmark.reporters.board import Board, Cell, Column


class Scale(NamedTuple):
    """Maps [low, high] to [start, end]."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the place of a value, rounded to 0.01 pixel; the middle if the range is empty."""
        if self.high <= self.low:
            return (self.start + self.end) / 2
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 2)


@dataclass(frozen=True, slots=True)
class Whisker:
    """A point with its interval; `left` and `right` are equal when there is no interval."""

    left: float
    point: float
    right: float


def score_scale(board: Board, column: Column, width: float) -> Scale:
    """Return one scale for a column, so that its whiskers can be compared down the table."""
    cells = [row.cell(column.score) for row in (*board.models, *board.controls)]
    ends = [
        end
        for cell in cells
        if cell and cell.summary
        for end in _finite((cell.summary.value, cell.summary.low, cell.summary.high))
    ]
    return Scale(min(ends, default=0.0), max(ends, default=1.0), 3, width - 3)


def score_whisker(cell: Cell, scale: Scale) -> Whisker | None:
    """Return the whisker of one number, or None when it has no value."""
    if cell.summary is None:
        return None
    return _whisker(cell.summary.value, cell.summary.low, cell.summary.high, scale)


def difference_scale(cells: Iterable[Cell], width: float) -> Scale:
    """Return a scale with 0 in the middle, wide enough for all differences of one number."""
    ends = [
        abs(end)
        for cell in cells
        if (one := cell.comparison)
        for end in _finite((one.difference, one.low, one.high))
    ]
    reach = max(ends, default=0.0) or 1.0
    return Scale(-reach, reach, 4, width - 4)


def difference_whisker(cell: Cell, scale: Scale) -> Whisker | None:
    """Return the whisker of one difference, turned so that right is always better."""
    one = cell.comparison
    if one is None:
        return None
    if cell.column.higher_is_better is not False:
        return _whisker(one.difference, one.low, one.high, scale)
    value, low, high = (
        None if end is None else -end for end in (one.difference, one.high, one.low)
    )
    return _whisker(value, low, high, scale)


def _whisker(
    value: float | None, low: float | None, high: float | None, scale: Scale
) -> Whisker | None:
    value, low, high = fmt.known(value), fmt.known(low), fmt.known(high)
    if value is None:
        return None
    point = scale.at(value)
    if low is None or high is None:
        return Whisker(point, point, point)
    return Whisker(scale.at(low), point, scale.at(high))


def _finite(values: Iterable[float | None]) -> list[float]:
    return [known for value in values if (known := fmt.known(value)) is not None]
