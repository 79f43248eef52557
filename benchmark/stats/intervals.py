"""Intervals that cover what they say, by one rule.

| what | interval |
|---|---|
| yes/no score | Wilson's, of the effective sample size |
| difference of paired yes/no scores | Tango's, of the effective sample size |
| any other score | t over the jackknife by group, corrected for skewness |
| any other paired difference | t over the jackknife by group |
| leaving one group out leaves no number | percentile bootstrap by group |

Scores pile up at an end of their scale, so theirs is Hall's correction (Hall, "On the removal of
skewness by transformation", 1992: a monotone cubic of the t statistic). Paired differences are
nearly symmetric, and where few of them are not 0 the correction would follow noise.
`perf/stats.py` measures how often each covers, beside the percentile and the BCa bootstrap,
which fall short with few groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, nan
from typing import TYPE_CHECKING, NamedTuple

from benchmark.stats.groups import CONFIDENCE
from benchmark.stats.jackknife import Spread, spread
from benchmark.stats.rates import Changes, Interval, changes_of, is_yes_no, tango, wilson, worth
from benchmark.stats.resampling import bootstrap, paired_bootstrap

if TYPE_CHECKING:
    from benchmark.stats.groups import Array, Mask, Values

WILSON = "Wilson"
WILSON_CLUSTERED = "Wilson, effective n by cluster"
TANGO = "Tango"
TANGO_CLUSTERED = "Tango, effective n by cluster"
HALL = "jackknife t, skewness-corrected"
JACKKNIFE = "jackknife t"
BOOTSTRAP = "percentile bootstrap"
NONE = "none"
_RESAMPLES = 2000
"""Of the bootstrap that stands in; its seed is fixed, so that equal rows give equal intervals."""


class Measured(NamedTuple):
    """s numbers with what is known of them. NaN ends where there is no interval."""

    value: Array
    low: Array
    high: Array
    se: Array
    """Standard errors (jackknife by group)."""
    groups: int
    """Clusters that have any statistics."""
    methods: tuple[str, ...]
    """How each interval was made; "none" where it was not."""


def score_interval(
    stats: Array,
    values: Values,
    groups: Sequence[str],
    confidence: float = CONFIDENCE,
    yes_no: Mask | None = None,
) -> Measured:
    """Return scores and their intervals.

    Args:
        stats: Per-example statistics. Shape: (n, k).
        values: Summed statistics to scores. Shape: (..., k) -> (..., s).
        groups: The cluster of each example. Length: n.
        confidence: How often the interval covers the true score.
        yes_no: Which scores may be taken for yes/no scores, for a caller who knows more than
            these rows: all 0 is also what an edit distance can be. Shape: (s,).

    Returns:
        NaN for a score that is undefined, and NaN ends where there are fewer than 2 groups,
        since one cluster says nothing of the spread between clusters.

    Raises:
        ValueError: The lengths of `stats` and `groups` differ.
    """
    found = spread([stats], values, groups)
    rates = is_yes_no(values, stats)
    rates = rates if yes_no is None else rates & yes_no
    ends, methods = [], []
    for at, is_rate in enumerate(rates):
        if not _has_interval(found, at):
            end, method = Interval(nan, nan), NONE
        elif is_rate:
            end, method = _rate(found, at, confidence)
        elif isnan(found.se[at]):
            drawn = bootstrap(stats, values, groups, _RESAMPLES, 0, confidence)
            end, method = Interval(float(drawn.low[at]), float(drawn.high[at])), BOOTSTRAP
        else:
            end, method = skewed_t(found, at, confidence), HALL
        ends.append(end)
        methods.append(method)
    return _measured(found, ends, methods)


def difference_interval(
    a: Array,
    b: Array,
    values: Values,
    groups: Sequence[str],
    confidence: float = CONFIDENCE,
    yes_no: Mask | None = None,
) -> Measured:
    """Return how much higher a scores than b (a - b), and the intervals of that.

    Row i of `a` and of `b` answer the same example.
    Other arguments, undefined cases and errors are those of `score_interval`.
    """
    found = spread([a, b], values, groups)
    rates = is_yes_no(values, a, b)
    rates = rates if yes_no is None else rates & yes_no
    changes = changes_of(values, a, b)
    ends, methods = [], []
    for at, is_rate in enumerate(rates):
        if not _has_interval(found, at):
            end, method = Interval(nan, nan), NONE
        elif is_rate:
            end = tango(effective(found, at, changes[at]), confidence)
            method = TANGO if found.groups >= changes[at].n else TANGO_CLUSTERED
        elif isnan(found.se[at]):
            drawn = paired_bootstrap(a, b, values, groups, _RESAMPLES, 0)
            end, method = Interval(float(drawn.low[at]), float(drawn.high[at])), BOOTSTRAP
        else:
            end, method = plain_t(found, at, confidence), JACKKNIFE
        ends.append(end)
        methods.append(method)
    return _measured(found, ends, methods)


def plain_t(found: Spread, at: int, confidence: float) -> Interval:
    """Return value ± t se."""
    from scipy.special import stdtrit

    half = stdtrit(found.freedom, (1 + confidence) / 2) * found.se[at]
    return Interval(float(found.value[at] - half), float(found.value[at] + half))


def skewed_t(found: Spread, at: int, confidence: float) -> Interval:
    """Return the interval of t with the skewness of the groups taken out.

    With b = skewness / sqrt(g), T + b T² / 3 + b² T³ / 27 + b / 6 is nearly free of skewness
    where T, the studentised score, is not; its inverse gives the ends (Hall, 1992).
    """
    from scipy.special import stdtrit

    skew = float(found.skewness[at]) / found.groups**0.5
    tail = stdtrit(found.freedom, (1 + confidence) / 2)
    value, se = found.value[at], found.se[at]
    return Interval(
        float(value - se * _unskewed(tail, skew)), float(value - se * _unskewed(-tail, skew))
    )


def effective(found: Spread, at: int, changes: Changes) -> Changes:
    """Return the counts that a score's changes are worth, given how they cluster."""
    gained, lost, n = changes
    alone = ((gained + lost) / n - ((gained - lost) / n) ** 2) / n
    return changes.scaled(worth(alone, float(found.se[at]) ** 2, found.groups, n))


