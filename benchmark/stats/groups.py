"""What all of the statistics share: sums by group, and scores of sums.

`values` is always a metric's function from summed statistics to scores, shape
(..., k) -> (..., s); so a mean, a corpus BLEU and a rate are one case.

A group is what rises and falls together: the examples of one legal article, or the samples and
seeds of one item. Counting its rows as independent would make every interval too short.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Mask = NDArray[np.bool_]
    Values = Callable[[Array], Array]

CONFIDENCE = 0.95


def nested(*levels: Sequence[str]) -> list[str]:
    """Return the cluster of each row when rows are nested in several levels.

    Rows under one outermost unit depend on each other whatever lies between, so the outermost
    level that a row has is its cluster ("ultimate clusters": Kalton, "Ultimate cluster
    sampling", 1979). `nested(articles, items)` is for several samples or seeds of an item:
    rows without an article ("") are clustered by item.

    Args:
        levels: Names of each row's units, outermost first; "" where a row has none. Length: n.

    Raises:
        ValueError: A row has no name on any level.
    """
    found = []
    for names in zip(*levels, strict=True):
        depth = next((at for at, name in enumerate(names) if name), None)
        if depth is None:
            raise ValueError("a row belongs to no unit on any level")
        found.append(f"{depth} {names[depth]}")
    return found


def by_group(groups: Sequence[str], *tables: Array) -> list[Array]:
    """Return each table's sums by group. Shape: (n, k) -> (g, k), groups in sorted order."""
    import numpy as np

    place = {name: at for at, name in enumerate(sorted(set(groups)))}
    index = np.fromiter((place[name] for name in groups), dtype=np.intp, count=len(groups))
    sums = []
    for table in tables:
        if table.ndim != 2 or len(table) != len(groups) or table.shape != tables[0].shape:
            raise ValueError(f"{table.shape} statistics for {len(groups)} groups of rows")
        total = np.zeros((len(place), table.shape[1]))
        np.add.at(total, index, table)
        sums.append(total)
    return sums


def apply(values: Values, totals: Array) -> Array:
    """Return scores in float64; division by an empty sum is a NaN, not a warning."""
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.asarray(values(totals), dtype=np.float64)
    return np.where(np.isfinite(scores), scores, nan)


def scores_of(values: Values, totals: Array, count: int) -> Array:
    """Return scores of a total; NaN where nothing (`count` 0) was added up."""
    scores = apply(values, totals)
    return scores if count else scores * nan
