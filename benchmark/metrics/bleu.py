"""Corpus BLEU (Papineni et al. 2002) from sums of sacrebleu's own statistics."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from benchmark.metrics.base import LibraryMetric
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
    """

    packages: ClassVar[tuple[str, ...]] = ("sacrebleu",)

    tokenize: Tokenizer = "13a"
    lowercase: bool = False

    def described(self) -> dict[str, Any]:
        """Return what sacrebleu's own signature tells, under its names."""
        return {
            "case": "lc" if self.lowercase else "mixed",
            "eff": "no",
            "tok": self.tokenize,
            "smooth": "exp",
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

        scorer = _scorer(self.tokenize, self.lowercase)
        stats = np.zeros((len(texts), 3 + 2 * ORDERS))
        for row, example, text in zip(stats, examples, texts, strict=True):
            if example.references:
                one = scorer.sentence_score(text, list(example.references))
                row[:] = [1, one.sys_len, one.ref_len, *one.counts, *one.totals]
        return stats

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
        scored = np.asarray((made > 0).all(axis=-1) & (found > 0).any(axis=-1))
        precisions = np.divide(smoothed, made, out=np.ones_like(made), where=scored[..., None])
        ratio = np.divide(
            reference_length, answer_length, out=np.ones_like(answer_length), where=scored
        )
        brevity = np.exp(np.minimum(0.0, 1 - ratio))
        bleu = 100 * brevity * np.exp(np.log(precisions).mean(axis=-1)) * scored
        return np.where(answers > 0, bleu, np.nan)[..., None]


@cache
def _scorer(tokenize: Tokenizer, lowercase: bool) -> Any:
    from sacrebleu.metrics.bleu import BLEU

    # `effective_order` changes no statistic; it only keeps sacrebleu from advising it, line by
    # line, as if we reported the sentence scores.
    return BLEU(tokenize=tokenize, lowercase=lowercase, effective_order=True)
