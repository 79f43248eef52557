"""Cosine of word vectors weighted by how rare each word is in the references (Salton 1988)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import PrivateAttr

from benchmark.keys import key, sha256_of_rows
from benchmark.metrics.base import PairMetric
from benchmark.metrics.grams import Unit, grams
from benchmark.metrics.text import snowball, words
from benchmark.metrics.tokens import read
from benchmark.plugins import ScoreInfo
from benchmark.records import Example

if TYPE_CHECKING:
    from benchmark.plugins import Array


class TfIdf(PairMetric):
    """Cosine of answer and reference as bags of words, a rare word weighing more than `le`.

    A mean over examples, 0 to 1; with several references the best one. Words are those of
    `text.words`. The weights come from the references of the whole test set, each different
    one a document, never from an answer: all candidates are measured by the same ones. A word
    in d of n documents weighs ln((1 + n) / (1 + d)) + 1 for each time that it is in a text,
    scikit-learn's smoothed formula. So values of different test sets do not compare. A text
    without words scores 0.

    Parameters:
        stemmer: Count French Snowball stems instead of words.
    """

    stemmer: bool = False

    _documents: int = PrivateAttr(default=-1)
    _frequency: dict[str, int] = PrivateAttr(default_factory=dict)
    _set: str = PrivateAttr(default="")

    def described(self) -> dict[str, Any]:
        """Return what is counted, and where the weights come from."""
        stemmer = self.stemmer and "snowball-french"
        return {"tok": "unicode", "stemmer": stemmer, "idf": "smooth,references-of-the-test-set"}

    @property
    def key(self) -> str:
        """Return the content key, which holds the references that the weights come from."""
        return key(metric=super().key, references=self._set)

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the one number."""
        return (ScoreInfo("tfidf_cosine"),)

    def fitted(self, examples: Sequence[Example]) -> TfIdf:
        """Return the metric with the weights of these examples' references."""
        references = sorted({text for example in examples for text in example.references})
        frequency: Counter[str] = Counter()
        for reference in references:
            found = set(words(reference))
            frequency.update({self._reads(word) for word in found})
        copy = self.model_copy()
        copy._documents, copy._frequency = len(references), dict(frequency)
        copy._set = sha256_of_rows(references)
        return copy

    def stats(self, examples: Sequence[Example], texts: Sequence[str]) -> Array:
        """Return cosine and a count of 1 for each of n answers. Shape: (n, 2).

        Without `fitted` before, the weights are those of the examples given here.
        """
        if self._documents < 0:
            return self.fitted(examples).stats(examples, texts)
        return super().stats(examples, texts)

    def pairs(self, texts: Sequence[str], references: Sequence[str]) -> Array:
        """Return the cosine of each pair. Shape: (n, 1)."""
        import numpy as np

        lexicon, tokens = read("words", [*texts, *references])
        ids: list[Any] = [one.ids for one in tokens]
        names = lexicon.words
        if self.stemmer:
            stems = lexicon.stems("french")
            ids = [stems[np.asarray(one)] for one in ids]
            names = lexicon.stem_words("french")
        pairs = zip(ids[: len(texts)], ids[len(texts) :], strict=True)
        units = [Unit(text, [reference]) for text, reference in pairs]
        sums = np.zeros((len(units), 3))
        for at, _, groups in grams(units, 1):
            different, back = np.unique(groups.last, return_inverse=True)
            weight = np.array([self._weight(names[word]) for word in different.tolist()])[back]
            mine, theirs = groups.text * weight, groups.others * weight
            for column, part in enumerate((mine * theirs, mine * mine, theirs * theirs)):
                sums[at, column] += np.bincount(groups.unit, part, at.stop - at.start)
        product, *squares = sums.T
        under = np.sqrt(squares[0] * squares[1])
        cosine = np.divide(product, under, out=np.zeros(len(units)), where=under > 0)
        # Rounding must not make a text more like another than itself.
        return np.minimum(cosine, 1.0)[:, None]

    def _reads(self, word: str) -> str:
        return snowball("french").stem(word) if self.stemmer else word

    def _weight(self, word: str) -> float:
        frequency = self._frequency.get(word, 0)
        return math.log((1 + self._documents) / (1 + frequency)) + 1
