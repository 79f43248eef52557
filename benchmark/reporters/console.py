"""The leaderboard in a terminal, as wide as the terminal is."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from benchmark.plugins import Plugin, Report
from benchmark.reporters import board as boards
from benchmark.reporters import brief, forgetting, retrieval, trust, verdict
from benchmark.reporters import format as fmt
from benchmark.reporters.board import Board
from benchmark.reporters.console_board import (
    leaderboard_table as leaderboard_table,  # noqa: PLC0414 (also found here)
)
from benchmark.reporters.console_tables import (
    forgetting_table,
    retrieval_table,
    training_table,
    trust_table,
)
from benchmark.results import Results

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

MIN_WIDTH = 40
"""A terminal that claims to be narrower is written to as if it were this wide."""
PIPED = 160
"""Cells of a line in a file or a pipe, which cuts nothing off; `COLUMNS` sets another width."""
_TONES = {"pass": "green", "fail": "red", "inconclusive": "yellow", "none": ""}


class Console(Plugin):
    """Prints verdict, leaderboard, gates and the path of the full report."""

    prints: ClassVar[bool] = True
    """`bench run --json` leaves it out: stdout is then the JSON's alone."""

    def write(self, report: Report) -> None:
        """Print to standard output; no file is written."""
        from rich.console import Console as Terminal

        terminal = Terminal(highlight=False)
        is_wide = not terminal.is_terminal and not os.environ.get("COLUMNS", "").isdigit()
        if is_wide:
            terminal = Terminal(highlight=False, width=PIPED)
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
    doubts = [("!", "yellow", notice) for notice in brief.sentences(results, board)]
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
    found = retrieval_table(results, width)
    if found is not None:
        yield Text("\nRetrieval", style="bold")
        yield found
        yield _list([("·", "dim", sentence) for sentence in retrieval.losses(results)])
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
