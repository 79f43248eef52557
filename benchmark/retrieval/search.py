"""Searches: a score of every text for each question, and the best of them in one order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from benchmark.retrieval.tokens import terms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

K1, B = 1.5, 0.75
"""bm25s's own defaults: how fast a repeated term counts less, and how much length counts."""
DIGITS = 6
"""Scores are compared after rounding: two machines differ in the last digits only."""


class Ranked(NamedTuple):
    """A text by its place, with its score."""

    at: int
    score: float


class Search(Protocol):
    """Texts that can be searched."""

    floor: float
    """Only scores above this say that a text has anything to do with the question."""

    def scores(self, questions: Sequence[str]) -> Iterator[Array]:
        """Give each question's scores of all texts. Shape: (texts,) each."""


class Bm25:
    """BM25 in Lucene's form, by the bm25s library.

    The score of a text is the sum, over the question's terms, of
    ``ln(1 + (N - df + 0.5) / (df + 0.5)) * tf / (tf + k1 * (1 - b + b * length / mean length))``
    (Kamphuis et al. 2020, "Which BM25 do you mean?", equation for Lucene).
    """

    floor = 0.0

    def __init__(self, texts: Sequence[str]) -> None:
        """Count the terms of all texts."""
        import bm25s

        cut = [terms(text) for text in texts]
        self._count = len(cut)
        self._index: Any = None
        if any(cut):
            self._index = bm25s.BM25(method="lucene", k1=K1, b=B, dtype="float64")
            self._index.index(cut, show_progress=False)

    def scores(self, questions: Sequence[str]) -> Iterator[Array]:
        """Give each question's scores of all texts; zero where they share no term."""
        import numpy as np

        for question in questions:
            known = self._index.get_tokens_ids(terms(question)) if self._index else []
            yield self._index.get_scores_from_ids(known) if known else np.zeros(self._count)


def best(
    scores: Array,
    names: Sequence[str],
    k: int,
    *,
    without: Collection[int] = (),
    floor: float = float("-inf"),
) -> list[Ranked]:
    """Return the k best texts, the best first; equal ones in the order of their names.

    Args:
        scores: Of all texts.
        names: Of all texts, no two alike.
        k: At most so many.
        without: Places of texts that must not be found.
        floor: Only scores above this.
    """
    import numpy as np

    rounded = np.round(np.array(scores, dtype=np.float64), DIGITS)
    rounded[list(without)] = -np.inf
    rounded[rounded <= floor] = -np.inf
    if k < len(rounded):
        # Sorting all names for every question would take longer than the search itself.
        least = np.partition(rounded, len(rounded) - k)[len(rounded) - k]
        places = np.flatnonzero(rounded >= least)
    else:
        places = np.arange(len(rounded))
    found = [Ranked(int(at), float(rounded[at])) for at in places if rounded[at] != -np.inf]
    return sorted(found, key=lambda one: (-one.score, names[one.at]))[:k]
