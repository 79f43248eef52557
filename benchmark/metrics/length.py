"""How long answers are, and how long against their references."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from benchmark.metrics.base import PART, LibraryMetric
from benchmark.metrics.tokens import read
from benchmark.plugins import ScoreInfo
from benchmark.records import Example

if TYPE_CHECKING:
    from benchmark.plugins import Array


class Length(LibraryMetric):
    """Words and characters of an answer, and its words against the reference's.

    None of them is better when it is higher or lower: they explain other numbers (a recall that
    rises because answers got longer), so nothing is ranked by them, and no gate takes them.

    `length_words` and `length_chars` are means over all answers, those without a reference
    too. `length_ratio` is words of all answers / words of all references, over the examples
    whose reference has words; undefined if there is none. Of several references, the one
    nearest in length counts, as for BLEU. Words are those of `text.words`.
    """

    by_example: ClassVar[bool] = True

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the three numbers."""
        names = ("length_words", "length_chars", "length_ratio")
        return tuple(ScoreInfo(name, higher_is_better=None) for name in names)

    def stats(self, examples: Sequence[Example], texts: Sequence[str]) -> Array:
        """Return the statistics of n answers. Shape: (n, 5).

        Columns: 1; words; characters; and, where a reference has words, words once more and
        the reference's.
        """
        import numpy as np

        stats = np.zeros((len(texts), 5))
        for start in range(0, len(texts), PART):
            part = slice(start, start + PART)
            references = [text for example in examples[part] for text in example.references]
            counts = iter([len(one.ids) for one in read("words", [*texts[part], *references])[1]])
            mine = [next(counts) for _ in texts[part]]
            rows = zip(stats[part], examples[part], texts[part], mine, strict=True)
            for row, example, text, words in rows:
                others = [count for _ in example.references if (count := next(counts))]
                near = min(others, key=lambda count: (abs(count - words), count), default=0)
                row[:] = [1, words, len(text), words if near else 0, near]
        return stats

    def values(self, totals: Array) -> Array:
        """Return the three numbers of summed statistics. Shape: (..., 5) -> (..., 3)."""
        import numpy as np

        totals = np.asarray(totals, dtype=np.float64)
        over, under = totals[..., 1:4], totals[..., [0, 0, 4]]
        return np.divide(over, under, out=np.full_like(over, np.nan), where=under > 0)
