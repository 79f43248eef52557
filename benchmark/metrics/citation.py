"""Citation accuracy exactly as the reference workflow defines it, flaw included."""

from __future__ import annotations

import re
from collections.abc import Sequence

from benchmark.metrics.base import MeanMetric
from benchmark.plugins import ScoreInfo
from benchmark.records import Example

_ARTICLE = re.compile(r"Article [LRD]?\d[\d\-]*", re.IGNORECASE)


class CitationAccuracy(MeanMetric):
    r"""Share of answers that cite an article number which the reference cites too.

    An answer counts when its set of numbers, by the pattern `Article [LRD]?\d[\d\-]*` in any
    case, meets the reference's set. One number in common is enough; wrong numbers beside it
    cost nothing; `Article L. 4121-1` (dot, space) is not seen by the pattern. A reference
    without any number cannot be met and counts as a miss, as in the original. With several
    references, meeting any of them is enough.

    Beware: prompts that name the article are answered by repeating them. An echo of the prompt
    scores near 1.0, so read this number beside the `echo` control's.
    """

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the one number."""
        return (ScoreInfo("citation_accuracy"),)

    def rows(self, examples: Sequence[Example], texts: Sequence[str]) -> list[Sequence[float]]:
        """Return 1.0 or 0.0 for each answer."""
        return [
            [float(any(cited(text) & cited(reference) for reference in example.references))]
            for example, text in zip(examples, texts, strict=True)
        ]


def cited(text: str) -> set[str]:
    """Return the article numbers that a text names, in small letters."""
    return {found.lower() for found in _ARTICLE.findall(text)}
