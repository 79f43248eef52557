"""What a reader must know, in as few words as a terminal or a comment has room for."""

from __future__ import annotations

from benchmark.reporters import format as fmt
from benchmark.reporters.board import Board
from benchmark.reporters.notices import Notice, grouped
from benchmark.results import Results

NAMED = 3
"""Of what a notice is about, so much is named; the rest is counted."""


def sentences(results: Results, board: Board) -> list[str]:
    """Return the notices, each with the first of what it is about; the HTML page lists all."""
    return [_brief(notice) for notice in grouped(results, board)]


def _brief(notice: Notice) -> str:
    text = notice.text.removesuffix(".")
    if not notice.items:
        return notice.text
    if len(notice.items) == 1:
        return f"{text}: {notice.items[0]}"
    return f"{text} ({fmt.some([item.removesuffix('.') for item in notice.items], NAMED, '; ')})."
