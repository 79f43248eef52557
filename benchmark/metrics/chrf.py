"""Corpus chrF and chrF++ (Popović 2015, 2017), from sums of sacrebleu's own statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from benchmark.metrics.base import PART, LibraryMetric
from benchmark.metrics.characters import characters
from benchmark.metrics.grams import Unit, shared
from benchmark.metrics.tokens import read
from benchmark.plugins import ScoreInfo
from benchmark.records import Example

if TYPE_CHECKING:
    from benchmark.plugins import Array


class ChrF(LibraryMetric):
    """F-score of shared character n-grams over the whole corpus, 0 to 100, as `sacrebleu`'s chrF.

    It needs no tokenizer and no stemmer, so it sees that `travailleur` and `travailleurs` are
    near. White space does not count. With several references, the one counts for an example
    that gives it the best chrF of its own.

    Parameters:
        char_order: Longest n-grams of characters.
        word_order: Longest n-grams of words; 2 makes it chrF++.
        beta: How much more recall weighs than precision.
        lowercase: Ignore case.
    """

    packages: ClassVar[tuple[str, ...]] = ("sacrebleu",)
    by_example: ClassVar[bool] = True

    char_order: int = Field(default=6, ge=1, le=10)
    word_order: int = Field(default=0, ge=0, le=4)
    beta: int = Field(default=2, ge=1)
    lowercase: bool = False

    def described(self) -> dict[str, Any]:
        """Return what sacrebleu's own signature tells, under its names."""
        return {
            "beta": self.beta,
            "case": "lc" if self.lowercase else "mixed",
            "eff": "yes",
            "nc": self.char_order,
            "nw": self.word_order,
            "space": "no",
        }

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the one number."""
        return (ScoreInfo("chrf"),)

    def stats(self, examples: Sequence[Example], texts: Sequence[str]) -> Array:
        """Return the statistics of n answers. Shape: (n, 1 + 3 orders).

        Columns: 1; for each order n-grams of the answer, of the reference, and of both. An
        example without references is a row of zeros.
        """
        import numpy as np

        orders = self.char_order + self.word_order
        stats = np.zeros((len(texts), 1 + 3 * orders))
        pairs = [
            (place, text, reference)
            for place, (example, text) in enumerate(zip(examples, texts, strict=True))
            for reference in example.references
        ]
        best = np.full(len(texts), -1.0)
        for start in range(0, len(pairs), PART):
            part = pairs[start : start + PART]
            rows = self._pairs([pair[1] for pair in part], [pair[2] for pair in part])
            scores = self.values(rows)[:, 0]
            for (place, _, _), row, score in zip(part, rows, scores.tolist(), strict=True):
                if score > best[place]:
                    best[place], stats[place] = score, row
        return stats

    def _pairs(self, texts: Sequence[str], references: Sequence[str]) -> Array:
        import numpy as np

        if self.lowercase:
            texts = [text.lower() for text in texts]
            references = [text.lower() for text in references]
        chars = [characters(text) for text in (*texts, *references)]
        parts = [_counts(chars[: len(texts)], chars[len(texts) :], self.char_order)]
        if self.word_order:
            words = [tokens.ids for tokens in read("chrf", [*texts, *references])[1]]
            parts.append(_counts(words[: len(texts)], words[len(texts) :], self.word_order))
        return np.concatenate([np.ones((len(texts), 1)), *parts], axis=1)

    def values(self, totals: Array) -> Array:
        """Return chrF of summed statistics. Shape: (..., 1 + 3 orders) -> (..., 1).

        The formula is sacrebleu's `CHRF._compute_f_score` without `eps_smoothing`: precision
        and recall are means over the orders that both sides have.
        """
        import numpy as np

        totals = np.asarray(totals, dtype=np.float64)
        answers = totals[..., 0]
        made, wanted, both = (totals[..., 1 + k :: 3] for k in range(3))
        counts = (made > 0) & (wanted > 0)
        orders = counts.sum(axis=-1)

        def mean(of: Array) -> Array:
            shares = np.divide(both, of, out=np.zeros_like(both), where=counts)
            # Added one by one, as sacrebleu does: the last digit decides between references.
            return np.asarray(np.cumsum(shares, axis=-1)[..., -1] / np.maximum(orders, 1))

        precision, recall = mean(made), mean(wanted)
        weight = self.beta**2
        under = np.asarray(weight * precision + recall)
        over = (1 + weight) * precision * recall
        score = 100 * np.divide(over, under, out=np.zeros_like(under), where=under > 0)
        return np.where(answers > 0, score, np.nan)[..., None]


def _counts(texts: Sequence[Any], references: Sequence[Any], order: int) -> Array:
    """Return, for each order, n-grams of the text, the reference and both. Shape: (n, 3 order)."""
    import numpy as np

    units = [Unit(text, [other]) for text, other in zip(texts, references, strict=True)]
    sizes = np.array([[len(unit.text), len(unit.others[0])] for unit in units])
    made = np.maximum(sizes[:, :, None] - np.arange(order), 0)
    # An answer's n-grams do not count where the reference has none, as in sacrebleu.
    mine = np.where(made[:, 1] > 0, made[:, 0], 0)
    found = np.stack([mine, made[:, 1], shared(units, order)], axis=2)
    return found.reshape(len(units), 3 * order)
