"""Perplexity of the reference answer: of the model, not of what it wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from benchmark.plugins import Plugin, ScoreInfo
from benchmark.records import Example

if TYPE_CHECKING:
    from benchmark.plugins import Array


class Perplexity(Plugin):
    """How hard a candidate finds the reference, given the prompt it answers.

    exp(- mean natural-log probability of a reference's token), over all tokens of all examples
    (Jelinek et al., 1977); of several references the first. The end of turn is no part of the
    reference. Values compare between candidates of one tokenizer: tokens are what is counted.

    Controls and models behind an interface that tells no probabilities have none.

    Statistics, shape (n, 2): minus the sum of the log-probabilities, tokens. They come from the
    model (`core.likelihood`), so `stats`, which sees only texts, has none to give.

    Parameters:
        max_length: Tokens of a reference that are read.
    """

    reads_model: ClassVar[bool] = True
    """The likelihood stage fills in its statistics."""

    max_length: int = Field(default=512, ge=1)

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the one number."""
        return (ScoreInfo("perplexity", higher_is_better=False),)

    def stats(self, examples: Sequence[Example], texts: Sequence[str]) -> Array:
        """Return zeros, which make every value undefined. Shape: (n, 2)."""
        import numpy as np

        return np.zeros((len(texts), 2))

    def values(self, totals: Array) -> Array:
        """Return perplexities of sums. Shape: (..., 2) -> (..., 1); NaN where none is defined."""
        import numpy as np

        totals = np.asarray(totals, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found: Array = np.exp(totals[..., :1] / totals[..., 1:])
        return np.where(np.isfinite(found), found, np.nan)
