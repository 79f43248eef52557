"""ROUGE-1, ROUGE-2 and ROUGE-L (Lin 2004), in rouge_score's definition."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any, ClassVar, Literal

from benchmark.metrics.base import MeanMetric
from benchmark.metrics.text import porter, snowball, words
from benchmark.plugins import ScoreInfo


class Rouge(MeanMetric):
    """F1 of shared words, shared word pairs, and the longest common subsequence of words.

    Means over examples, 0 to 1; with several references each number takes its best. The
    arithmetic is rouge_score's; only the longest common subsequence comes from rapidfuzz, which
    gives the same length about a thousand times sooner.

    Parameters:
        tokenizer: `unicode` keeps accented words whole (see `text.words`). `rouge_score` is
            the common tool's, for comparison with published numbers; it knows only a-z and
            0-9, and so cuts "société" into "soci" and "t".
        stemmer: Compare stems: Snowball French with `unicode`, Porter (English) with
            `rouge_score`.
    """

    packages: ClassVar[tuple[str, ...]] = ("rapidfuzz", "rouge-score", "nltk")

    tokenizer: Literal["unicode", "rouge_score"] = "unicode"
    stemmer: bool = False

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the three numbers."""
        return ScoreInfo("rouge1"), ScoreInfo("rouge2"), ScoreInfo("rougeL")

    def pair(self, text: str, reference: str) -> tuple[float, float, float]:
        """Return (ROUGE-1, ROUGE-2, ROUGE-L) F1."""
        answer, target = self.tokens(text), self.tokens(reference)
        return (
            f1(_shared(Counter(answer), Counter(target)), len(answer), len(target)),
            f1(
                _shared(Counter(pairwise(answer)), Counter(pairwise(target))),
                max(len(answer) - 1, 0),
                max(len(target) - 1, 0),
            ),
            f1(_common_subsequence(answer, target), len(answer), len(target)),
        )

    def tokens(self, text: str) -> list[str]:
        """Return the words that are compared."""
        if self.tokenizer == "rouge_score":
            from rouge_score.tokenize import tokenize

            plain: list[str] = tokenize(text, porter() if self.stemmer else None)
            return plain
        found = words(text)
        return [snowball("french").stem(word) for word in found] if self.stemmer else found


def f1(shared: int, answer: int, target: int) -> float:
    """Return the harmonic mean of shared / answer and shared / target; 0 if nothing is shared."""
    return 2 * shared / (answer + target) if shared else 0.0


def _shared(answer: Counter[Any], target: Counter[Any]) -> int:
    return sum(min(count, answer[item]) for item, count in target.items() if item in answer)


def _common_subsequence(answer: list[str], target: list[str]) -> int:
    from rapidfuzz.distance import LCSseq

    # Numbers, since rapidfuzz compares other items by their hash.
    ids: dict[str, int] = {}
    first = [ids.setdefault(token, len(ids)) for token in answer]
    second = [ids.setdefault(token, len(ids)) for token in target]
    return LCSseq.similarity(first, second)
