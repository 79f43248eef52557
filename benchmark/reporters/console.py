"""The leaderboard in a terminal, as wide as the terminal is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from benchmark.plugins import Plugin, Report
from benchmark.reporters import board as boards
from benchmark.reporters import forgetting, scales, trust, verdict
from benchmark.reporters import format as fmt
from benchmark.reporters.board import Board, Column, Row
from benchmark.reporters.console_tables import (
    GAP,
    NAME,
    forgetting_table,
    plain_table,
    training_table,
    trust_table,
)
from benchmark.results import Results

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

MIN_WIDTH = 40
"""A terminal that claims to be narrower is written to as if it were this wide."""
_PLACE = "of\noracle"
_PLACE_SAYS = "of oracle: 0 % is the best fake without skill, 100 % the oracle"
_TONES = {"pass": "green", "fail": "red", "inconclusive": "yellow", "none": ""}
_MARKS = {"better": "green", "worse": "red", "": ""}


class Console(Plugin):
    """Prints verdict, leaderboard, gates and the path of the full report."""

    prints: ClassVar[bool] = True
    """`bench run --json` leaves it out: stdout is then the JSON's alone."""

    def write(self, report: Report) -> None:
        """Print to standard output; no file is written."""
        from rich.console import Console as Terminal

        terminal = Terminal(highlight=False)
        width = max(terminal.width, MIN_WIDTH)
        with terminal.capture() as captured:
            for part in _parts(report.results, width):
                terminal.print(part, width=width)
        page = report.folder / "report.html"
        lines = [line.rstrip() for line in captured.get().splitlines()]
        lines += ["", fmt.clean(_near(page if page.is_file() else report.folder)), ""]
        text = "\n".join(lines)
        # A terminal that has no "▲" shows "?": no reason to lose the result of a run.
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()


def leaderboard_table(results: Results, width: int) -> Table:
    """Return the leaderboard, with as many numbers as fit and a caption that names the others.

    Args:
        results: A run's.
        width: Cells that the table may take; the first number is shown however few they are.
    """
    from rich.text import Text

    board = boards.build(results)
    rows = [*board.models, *board.controls]
    names = [fmt.one_line(row.candidate.name, NAME) for row in rows]
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
    layouts: list[_Layout], names: list[str], counts: list[str], width: int
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


def _used(names: list[str], counts: list[str]) -> int:
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
        names = ", ".join(fmt.one_line(layout.column.score, NAME) for layout in left_out)
        lines.append(f"not shown here: {names}")
    return "\n".join(lines)


def _parts(results: Results, width: int) -> Iterator[RenderableType]:
    from rich.text import Text

    board = boards.build(results)
    head = verdict.headline(results)
    symbol = verdict.SYMBOLS.get(head.tone, "")
    word = Text(f"{symbol} {head.word}".strip(), style=f"bold {_TONES[head.tone]}".strip())
    yield Text("")
    yield Text.assemble(word, "  ", head.sentence)
    facts = [
        f"{fmt.one_line(results.suite)} v{results.suite_version}",
        fmt.plural(results.dataset.test, "test example"),
        fmt.duration(results.seconds),
        fmt.one_line(results.environment.device),
    ]
    yield Text(" · ".join(facts), style="dim")
    yield Text("")
    yield leaderboard_table(results, width)
    gates = [
        (verdict.SYMBOLS[gate.outcome], _TONES[gate.outcome],
         f"{fmt.one_line(gate.title)} ({fmt.one_line(gate.who)}): {fmt.one_line(gate.reason, 600)}")
        for gate in verdict.ordered_gates(results)
    ]  # fmt: skip
    claims = [("·", "", claim) for claim in verdict.claims(board)]
    doubts = [("!", "yellow", notice) for notice in verdict.notices(results, board)]
    doubts += [("·", "dim", note) for note in verdict.notes(board)]
    yield from _section("Gates", gates)
    yield from _section(f"Against {fmt.one_line(board.baseline)}", claims)
    yield from _trained(results, board, width)
    yield from _section("Before you trust the numbers", doubts)


def _section(title: str, lines: list[tuple[str, str, str]]) -> Iterator[RenderableType]:
    from rich.text import Text

    if lines:
        yield Text(f"\n{title}", style="bold")
        yield _list(lines)


def _trained(results: Results, board: Board, width: int) -> Iterator[RenderableType]:
    """Yield what training cost and gave, what it did to general text, what judges are worth."""
    from rich.text import Text

    for title, table in (
        ("Training", training_table(board, width)),
        ("General text", forgetting_table(results, width)),
    ):
        if table is not None:
            yield Text(f"\n{title}", style="bold")
            yield table
    said = forgetting.sentences(results)
    if said:
        yield _list([("·", "", sentence) for sentence in said])
    judges = trust_table(results, width)
    if judges is not None:
        yield Text(f"\n{trust.TITLE}", style="bold")
        yield judges


def _list(lines: list[tuple[str, str, str]]) -> Table:
    """Return (symbol, style, text) lines, wrapped beside their symbols."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for symbol, style, text in lines:
        grid.add_row(Text(symbol, style=style), Text(text))
    return grid


def _near(path: Path) -> str:
    """Return the path from here if it is below, else from the root."""
    path, here = path.absolute(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
