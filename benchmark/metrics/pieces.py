"""Bounds for what takes quadratic time: two long texts are compared piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

PIECE = 1 << 15
"""Characters or words. Where both texts are longer, they are cut into pieces of this length."""


def pieces(first: Any, second: Any) -> Iterator[tuple[Any, Any]]:
    """Yield what is compared with what: all with all, unless both texts are very long.

    The shorter text may have 32,768 characters (or words) without any piece being cut, which
    is exact. Beyond, the n-th piece of one text meets the n-th of the other, so that the time
    grows with the length and not with its square. What fits together within the pieces also
    does in the whole texts: a distance is never below the exact one, and a common subsequence
    never above, so no answer gains from being that long.
    """
    if min(len(first), len(second)) <= PIECE:
        yield first, second
        return
    for start in range(0, max(len(first), len(second)), PIECE):
        yield first[start : start + PIECE], second[start : start + PIECE]


def total(measure: Callable[[Any, Any], int], first: Any, second: Any) -> int:
    """Return the sum of a distance, or of a similarity, over the pieces of two texts."""
    return sum(measure(*pair) for pair in pieces(first, second))
