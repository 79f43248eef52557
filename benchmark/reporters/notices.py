"""What a reader must know before trusting the numbers: one line each, the rest folded away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.reporters import format as fmt
from benchmark.reporters import verdict
from benchmark.reporters.board import Board
from benchmark.results import Results

SHORT = 260
"""Characters of a notice that stays whole."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to know."""

    text: str
    items: tuple[str, ...] = ()
    """What it is about, one line each."""

    @property
    def fold(self) -> str:
        """Return what stands where the items are folded away."""
        return f"show {'it' if len(self.items) == 1 else f'all {fmt.count(len(self.items))}'}"


def grouped(results: Results, board: Board) -> list[Notice]:
    """Return the notices of a run, those of one kind and those of many numbers as one line."""
    found = [_folded(sentence) for sentence in verdict.notices(results, board)]
    cut = [notice for notice in found if notice.text.endswith(" cut at the token limit.")]
    if len(cut) < 2:
        return found
    rest = [notice for notice in found if notice not in cut]
    together = Notice(
        f"{fmt.count(len(cut))} candidates have answers that were cut at the token limit.",
        tuple(notice.text for notice in cut),
    )
    return [*rest, together]


def _folded(sentence: str) -> Notice:
    """Fold what a long sentence lists between its beginning and its ": there, ..." end."""
    for opening in (", or better, on ", "cannot be told apart by ", "towards the oracle as "):
        head, found, rest = sentence.partition(opening)
        listed, there, end = rest.rpartition(": there, ")
        if not found or not there:
            continue
        items = _items(listed)
        if len(items) > 3:
            count = fmt.plural(len(items), "number")
            return Notice(f"{head}{opening}{count}: there, {end}", tuple(items))
    if len(sentence) <= SHORT:
        return Notice(sentence)
    head, stop, rest = sentence.partition(": ")
    return Notice(f"{head}.", (rest,)) if stop and len(head) <= SHORT else Notice(sentence)


def _items(listed: str) -> Sequence[str]:
    """Cut a list at its commas, but for those inside brackets."""
    items, depth, start = [], 0, 0
    for place, letter in enumerate(listed):
        depth += (letter in "([") - (letter in ")]")
        if depth == 0 and listed.startswith(", ", place):
            items.append(listed[start:place])
            start = place + 2
    return [*items, listed[start:]]
