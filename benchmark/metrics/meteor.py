"""METEOR (Lavie and Agarwal 2007) with the stems of the text's own language, as nltk counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from benchmark.errors import MissingDependency
from benchmark.metrics.alignment import align
from benchmark.metrics.base import PairMetric
from benchmark.metrics.text import Language
from benchmark.metrics.tokens import read
from benchmark.plugins import ScoreInfo

if TYPE_CHECKING:
    from benchmark.plugins import Array

ALPHA, BETA, GAMMA = 0.9, 3.0, 0.5
"""nltk's weights: of recall in the mean, and the penalty's exponent and height."""


class Meteor(PairMetric):
    """Words shared with the reference, as they are or by stem, less a penalty for disorder.

    A mean over examples, 0 to 1; with several references the best one. Words are those of
    `text.words`. There are no synonyms in any language: no package with a lexicon of French
    ones is maintained, and WordNet is English. So numbers compare with other METEOR numbers
    only where those match exact words and stems alone.

    Even a perfect answer of m words gets 1 - 0.5 / m**3, by the formula's penalty.

    Parameters:
        language: Language of the Snowball stemmer.
        compat: Computes it with nltk itself, with English (Porter) stems and English synonyms
            from WordNet, which must be there (`python -m nltk.downloader wordnet`), and ignores
            `language`. `nltk`: words are parted by white space. `evaluate`: by nltk's
            `word_tokenize`, as in `evaluate`'s "meteor"; it needs nltk's `punkt_tab` too.
    """

    packages: ClassVar[tuple[str, ...]] = ("nltk",)

    language: Language = "french"
    compat: Literal["nltk", "evaluate"] | None = None

    def described(self) -> dict[str, Any]:
        """Return language, stemmer, and nltk's weights, which are not parameters here."""
        weights = {"alpha": ALPHA, "beta": BETA, "gamma": GAMMA}
        if self.compat:
            tokenizer = "white-space" if self.compat == "nltk" else "word_tokenize"
            how = {"compat": self.compat, "stemmer": "porter", "synonyms": "wordnet"}
            return {**how, "tok": tokenizer, **weights}
        how = {"compat": "no", "language": self.language, "stemmer": "snowball"}
        return {**how, "synonyms": "no", "tok": "unicode", **weights}

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the one number."""
        return (ScoreInfo("meteor"),)

    def pairs(self, texts: Sequence[str], references: Sequence[str]) -> Array:
        """Return METEOR of each pair. Shape: (n, 1)."""
        import numpy as np

        if self.compat:
            score = _nltk(self.compat)
            both = zip(texts, references, strict=True)
            return np.array([[score(text, reference)] for text, reference in both])
        lexicon, tokens = read("words", [*texts, *references])
        ids = [one.ids for one in tokens]
        answers, targets = ids[: len(texts)], ids[len(texts) :]
        found = align(answers, targets, [None, partial(lexicon.stems, self.language)])
        size = np.array(
            [[len(one), len(other)] for one, other in zip(answers, targets, strict=True)]
        )
        some = found.matches > 0
        matches = np.where(some, found.matches, 1)
        precision, recall = matches / np.maximum(size[:, 0], 1), matches / np.maximum(size[:, 1], 1)
        mean = precision * recall / (ALPHA * precision + (1 - ALPHA) * recall)
        penalty = GAMMA * (found.chunks / matches) ** BETA
        return np.where(some, (1 - penalty) * mean, 0.0)[:, None]


def _nltk(compat: Literal["nltk", "evaluate"]) -> Callable[[str, str], float]:
    """Return nltk's own METEOR of an answer and a reference.

    Raises:
        MissingDependency: WordNet or the tokenizer's data is not there.
    """
    from nltk.corpus import wordnet
    from nltk.tokenize import word_tokenize
    from nltk.translate.meteor_score import single_meteor_score

    cut: Callable[[str], list[str]] = word_tokenize if compat == "evaluate" else str.split

    def score(text: str, reference: str) -> float:
        try:
            return float(single_meteor_score(cut(reference), cut(text), wordnet=wordnet))
        except LookupError as error:
            needed = "wordnet punkt_tab" if compat == "evaluate" else "wordnet"
            raise MissingDependency(
                f"metric meteor with compat: {compat} needs nltk's data ({needed})",
                hint=f"python -m nltk.downloader {needed}",
            ) from error

    return score
