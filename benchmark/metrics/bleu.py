"""Corpus BLEU (Papineni et al. 2002), from sums of the statistics that sacrebleu sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from benchmark.metrics.base import PART, LibraryMetric
from benchmark.metrics.grams import Unit, shared
from benchmark.metrics.tokens import read
from benchmark.plugins import ScoreInfo
from benchmark.records import Example

if TYPE_CHECKING:
    from benchmark.plugins import Array

Tokenizer = Literal["13a", "intl", "char", "none"]
ORDERS = 4


class Bleu(LibraryMetric):
    """BLEU of the whole corpus, 0 to 100, equal to `sacrebleu.corpus_bleu`.

    The value of a single example is its BLEU as a corpus of one, which is 0 for most short
    answers; only the corpus value is meant to be read.

    Parameters:
        tokenize: sacrebleu's tokenizer. `13a` is the standard; `intl` splits all punctuation
            and symbols of Unicode.
        lowercase: Ignore case.
        compat: `evaluate` gives the number of `evaluate`'s "bleu": 0 to 1, no smoothing, and of
            several references the shortest counts for the length.
    """

    packages: ClassVar[tuple[str, ...]] = ("sacrebleu",)
    by_example: ClassVar[bool] = True

    tokenize: Tokenizer = "13a"
    lowercase: bool = False
    compat: Literal["evaluate"] | None = None

    def described(self) -> dict[str, Any]:
        """Return what sacrebleu's own signature tells, under its names."""
        return {
            "case": "lc" if self.lowercase else "mixed",
            "eff": "no",
            "tok": self.tokenize,
            "smooth": "none" if self.compat else "exp",
            "compat": self.compat or "sacrebleu",
        }

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the one number."""
        return (ScoreInfo("bleu"),)

    def stats(self, examples: Sequence[Example], texts: Sequence[str]) -> Array:
        """Return the statistics of n answers. Shape: (n, 11).

        Columns: 1; length of the answer and of the closest reference, in tokens; n-grams
        found in a reference, for n = 1 to 4; n-grams of the answer, for n = 1 to 4. An example
        without references is a row of zeros.
        """
        import numpy as np

        stats = np.zeros((len(texts), 3 + 2 * ORDERS))
        scored = [place for place, example in enumerate(examples) if example.references]
        for start in range(0, len(scored), PART):
            part = scored[start : start + PART]
            stats[part] = self._part(
                [examples[place].references for place in part], [texts[place] for place in part]
            )
        return stats

    def _part(self, references: Sequence[Sequence[str]], texts: Sequence[str]) -> Array:
        import numpy as np

        every = [*texts, *(reference for some in references for reference in some)]
        if self.lowercase:
            every = [text.lower() for text in every]
        ids = [tokens.ids for tokens in read(self.tokenize, every)[1]]
        rest = iter(ids[len(texts) :])
        units = [
            Unit(answer, [next(rest) for _ in some])
            for answer, some in zip(ids, references, strict=False)
        ]
        lengths = [[len(other) for other in unit.others] for unit in units]
        size = np.array([len(unit.text) for unit in units])
        if self.compat:
            closest = [min(some) for some in lengths]
        else:
            closest = [
                min(some, key=lambda length: (abs(length - mine), length))
                for some, mine in zip(lengths, size.tolist(), strict=True)
            ]
        made = np.maximum(size[:, None] - np.arange(ORDERS), 0)
        head = np.stack([np.ones(len(units)), size, np.array(closest)], axis=1)
        return np.concatenate([head, shared(units, ORDERS), made], axis=1)

    def values(self, totals: Array) -> Array:
        """Return BLEU of summed statistics. Shape: (..., 11) -> (..., 1).

        The formula is sacrebleu's `BLEU.compute_bleu` with smoothing `exp` (NIST: the k-th
        order without a match counts 1 / 2**k matches), over all leading axes at once.
        """
        import numpy as np

        totals = np.asarray(totals, dtype=np.float64)
        answers, answer_length, reference_length = np.moveaxis(totals[..., :3], -1, 0)
        found, made = totals[..., 3 : 3 + ORDERS], totals[..., 3 + ORDERS :]
        missed = found == 0
        smoothed = np.where(missed, 0.5 ** np.cumsum(missed, axis=-1), found)
        # Where a score is 0 by definition, ones keep the logarithms finite.
        some = (~missed).all(axis=-1) if self.compat else (~missed).any(axis=-1)
        scored = np.asarray((made > 0).all(axis=-1) & some)
        precisions = np.divide(smoothed, made, out=np.ones_like(made), where=scored[..., None])
        ratio = np.divide(
            reference_length, answer_length, out=np.ones_like(answer_length), where=scored
        )
        brevity = np.exp(np.minimum(0.0, 1 - ratio))
        scale = 1 if self.compat else 100
        bleu = scale * brevity * np.exp(np.log(precisions).mean(axis=-1)) * scored
        return np.where(answers > 0, bleu, np.nan)[..., None]
