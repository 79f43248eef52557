"""Prediction-powered inference: few human labels and many judgements make one mean."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from benchmark.stats.groups import CONFIDENCE

if TYPE_CHECKING:
    from benchmark.stats.groups import Array


class Corrected(NamedTuple):
    """A mean that few human labels and many judgements give together."""

    value: float | None
    low: float | None
    high: float | None
    power: float
    """How much the judge's opinions count, 0 to 1 (the lambda of PPI++)."""


def ppi_mean(
    labels: Sequence[float],
    judged: Sequence[float],
    unlabelled: Sequence[float],
    groups: Sequence[str] | None = None,
    *,
    power: float | None = None,
    confidence: float = CONFIDENCE,
) -> Corrected:
    """Return the mean that people would give, from few labels and many judgements (PPI++).

    Angelopoulos, Duchi and Zrnic (2023), arXiv 2311.01453: power x mean(unlabelled) +
    mean(labels - power x judged), with the power that makes its variance least,
    Cov(labels, judged) / ((1 + n/N) Var(judged)), kept within 0 and 1. Without unlabelled
    answers, or with a judge that says the same of all, it is the mean of the labels.

    Args:
        labels: What people say of n answers, drawn at random.
        judged: What the judge says of the same answers. Length: n.
        unlabelled: What the judge says of the N answers that nobody labelled.
        groups: The cluster of each answer, those of `labels` first. Length: n + N. Answers of
            one cluster rise and fall together; None: each is its own.
        power: Instead of the best one.
        confidence: Of the normal interval.

    Raises:
        ValueError: Lengths differ.
    """
    import numpy as np

    if len(labels) != len(judged):
        raise ValueError(f"{len(labels)} labels and {len(judged)} judgements of the same answers")
    if groups is not None and len(groups) != len(labels) + len(unlabelled):
        raise ValueError(f"{len(groups)} groups for {len(labels) + len(unlabelled)} answers")
    if not len(labels):
        return Corrected(None, None, None, 0.0)
    y, f, rest = (np.asarray(part, dtype=np.float64) for part in (labels, judged, unlabelled))
    if power is None:
        power = _power(y, f, rest)
    residual = y - power * f
    value = residual.mean() + (power * rest.mean() if len(rest) else 0.0)
    # What each answer adds to the estimate's error; within a cluster these may all point one way.
    parts = [(residual - residual.mean()) / len(y)]
    parts += [power * (rest - rest.mean()) / len(rest)] if len(rest) else []
    errors_ = np.concatenate(parts)
    names = groups or [str(at) for at in range(len(errors_))]
    if len(set(names[: len(labels)])) < 2:
        return Corrected(float(value), None, None, power)
    index = np.unique(np.asarray(names, dtype=object).astype(str), return_inverse=True)[1]
    sums = np.bincount(index, weights=errors_)
    half = NormalDist().inv_cdf((1 + confidence) / 2) * sqrt(float((sums**2).sum()))
    return Corrected(float(value), float(value) - half, float(value) + half, power)


def _power(y: Array, f: Array, rest: Array) -> float:
    import numpy as np

    together = np.concatenate([f, rest])
    spread = float(together.var(ddof=1)) if len(together) > 1 else 0.0
    if not len(rest) or spread <= 1e-18:
        return 0.0
    shared = float(((y - y.mean()) * (f - f.mean())).mean())
    return min(1.0, max(0.0, shared / ((1 + len(y) / len(rest)) * spread)))
