"""Counts of n-grams that two texts share, exact, for many texts at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmark.plugins import Array

    Ints = NDArray[np.int64]

PART = 1 << 16
"""Symbols that are sorted at once: what a processor's cache holds."""


class Unit(NamedTuple):
    """A text and those that it is compared with, none or several.

    Texts are arrays of the numbers of their words or characters.
    """

    text: Any
    others: Sequence[Any] = ()


class Groups(NamedTuple):
    """The different n-grams of one length in one unit after the other; all arrays are of one size.

    Attributes:
        unit: Whose n-gram it is.
        last: The n-gram's last symbol.
        text: How often it is in the text.
        others: How often it is in that of the others that has it most often.
    """

    unit: Ints
    last: Ints
    text: Ints
    others: Ints


def shared(units: Sequence[Unit], order: int) -> Array:
    """Return how many n-grams of each text are in one of the others, each at most as often.

    Shape: (units, order), for n = 1 to order.
    """
    import numpy as np

    found = np.zeros((len(units), order))
    for at, n, groups in grams(units, order, repeated=True):
        least = np.minimum(groups.text, groups.others)
        found[at, n - 1] = np.bincount(groups.unit, least, minlength=at.stop - at.start)
    return found


def different(texts: Sequence[Any], n: int) -> Array:
    """Return how many different n-grams each text has. Shape: (texts,)."""
    import numpy as np

    found = np.zeros(len(texts))
    for at, _, groups in grams([Unit(text) for text in texts], n, shortest=n):
        found[at] = np.bincount(groups.unit, minlength=at.stop - at.start)
    return found


def grams(
    units: Sequence[Unit], order: int, *, repeated: bool = False, shortest: int = 1
) -> Iterator[tuple[slice, int, Groups]]:
    """Yield (which units, n, their n-grams), part by part, n from `order` down to `shortest`.

    Args:
        units: The texts.
        order: Length of the longest n-grams.
        repeated: Leave out those that are only once in all texts of a unit: most of them.
        shortest: Length of the shortest n-grams.
    """
    wanted = _Wanted(order, shortest, repeated)
    start, size = 0, 0
    for place, unit in enumerate(units):
        longer = len(unit.text) + sum(map(len, unit.others))
        if place > start and size + longer > PART:
            yield from _part(units[start:place], start, wanted)
            start, size = place, 0
        size += longer
    if start < len(units):
        yield from _part(units[start:], start, wanted)


class _Wanted(NamedTuple):
    longest: int
    shortest: int
    repeated: bool


def _part(
    chosen: Sequence[Unit], start: int, wanted: _Wanted
) -> Iterator[tuple[slice, int, Groups]]:
    import numpy as np

    order = wanted.longest
    texts = [text for unit in chosen for text in (unit.text, *unit.others)]
    lengths = np.array([len(text) for text in texts])
    if not lengths.sum():
        return
    codes = np.concatenate([np.asarray(text) for text in texts])
    # Numbered from 1 without gaps: fewer bits, and 0 says that a text has ended.
    seen = np.zeros(int(codes.max()) + 1, dtype=np.int64)
    seen[codes] = 1
    names = np.flatnonzero(seen)
    sides = max(len(unit.others) for unit in chosen)
    bits = _Bits(len(chosen).bit_length(), len(names).bit_length(), sides.bit_length())
    if not bits.fit(order) and len(chosen) > 1:
        middle = len(chosen) // 2
        yield from _part(chosen[:middle], start, wanted)
        yield from _part(chosen[middle:], start + middle, wanted)
        return
    # Each text is followed by `order` zeros, so that no n-gram reaches into the next.
    symbols = np.zeros(len(codes) + order * len(texts), dtype=np.int64)
    gaps = np.repeat(np.arange(len(texts)) * order, lengths)
    symbols[np.arange(len(codes)) + gaps] = np.cumsum(seen)[codes]
    owner = np.repeat(np.arange(len(chosen)), [1 + len(unit.others) for unit in chosen])
    side = np.concatenate([np.arange(1 + len(unit.others)) for unit in chosen])
    grown = lengths + order
    columns = _Columns(symbols, np.repeat(owner, grown), np.repeat(side, grown))
    found = _packed(columns, bits, order) if bits.fit(order) else _wide(columns, order)
    before = _before(found.sides, sides)
    at = slice(start, start + len(chosen))
    # The rows of `same` for shorter n-grams than wanted are never made.
    for n, same in zip(range(order, wanted.shortest - 1, -1), found.same, strict=False):
        begin, end = _runs(same, wanted.repeated)
        unit, last = found.unit_and_last(n, begin)
        real = last > 0
        begin, end, unit, last = begin[real], end[real], unit[real], last[real]
        text, *others = (one[end] - one[begin] for one in before)
        most = np.zeros_like(text)
        for count in others:
            np.maximum(most, count, out=most)
        yield at, n, Groups(unit, names[last - 1], text, most)


