"""Citation accuracy with what the prompt gives away taken out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmark.citations.extract import extract
from benchmark.keys import code_version, key
from benchmark.metrics.base import MeanMetric
from benchmark.plugins import ScoreInfo
from benchmark.records import Example

if TYPE_CHECKING:
    from benchmark.plugins import Array


class CitationBeyondPrompt(MeanMetric):
    """Share of answers that cite an article which the reference cites and the prompt does not.

    As `citation_accuracy`, one number in common is enough, whatever code it is said to be of;
    but numbers are found in every spelling, and those that stand in the prompt do not count. So
    an echo of the prompt scores 0. An example whose references cite nothing beyond the prompt is
    not scored: there is nothing that the answer could show.
    """

    @property
    def key(self) -> str:
        """Return the content key: parameters, and the code that finds citations."""
        return key(plugin=super().key, code=code_version("benchmark.citations.extract"))

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the one number."""
        return (ScoreInfo("citation_accuracy_beyond_prompt"),)

    def stats(self, examples: Sequence[Example], texts: Sequence[str]) -> Array:
        """Return (1.0 or 0.0, 1) for each answer, zeros where nothing is scored. Shape: (n, 2)."""
        import numpy as np

        if len(examples) != len(texts):
            raise ValueError(f"{len(examples)} examples, but {len(texts)} texts")
        table = np.zeros((len(texts), 2))
        for row, (example, text) in enumerate(zip(examples, texts, strict=True)):
            given = numbers(" \n\n".join(turn.content for turn in example.prompt))
            wanted = [numbers(reference) - given for reference in example.references]
            if any(wanted):
                table[row] = float(any(numbers(text) & new for new in wanted)), 1.0
        return table


def numbers(text: str) -> set[str]:
    """Return the article numbers that a text cites, in one spelling."""
    return {one.number for one in extract(text) if one.number}
