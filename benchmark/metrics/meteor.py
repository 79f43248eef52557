"""METEOR (Lavie and Agarwal 2007) with the stems of the text's own language, by nltk."""

from __future__ import annotations

from typing import Any, ClassVar

from benchmark.metrics.base import MeanMetric
from benchmark.metrics.text import Language, snowball, words
from benchmark.plugins import ScoreInfo


class Meteor(MeanMetric):
    """Words shared with the reference, as they are or by stem, less a penalty for disorder.

    A mean over examples, 0 to 1; with several references the best one. Words are those of
    `text.words`. There are no synonyms in any language, English included: WordNet is English
    and must be downloaded. So numbers compare with other METEOR numbers only where those match
    exact words and stems alone.

    Even a perfect answer of m words gets 1 - 0.5 / m**3, by the formula's penalty. Needs
    nltk 3.10.4 or later: before, matching took quadratic time.

    Parameters:
        language: Language of the Snowball stemmer.
    """

    packages: ClassVar[tuple[str, ...]] = ("nltk",)

    language: Language = "french"

    def described(self) -> dict[str, Any]:
        """Return language, stemmer, and nltk's weights, which are not parameters here."""
        return {
            "language": self.language,
            "stemmer": "snowball",
            "synonyms": "no",
            "tok": "unicode",
            "alpha": 0.9,
            "beta": 3.0,
            "gamma": 0.5,
        }

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the one number."""
        return (ScoreInfo("meteor"),)

    def pair(self, text: str, reference: str) -> tuple[float]:
        """Return METEOR of one answer against one reference."""
        from nltk.translate.meteor_score import single_meteor_score

        score = single_meteor_score(
            words(reference),
            words(text),
            preprocess=str,  # `words` has folded case already
            stemmer=snowball(self.language),
            wordnet=_NoSynonyms(),
            alpha=0.9,
            beta=3.0,
            gamma=0.5,
        )
        return (float(score),)


class _NoSynonyms:
    """Stands where nltk expects WordNet, and knows no word."""

    def synsets(self, word: str) -> list[Any]:
        """Return no synonyms."""
        return []
