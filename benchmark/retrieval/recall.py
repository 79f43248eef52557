"""How often what was looked for is among what was found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from benchmark.records import Found
from benchmark.results import Rate
from benchmark.stats import score_interval

if TYPE_CHECKING:
    from benchmark.plugins import Array


class Recall(NamedTuple):
    """Shares and means over the examples that have something to be found."""

    n: int
    recall: Rate
    recall_at_1: Rate
    mrr: Rate
    in_prompt: Rate


def recall(found: Sequence[Found], clusters: Sequence[str]) -> Recall:
    """Return recall among the k, recall at 1, mean reciprocal rank, and recall in the prompt.

    Intervals are those of `stats.score_interval`, by cluster: Wilson's for the three shares.

    Args:
        found: What retrieval gave, one an example.
        clusters: The cluster of each example.
    """
    import numpy as np

    pairs = [(one, name) for one, name in zip(found, clusters, strict=True) if one.has_gold]
    if not pairs:
        nothing = Rate(value=None, low=None, high=None)
        return Recall(0, nothing, nothing, nothing, nothing)
    rows = np.array([[*row(one), 1.0] for one, _ in pairs])
    estimate = score_interval(rows, _means, [name for _, name in pairs])
    # All four lie between 0 and 1, and so do their means.
    low, high = np.clip([estimate.low, estimate.high], 0.0, 1.0)
    rates = [
        Rate(value=float(value), low=_known(low[at]), high=_known(high[at]))
        for at, value in enumerate(estimate.value)
    ]
    return Recall(len(pairs), *rates)


def row(found: Found) -> tuple[float, float, float, float]:
    """Return one example's hit among the k, hit at 1, reciprocal rank, and hit in the prompt."""
    rank = next((rank for rank, hit in enumerate(found.hits, 1) if hit.is_gold), None)
    shown = any(hit.is_gold and hit.is_shown for hit in found.hits)
    if rank is None:
        return 0.0, 0.0, 0.0, 0.0
    return 1.0, float(rank == 1), 1.0 / rank, float(shown)


def _means(totals: Array) -> Array:
    means: Array = totals[..., :-1] / totals[..., -1:]
    return means


def _known(end: float) -> float | None:
    return None if math.isnan(end) else float(end)
