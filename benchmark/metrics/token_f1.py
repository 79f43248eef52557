"""F1 of the words that answer and reference share, as for SQuAD (Rajpurkar et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from benchmark.metrics.base import PairMetric
from benchmark.metrics.grams import Unit, shared
from benchmark.metrics.squad import squad
from benchmark.metrics.tokens import read
from benchmark.plugins import ScoreInfo

if TYPE_CHECKING:
    from benchmark.plugins import Array

FRENCH = ("l", "le", "la", "les", "un", "une", "des", "du")


class TokenF1(PairMetric):
    """Harmonic mean of precision and recall over words, their order ignored, articles left out.

    A mean over examples, 0 to 1; with several references the best one. Words are those of
    `text.words`. Where answer or reference has no word (articles left out), the score is 1 if
    neither has one, else 0, as in SQuAD 2.0.

    Parameters:
        articles: Words that do not count, in small letters. Empty: every word counts, which
            makes it ROUGE-1.
        compat: `squad` is the script of SQuAD: ASCII punctuation and English articles go away,
            words are parted by white space; `articles` is ignored.
    """

    packages: ClassVar[tuple[str, ...]] = ()

    articles: tuple[str, ...] = FRENCH
    compat: Literal["squad"] | None = None

    def described(self) -> dict[str, Any]:
        """Return whose words are compared, and which do not count."""
        left_out = "a,an,the" if self.compat else ",".join(self.articles) or "none"
        tokens = "white-space" if self.compat else "unicode"
        return {"compat": self.compat or "no", "tok": tokens, "left_out": left_out}

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the one number."""
        return (ScoreInfo("token_f1"),)

    def pairs(self, texts: Sequence[str], references: Sequence[str]) -> Array:
        """Return F1 of each pair. Shape: (n, 1)."""
        import numpy as np

        every = [*texts, *references]
        if self.compat:
            ids = [tokens.ids for tokens in read("none", [squad(text) for text in every])[1]]
        else:
            lexicon, tokens = read("words", every)
            left_out = [lexicon.number(word) for word in self.articles]
            arrays = [np.asarray(one.ids) for one in tokens]
            counts = np.ones(len(lexicon.words), dtype=bool)
            counts[left_out] = False
            ids = [one[counts[one]] for one in arrays]
        pairs = list(zip(ids[: len(texts)], ids[len(texts) :], strict=True))
        both = shared([Unit(text, [reference]) for text, reference in pairs], 1)[:, 0]
        size = np.array([len(text) + len(reference) for text, reference in pairs])
        score = np.divide(2 * both, size, out=np.zeros(len(pairs)), where=size > 0)
        return np.where(size == 0, 1.0, score)[:, None]
