"""How much an answer repeats itself: an answer that loops shows here before anywhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from benchmark.metrics.base import PART, LibraryMetric
from benchmark.metrics.characters import characters
from benchmark.metrics.grams import different
from benchmark.metrics.tokens import read
from benchmark.plugins import ScoreInfo
from benchmark.records import Example

if TYPE_CHECKING:
    from benchmark.plugins import Array


class Repetition(LibraryMetric):
    """Share of an answer's n-grams that it has had before: 1 - different / all; lower is better.

    `repetition` looks at words (those of `text.words`), `repetition_chars` at characters, white
    space left out: a loop over "……" or "aaaa" has no words to count. Means over all answers,
    those without a reference too; an answer that is too short for one n-gram repeats nothing.
    Good prose repeats a little: the `oracle` control shows how much the references do.

    Parameters:
        n: Words of an n-gram.
        n_chars: Characters of an n-gram.
    """

    by_example: ClassVar[bool] = True

    n: int = Field(default=4, ge=1, le=10)
    n_chars: int = Field(default=8, ge=1, le=20)

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the two numbers."""
        names = ("repetition", "repetition_chars")
        return tuple(ScoreInfo(name, higher_is_better=False) for name in names)

    def stats(self, examples: Sequence[Example], texts: Sequence[str]) -> Array:
        """Return both shares and a count of 1 for each of n answers. Shape: (n, 3)."""
        import numpy as np

        stats = np.ones((len(texts), 3))
        for start in range(0, len(texts), PART):
            part = slice(start, start + PART)
            words = [one.ids for one in read("words", texts[part])[1]]
            stats[part, 0] = _repeated(words, self.n)
            stats[part, 1] = _repeated([characters(text) for text in texts[part]], self.n_chars)
        return stats

    def values(self, totals: Array) -> Array:
        """Return the means of summed statistics. Shape: (..., 3) -> (..., 2)."""
        import numpy as np

        totals = np.asarray(totals, dtype=np.float64)
        count = totals[..., -1:]
        undefined = np.full_like(totals[..., :-1], np.nan)
        return np.divide(totals[..., :-1], count, out=undefined, where=count > 0)


def _repeated(texts: Sequence[Any], n: int) -> Array:
    import numpy as np

    made = np.array([max(len(text) - n + 1, 0) for text in texts], dtype=np.float64)
    return 1 - np.divide(different(texts, n), made, out=np.ones_like(made), where=made > 0)