class _Bits(NamedTuple):
    """How many bits of a number say which unit, which symbol, which of a unit's texts."""

    unit: int
    symbol: int
    side: int

    def fit(self, order: int) -> bool:
        return self.unit + order * self.symbol + self.side <= 63


class _Columns(NamedTuple):
    """Symbols of all texts, and whose they are."""

    symbols: Ints
    owner: Ints
    side: Ints


class _Sorted(NamedTuple):
    """All n-grams of the greatest length in order; the shorter ones are then in order too."""

    sides: Ints
    same: Iterator[Any]
    """For n = order to 1: whether an n-gram equals the one before it, from the second on."""
    unit_and_last: Callable[[int, Ints], tuple[Ints, Ints]]
    """From n and places to the units and last symbols of the n-grams there."""


def _packed(columns: _Columns, bits: _Bits, order: int) -> _Sorted:
    """Sort n-grams as numbers of 64 bits: unit, symbols, side."""
    import numpy as np

    size = len(columns.symbols) - order + 1
    keys = columns.owner[:size].copy()
    for n in range(order):
        keys <<= bits.symbol
        keys |= columns.symbols[n : n + size]
    keys <<= bits.side
    keys |= columns.side[:size]
    keys = np.sort(keys[columns.symbols[:size] > 0])
    mask = (1 << bits.symbol) - 1

    def shift(n: int) -> int:
        return bits.side + bits.symbol * (order - n)

    def same() -> Iterator[Any]:
        for n in range(order, 0, -1):
            prefix = keys >> shift(n)
            yield prefix[1:] == prefix[:-1]

    def unit_and_last(n: int, places: Ints) -> tuple[Ints, Ints]:
        prefix = keys[places] >> shift(n)
        return prefix >> (bits.symbol * n), prefix & mask

    return _Sorted(keys & ((1 << bits.side) - 1), same(), unit_and_last)


def _wide(columns: _Columns, order: int) -> _Sorted:
    """Sort the n-grams of a unit with too many different symbols for that: slower, as exact."""
    import numpy as np

    size = len(columns.symbols) - order + 1
    starts = columns.symbols[:size] > 0
    windows = [columns.symbols[n : n + size][starts] for n in range(order)]
    owner, side = columns.owner[:size][starts], columns.side[:size][starts]
    by = np.lexsort([side, *reversed(windows), owner])
    owner, windows = owner[by], [window[by] for window in windows]
    same = [owner[1:] == owner[:-1]]
    for window in windows:
        same.append(same[-1] & (window[1:] == window[:-1]))
    return _Sorted(
        side[by],
        iter(same[:0:-1]),
        lambda n, places: (owner[places], windows[n - 1][places]),
    )


def _before(sides: Ints, count: int) -> list[Ints]:
    """Return, for each side, how many of the first k n-grams are of it."""
    import numpy as np

    if count == 0:
        return [np.arange(len(sides) + 1)]
    return [np.concatenate([[0], np.cumsum(sides == side)]) for side in range(count + 1)]


def _runs(same: Any, repeated: bool) -> tuple[Ints, Ints]:
    """Return where runs of equal n-grams begin and end; only those of two and more if asked."""
    import numpy as np

    edge = np.array([False])
    if not repeated:
        begin = np.flatnonzero(~np.concatenate([edge, same]))
        return begin, np.append(begin[1:], len(same) + 1)
    inner = np.concatenate([edge, same, edge])
    begin = np.flatnonzero(~inner[:-1] & inner[1:])
    return begin, np.flatnonzero(inner[:-1] & ~inner[1:]) + 1
