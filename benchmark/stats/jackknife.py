"""How far numbers of sums spread over groups: each group left out once (the jackknife).

The delete-one-group jackknife (Quenouille, 1956; Tukey, 1958; for groups: Shao and Tu, "The
Jackknife and Bootstrap", 1995, section 6.3) needs no formula of the metric: g + 1 evaluations of
`values` give the standard error of a mean, of a rate over answers of unequal length and of
corpus BLEU alike. With groups of unequal size it errs on the side of caution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from benchmark.stats.groups import apply, by_group, scores_of

if TYPE_CHECKING:
    from benchmark.stats.groups import Array, Values


@dataclass(frozen=True, slots=True)
class Spread:
    """s numbers and how much they depend on each group.

    Attributes:
        value: The numbers. Shape: (s,).
        se: Standard errors; NaN below 2 groups, and where leaving one out leaves no number.
        influence: What each group adds to the number, around 0. Shape: (g, s).
        groups: g: only those that have any statistics count.
        rows: Rows in them.
        freedom: Degrees of freedom of the standard errors: those of as many groups of equal
            size as these are worth, (sum of sizes)² / sum of size² (Kish, 1965), less 1.
    """

    value: Array
    se: Array
    influence: Array
    groups: int
    rows: int
    freedom: float

    @property
    def skewness(self) -> Array:
        """Return the skewness of the influences, by the third moment; 0 without spread."""
        import numpy as np

        second = (self.influence**2).mean(axis=0) if self.groups else self.value * 0
        third = (self.influence**3).mean(axis=0) if self.groups else self.value * 0
        has_spread = (self.se > 0) & (second > 0)
        return np.divide(third, second**1.5, out=np.zeros_like(second), where=has_spread)


def spread(sides: Sequence[Array], values: Values, groups: Sequence[str]) -> Spread:
    """Return numbers with their standard errors: of one side, or of the first minus the second.

    Args:
        sides: One table of per-example statistics, or two of the same examples. Shape: (n, k).
        values: Summed statistics to scores. Shape: (..., k) -> (..., s).
        groups: The cluster of each example. Length: n.

    Raises:
        ValueError: The lengths of tables and `groups` differ.
    """
    import numpy as np

    sums = by_group(groups, *sides)
    # A group whose examples have nothing to be scored by says nothing, however often asked.
    said = np.any([table.any(axis=1) for table in sums], axis=0)
    kept = [table[said] for table in sums]
    count = int(said.sum())
    scored = np.any([side.any(axis=1) for side in sides], axis=0).astype(np.float64)
    (sizes,) = by_group(groups, scored[:, None])
    rows = int(scored.sum())
    totals = [table.sum(axis=0) for table in sums]
    whole = [scores_of(values, total, len(groups)) for total in totals]
    value = whole[0] - whole[1] if len(whole) > 1 else whole[0]
    if count < 2:
        return Spread(value, value * np.nan, np.zeros((count, len(value))), count, rows, 0.0)
    without = [apply(values, total - table) for total, table in zip(totals, kept, strict=True)]
    left = without[0] - without[1] if len(without) > 1 else without[0]
    influence = (count - 1) * (left.mean(axis=0) - left)
    se = np.sqrt((influence**2).sum(axis=0) / (count * (count - 1)))
    freedom = max(1.0, rows**2 / float((sizes**2).sum()) - 1)
    # The last digits of equal numbers differ; that is no spread.
    scale = sum((np.abs(score) for score in whole), np.zeros_like(value))
    se = np.where(se <= 1e-12 * sqrt(count) * scale, 0.0, se)
    return Spread(value, np.where(np.isnan(value), np.nan, se), influence, count, rows, freedom)
