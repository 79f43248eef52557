"""Which of many numbers a reader sees first."""

from __future__ import annotations

from benchmark.reporters.board import Board, Column
from benchmark.results import Results

MOST = 8
"""Numbers that a page shows side by side before it asks whether to show the others."""


def foremost(results: Results, board: Board, most: int = MOST) -> tuple[Column, ...]:
    """Return at most `most` columns, in the order of the board.

    The primary number and those that gates judge come first; then one number a metric, those
    that can tell a right answer from another's; then what is left.
    """
    gated = {gate.score for gate in results.gates}
    seen: set[str] = set()
    ranks: dict[str, tuple[int, int]] = {}
    for place, column in enumerate(board.columns):
        decides = column.primary or column.score in gated
        is_first = column.metric not in seen and not column.uninformative
        directs = column.higher_is_better is not None
        rank = 0 if decides else 1 if is_first and directs else 2 if not column.uninformative else 3
        ranks[column.score] = (rank, place)
        if is_first:
            seen.add(column.metric)
    kept = sorted(board.columns, key=lambda column: ranks[column.score])[:most]
    return tuple(column for column in board.columns if column in kept)
