"""Edit distance between answer and reference (Levenshtein 1966), by rapidfuzz."""

from __future__ import annotations

from typing import ClassVar

from benchmark.metrics.base import MeanMetric
from benchmark.plugins import ScoreInfo


class Levenshtein(MeanMetric):
    """Insertions, deletions and substitutions that turn the answer into the reference.

    `levenshtein` counts them (in Unicode code points; lower is better), and
    `levenshtein_similarity` is 1 - count / length of the longer text (0 to 1; 1 when both are
    empty). Texts are compared as they are. With several references each number takes its best.
    """

    packages: ClassVar[tuple[str, ...]] = ("rapidfuzz",)

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the two numbers."""
        return (
            ScoreInfo("levenshtein", higher_is_better=False),
            ScoreInfo("levenshtein_similarity"),
        )

    def pair(self, text: str, reference: str) -> tuple[float, float]:
        """Return (edits, similarity)."""
        from rapidfuzz.distance import Levenshtein as Distance

        edits = Distance.distance(text, reference)
        longer = max(len(text), len(reference))
        return float(edits), 1 - edits / longer if longer else 1.0
