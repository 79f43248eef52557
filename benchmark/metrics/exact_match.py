"""Share of answers that equal a reference."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from benchmark.metrics.base import PairMetric
from benchmark.metrics.squad import squad
from benchmark.metrics.text import normalised
from benchmark.plugins import ScoreInfo

if TYPE_CHECKING:
    from benchmark.plugins import Array


_PIECE = re.compile(r"\S+")


class ExactMatch(PairMetric):
    """1 where the answer is one of the references, else 0.

    Parameters:
        normalise: Compare after Unicode NFC, case folding, white space as single spaces, and
            punctuation at both ends taken off. Off: character by character.
        compat: `evaluate`: character by character, as `evaluate`'s "exact_match" does by
            default. `squad`: after the normalisation of SQuAD's script, which takes off ASCII
            punctuation and English articles. Both ignore `normalise`.
    """

    normalise: bool = True
    compat: Literal["evaluate", "squad"] | None = None

    def described(self) -> dict[str, Any]:
        """Return how texts are made alike, and after whose example."""
        return {"normalise": not self.compat and self.normalise, "compat": self.compat or "no"}

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the one number."""
        return (ScoreInfo("exact_match"),)

    def pairs(self, texts: Sequence[str], references: Sequence[str]) -> Array:
        """Return 1.0 for each pair of equal texts, else 0.0. Shape: (n, 1)."""
        import numpy as np

        pairs = zip(texts, references, strict=True)
        if self.compat == "squad":
            equal = [squad(text) == squad(reference) for text, reference in pairs]
        elif self.compat == "evaluate" or not self.normalise:
            equal = [text == reference for text, reference in pairs]
        else:
            equal = [alike(text, reference) for text, reference in pairs]
        return np.array(equal, dtype=np.float64)[:, None]


def alike(text: str, reference: str) -> bool:
    """Return whether two texts are the same in the form that `plain` gives.

    Most pairs differ in their first word already, which is much sooner seen.
    """
    first = _first_word(text)
    return first == _first_word(reference) and plain(text) == plain(reference)


def _first_word(text: str) -> str:
    """Return the first word that is more than punctuation, in its plain form; "" if none is."""
    for piece in _PIECE.finditer(text):
        word = plain(piece.group())
        if not all(map(_at_end, word)):
            return word
    return ""


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
