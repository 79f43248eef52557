"""A metric as small as one can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmark.plugins import Plugin, ScoreInfo
from benchmark.records import Example


class WordOverlap(Plugin):
    """Share of the first reference's words that are in the answer, over all examples."""

    casefold: bool = True

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the one number."""
        return (ScoreInfo("word_overlap"),)

    def stats(self, examples: Sequence[Example], texts: Sequence[str]) -> Any:
        """Return words found and words there are. Shape: (n, 2)."""
        import numpy as np

        rows = []
        for example, text in zip(examples, texts, strict=True):
            words, found = self._words(example.references[0]), self._words(text)
            rows.append([len(words & found), len(words)])
        return np.asarray(rows, dtype=np.float64).reshape(-1, 2)

    def values(self, totals: Any) -> Any:
        """Return the share. Shape: (..., 2) -> (..., 1)."""
        import numpy as np

        with np.errstate(invalid="ignore"):
            return totals[..., :1] / totals[..., 1:]

    def _words(self, text: str) -> set[str]:
        return set((text.casefold() if self.casefold else text).split())
