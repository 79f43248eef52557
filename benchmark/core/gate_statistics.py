"""The few formulas that gates need besides `stats`: how much more evidence, and what is missing.

They take numbers alone, so that a better formula can stand in for any of them.
"""

from __future__ import annotations

from math import ceil, log, log1p, sqrt
from statistics import NormalDist

CONFIDENCE = 0.95
POWER = 0.8
"""Chance that the n which is asked for does settle the matter, if the truth is what was seen."""
MOST = 10_000_000
"""Nobody makes so many test examples: beyond it, no number is said at all."""


def needed_n(n: int, distance: float, reach: float) -> int | None:
    """Return about how many examples would settle a gate that is inconclusive with n.

    The width of an interval falls with the root of n. For it to stay off the bound with 80 %
    chance, the distance must be (1.96 + 0.84) standard errors, and 1.96 of them are `reach`
    (sample size of a one-sample test: Cohen, "Statistical Power Analysis", 1988, section 2.4).

    Args:
        n: Examples now.
        distance: From the value to the bound.
        reach: From the value to the interval's end on the bound's side.

    Returns:
        More than n; None where the value lies on the bound, and no n settles it.
    """
    normal = NormalDist()
    z = normal.inv_cdf((1 + CONFIDENCE) / 2)
    factor = (z + normal.inv_cdf(POWER)) / z
    # Asked in this form, so that a distance of next to nothing does not overflow.
    if n < 1 or factor * reach * sqrt(n) >= distance * sqrt(MOST):
        return None
    return max(n + 1, ceil(n * (factor * reach / distance) ** 2))


def unseen(clusters: int) -> float:
    """Return how often something may yet happen that happened in none of so many clusters.

    The upper end of Clopper and Pearson's 95 % interval of 0 in n: 1 - 0.025 ** (1 / n), about
    3.7 / n (the "rule of three" of one side).
    """
    return 1 - ((1 - CONFIDENCE) / 2) ** (1 / clusters) if clusters else 1.0


def tied(difference: float, clusters: int) -> tuple[float, float]:
    """Return an interval where a yes/no score differs by the same amount in every cluster.

    No resample can differ there, though the next cluster still can; it does so in at most
    `unseen` of them. At the worse end all of those are lost (-1); at the better end they are won
    (1) where nothing was lost so far, and ties (0) where everything was: six losses in six
    clusters are no doubtful loss.

    Args:
        difference: -1, 0 or 1; more is better.
        clusters: How many there are.

    Returns:
        The worse end and the better one.
    """
    rest, best = unseen(clusters), 1.0 if difference >= 0 else 0.0
    return difference - rest * (difference + 1), difference + rest * (best - difference)


def tied_n(difference: float, bound: float, per_cluster: float) -> int | None:
    """Return how many examples it takes until `tied` stays above a bound; None: none does.

    Args:
        difference: The same in every cluster.
        bound: What the lower end has to reach.
        per_cluster: Examples in a cluster, on average.
    """
    share = (difference - bound) / (difference + 1) if difference > -1 else 0.0
    if share >= 1:
        return 2
    if share < 1 / MOST:
        return None
    return ceil(per_cluster * ceil(log((1 - CONFIDENCE) / 2) / log1p(-share)))


def all_yes_n(bound: float, per_cluster: float) -> int | None:
    """Return how many examples it takes until Wilson's interval of n in n reaches a bound.

    Its lower end is n / (n + z²).
    """
    if bound >= 1:
        return None
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    return ceil(per_cluster * ceil(bound * z * z / (1 - bound)))


def with_missing(end: float, n: int, missing: int, least: float) -> float:
    """Return an interval's worse end if the missing answers had all been as bad as can be.

    Exact for the value of a mean, and near for the end of its interval; a corpus score
    (BLEU) is treated like a mean.
    """
    return (n * end + missing * least) / (n + missing)
