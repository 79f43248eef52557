"""How far opinions agree: with each other, with people, and with answers of known worth.

Pure functions. A table of votes has one row a voter and one column an answer; None is a vote
that is missing, and a missing vote is left out of whatever it would have been part of. None as
a result means undefined (one voter, one answer, votes that are all equal), never "no agreement".
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import isfinite, isqrt
from typing import TYPE_CHECKING, Literal, NamedTuple

from benchmark.stats import bootstrap, wilson

if TYPE_CHECKING:
    from benchmark.stats.groups import Array, Values

Level = Literal["nominal", "ordinal", "interval"]
"""Of measurement: yes or no; steps of a scale; any number."""
Votes = Sequence[float | None]
Table = Sequence[Votes]

SAME = 1e-9
"""Votes that differ by less are the same vote: expected scores differ in their last digits."""


class Measure(NamedTuple):
    """A number with the ends of its 95 % interval; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


NOTHING = Measure(None, None, None)


class Independence(NamedTuple):
    """How many independent votes a panel's votes are worth."""

    votes: int
    correlation: float
    """Mean over the pairs of voters."""
    effective: float


def level_of(votes: Sequence[float | None]) -> Level:
    """Return the level of measurement that votes show: 0 and 1, whole numbers, or others."""
    known = {vote for vote in votes if vote is not None}
    if known <= {0, 1}:
        return "nominal"
    return "ordinal" if all(float(vote).is_integer() for vote in known) else "interval"


def alpha(table: Table, level: Level) -> float | None:
    """Return Krippendorff's alpha (Hayes and Krippendorff, 2007), by the `krippendorff` package."""
    import krippendorff

    # Answers with one vote alone say nothing; and all votes equal leave chance undefined.
    columns = zip(*table, strict=True)
    kept = [column for column in columns if sum(vote is not None for vote in column) > 1]
    if len({vote for column in kept for vote in column if vote is not None}) < 2:
        return None
    rows = [
        [float("nan") if vote is None else vote for vote in row] for row in zip(*kept, strict=True)
    ]
    return _known(float(krippendorff.alpha(reliability_data=rows, level_of_measurement=level)))


def kappa(a: Votes, b: Votes, level: Level) -> float | None:
    """Return Cohen's kappa of two voters (Cohen, 1960).

    For yes and no it is unweighted. Otherwise it has quadratic weights (Cohen, 1968), by the
    votes' values and not by their ranks: it is then also defined for any numbers, where it is
    the concordance coefficient of Lin (1989).
    """
    import numpy as np

    first, second = _pairs(a, b)
    if not first:
        return None
    totals = _kappa_stats(first, second, level).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):  # undefined is NaN, not a warning
        return _known(float(_kappa_of(level)(totals)[0]))


def kappa_interval(
    a: Votes, b: Votes, level: Level, groups: Sequence[str], *, resamples: int, seed: int
) -> Measure:
    """Return kappa with its bootstrap interval by cluster; `groups` has one name an answer."""
    kept = [
        (x, y, group)
        for x, y, group in zip(a, b, groups, strict=True)
        if x is not None and y is not None
    ]
    if not kept:
        return NOTHING
    first, second, names = zip(*kept, strict=True)
    stats = _kappa_stats(first, second, level)
    found = bootstrap(stats, _kappa_of(level), names, resamples, seed)
    return Measure(*(_known(float(part[0])) for part in found))


def effective_votes(table: Table) -> Independence | None:
    """Return how many independent votes correlated ones are worth: k / (1 + (k - 1) r).

    Kish (1965), "Survey Sampling", with r the mean correlation of the voters' errors, as in
    "Nine Judges, Two Effective Votes" (arXiv 2605.29800). A negative r counts as 0: a panel is
    never worth more than its votes. Voters without spread say nothing of r and are left out of
    it.

    Args:
        table: The voters' errors (see `errors`). Votes themselves may stand in for them: they
            also agree because they are right, so the result is then a lower bound.
    """
    found = []
    for a, b in combinations(table, 2):
        first, second = _pairs(a, b)
        one = _correlation(first, second)
        found += [] if one is None else [one]
    if not found:
        return None
    mean = min(1.0, max(0.0, sum(found) / len(found)))
    return Independence(len(table), mean, len(table) / (1 + (len(table) - 1) * mean))


def errors(votes: Votes, truth: Votes, level: Level) -> list[float | None]:
    """Return a voter's errors: whether it was wrong (yes/no), or by how much (other scales)."""
    return [
        None
        if vote is None or right is None
        else float(abs(vote - right) > SAME)
        if level == "nominal"
        else vote - right
        for vote, right in zip(votes, truth, strict=True)
    ]


def flip_rate(repeats: Sequence[Votes]) -> tuple[float | None, int]:
    """Return how often a repeated question gets another vote, and over how many questions.

    Args:
        repeats: For each question, the votes of one voter that was asked it several times.

    Returns:
        1 minus the mean share of equal pairs, over the questions with two votes or more.
    """
    flips = []
    for votes in repeats:
        pairs = list(combinations([vote for vote in votes if vote is not None], 2))
        if pairs:
            flips.append(sum(abs(a - b) > SAME for a, b in pairs) / len(pairs))
    return (sum(flips) / len(flips) if flips else None), len(flips)


