"""How large a difference a test set can show, and how large a set a difference needs.

All in clusters: what is known is the standard error at the present number of clusters, which
falls with the square root of that number while clusters stay alike. Power is that of the t test,
by the non-central t distribution (Cohen, 1988, chapter 2).
"""

from __future__ import annotations

from math import ceil, inf, isfinite, isnan, nan, sqrt
from typing import NamedTuple

MOST = 10**7
"""Clusters beyond which an answer is "none": no test set is that large."""


class Sample(NamedTuple):
    """What an earlier run knows: how uncertain a number was, and at which size."""

    se: float
    """Standard error of the score or of the paired difference."""
    clusters: int
    examples: int

    @property
    def deviation(self) -> float:
        """Return the standard deviation of one cluster's contribution."""
        return self.se * sqrt(self.clusters)


class Question(NamedTuple):
    """How sure an answer has to be."""

    alpha: float = 0.05
    """Chance of a false alarm, over both sides if there are two."""
    power: float = 0.8
    """Chance to see what is there."""
    sides: int = 2
    """2: is there a difference? 1: is it above a bound (a gate)?"""


class Needed(NamedTuple):
    """How much it takes."""

    clusters: int
    examples: int
    """As many as come with so many clusters of the present size."""


def power_of(difference: float, deviation: float, clusters: int, asked: Question) -> float:
    """Return the chance that a t test over so many clusters finds a true difference.

    NaN below 2 clusters. Without any deviation a difference is always found.
    """
    from scipy.special import nctdtr, stdtrit

    if clusters < 2 or isnan(difference) or isnan(deviation):
        return nan
    if deviation == 0:
        return 1.0 if difference else asked.alpha
    shift = abs(difference) / deviation * sqrt(clusters)
    limit = float(stdtrit(clusters - 1, 1 - asked.alpha / asked.sides))
    found = 1 - float(nctdtr(clusters - 1, shift, limit))
    if asked.sides == 2:
        # Beyond about 38 the far tail is 0, which the library answers by NaN.
        other = float(nctdtr(clusters - 1, shift, -limit))
        found += 0.0 if isnan(other) else other
    return 1.0 if isnan(found) else min(1.0, found)


def detectable(deviation: float, clusters: int, asked: Question | None = None) -> float:
    """Return the smallest true difference that so many clusters show with the asked power.

    NaN below 2 clusters.
    """
    asked = asked or Question()
    if clusters < 2 or isnan(deviation):
        return nan
    if deviation == 0:
        return 0.0
    low, high = 0.0, deviation
    while power_of(high, deviation, clusters, asked) < asked.power and high < deviation * 1e6:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        if power_of(middle, deviation, clusters, asked) < asked.power:
            low = middle
        else:
            high = middle
    return high


def needed(gap: float, sample: Sample, asked: Question | None = None) -> Needed | None:
    """Return how many clusters and examples would tell a number from a bound.

    For a gate: `gap` is the distance of the estimate from the bound (of a difference from minus
    the margin, of a score from its floor), and one side is asked for: a test set of the size
    that is returned settles the gate in `power` of all runs, if the estimate is the truth. For
    a difference as such: `gap` is the difference, and both sides are asked for.

    Args:
        gap: Distance; its sign does not matter.
        sample: The present run.
        asked: Level, power and sides; one-sided at 5 % with 80 % power unless told.

    Returns:
        None where no size settles it: at the bound itself, or with fewer than 2 clusters, whose
        spread nobody knows. 2 clusters where nothing varies.
    """
    asked = asked or Question(sides=1)
    deviation = sample.deviation
    if sample.clusters < 2 or not isfinite(deviation) or not isfinite(gap):
        return None
    gap = abs(gap)
    if gap <= 1e-9 or gap <= 1e-9 * deviation:
        return None
    if deviation == 0:
        return _sized(2, sample)
    low, high = 1, 2
    while power_of(gap, deviation, high, asked) < asked.power:
        low, high = high, high * 2
        if high > MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if power_of(gap, deviation, middle, asked) < asked.power:
            low = middle
        else:
            high = middle
    return _sized(high, sample)


def yes_no_deviation(disagreement: float, difference: float = 0.0) -> float:
    """Return the standard deviation of one example's paired yes/no difference.

    Args:
        disagreement: Share of examples on which the two sides differ. Two candidates that are
            right half of the time, independently, differ on 0.5: the worst that is plausible,
            and the most that any score between 0 and 1 varies then.
        difference: Of the two rates.
    """
    return sqrt(max(0.0, disagreement - difference * difference))


def design_effect(se: float, se_alone: float) -> float:
    """Return by how much clusters multiply the variance; 1 where nothing is known.

    Args:
        se: Standard error by cluster.
        se_alone: Standard error as if each row were a cluster of its own.
    """
    ratio = (se / se_alone) ** 2 if se_alone > 0 else 1.0
    return ratio if isfinite(ratio) and ratio < inf else 1.0


def _sized(clusters: int, sample: Sample) -> Needed:
    return Needed(clusters, ceil(clusters * sample.examples / sample.clusters))
