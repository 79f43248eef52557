"""Bootstrap and randomisation: what can be told by drawing groups again, or swapping sides.

All of it resamples *groups*, not rows (cluster bootstrap: Davison and Hinkley, "Bootstrap
Methods and their Application", 1997, section 3.8). The random numbers come from PCG64 and
depend on the seed and the number of groups alone, and groups are taken in the order of their
names: neither the order of calls nor that of rows changes a result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import nan
from typing import TYPE_CHECKING, NamedTuple

from benchmark.stats.groups import CONFIDENCE, apply, by_group, scores_of

if TYPE_CHECKING:
    import numpy as np

    from benchmark.stats.groups import Array, Values

CELLS = 2**22
"""Weights held in memory at a time (32 MB), whatever the number of groups and resamples."""


class Estimate(NamedTuple):
    """s numbers with the ends of their intervals; NaN where undefined. Shape: (s,) each."""

    value: Array
    low: Array
    high: Array


def bootstrap(
    stats: Array,
    values: Values,
    groups: Sequence[str],
    resamples: int,
    seed: int,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Return scores and their percentile bootstrap intervals.

    Args:
        stats: Per-example statistics. Shape: (n, k).
        values: Summed statistics to scores. Shape: (..., k) -> (..., s).
        groups: The cluster of each example. Length: n.
        resamples: Draws of as many groups as there are, with replacement.
        seed: Any whole number.
        confidence: Share of the resamples between the ends.

    Returns:
        NaN for a score that is undefined (n = 0 makes all of them so); NaN ends where there
        are fewer than 2 groups, since one cluster says nothing of the spread between clusters.
        Resamples in which a score is undefined are left out of its interval.

    Raises:
        ValueError: The lengths of `stats` and `groups` differ.
    """
    (sums,) = by_group(groups, stats)
    value = scores_of(values, sums.sum(axis=0), len(sums))
    if len(sums) < 2:
        return Estimate(value, value * nan, value * nan)
    draws = [apply(values, weights @ sums) for weights in _resampled(len(sums), resamples, seed)]
    return Estimate(value, *_percentiles(draws, confidence))


def paired_bootstrap(
    a: Array,
    b: Array,
    values: Values,
    groups: Sequence[str],
    resamples: int,
    seed: int,
) -> Estimate:
    """Return how much better a scores than b (a - b), and the 95 % interval of that.

    Row i of `a` and of `b` answer the same example, and both sides see the same resamples.
    Arguments, undefined cases and errors are those of `bootstrap`.
    """
    sums_a, sums_b = by_group(groups, a, b)
    count = len(sums_a)
    value = scores_of(values, sums_a.sum(axis=0), count) - scores_of(
        values, sums_b.sum(axis=0), count
    )
    if count < 2:
        return Estimate(value, value * nan, value * nan)
    draws = [
        # Two products, not one of both side by side: equal sides then differ by exactly 0.
        apply(values, weights @ sums_a) - apply(values, weights @ sums_b)
        for weights in _resampled(count, resamples, seed)
    ]
    return Estimate(value, *_percentiles(draws, CONFIDENCE))


def paired_randomisation(
    a: Array,
    b: Array,
    values: Values,
    groups: Sequence[str],
    rounds: int,
    seed: int,
) -> Array:
    """Return two-sided p-values of the paired randomisation test. Shape: (s,).

    Each round swaps a and b in a random half of the groups. p is the share of rounds, the
    observed one counted in, whose difference is at least as large as the observed one:
    (count + 1) / (rounds + 1), which is never 0 (Phipson and Smyth, 2010). Where all 2^g swaps
    are no more than `rounds`, each is looked at once and p is exact (`is_exact`).

    Equal sides give 1; n = 0 and undefined scores give NaN; a single group gives 1.
    """
    import numpy as np

    sums_a, sums_b = by_group(groups, a, b)
    total_a, total_b = sums_a.sum(axis=0), sums_b.sum(axis=0)
    value_a = scores_of(values, total_a, len(sums_a))
    value_b = scores_of(values, total_b, len(sums_b))
    observed = np.abs(value_a - value_b)
    # Sums in another order differ in their last digits; that must not break a tie.
    least = observed - 1e-9 * (np.abs(value_a) + np.abs(value_b))
    count = np.zeros(len(observed))
    for swaps in _swapped(len(sums_a), rounds, seed):
        moved = swaps @ (sums_b - sums_a)
        difference = np.abs(apply(values, total_a + moved) - apply(values, total_b - moved))
        # An undefined round counts as extreme: it must not make p smaller.
        count += (~(difference < least)).sum(axis=0)
    if is_exact(len(sums_a), rounds):
        share = count / 2 ** len(sums_a)
    else:
        share = (count + 1) / (rounds + 1)
    return np.where(np.isnan(observed), nan, share)


def is_exact(groups: int, rounds: int) -> bool:
    """Tell whether `paired_randomisation` looks at every swap rather than at random ones."""
    return groups < rounds.bit_length()


def _resampled(count: int, resamples: int, seed: int) -> Iterator[Array]:
    """Yield how often each group was drawn. Shape: (rows, g), all rows together: resamples."""
    import numpy as np

    random = _random(seed, 0)
    for rows in _chunks(count, resamples):
        drawn = random.integers(0, count, size=(rows, count))
        drawn += np.arange(rows)[:, None] * count
        weights = np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count)
        yield weights.astype(np.float64)


def _swapped(count: int, rounds: int, seed: int) -> Iterator[Array]:
    """Yield 1.0 where a group's sides are swapped. Shape: (rows, g), together: rounds or 2^g."""
    import numpy as np

    if is_exact(count, rounds):
        whole = np.arange(2**count)[:, None] >> np.arange(count)
        yield (whole & 1).astype(np.float64)
        return
    random = _random(seed, 1)
    for rows in _chunks(count, rounds):
        yield random.integers(0, 2, size=(rows, count), dtype=np.int8).astype(np.float64)


def _chunks(count: int, total: int) -> Iterator[int]:
    size = max(1, CELLS // max(count, 1))
    for start in range(0, total, size):
        yield min(size, total - start)


def _random(seed: int, stream: int) -> np.random.Generator:
    import numpy as np

    # Entropy must not be negative; the bootstrap and the swaps are separate streams.
    return np.random.Generator(np.random.PCG64([seed % 2**64, stream]))


def _percentiles(draws: Sequence[Array], confidence: float) -> tuple[Array, Array]:
    """Return the ends of each score's interval over the resamples where it is defined."""
    import numpy as np

    table = np.concatenate(draws)
    tail = 50 * (1 - confidence)
    ends = np.full((2, table.shape[1]), nan)
    for at, column in enumerate(table.T):
        known = column[~np.isnan(column)]
        if len(known):
            ends[:, at] = np.percentile(known, [tail, 100 - tail])
    return ends[0], ends[1]
