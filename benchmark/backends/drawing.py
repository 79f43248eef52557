"""The next token of each row, drawn by the model's probabilities and by the row's own numbers.

A row's numbers depend on its seed alone, so that an answer is the same whatever is answered
beside it: in another batch, after a resumption, or when others have ended. One number a token is
enough: it tells where on the line of summed probabilities the token lies (inversion: Devroye,
"Non-Uniform Random Variate Generation", 1986, section III.2).

Imports torch only inside functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn.

    Attributes:
        temperature: Above 0; logits are divided by it.
        top_p: The likeliest tokens that together have this probability are drawn from.
        seeds: One a row.
    """

    temperature: float
    top_p: float
    seeds: Sequence[int]

    def of(self, rows: Sequence[int]) -> Sampling:
        """Return the same for some of the rows."""
        return replace(self, seeds=[self.seeds[at] for at in rows])

    def numbers(self, count: int) -> torch.Tensor:
        """Return `count` numbers from 0 to below 1 a row. Shape: (rows, count), float32."""
        import numpy as np
        import torch

        drawn = [np.random.default_rng(seed).random(count, dtype=np.float32) for seed in self.seeds]
        return torch.from_numpy(np.stack(drawn))

    def pick(self, logits: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        """Return one token a row.

        Args:
            logits: Of the next token. Shape: (rows, vocabulary).
            numbers: One a row. Shape: (rows, 1).

        Returns:
            Shape: (rows, 1).
        """
        import torch
        from transformers import TopPLogitsWarper

        scores = logits.float() / self.temperature
        if self.top_p < 1:
            scores = TopPLogitsWarper(self.top_p)(None, scores)
        line = scores.softmax(dim=-1).cumsum(dim=-1)
        whole = line[:, -1:].contiguous()
        token = torch.searchsorted(line, numbers * whole, right=True)
        # Rounding may put a number on the very end of the line, behind the last likely token.
        return torch.minimum(token, torch.searchsorted(line, whole))


class Drawn:
    """A processor of logits for transformers' `generate`, which leaves only the drawn tokens.

    Attributes:
        sampling: How tokens are drawn.
        numbers: Of these rows, from the next token on. Shape: (rows, tokens).
        begun: Tokens of a row before the first that is drawn.
    """

    def __init__(self, sampling: Sampling, numbers: torch.Tensor, begun: int) -> None:
        self.sampling, self.numbers, self.begun = sampling, numbers, begun

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return 0 for the drawn token of each row, and minus infinity for the others."""
        at = input_ids.shape[1] - self.begun
        token = self.sampling.pick(scores, self.numbers[:, at : at + 1])
        return scores.new_full(scores.shape, float("-inf")).scatter(1, token, 0.0)
