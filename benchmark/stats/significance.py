"""Is a paired difference more than chance, how large is it, and after how many looks?"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, nan
from typing import TYPE_CHECKING, Literal, NamedTuple

from benchmark.stats.jackknife import spread
from benchmark.stats.rates import changes_of, is_yes_no, mcnemar
from benchmark.stats.resampling import is_exact, paired_randomisation

if TYPE_CHECKING:
    from benchmark.stats.groups import Array, Mask, Values

Correction = Literal["holm", "bh"]
NAMES: dict[Correction, str] = {"holm": "Holm", "bh": "Benjamini-Hochberg"}


class Tested(NamedTuple):
    """Two-sided p-values of s differences, and what made each."""

    p: Array
    methods: tuple[str, ...]


class Effect(NamedTuple):
    """A difference in a unit that can be compared between metrics."""

    name: str
    """ "odds ratio" of a yes/no score (1: none), else "dz" (0: none)."""
    value: float
    """NaN where it is not defined."""


def paired_test(
    a: Array,
    b: Array,
    values: Values,
    groups: Sequence[str],
    rounds: int,
    seed: int,
) -> Tested:
    """Test each difference between two sides for being chance.

    McNemar's exact test for a yes/no score whose examples are all clusters of their own. All
    else, yes/no scores in larger clusters too: the paired randomisation test by group, which
    looks at every swap where there are no more than `rounds`.

    Arguments, undefined cases and errors are those of `paired_randomisation`.
    """
    import numpy as np

    p = paired_randomisation(a, b, values, groups, rounds, seed).copy()
    count = len(set(groups))
    how = f"{2**count:,} swaps, all there are" if is_exact(count, rounds) else f"{rounds:,} swaps"
    methods = [f"paired randomisation ({how})"] * len(p)
    alone = count == len(groups)
    rates = is_yes_no(values, a, b) if alone else np.zeros(len(p), dtype=bool)
    for at, changes in enumerate(changes_of(values, a, b)):
        if rates[at] and not isnan(p[at]):
            p[at] = mcnemar(changes)
            methods[at] = "McNemar's exact test"
    return Tested(p, tuple(methods))


def effects(
    a: Array, b: Array, values: Values, groups: Sequence[str], yes_no: Mask | None = None
) -> list[Effect]:
    """Return the size of each difference of a from b.

    A yes/no score has the odds ratio of its changes, (gained + 0.5) / (lost + 0.5): the halves
    keep it finite (Haldane, 1956; Anscombe, 1956). Any other has Cohen's dz (Cohen,
    "Statistical Power Analysis for the Behavioral Sciences", 1988, section 2.3.5): the
    difference over the standard deviation of the groups' differences.

    Arguments and errors are those of `intervals.difference_interval`.
    """
    found = spread([a, b], values, groups)
    rates = is_yes_no(values, a, b)
    rates = rates if yes_no is None else rates & yes_no
    sizes = []
    for at, changes in enumerate(changes_of(values, a, b)):
        if rates[at]:
            ratio = (changes.gained + 0.5) / (changes.lost + 0.5)
            sizes.append(Effect("odds ratio", ratio if changes.n else nan))
        else:
            deviation = float(found.se[at]) * found.groups**0.5
            size = float(found.value[at]) / deviation if deviation > 0 else nan
            # No difference at all is a size of 0, though nothing varies.
            sizes.append(Effect("dz", 0.0 if deviation == found.value[at] == 0 else size))
    return sizes


def adjust(p_values: Sequence[float | None], method: Correction = "holm") -> list[float | None]:
    """Return p-values corrected for how many there are: the family is all that are known.

    `holm` bounds the chance of any false difference (Holm, 1979), `bh` the expected share of
    false ones among those found (Benjamini and Hochberg, 1995).

    Args:
        p_values: None or NaN where there was no test; those stay, and do not count.
        method: Which of the two.
    """
    known = [(p, at) for at, p in enumerate(p_values) if p is not None and not isnan(p)]
    known.sort()
    count = len(known)
    found: list[float | None] = list(p_values)
    if method == "holm":
        largest = 0.0
        for rank, (p, at) in enumerate(known):
            largest = max(largest, min(1.0, (count - rank) * p))
            found[at] = largest
        return found
    smallest = 1.0
    for rank, (p, at) in reversed(list(enumerate(known, start=1))):
        smallest = min(smallest, p * count / rank)
        found[at] = smallest
    return found
