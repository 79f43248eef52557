"""Log-probabilities to numbers: perplexity with its interval, and its ratio to the base's.

Perplexity is exp(- mean log-probability of a token), over all tokens of all texts (Jelinek et
al., 1977). Each text gives the sums (- log-probability, tokens), which add up; intervals and the
test resample texts. Of two models the ratio of perplexities is tested, which is the difference of
their mean log-probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from benchmark.errors import CandidateError
from benchmark.side_results import ForgettingSummary
from benchmark.stats import difference_interval, paired_test, score_interval

if TYPE_CHECKING:
    from benchmark.plugins import Array

Sums = list[tuple[float, int]]
"""(minus the sum of natural-log probabilities, scored tokens), one a text."""


class Reading(NamedTuple):
    """The same texts, read by a candidate and by its base without adapter."""

    candidate: str
    mine: Sums
    base: Sums


def sums(scores: Sequence[Sequence[float]]) -> Sums:
    """Return each text's sums.

    Raises:
        CandidateError: A log-probability is no finite number, or no token was scored at all.
    """
    found = [(-math.fsum(row), len(row)) for row in scores]
    if not all(math.isfinite(nll) for nll, _ in found):
        raise CandidateError("the probability of a general text is no number")
    if not sum(tokens for _, tokens in found):
        raise CandidateError("the general texts have no token to be judged by")
    return found


def summary(reading: Reading, *, seed: int, resamples: int, signature: str) -> ForgettingSummary:
    """Return a candidate's perplexity against its base's, with 95 % intervals and p.

    Raises:
        CandidateError: The perplexity is too large for a number.
    """
    import numpy as np

    mine, base = (np.array(rows, dtype=np.float64) for rows in (reading.mine, reading.base))
    groups = [f"{at:06d}" for at in range(len(mine))]
    own = score_interval(mine, _mean, groups)
    ratio = difference_interval(mine, base, _mean, groups)
    p = paired_test(mine, base, _mean, groups, resamples, seed).p
    plain = _mean(base.sum(axis=0))
    try:
        value, low, high, without, times, least, most = (
            math.exp(number[0]) for number in (*own[:3], plain, *ratio[:3])
        )
    except OverflowError as error:
        raise CandidateError("its perplexity of general text is too large for a number") from error
    return ForgettingSummary(
        candidate=reading.candidate,
        perplexity=value,
        low=low,
        high=high,
        base_perplexity=without,
        ratio=times,
        ratio_low=least,
        ratio_high=most,
        p=float(p[0]) if math.isfinite(p[0]) else None,
        texts=len(mine),
        tokens=int(mine[:, 1].sum()),
        signature=signature,
    )


def _mean(totals: Array) -> Array:
    """Return minus the mean log-probability of a token. Shape: (..., 2) -> (..., 1)."""
    return totals[..., :1] / totals[..., 1:]
