"""The leaderboard of a terminal: as many numbers as fit, and a caption that names the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.reporters import board as boards
from benchmark.reporters import format as fmt
from benchmark.reporters import scales
from benchmark.reporters.board import Board, Column, Row
from benchmark.reporters.console_tables import GAP, NAME, plain_table, shortened
from benchmark.results import Results

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_PLACE = "of\noracle"
_PLACE_SAYS = "of oracle: 0 % is the best fake without skill, 100 % the oracle"
_MARKS = {"better": "green", "worse": "red", "": ""}
_NAMED = 6
"""Numbers that are named among those left out."""


def leaderboard_table(results: Results, width: int) -> Table:
    """Return the leaderboard, with as many numbers as fit and a caption that names the others.

    Args:
        results: A run's.
        width: Cells that the table may take; the first number is shown however few they are.
    """
    from rich.text import Text

    board = boards.build(results)
    rows = [*board.models, *board.controls]
    names = shortened([row.candidate.name for row in rows], width)
    counts = [_count(row) for row in rows]
    layouts = [_Layout.of(column, rows) for column in board.columns]
    places = _places(board, rows)
    # The primary number and its place come first; a terminal too narrow for both has no places.
    room = GAP + max(map(len, [*places, *_PLACE.split("\n")])) if any(places) else 0
    if room and _used(names, counts) + GAP + layouts[0].width + room > width:
        places, room = [], 0
    shown, left_out = _fitting(layouts, names, counts, width - room)
    caption = _caption(board, shown, left_out)
    if room:
        caption += f"\n{_PLACE_SAYS}"
    table = plain_table(caption)
    table.add_column(Text("candidate"), no_wrap=True)
    table.add_column(Text("n"), justify="right", no_wrap=True)
    for layout in shown:
        table.add_column(Text(layout.head), no_wrap=True, min_width=layout.width)
        if layout is shown[0] and room:
            table.add_column(Text(_PLACE), justify="right", no_wrap=True)
    for at, (row, name, count) in enumerate(zip(rows, names, counts, strict=True)):
        if row.candidate.kind == "control" and table.rows and row is board.controls[0]:
            table.add_section()
        cells = [layout.text(row) for layout in shown]
        if room:
            cells.insert(1, Text(places[at]))
        style = "dim" if row.candidate.kind == "control" else ""
        table.add_row(Text(name), Text(count), *cells, style=style)
    return table


@dataclass(frozen=True, slots=True)
class _Layout:
    """How one number's column is laid out; its parts stand below each other."""

    column: Column
    head: str
    value: int
    """Cells of the value, and of what follows the "±"."""
    half: int

    @property
    def width(self) -> int:
        """Return the cells that the column takes."""
        return max([self.value + self.half + 2, *map(len, self.head.split("\n"))])

    @classmethod
    def of(cls, column: Column, rows: list[Row]) -> _Layout:
        """Measure a column."""
        cells = [cell for row in rows if (cell := row.cell(column.score))]
        value = max([len(cell.value) for cell in cells], default=1)
        half = max([len(cell.half) for cell in cells], default=0)
        return cls(column, _head(column, value + half + 2), value, half)

    def text(self, row: Row) -> Text:
        """Return a candidate's number, right-aligned; a model's is coloured where it differs."""
        from rich.text import Text

        cell = row.cell(self.column.score)
        if cell is None:
            return Text(fmt.NOTHING)
        half = cell.half
        colour = _MARKS[cell.verdict] if row.candidate.kind == "model" else ""
        style = f"{colour} {'bold' if self.column.primary else ''}"
        body = f"{cell.value:>{self.value}}{half:<{self.half}} {cell.mark or ' '}"
        return Text(body, style=style.strip())


def _fitting(
    layouts: list[_Layout], names: Sequence[str], counts: Sequence[str], width: int
) -> tuple[list[_Layout], list[_Layout]]:
    """Divide the columns into those that fit and those that do not; the first always fits."""
    used = _used(names, counts)
    shown: list[_Layout] = []
    left_out: list[_Layout] = []
    for layout in layouts:
        if shown and used + GAP + layout.width > width:
            left_out.append(layout)
            continue
        shown.append(layout)
        used += GAP + layout.width
    return shown, left_out


def _used(names: Sequence[str], counts: Sequence[str]) -> int:
    """Return the cells of the columns that are always there."""
    from rich.cells import cell_len

    return max(map(cell_len, ["candidate", *names])) + GAP + max(map(len, ["n", *counts]))


def _places(board: Board, rows: list[Row]) -> list[str]:
    """Return each model's place on the first number's scale, "" for controls and where none is."""
    if not board.columns:
        return []
    return [row.cells[0].place if row.candidate.kind == "model" else "" for row in rows]


def _head(column: Column, width: int) -> str:
    """Return a column's name, broken after underscores where it is wider than its numbers."""
    parts = [f"{part}_" for part in fmt.one_line(column.score, 2 * NAME).split("_")]
    parts[-1] = parts[-1][:-1] + fmt.arrow(column.higher_is_better)
    parts[-1] += f" {scales.MARK}" if column.uninformative else ""
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1] + part) <= width:
            lines[-1] += part
        else:
            lines.append(part)
    return "\n".join(lines)


def _count(row: Row) -> str:
    """Return how many answers the first number rests on, and how many failed: "31, 1 failed"."""
    if row.candidate.error is not None and not row.has_values:
        return "error"  # what it was stands below the table
    first = row.cells[0].n if row.cells else ""
    return (first or fmt.n_and_failed(row.candidate.answered, row.candidate.failed)).removeprefix(
        "n="
    )


def _caption(board: Board, shown: list[_Layout], left_out: list[_Layout]) -> str:
    lines = []
    if not board.columns:
        lines.append("Nothing was scored.")
    elif any(cell.half for row in board.models for cell in row.cells):
        lines.append(f"± half of the {board.level} interval; ↑ ↓ which way is better")
    if board.contenders and shown:
        lines.append(f"▲ better, ▼ worse than {fmt.one_line(board.baseline, NAME)} beyond chance")
    if any(layout.column.uninformative for layout in shown):
        lines.append(scales.UNINFORMATIVE)
    if left_out:
        names = [fmt.one_line(layout.column.score, 2 * NAME) for layout in left_out]
        lines.append(f"not shown here: {fmt.some(names, _NAMED)}")
    return "\n".join(lines)
