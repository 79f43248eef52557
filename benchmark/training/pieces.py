"""Which rows of an optimizer step go through the model together, and side by side with which.

The rows of a step are fixed by the suite; how they are cut is not allowed to matter, and decides
only speed and memory. Every token's loss is divided by the number of learned tokens of the whole
step, so the sum over the pieces is the step's mean, whatever the pieces (the mistake that made
accumulated losses wrong in many trainers was to average the pieces' means).

On a GPU, short rows share a line, one behind the other, and do not see each other: next to
nothing is computed for padding, and all lines of a training have one length, which a compiler
likes. Elsewhere rows of like length stand together, each in a line of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Line = list[int]
"""Positions of the rows that stand in one line, in their order there."""


@dataclass
class Pieces:
    """How rows are cut, and what came of it; changes when memory runs out.

    Attributes:
        tokens: Most tokens of a piece, padding included.
        rows: Most rows of a piece.
        line: Length of a line in tokens; 0: each row has a line of its own, as long as the
            longest row of its piece.
        overhead: What a further pass costs beside its tokens, in tokens.
        lines: Where above 1 (with `line` only), a piece has a multiple of so many lines, so that
            a compiler sees few shapes; those without rows are padding.
        steady: Whether the model is compiled and every piece should look alike.
        masked: Whether learned tokens stand before each row, which then needs an attention mask.
            No other does: rows are padded at their end, where a causal model never looks.
        out_of_memory: How often pieces were too large.
        steps: Steps that went through, and their `passes`; `real` tokens of their rows, `computed`
            ones with padding, and those of the `largest` piece.
    """

    tokens: int
    rows: int
    line: int = 0
    overhead: int = 32
    lines: int = 1
    steady: bool = False
    masked: bool = False
    out_of_memory: int = 0
    steps: int = 0
    passes: int = 0
    real: int = 0
    computed: int = 0
    largest: int = 0

    def cut(self, lengths: Sequence[int]) -> list[list[Line]]:
        """Return the pieces of a step, each as its lines. Longest rows first.

        Args:
            lengths: Tokens of each row.
        """
        if not self.line:
            return self._alike(lengths)
        pieces: list[list[Line]] = []
        for line in packed(lengths, self.line):
            last = pieces[-1] if pieces else None
            if last is None or not self._fits([*last, line], lengths):
                pieces.append([line])
            else:
                last.append(line)
        return pieces

    def _fits(self, piece: list[Line], lengths: Sequence[int]) -> bool:
        rows = sum(map(len, piece))
        return rows <= self.rows and self.size(piece, lengths) <= self.tokens

    def _alike(self, lengths: Sequence[int]) -> list[list[Line]]:
        """Return pieces of rows of like length: the cheapest way to cut them, longest first.

        Each piece costs its rows times its longest row, and `overhead`. By dynamic programming:
        `best[n]` is the cost of the n longest rows, `cuts[n]` where their last piece begins.
        """
        order = _longest(lengths)
        best, cuts = [0.0], [0]
        for end in range(1, len(order) + 1):
            options: list[tuple[float, int]] = []
            for start in range(end - 1, max(-1, end - 1 - self.rows), -1):
                longest, middle = lengths[order[start]], (start + end) // 2
                size = (end - start) * longest
                if size > self.tokens and end - start > 1:
                    break
                # Two pieces would be cheaper; and of all pieces that begin still earlier too.
                if (end - middle) * (longest - lengths[order[middle]]) > self.overhead:
                    break
                options.append((best[start] + size + self.overhead, start))
            cost, start = min(options)
            best.append(cost)
            cuts.append(start)
        pieces: list[list[Line]] = []
        end = len(order)
        while end:
            pieces.append([[at] for at in order[cuts[end] : end]])
            end = cuts[end]
        return pieces[::-1]

    def width(self, piece: Sequence[Line], lengths: Sequence[int]) -> int:
        """Return the length of a piece's lines in tokens, padding included."""
        longest = max(sum(lengths[at] for at in line) for line in piece)
        return max(self.line, longest)

    def height(self, piece: Sequence[Line]) -> int:
        """Return the number of a piece's lines, those of padding included."""
        return -(-len(piece) // self.lines) * self.lines

    def size(self, piece: Sequence[Line], lengths: Sequence[int]) -> int:
        """Return how many tokens a piece is, padding included."""
        return self.height(piece) * self.width(piece, lengths)

    def shrink(self, size: int) -> None:
        """Let a piece hold at most half of the tokens that were too many."""
        self.out_of_memory += 1
        self.tokens = max(1, size // 2)
        if self.line:  # lines of padding take memory too
            self.lines = max(1, min(self.lines // 2, self.tokens // self.line))

    def count(self, pieces: Sequence[Sequence[Line]], lengths: Sequence[int]) -> None:
        """Note that a step went through."""
        self.steps += 1
        self.passes += len(pieces)
        self.real += sum(lengths[at] for piece in pieces for line in piece for at in line)
        sizes = [self.size(piece, lengths) for piece in pieces if piece]
        self.computed += sum(sizes)
        self.largest = max(self.largest, *sizes, 0)


def packed(lengths: Sequence[int], length: int) -> list[Line]:
    """Return lines of at most `length` tokens: each row in the first line with room for it.

    Longest rows first ("first fit decreasing": at most 11/9 of the fewest lines, plus one; Johnson
    1973). A row longer than a line has one to itself.
    """
    lines: list[Line] = []
    room: list[int] = []
    for at in _longest(lengths):
        fits = next((n for n, left in enumerate(room) if left >= lengths[at]), None)
        if fits is None:
            lines.append([at])
            room.append(length - lengths[at])
        else:
            lines[fits].append(at)
            room[fits] -= lengths[at]
    return lines


def evened(pieces: list[list[Line]], count: int) -> list[list[Line]]:
    """Return exactly `count` pieces, for processes that must make the same number of passes.

    The largest piece is halved until there are enough. Where lines run out, pieces are empty.
    """
    pieces = [list(piece) for piece in pieces]
    while len(pieces) < count:
        largest = max(pieces, key=len)
        half = len(largest) // 2
        pieces.append(largest[len(largest) - half :])
        del largest[len(largest) - half :]
    return pieces


def _longest(lengths: Sequence[int]) -> list[int]:
    return sorted(range(len(lengths)), key=lambda at: (-lengths[at], at))