def _rate(found: Spread, at: int, confidence: float) -> tuple[Interval, str]:
    from scipy.special import ndtri, stdtrit

    value, rows = float(found.value[at]), found.rows
    if found.groups >= rows:
        return wilson(value * rows, rows, confidence), WILSON
    share = worth(value * (1 - value) / rows, float(found.se[at]) ** 2, found.groups, rows)
    # A variance from few groups is itself uncertain, for which Korn and Graubard (1998) shrink
    # the sample by the square of z over t. (Tango's interval covers without it.)
    tail = (1 + confidence) / 2
    n = rows * min(1.0, share * float(ndtri(tail) / stdtrit(found.freedom, tail)) ** 2)
    return wilson(value * n, n, confidence), WILSON_CLUSTERED


def _has_interval(found: Spread, at: int) -> bool:
    return found.groups >= 2 and not isnan(found.value[at])


def _unskewed(x: float, skew: float) -> float:
    centred = x - skew / 6
    if abs(skew) < 1e-9:
        return centred
    inside = 1 + skew * centred
    root: float = abs(inside) ** (1 / 3) * (1 if inside > 0 else -1)
    return 3 / skew * (root - 1)


def _measured(found: Spread, ends: list[Interval], methods: list[str]) -> Measured:
    import numpy as np

    low, high = np.array(ends, dtype=np.float64).reshape(-1, 2).T
    # Rounding must not leave a score outside its own interval: 1 of 1 ends at 0.9999999999999999.
    low, high = np.fmin(low, found.value + 0 * low), np.fmax(high, found.value + 0 * high)
    return Measured(found.value, low, high, found.se, found.groups, tuple(methods))
