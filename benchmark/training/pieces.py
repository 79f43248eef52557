"""Which rows of an optimizer step go through the model together.

The rows of a step are fixed by the suite; how they are cut is not allowed to matter, and decides
only speed and memory. Every token's loss is divided by the number of learned tokens of the whole
step, so the sum over the pieces is the step's mean, whatever the pieces (the mistake that made
accumulated losses wrong in many trainers was to average the pieces' means).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class Pieces:
    """How rows are cut, and what came of it; changes when memory runs out.

    Attributes:
        tokens: Most tokens of a piece, padding included.
        rows: Most rows of a piece.
        masked: Whether the model needs an attention mask. Rows are padded at their end, where
            a causal model never looks from a real token, so most need none: attention is then
            the plain causal kernel. Methods that put learned tokens in front are given one.
    """

    tokens: int
    rows: int
    masked: bool = False
    out_of_memory: int = 0
    steps: int = 0
    passes: int = 0
    real: int = 0
    padded: int = 0

    def shrink(self, largest: int) -> None:
        """Let a piece hold at most half of the tokens that were too many."""
        self.out_of_memory += 1
        self.tokens = max(1, largest // 2)


def cut(lengths: Sequence[int], budget: int, rows: int) -> list[list[int]]:
    """Return positions of rows, piece by piece, the longest rows first.

    Rows of like length stand together, since all are padded to the longest of their piece.

    Args:
        lengths: Tokens of each row.
        budget: Most tokens of a piece, padding included; a row longer than that stands alone.
        rows: Most rows of a piece.
    """
    pieces: list[list[int]] = []
    width = 0
    for at in sorted(range(len(lengths)), key=lambda at: (-lengths[at], at)):
        last = pieces[-1] if pieces else None
        if last is None or len(last) == rows or (len(last) + 1) * width > budget:
            pieces.append([at])
            width = lengths[at]
        else:
            last.append(at)
    return pieces


def evened(pieces: list[list[int]], count: int) -> list[list[int]]:
    """Return exactly `count` pieces, for processes that must make the same number of passes.

    The largest piece is halved until there are enough. Where rows run out, pieces are empty.
    """
    pieces = [list(piece) for piece in pieces]
    while len(pieces) < count:
        largest = max(pieces, key=len)
        half = len(largest) // 2
        pieces.append(largest[len(largest) - half :])
        del largest[len(largest) - half :]
    return pieces


def computed(lengths: Sequence[int], pieces: Sequence[Sequence[int]]) -> int:
    """Return how many tokens go through the model, padding included."""
    return sum(len(piece) * max(lengths[at] for at in piece) for piece in pieces if piece)
