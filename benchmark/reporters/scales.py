"""What the controls say of each number, and which texts a metric did not read whole, in words."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.reporters import format as fmt
from benchmark.reporters.board import Board, Column
from benchmark.results import Results

MARK = "⚠"
"""Stands at the name of a number that cannot tell the right answer from another's."""
NEAR = 0.8
"""How far an echo may get towards the oracle before it is said."""
LEGEND = (
    "The share behind a value is its place between the best fake without skill (0\u202f%) and "
    "the oracle (100\u202f%)."
)
UNINFORMATIVE = f"{MARK} cannot tell the right answer from another example's on this suite."


def legend(board: Board) -> list[str]:
    """Return what shares and marks mean, as far as the board has any."""
    has_place = any(cell.place for row in board.models for cell in row.cells)
    marked = any(column.uninformative for column in board.columns)
    return [LEGEND] * has_place + [UNINFORMATIVE] * marked


def notices(results: Results, board: Board) -> Iterator[str]:
    """Yield what a reader must know of the numbers themselves, one sentence each."""
    blind = [column for column in board.columns if column.uninformative]
    if blind:
        names = fmt.some([_apart(one) for one in blind])
        yield (
            "On this suite the right answer and another example's cannot be told apart by "
            f"{_how_many(blind)}{names}: there, no number says anything of quality."
        )
    near = [column for column in board.columns if (_echo(column) or 0.0) >= NEAR]
    if near:
        shares = fmt.some([f"{fmt.percent(_echo(one))} on {_name(one)}" for one in near])
        yield (
            f"An echo of the prompt gets as far towards the oracle as {shares}: there, "
            "repeating the question is enough."
        )
    yield from _cut(results)


def _how_many(columns: list[Column]) -> str:
    """Return "9 numbers: " where not all of them are named."""
    names = [_name(column) for column in columns]
    return "" if fmt.some(names) == ", ".join(names) else f"{fmt.plural(len(names), 'number')}: "


def _apart(column: Column) -> str:
    """Return a number with its "(oracle minus shuffled 0.010 [−0.020, 0.040])"."""
    scale = column.scale
    if scale is None:
        return _name(column)
    ends = fmt.interval(scale.low, scale.high, column.decimals, sign=True)
    difference = fmt.signed(scale.difference, column.decimals)
    return f"{_name(column)} (oracle minus shuffled {difference} {ends})"


def _echo(column: Column) -> float | None:
    return fmt.known(column.scale.echo) if column.scale else None


def _name(column: Column) -> str:
    return fmt.one_line(column.score)


def _cut(results: Results) -> Iterator[str]:
    """Name each metric that read texts only in part; its numbers all come from the same texts."""
    cut: dict[str, dict[str, tuple[int, int]]] = {}
    for row in results.scores:
        if row.cut:
            cut.setdefault(row.metric, {})[row.candidate] = (row.cut, row.n)
    for metric, counts in cut.items():
        shown = ", ".join(
            f"{fmt.count(count)} of {fmt.count(n)} of {fmt.one_line(candidate)}"
            for candidate, (count, n) in counts.items()
        )
        yield (
            f"{fmt.one_line(metric)} read an answer or its reference only up to its longest "
            f"text: {shown}. What comes after was not compared."
        )
