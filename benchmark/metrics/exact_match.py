"""Share of answers that equal a reference."""

from __future__ import annotations

import unicodedata

from benchmark.metrics.base import MeanMetric
from benchmark.metrics.text import normalised
from benchmark.plugins import ScoreInfo


class ExactMatch(MeanMetric):
    """1 where the answer is one of the references, else 0.

    Parameters:
        normalise: Compare after Unicode NFC, case folding, white space as single spaces, and
            punctuation at both ends taken off. Off: character by character.
    """

    normalise: bool = True

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the one number."""
        return (ScoreInfo("exact_match"),)

    def pair(self, text: str, reference: str) -> tuple[float]:
        """Return 1.0 if the two are equal, else 0.0."""
        if self.normalise:
            text, reference = plain(text), plain(reference)
        return (float(text == reference),)


def plain(text: str) -> str:
    """Return text in the form in which `normalise` compares it.

    A text of punctuation alone keeps it: "?" and "!" are not the same answer.
    """
    folded = " ".join(normalised("NFC", normalised("NFD", text).casefold()).split())
    start, end = 0, len(folded)
    while start < end and _at_end(folded[start]):
        start += 1
    while end > start and _at_end(folded[end - 1]):
        end -= 1
    return folded[start:end] or folded


def _at_end(char: str) -> bool:
    return char == " " or unicodedata.category(char).startswith("P")