def auc(
    truth: Sequence[float],
    scores: Votes,
    groups: Sequence[str],
    *,
    resamples: int,
    seed: int,
) -> Measure:
    """Return how often a judge puts the better of two answers first; ties count half.

    For truths of two values it is the area under the ROC curve (Hanley and McNeil, 1982); for
    more, the same over all pairs of different truth (the C index of Harrell, 1982).

    Args:
        truth: What each answer is worth.
        scores: What the judge says of it; None is left out.
        groups: The cluster of each answer; the bootstrap draws clusters.
        resamples: Draws.
        seed: Any whole number.

    Returns:
        Where every pair is right (or wrong) no draw differs, though the next answer could:
        Wilson's interval of as many clusters then gives the ends.
    """
    import numpy as np

    kept = [at for at, score in enumerate(scores) if score is not None]
    if not kept:
        return NOTHING
    worth = np.array([truth[at] for at in kept], dtype=np.float64)
    given = np.array([scores[at] for at in kept], dtype=np.float64)
    names = sorted({groups[at] for at in kept})
    place = {name: at for at, name in enumerate(names)}
    index = [place[groups[at]] for at in kept]
    is_pair = (worth[:, None] > worth[None, :]).astype(np.float64)
    ahead = given[:, None] - given[None, :]
    right = is_pair * ((ahead > SAME) + 0.5 * (np.abs(ahead) <= SAME))
    won, pairs = (_by_cluster(part, index, len(names)) for part in (right, is_pair))

    def value(weights: Array) -> Array:
        """Return the rate for how often each cluster was drawn."""
        above = np.einsum("...i,ij,...j->...", weights, won, weights, optimize=True)
        below = np.einsum("...i,ij,...j->...", weights, pairs, weights, optimize=True)
        rate: Array = (above / below)[..., None]
        return rate

    # The "statistics" of a cluster are which cluster it is, so that their sum is the draw.
    found = Measure(
        *(
            _known(float(part[0]))
            for part in bootstrap(np.eye(len(names)), value, names, resamples, seed)
        )
    )
    return rate_ends(found, len(names))


def rate_ends(found: Measure, clusters: int) -> Measure:
    """Return a rate with Wilson's ends where it is 0 or 1 and so its bootstrap has no width."""
    if found.value in (0.0, 1.0) and found.low == found.high and clusters > 1:
        return Measure(found.value, *wilson(found.value * clusters, clusters))
    return found


def _kappa_stats(first: Sequence[float], second: Sequence[float], level: Level) -> Array:
    """Return statistics whose sums give kappa. Shape: (n, k)."""
    import numpy as np

    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if level == "nominal":
        kinds = np.unique(np.concatenate([x, y]))
        cells = np.searchsorted(kinds, x) * len(kinds) + np.searchsorted(kinds, y)
        table: Array = np.eye(len(kinds) ** 2)[cells]
        return table
    x, y = x - x[0], y - x[0]  # sums of squares keep their digits; equal votes are exactly 0
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)


def _nominal_kappa(totals: Array) -> Array:
    """Return kappa of a table of counts. Shape: (..., c * c) -> (..., 1)."""
    import numpy as np

    size = isqrt(totals.shape[-1])
    table = totals.reshape(*totals.shape[:-1], size, size)
    n = table.sum(axis=(-2, -1))
    seen = np.trace(table, axis1=-2, axis2=-1) / n
    chance = (table.sum(axis=-1) * table.sum(axis=-2)).sum(axis=-1) / n**2
    value: Array = ((seen - chance) / (1 - chance))[..., None]
    return value


def _quadratic_kappa(totals: Array) -> Array:
    """Return 1 - mean squared difference / the one that chance gives. Shape: (..., 6) -> (..., 1).

    Chance: the two voters' values paired at random.
    """
    n, x, y, xx, yy, xy = (totals[..., at] for at in range(6))
    seen = (xx + yy - 2 * xy) / n
    chance = (xx + yy) / n - 2 * x * y / n**2
    value: Array = (1 - seen / chance)[..., None]
    return value


def _kappa_of(level: Level) -> Values:
    return _nominal_kappa if level == "nominal" else _quadratic_kappa


def _pairs(a: Votes, b: Votes) -> tuple[list[float], list[float]]:
    """Return the votes on the answers on which both have one."""
    both = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    return [x for x, _ in both], [y for _, y in both]


def _correlation(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Return Pearson's correlation; None where a side has no spread."""
    import numpy as np

    if len(x) < 2 or min(np.std(x), np.std(y)) <= SAME:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def _by_cluster(table: Array, index: Sequence[int], count: int) -> Array:
    """Return sums of an (answer, answer) table by cluster. Shape: (n, n) -> (g, g)."""
    import numpy as np

    total = np.zeros((count, count))
    np.add.at(total, (np.asarray(index)[:, None], np.asarray(index)[None, :]), table)
    return total


def _known(value: float) -> float | None:
    return value if isfinite(value) else None
