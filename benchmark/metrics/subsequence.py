"""Longest common subsequences of words: of two texts, and line by line (ROUGE-Lsum)."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmark.metrics.pieces import total

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Words = NDArray[np.uint32]

BITS = 64
"""Of a machine word: so long a line of a reference may be to be compared together with others."""
MAX_STEPS = 1 << 22
"""Lines of the reference times words of the answer."""
MAX_CELLS = 1 << 28
"""Words of the reference times words of the answer."""
BLOCK = 1 << 11
"""Pairs of lines that are compared at once."""


def common(first: array[int], second: array[int]) -> int:
    """Return the length of the longest common subsequence, within `pieces.PIECE`."""
    from rapidfuzz.distance import LCSseq

    return total(LCSseq.similarity, first, second)


class Summary(NamedTuple):
    """An answer and a reference, line by line: the numbers of the words of each line."""

    answer: Sequence[array[int]]
    reference: Sequence[array[int]]

    @property
    def is_bounded(self) -> bool:
        """Return whether comparing all lines with all lines takes bearable time and memory."""
        words = sum(map(len, self.answer))
        cells = words * sum(map(len, self.reference))
        return len(self.reference) * words <= MAX_STEPS and cells <= MAX_CELLS

    @property
    def is_small(self) -> bool:
        """Return whether it can be compared together with others."""
        return (
            len(self.reference) * len(self.answer) <= BLOCK // 2
            and sum(map(len, self.reference)) + sum(map(len, self.answer)) <= BLOCK
        )


def covered(summaries: Sequence[Summary]) -> list[Words]:
    """Return the words of each reference that the answer's lines cover (Lin 2004, section 3.2).

    Their order is not that of the text.

    A word of a reference's line is covered if it is in a longest common subsequence of that
    line with any of the answer's lines. Where there are several such subsequences, the one that
    rouge_score finds counts: from the end, a match is taken as soon as there is one; without a
    match, a step back in the reference comes before one in the answer.
    """
    import numpy as np

    found: list[list[Words]] = [[] for _ in summaries]
    block: list[tuple[int, Summary]] = []
    pairs = 0
    for place, (answer, reference) in enumerate(summaries):
        short = Summary(answer, [line for line in reference if len(line) <= BITS])
        alone = [line for line in reference if len(line) > BITS] if short.is_small else reference
        if alone:
            found[place].append(_one(Summary(answer, alone)))
        if short.is_small:
            block.append((place, short))
            pairs += len(short.reference) * len(answer)
        if pairs > BLOCK:
            _together(block, found)
            block, pairs = [], 0
    _together(block, found)
    nothing = np.zeros(0, dtype=np.uint32)
    return [np.concatenate([nothing, *words]) for words in found]


def _together(block: Sequence[tuple[int, Summary]], found: list[list[Words]]) -> None:
    """Compare all lines of small texts at once, each line of a reference in one machine word.

    The method is the bit-parallel one of Hyyrö (2004), with one row of bits for each word of
    the answer's line, over many pairs of lines at a time.
    """
    import numpy as np

    lines = [line for _, one in block for line in one.reference]
    answers = [line for _, one in block for line in one.answer]
    pairs = list(_pairs([one for _, one in block]))
    if pairs:
        row, column = np.array(pairs).T
        by = np.argsort(-np.array([len(line) for line in answers])[column], kind="stable")
        row, column = row[by], column[by]
        table, columns = _table(lines, answers)
        lengths = np.array([len(line) for line in answers])[column]
        masks = table[row, columns[column].T]
        hits = _walk_back(masks, lengths, np.array([len(line) for line in lines])[row])
        union = np.zeros(len(lines), dtype=np.uint64)
        np.bitwise_or.at(union, row, hits)
        sizes = np.array([len(line) for line in lines])
        words = np.concatenate([np.asarray(line) for line in lines])
        row = np.repeat(np.arange(len(lines)), sizes)
        in_line = np.arange(len(words)) - (np.cumsum(sizes) - sizes)[row]
        kept = (union[row] >> in_line.astype(np.uint64)) & np.uint64(1) > 0
        start = 0
        for place, one in block:
            end = start + sum(map(len, one.reference))
            found[place].append(words[start:end][kept[start:end]])
            start = end


def _pairs(summaries: Sequence[Summary]) -> Iterator[tuple[int, int]]:
    rows = columns = 0
    for one in summaries:
        for row in range(len(one.reference)):
            for column in range(len(one.answer)):
                yield rows + row, columns + column
        rows += len(one.reference)
        columns += len(one.answer)


def _table(lines: Sequence[array[int]], answers: Sequence[array[int]]) -> tuple[Any, Any]:
    """Return where each word stands in each line of a reference, as bits, and answers as columns.

    Shapes: (lines, words + 1), uint64; (answers, words of the longest). The last column of bits
    is zero: it is that of words that no line has, and of what lies behind an answer's end.
    """
    import numpy as np

    sizes = np.array([len(line) for line in lines])
    words = np.concatenate([np.asarray(line) for line in lines])
    names, ranks = np.unique(words, return_inverse=True)
    place = np.arange(len(words)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    table = np.zeros((len(lines), len(names) + 1), dtype=np.uint64)
    # Each word of a line has a bit of its own: adding them up never carries.
    one = np.uint64(1) << place.astype(np.uint64)
    np.add.at(table, (np.repeat(np.arange(len(lines)), sizes), ranks), one)
    lengths = np.array([len(line) for line in answers])
    flat = np.concatenate([np.asarray(line) for line in answers])
    near = np.minimum(np.searchsorted(names, flat), len(names) - 1)
    columns = np.full((len(answers), lengths.max()), len(names))
    columns[np.arange(lengths.max()) < lengths[:, None]] = np.where(
        names[near] == flat, near, len(names)
    )
    return table, columns


def _walk_back(masks: Any, lengths: Any, sizes: Any) -> Any:
    """Return the places in each reference's line that the subsequence takes, as bits.

    Args:
        masks: Places of each word of each answer's line, shape (longest, pairs of lines).
        lengths: Words of the answers' lines, the longest first.
        sizes: Words of the references' lines.
    """
    import numpy as np

    steps, pairs = masks.shape
    active = [int(np.searchsorted(-lengths, -step)) for step in range(steps)]
    rows = np.full(pairs, np.uint64(2**64 - 1))
    grows = np.zeros_like(masks)
    for step, some in enumerate(active):
        same = rows[:some] & masks[step, :some]
        rows[:some] = (rows[:some] + same) | (rows[:some] - same)
        # A bit is set where the subsequence gets longer with this word of the reference.
        grows[step, :some] = ~rows[:some]
    below = np.array([2**n - 1 for n in range(BITS + 1)], dtype=np.uint64)
    bit = np.array([0] + [2**n for n in range(BITS)], dtype=np.uint64)
    left, hits = sizes.copy(), np.zeros(pairs, dtype=np.uint64)
    for step in range(steps - 1, -1, -1):
        some = active[step]
        mask = masks[step, :some]
        stops = (grows[step, :some] | mask) & below[left[:some]]
        # The highest bit; with the one below it off, rounding cannot reach the next power of 2.
        top = np.frexp((stops & ~(stops >> np.uint64(1))).astype(np.float64))[1]
        match = bit[top] & mask
        hits[:some] |= match
        left[:some] = top - (match > 0)
    return hits


def _one(summary: Summary) -> Words:
    """Do the same for one answer and its reference, lines of any length in one long number."""
    import numpy as np

    masks: dict[int, int] = {}
    offsets, full, offset = [], 0, 0
    for line in summary.reference:
        offsets.append(offset)
        for n, word in enumerate(line, offset):
            masks[word] = masks.get(word, 0) | 1 << n
        full |= ((1 << len(line)) - 1) << offset
        offset += len(line) + 1  # one bit between two lines takes what is carried over
    hits = 0
    for answer in summary.answer:
        row = full
        columns = []
        for word in answer:
            mask = masks.get(word, 0)
            same = row & mask
            row = ((row + same) | (row - same)) & full
            columns.append((mask, (full & ~row) | mask))
        columns.reverse()
        for offset, line in zip(offsets, summary.reference, strict=True):
            left = offset + len(line)
            start = 1 << offset
            for mask, stops in columns:
                below = stops & ((1 << left) - 1)
                if below < start:
                    break
                top = below.bit_length() - 1
                if mask >> top & 1:
                    hits |= 1 << top
                    left = top
                else:
                    left = top + 1
    kept = [
        word
        for offset, line in zip(offsets, summary.reference, strict=True)
        for n, word in enumerate(line, offset)
        if hits >> n & 1
    ]
    return np.array(kept, dtype=np.uint32)
