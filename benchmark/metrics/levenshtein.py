"""Edit distance between answer and reference (Levenshtein 1966), by rapidfuzz."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from benchmark.metrics.base import PairMetric
from benchmark.metrics.pieces import PIECE, total
from benchmark.plugins import ScoreInfo

if TYPE_CHECKING:
    from benchmark.plugins import Array


class Levenshtein(PairMetric):
    """Insertions, deletions and substitutions that turn the answer into the reference.

    `levenshtein` counts them (in Unicode code points; lower is better), and
    `levenshtein_similarity` is 1 - count / length of the longer text (0 to 1; 1 when both are
    empty). Texts are compared as they are. With several references each number takes its best.

    Exact unless both texts have more than 32,768 characters; then it is the edits of one way
    to turn one into the other, piece by piece: never fewer than needed.
    """

    packages: ClassVar[tuple[str, ...]] = ("rapidfuzz",)

    def described(self) -> dict[str, Any]:
        """Return up to which length it is exact."""
        return {"exact_to": PIECE}

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the two numbers."""
        return (
            ScoreInfo("levenshtein", higher_is_better=False),
            ScoreInfo("levenshtein_similarity"),
        )

    def pairs(self, texts: Sequence[str], references: Sequence[str]) -> Array:
        """Return (edits, similarity) of each pair. Shape: (n, 2)."""
        from rapidfuzz.distance import Levenshtein as Distance

        edits = [
            total(Distance.distance, text, reference)
            for text, reference in zip(texts, references, strict=True)
        ]
        return with_similarity(edits, texts, references)


def with_similarity(
    distances: Sequence[int], texts: Sequence[str], references: Sequence[str]
) -> Array:
    """Return (distance, 1 - distance / length of the longer text). Shape: (n, 2)."""
    import numpy as np

    longer = np.array(
        [max(len(text), len(other)) for text, other in zip(texts, references, strict=True)]
    )
    distance = np.array(distances, dtype=np.float64)
    share = np.divide(distance, longer, out=np.zeros_like(distance), where=longer > 0)
    return np.stack([distance, 1 - share], axis=1)
