"""Charts of `report.md`: drawn with letters, or as SVG files beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmark.plugins import Report
from benchmark.reporters import format as fmt
from benchmark.reporters import mark, plots
from benchmark.reporters.board import Board, Cell
from benchmark.reporters.files import write_text
from benchmark.reporters.foremost import foremost
from benchmark.results import Results

WIDTH = 41
"""Letters of the axis."""
MOST_NAME = 18
MOST_ROWS = 24
"""Lines of one chart; a sweep has more candidates than a comment has room for."""


def whiskers(results: Results, board: Board, most: int) -> Iterator[str]:
    """Yield the differences from the baseline with their intervals, each number on its own scale.

    Args:
        results: A run's.
        board: Its leaderboard.
        most: Numbers that are drawn.
    """
    lines = []
    for column in foremost(results, board, most):
        cells = [
            (row.name, cell)
            for row in board.contenders
            if (cell := row.cell(column.score)) and _ends(cell) is not None
        ]
        if cells:
            way = fmt.arrow(column.higher_is_better)
            lines += ["", f"{fmt.one_line(column.score, 60)}{way}", *_rows(cells)]
    if lines:
        yield from mark.fenced(lines[1:])
        yield f"● difference, ├─┤ its {board.level} interval, ┊ no difference."
        yield ""


def pictures(report: Report, folder: Path) -> Iterator[str]:
    """Write the charts as SVG beside the page, and yield the lines that show them."""
    drawn = {
        "differences": ("Differences from the baseline", plots.forest(report.results)),
        "paired": ("Differences answer by answer", plots.differences(report)),
        "curves": ("Loss by step", plots.curves(report.results)),
    }
    for name, (title, svg) in drawn.items():
        if svg is not None:
            path = write_text(folder / f"report-{name}.svg", svg)
            yield from (f"![{title}]({path.name})", "")


def _rows(cells: list[tuple[str, Cell]]) -> Iterator[str]:
    spans = [ends for _, cell in cells if (ends := _ends(cell))]
    least, most = min(0.0, *(low for low, _, _ in spans)), max(0.0, *(up for _, _, up in spans))
    wide = max(len(name) for name, _ in cells[:MOST_ROWS])
    for name, cell in cells[:MOST_ROWS]:
        ends = _ends(cell)
        if ends is not None:
            axis = _axis(ends, least, most)
            said = f"{cell.difference} {cell.difference_interval} {cell.mark}".rstrip()
            shown = name if len(name) <= MOST_NAME else f"{name[: MOST_NAME - 1]}…"
            yield f"{shown:<{min(wide, MOST_NAME)}} {axis} {said}"
    if len(cells) > MOST_ROWS:
        yield f"and {len(cells) - MOST_ROWS} more"


def _axis(ends: tuple[float, float, float], least: float, most: float) -> str:
    def place(value: float) -> int:
        share = (value - least) / (most - least) if most > least else 0.5
        return round(share * (WIDTH - 1))

    letters = [" "] * WIDTH
    letters[place(0.0)] = "┊"
    low, middle, high = map(place, ends)
    letters[low : high + 1] = "─" * (high - low + 1)
    letters[low], letters[high] = "├", "┤"
    letters[middle] = "●"
    return "".join(letters)


def _ends(cell: Cell) -> tuple[float, float, float] | None:
    """Return low end, difference and high end, if all of them are numbers."""
    one = cell.comparison
    if one is None:
        return None
    low, value, high = map(fmt.known, (one.low, one.difference, one.high))
    if low is None or value is None or high is None:
        return None
    return min(low, value), value, max(high, value)
