"""Yes/no scores: Wilson's and Tango's intervals, McNemar's test, and clusters among them.

Few answers that are all "no" have a mean of 0 and no spread, as if that were certainty; the
methods here know that a yes/no score cannot be certain. Where several examples share a cluster,
their counts are scaled down to what they are worth (effective sample size: Kish, "Survey
Sampling", 1965; Rao and Scott, 1992).
"""

from __future__ import annotations

from math import nan, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from benchmark.stats.groups import CONFIDENCE, apply

if TYPE_CHECKING:
    from benchmark.stats.groups import Array, Mask, Values


class Interval(NamedTuple):
    """Two ends, low first."""

    low: float
    high: float


class Changes(NamedTuple):
    """Paired yes/no answers. Counts may be effective ones, that is, no whole numbers."""

    gained: float
    """Yes on the first side, no on the second."""
    lost: float
    """The other way round."""
    n: float
    """All pairs."""

    def scaled(self, factor: float) -> Changes:
        """Return the counts that these are worth."""
        return Changes(*(count * factor for count in self))


def wilson(successes: float, n: float, confidence: float = CONFIDENCE) -> Interval:
    """Return Wilson's score interval of a rate (Wilson, 1927), which keeps a width at 0 and 1.

    NaN ends when n is 0.
    """
    if not n:
        return Interval(nan, nan)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate, shrink = successes / n, 1 + z * z / n
    middle = (rate + z * z / (2 * n)) / shrink
    # A rate of 1 can be 1 + 1e-16 where counts are effective ones.
    half = z * sqrt(max(0.0, rate * (1 - rate)) / n + z * z / (4 * n * n)) / shrink
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def tango(changes: Changes, confidence: float = CONFIDENCE) -> Interval:
    """Return Tango's score interval of a difference of paired rates (Tango, 1998).

    It keeps a width where nothing changed. NaN ends when n is 0.
    """
    if not changes.n:
        return Interval(nan, nan)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (changes.gained - changes.lost) / changes.n
    return Interval(_end(changes, z, (-1.0, middle)), _end(changes, -z, (middle, 1.0)))


def tango_score(changes: Changes, difference: float) -> float:
    """Return Tango's z: how far the pairs speak for a difference above the one given.

    Source: Tango, "Equivalence test and confidence interval for the difference in proportions
    for the paired-sample design", Statistics in Medicine 17 (1998).

    Args:
        changes: The pairs; n above 0.
        difference: Of the two rates, -1 to 1.
    """
    gained, lost, n = changes
    # Likeliest share of losses if the difference were this one: a root of a quadratic.
    linear = (2 * n - gained + lost) * difference - gained - lost
    constant = -lost * difference * (1 - difference)
    share = (sqrt(max(0.0, linear * linear - 8 * n * constant)) - linear) / (4 * n)
    variance = n * (2 * share + difference * (1 - difference))
    above = gained - lost - n * difference
    if variance <= 1e-12 * n:
        return 0.0 if abs(above) <= 1e-9 * n else above * float("inf")
    return above / sqrt(variance)


def mcnemar(changes: Changes) -> float:
    """Return the two-sided p of McNemar's exact test (McNemar, 1947): the sign test of changes.

    It is what the paired randomisation test gives when all swaps of single examples are
    looked at. 1 where nothing changed; NaN when n is 0.
    """
    from scipy.special import bdtr

    if not changes.n:
        return nan
    changed = round(changes.gained + changes.lost)
    fewer = round(min(changes.gained, changes.lost))
    return min(1.0, 2 * float(bdtr(fewer, changed, 0.5))) if changed else 1.0


def is_yes_no(values: Values, *sides: Array) -> Mask:
    """Tell which scores are shares of examples: 0 or 1 for each, and their plain mean in all.

    Args:
        values: Summed statistics to scores. Shape: (..., k) -> (..., s).
        sides: Tables of per-example statistics. Shape: (n, k).
    """
    import numpy as np

    found: Mask | None = None
    for side in sides:
        each = apply(values, side)
        known = ~np.isnan(each)
        count = known.sum(axis=0)
        whole = ((each == 0) | (each == 1) | ~known).all(axis=0) & (count > 0)
        mean = np.where(known, each, 0).sum(axis=0) / np.maximum(count, 1)
        total = apply(values, side.sum(axis=0))
        this: Mask = whole & (np.abs(mean - total) < 1e-9)
        found = this if found is None else found & this
    assert found is not None, "there is at least one side"
    return found


def changes_of(values: Values, a: Array, b: Array) -> list[Changes]:
    """Return each yes/no score's changes from b to a; only examples that both know count."""
    import numpy as np

    left, right = apply(values, a), apply(values, b)
    known = ~np.isnan(left) & ~np.isnan(right)
    gained, lost = ((left > right) & known).sum(axis=0), ((left < right) & known).sum(axis=0)
    counts = np.stack([gained, lost, known.sum(axis=0)], axis=-1)
    return [Changes(*map(float, row)) for row in counts]


def worth(alone: float, clustered: float, groups: int, rows: float) -> float:
    """Return what share of its rows a clustered yes/no sample is worth, at most 1.

    Args:
        alone: Variance of the number if all rows were independent.
        clustered: Its variance between groups.
        groups: How many there are, at least 2.
        rows: How many there are; as many as groups means that nothing is clustered.
    """
    if groups >= rows:
        return 1.0
    # Without any spread the groups' sizes are all that is known: each counts as one answer.
    return min(1.0, alone / clustered if alone > 0 and clustered > 0 else groups / rows)


def _end(changes: Changes, target: float, within: tuple[float, float]) -> float:
    """Return the difference at which Tango's z, which falls with it, meets a target."""
    low, high = within
    for _ in range(60):
        middle = (low + high) / 2
        if tango_score(changes, middle) > target:
            low = middle
        else:
            high = middle
    return (low + high) / 2
