"""Places in which answer and reference differ (Hamming 1950), by rapidfuzz."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from benchmark.metrics.base import PairMetric
from benchmark.metrics.levenshtein import with_similarity
from benchmark.plugins import ScoreInfo

if TYPE_CHECKING:
    from benchmark.plugins import Array


class Hamming(PairMetric):
    """Characters of the answer that differ from the reference's at the same place.

    `hamming` counts them (in Unicode code points; lower is better), every character by which
    one text is longer included; `hamming_similarity` is 1 - count / length of the longer text
    (1 when both are empty). Meant for answers of a fixed form (codes, dates, numbers): one
    character more at the start moves all others.
    """

    packages: ClassVar[tuple[str, ...]] = ("rapidfuzz",)

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the two numbers."""
        return (
            ScoreInfo("hamming", higher_is_better=False),
            ScoreInfo("hamming_similarity"),
        )

    def pairs(self, texts: Sequence[str], references: Sequence[str]) -> Array:
        """Return (differences, similarity) of each pair. Shape: (n, 2)."""
        from rapidfuzz.distance import Hamming as Distance

        found = [
            Distance.distance(text, reference, pad=True)
            for text, reference in zip(texts, references, strict=True)
        ]
        return with_similarity(found, texts, references)
