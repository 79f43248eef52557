"""Which word of an answer stands for which word of its reference, as nltk's METEOR aligns them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


class Side(NamedTuple):
    """The words of many texts in a row: whose they are, and a place that is not used twice.

    Between the places of two texts there is one more, so that no two texts are neighbours.
    """

    owner: Ints
    place: Ints

    def only(self, chosen: Any) -> Side:
        """Return some of the words."""
        return Side(self.owner[chosen], self.place[chosen])


def side(texts: Sequence[Any]) -> Side:
    """Return the words of texts in a row."""
    import numpy as np

    sizes = np.array([len(text) for text in texts])
    owner = np.repeat(np.arange(len(texts)), sizes)
    return Side(owner, np.arange(len(owner)) + owner)


class Aligned(NamedTuple):
    """For each pair of texts: the words that are matched, and in how many chunks."""

    matches: Ints
    chunks: Ints


def align(texts: Sequence[Any], others: Sequence[Any], readings: Sequence[Any]) -> Aligned:
    """Match the words of each text with those of the other beside it, reading by reading.

    From the end of the text, each word takes the last word of the other that reads alike and is
    still free (Lavie and Agarwal 2007, in nltk's order). Words that are left are matched by the
    next reading. A chunk is a run of words that stand side by side in both texts.

    Args:
        texts: Numbers of the words of each text.
        others: Those of the texts beside them.
        readings: From numbers of words to how they read, as numbers; None: as they are.
    """
    import numpy as np

    left, right = side(texts), side(others)
    size = int(left.place[-1]) + 2 if len(left.place) else 1
    target = np.full(size, -1)
    if len(left.place) and len(right.place):
        mine = np.concatenate([np.asarray(text) for text in texts]).astype(np.int64)
        theirs = np.concatenate([np.asarray(other) for other in others]).astype(np.int64)
        for reading in readings:
            if reading is not None:
                mine, theirs = reading(mine), reading(theirs)
            first, second = _match(mine, left, theirs, right)
            target[left.place[first]] = right.place[second]
            free = np.ones(len(mine), dtype=bool), np.ones(len(theirs), dtype=bool)
            free[0][first] = False
            free[1][second] = False
            mine, left = mine[free[0]], left.only(free[0])
            theirs, right = theirs[free[1]], right.only(free[1])
    matched = target >= 0
    before = np.concatenate([[-1], target[:-1]])
    starts = matched & ~((before >= 0) & (target == before + 1))
    owner = np.repeat(np.arange(len(texts)), [len(text) + 1 for text in texts])[:size]
    matched, starts = matched[: len(owner)], starts[: len(owner)]
    return Aligned(
        np.bincount(owner[matched], minlength=len(texts)),
        np.bincount(owner[starts], minlength=len(texts)),
    )


def _match(mine: Ints, left: Side, theirs: Ints, right: Side) -> tuple[Ints, Ints]:
    """Return the places in two arrays of words that read alike: k-th last with k-th last."""
    import numpy as np

    names = int(max(mine.max(initial=0), theirs.max(initial=0))) + 1
    first, group, rank = _ranked(mine + left.owner * names)
    second, other, height = _ranked(theirs + right.owner * names)
    most = int(max(rank.max(initial=0), height.max(initial=0))) + 1
    _, one, two = np.intersect1d(
        group * most + rank, other * most + height, assume_unique=True, return_indices=True
    )
    return first[one], second[two]


def _ranked(words: Ints) -> tuple[Ints, Ints, Ints]:
    """Return an order by word, the words in it, and each one's rank among its equals, from 0.

    The last of the equals has rank 0.
    """
    import numpy as np

    by = np.argsort(words[::-1], kind="stable")
    found = words[::-1][by]
    fresh = np.concatenate([[True], found[1:] != found[:-1]])[: len(found)]
    starts = np.flatnonzero(fresh)
    rank = np.arange(len(found)) - np.repeat(starts, np.diff(np.append(starts, len(found))))
    return len(words) - 1 - by, found, rank
