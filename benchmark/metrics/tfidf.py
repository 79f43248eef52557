"""Cosine of word vectors weighted by how rare each word is in the references (Salton 1988)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic import PrivateAttr

from benchmark.keys import key, sha256_of_rows
from benchmark.metrics.base import PairMetric
from benchmark.metrics.grams import Unit, grams
from benchmark.metrics.text import snowball
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

    _frequency: dict[str, int] = PrivateAttr(default_factory=dict)
    """Of each word: in how many documents it is."""
    _weights: list[float] = PrivateAttr(default_factory=list)
    """Of a word that is in 0, 1, 2, ... documents."""
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
        stem = snowball("french").stem if self.stemmer else str
        for reference in references:
            lexicon, (tokens,) = read("words", [reference])
            frequency.update({stem(lexicon.words[number]) for number in set(tokens.ids)})
        copy = self.model_copy()
        copy._frequency, copy._set = dict(frequency), sha256_of_rows(references)
        size = len(references)
        copy._weights = [math.log((1 + size) / (1 + count)) + 1 for count in range(size + 1)]
        return copy

    def stats(self, examples: Sequence[Example], texts: Sequence[str]) -> Array:
        """Return cosine and a count of 1 for each of n answers. Shape: (n, 2).

        Without `fitted` before, the weights are those of the examples given here.
        """
        if not self._weights:
            return self.fitted(examples).stats(examples, texts)
        return super().stats(examples, texts)

    def pairs(self, texts: Sequence[str], references: Sequence[str]) -> Array:
        """Return the cosine of each pair. Shape: (n, 1)."""
        import numpy as np

        lexicon, tokens = read("words", [*texts, *references])
        ids: list[Any] = [one.ids for one in tokens]
        names = lexicon.words
        if self.stemmer:
            ids = [lexicon.stems("french", one) for one in ids]
            names = lexicon.stem_words("french")
        pairs = zip(ids[: len(texts)], ids[len(texts) :], strict=True)
        units = [Unit(text, [reference]) for text, reference in pairs]
        sums = np.zeros((len(units), 3))
        frequency, weights = self._frequency.get, np.array(self._weights)
        for at, _, groups in grams(units, 1):
            different, back = np.unique(groups.last, return_inverse=True)
            known = [frequency(names[word], 0) for word in different.tolist()]
            weight = weights[known][back]
            mine, theirs = groups.text * weight, groups.others * weight
            ends = np.searchsorted(groups.unit, np.arange(at.stop - at.start + 1)).tolist()
            for column, part in enumerate((mine * theirs, mine * mine, theirs * theirs)):
                terms = part.tolist()
                # Exactly rounded, since the order of the words is that in which they were met.
                sums[at, column] = [math.fsum(terms[a:b]) for a, b in pairwise(ends)]
        product, *squares = sums.T
        under = np.sqrt(squares[0] * squares[1])
        cosine = np.divide(product, under, out=np.zeros(len(units)), where=under > 0)
        # Rounding must not make a text more like another than itself.
        return np.minimum(cosine, 1.0)[:, None]
