"""Not worse by more than a margin: the question that a gate asks.

That a difference is not significant proves nothing; non-inferiority is a test of its own, whose
null hypothesis is that the first side *is* worse by the margin (Blackwelder, "Proving the null
hypothesis in clinical trials", 1982).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, nan
from typing import TYPE_CHECKING, NamedTuple

from benchmark.stats.intervals import JACKKNIFE, NONE, TANGO, TANGO_CLUSTERED, effective
from benchmark.stats.jackknife import spread
from benchmark.stats.rates import Changes, changes_of, is_yes_no, tango, tango_score

if TYPE_CHECKING:
    from benchmark.stats.groups import Array, Values

ALPHA = 0.05
"""One-sided: how often a candidate that is worse by the very margin may pass."""


class NonInferiority(NamedTuple):
    """Whether each of s numbers of a is worse than b's by at most a margin. NaN: not known."""

    value: Array
    """How much higher a is than b."""
    low: Array
    """End of the one-sided interval below: above minus margin, a is not inferior."""
    high: Array
    """End of the one-sided interval above: below minus margin, a is inferior."""
    se: Array
    p_noninferior: Array
    """Of "a is worse by the margin or more": small speaks for a."""
    p_inferior: Array
    """Of "a is worse by the margin or less": small speaks against a."""
    groups: int
    methods: tuple[str, ...]


def non_inferiority(
    a: Array,
    b: Array,
    values: Values,
    groups: Sequence[str],
    margin: float,
    alpha: float = ALPHA,
) -> NonInferiority:
    """Test whether a is lower than b by at most a margin.

    Yes/no scores: Tango's score test, on counts scaled to what clusters are worth. Any other:
    t over the jackknife by group. The interval is that of the
    test: its low end is above -margin just when `p_noninferior` is below alpha.

    Args:
        a: Per-example statistics of the candidate. Shape: (n, k).
        b: Those of the baseline, row by row of the same examples. Where lower is better, hand
            in the baseline as `a` and the candidate as `b`: value is then how much better the
            candidate is.
        values: Summed statistics to scores. Shape: (..., k) -> (..., s).
        groups: The cluster of each example. Length: n.
        margin: At least 0, in the scores' unit.
        alpha: One-sided level of the two ends; they are those of a 1 - 2 alpha interval.

    Returns:
        NaN for what is undefined, and below 2 groups. Where no group differs from another
        (no variance), a score that is not of yes and no is taken at its word: p is 0 or 1.

    Raises:
        ValueError: `margin` is negative or no number, alpha is not between 0 and 0.5, or the
            lengths of tables and `groups` differ.
    """
    import numpy as np

    if not 0 <= margin < float("inf"):
        raise ValueError(f"margin is {margin}; it must be 0 or more")
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha is {alpha}; it must be between 0 and 0.5")
    found = spread([a, b], values, groups)
    # A margin of 1 or more is no margin of a rate, so those are no rates (all edits were 0).
    rates = is_yes_no(values, a, b) & (margin < 1)
    rows: list[tuple[float, float, float, float]] = []
    methods: list[str] = []
    for at, changes in enumerate(changes_of(values, a, b)):
        if found.groups < 2 or isnan(found.value[at]) or isnan(found.se[at]):
            rows.append((nan, nan, nan, nan))
            methods.append(NONE)
        elif rates[at]:
            rows.append(_of_rates(effective(found, at, changes), margin, alpha))
            methods.append(TANGO if found.groups >= changes.n else TANGO_CLUSTERED)
        else:
            value, se = float(found.value[at]), float(found.se[at])
            rows.append(_of_means(value, se, found.freedom, (margin, alpha)))
            methods.append(JACKKNIFE)
    low, high, p_noninferior, p_inferior = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    return NonInferiority(
        found.value, low, high, found.se, p_noninferior, p_inferior, found.groups, tuple(methods)
    )


def _of_rates(counts: Changes, margin: float, alpha: float) -> tuple[float, float, float, float]:
    from scipy.special import ndtr

    z = tango_score(counts, -margin)
    ends = tango(counts, 1 - 2 * alpha)
    return ends.low, ends.high, float(ndtr(-z)), float(ndtr(z))


def _of_means(
    value: float, se: float, freedom: float, asked: tuple[float, float]
) -> tuple[float, float, float, float]:
    from scipy.special import stdtr, stdtrit

    margin, alpha = asked
    # 0.85 - 0.9 is not quite -0.05: what only rounding puts beyond the margin is at it.
    above = value + margin
    above = 0.0 if abs(above) <= 1e-9 * max(1.0, abs(value)) else above
    if se == 0:
        return value, value, float(above < 0), float(above >= 0)
    half = float(stdtrit(freedom, 1 - alpha)) * se
    p = float(stdtr(freedom, -above / se))
    return value - half, value + half, p, 1 - p
