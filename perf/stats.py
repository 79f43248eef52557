"""How often our intervals cover, and our tests err: `python perf/stats.py`.

Prints three Markdown tables from 2,000 simulated test sets a line (minutes on one core):
coverage of the 95 % intervals of `benchmark.stats`, beside the percentile bootstrap over rows
(what most tools do), the same over clusters, and BCa over clusters; errors of the paired tests
and of the gate where nothing is there to be found; and power beside its formula. All of ours is
called as `bench run` calls it. (It cannot be called `statistics.py`: the scripts here would then
import it for Python's own module of that name.)
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from benchmark.stats import (
    Question,
    Sample,
    detectable,
    difference_interval,
    needed,
    non_inferiority,
    paired_randomisation,
    paired_test,
    power_of,
    score_interval,
)

SIMULATIONS = 2000
RESAMPLES = 1000
ROUNDS = 1000
Random = np.random.Generator
Array = np.ndarray[Any, np.dtype[np.float64]]


class Drawn(NamedTuple):
    """One simulated test set: sums that give a mean, one or two sides, and the truth."""

    sides: list[Array]
    """Statistics (score, 1). Shape: (n, 2)."""
    clusters: Array
    """Number of each row's cluster. Shape: (n,)."""
    truth: float


Draw = Callable[[Random], Drawn]


def mean(totals: Array) -> Array:
    """Return the mean of summed (score, 1)."""
    return totals[..., :1] / totals[..., 1:]


def drawn(values: list[Array], clusters: Array, truth: float) -> Drawn:
    """Return a test set of plain scores."""
    sides = [np.column_stack([side, np.ones(len(side))]) for side in values]
    return Drawn(sides, clusters, truth)


# --- what is drawn --------------------------------------------------------------------------


def scores(n: int, a: float, b: float) -> Draw:
    """Independent scores between 0 and 1, beta distributed."""
    return lambda random: drawn([random.beta(a, b, n)], np.arange(n), a / (a + b))


def in_clusters(groups: int, size: float, correlation: float) -> Draw:
    """Normal scores in clusters of 1 + Poisson(size - 1) rows."""

    def draw(random: Random) -> Drawn:
        clusters = np.repeat(np.arange(groups), 1 + random.poisson(size - 1, groups))
        shared = random.normal(size=groups)[clusters] * correlation**0.5
        own = random.normal(size=len(clusters)) * (1 - correlation) ** 0.5
        return drawn([shared + own], clusters, 0.0)

    return draw


def pairs(n: int, shift: float, groups: int = 0, correlation: float = 0.0) -> Draw:
    """Two candidates on the same examples: alike in what is hard, `shift` apart."""

    def draw(random: Random) -> Drawn:
        clusters = np.arange(n)
        if groups:
            clusters = np.sort(np.arange(n) % groups)
        hard = random.normal(0.4, 0.2, n)
        shared = random.normal(size=n)[clusters] * correlation**0.5
        noise = shared + random.normal(size=n) * (1 - correlation) ** 0.5
        b = hard + 0.1 * random.normal(size=n)
        return drawn([b + shift + 0.1 * noise, b], clusters, shift)

    return draw


def rates(n: int, low: float, high: float) -> Draw:
    """Yes/no scores of a rate that is drawn between two ends.

    No interval of a discrete number can cover exactly 95 % at each rate: what is measured is
    the average over rates.
    """

    def draw(random: Random) -> Drawn:
        rate = random.uniform(low, high)
        return drawn([(random.random(n) < rate).astype(float)], np.arange(n), rate)

    return draw


def rates_in_clusters(groups: int, size: float, correlation: float, ends: list[float]) -> Draw:
    """Yes/no scores, beta-binomial in clusters of 1 + Poisson(size - 1) rows."""

    def draw(random: Random) -> Drawn:
        rate, weight = random.uniform(*ends), (1 - correlation) / correlation
        clusters = np.repeat(np.arange(groups), 1 + random.poisson(size - 1, groups))
        own = random.beta(rate * weight, (1 - rate) * weight, groups)[clusters]
        return drawn([(random.random(len(clusters)) < own).astype(float)], clusters, rate)

    return draw


def paired_rates(n: int, changed: list[float], difference: float | None, groups: int = 0) -> Draw:
    """Two candidates' yes/no scores: a share of the examples changes, more up or more down.

    In clusters, whole clusters change or do not, in all of their rows but a fifth.
    """

    def draw(random: Random) -> Drawn:
        share = random.uniform(*changed)
        truth = share * random.uniform(-0.9, 0.9) if difference is None else difference
        clusters = np.sort(np.arange(n) % groups) if groups else np.arange(n)
        own, whole = random.random(n), random.random(n)[clusters]
        at = np.where(random.random(n) < 0.2, own, whole) if groups else own
        up, down = at < (share + truth) / 2, at > 1 - (share - truth) / 2
        b = np.where(up, 0.0, np.where(down, 1.0, (random.random(n) < 0.6).astype(float)))
        return drawn([np.where(up, 1.0, np.where(down, 0.0, b)), b], clusters, truth)

    return draw


COVERAGE: dict[str, Draw] = {
    "iid, n = 200": scores(200, 2, 5),
    "iid, n = 32": scores(32, 2, 5),
    "iid, skewed, n = 32": scores(32, 0.5, 3),
    "iid, skewed, n = 100": scores(100, 0.5, 3),
    "tiny n: 8": scores(8, 2, 5),
    "tiny n: 8, skewed": scores(8, 0.5, 3),
    "clustered, 12 × 5 rows": in_clusters(12, 5, 0.5),
    "clustered, 40 × 5 rows": in_clusters(40, 5, 0.5),
    "paired, n = 32": pairs(32, 0.03),
    "paired, tiny n: 8": pairs(8, 0.03),
    "paired, 40 clusters × 5 rows": pairs(200, 0.03, 40, 0.6),
    "yes/no, n = 32, rate 50 to 100 %": rates(32, 0.5, 1.0),
    "rare yes/no, n = 100, rate 1 to 10 %": rates(100, 0.01, 0.1),
    "rare yes/no, n = 1,000, rate 0.1 to 2 %": rates(1000, 0.001, 0.02),
    "yes/no, 30 clusters × 5, rate 20 to 80 %": rates_in_clusters(30, 5, 0.3, [0.2, 0.8]),
    "rare yes/no, 100 clusters × 4, rate 1 to 10 %": rates_in_clusters(100, 4, 0.2, [0.01, 0.1]),
    "paired yes/no, n = 100, 20 to 40 % change": paired_rates(100, [0.2, 0.4], None),
    "paired yes/no, n = 200, 2 to 20 % change": paired_rates(200, [0.02, 0.2], None),
    "paired yes/no, 40 clusters × 5": paired_rates(200, [0.2, 0.5], None, 40),
}


# --- others' intervals ----------------------------------------------------------------------


@lru_cache(maxsize=4)
def weights(count: int) -> Array:
    """Return how often each unit is drawn, in each resample. Shape: (resamples, count).

    The simulations of a line share them: the data differ, and drawing takes most of the time.
    """
    units = np.random.default_rng(count).integers(0, count, size=(RESAMPLES, count))
    units += np.arange(RESAMPLES)[:, None] * count
    return np.bincount(units.ravel(), minlength=units.size).reshape(units.shape).astype(float)


def sums(sides: list[Array], units: Array) -> list[Array]:
    """Return each side's sums by unit."""
    tables = []
    for side in sides:
        table = np.zeros((int(units.max()) + 1, side.shape[1]))
        np.add.at(table, units, side)
        tables.append(table[table[:, 1] > 0])
    return tables


def number(totals: list[Array]) -> Array:
    """Return the score, or the difference of two."""
    found = [mean(total)[..., 0] for total in totals]
    return found[0] - found[1] if len(found) > 1 else found[0]


def bootstraps(one: Drawn, units: Array) -> tuple[list[float], list[float]]:
    """Return the percentile and the BCa interval (Efron, 1987) over units."""
    tables = sums(one.sides, units)
    count = len(tables[0])
    drawn_weights = weights(count)
    with np.errstate(invalid="ignore"):
        draws = number([drawn_weights @ table for table in tables])
    value = number([table.sum(axis=0) for table in tables])
    left = number([table.sum(axis=0) - table for table in tables])
    spread = left.mean() - left
    second = (spread**2).sum()
    acceleration = (spread**3).sum() / (6 * second**1.5) if second > 0 else 0.0
    below = ((draws < value).mean() + (draws <= value).mean()) / 2
    shift = special.ndtri(np.clip(below, 1e-3, 1 - 1e-3))
    z = shift + special.ndtri([0.025, 0.975])
    shares = special.ndtr(shift + z / (1 - acceleration * z))
    percentile = [float(end) for end in np.quantile(draws, [0.025, 0.975])]
    return percentile, [float(end) for end in np.quantile(draws, shares)]


# --- the tables -----------------------------------------------------------------------------


def names(one: Drawn) -> list[str]:
    """Return the rows' clusters as the package wants them."""
    return [f"{number:06d}" for number in one.clusters.tolist()]


def ours(one: Drawn) -> tuple[float, float, str]:
    """Return the interval of `bench`, and how it was made."""
    if len(one.sides) == 1:
        found = score_interval(one.sides[0], mean, names(one))
    else:
        found = difference_interval(*one.sides, mean, names(one))
    return float(found.low[0]), float(found.high[0]), found.methods[0]


def coverage() -> Iterator[str]:
    """Give the lines of the first table."""
    yield "| 95 % intervals cover | ours | how | percentile, rows | percentile, clusters | BCa |"
    yield "|---|---|---|---|---|---|"
    for name, draw in COVERAGE.items():
        random = np.random.default_rng(2026)
        hits, made = np.zeros(4), dict[str, int]()
        for _ in range(SIMULATIONS):
            one = draw(random)
            low, high, how = ours(one)
            made[how] = made.get(how, 0) + 1
            clustered, bca = bootstraps(one, one.clusters)
            rows = clustered
            if one.clusters[-1] + 1 < len(one.clusters):
                rows, _ = bootstraps(one, np.arange(len(one.clusters)))
            for at, ends in enumerate([(low, high), rows, clustered, bca]):
                hits[at] += ends[0] <= one.truth <= ends[1]
        share = [percent(count / SIMULATIONS) for count in hits]
        how = max(made, key=made.__getitem__)
        yield f"| {name} | **{share[0]}** | {how} | {share[1]} | {share[2]} | {share[3]} |"


NULLS: dict[str, Draw] = {
    "paired, n = 32": pairs(32, 0.0),
    "paired, tiny n: 10": pairs(10, 0.0),
    "paired, 40 clusters × 5": pairs(200, 0.0, 40, 0.6),
    "paired, 20 clusters × 20, answers of a cluster alike": pairs(400, 0.0, 20, 0.9),
    "paired yes/no, n = 200, 30 % change": paired_rates(200, [0.3, 0.3], 0.0),
    "paired yes/no, 40 clusters × 5, 30 % change": paired_rates(200, [0.3, 0.3], 0.0, 40),
}


def errors() -> Iterator[str]:
    """Give the lines of the second table: how often a test at 5 % is wrong under its null."""
    yield "| errors at 5 % | our test | our gate, margin 0.05 | naive test | naive gate |"
    yield "|---|---|---|---|---|"
    for name, draw in NULLS.items():
        random = np.random.default_rng(7)
        wrong = np.zeros(4)
        for seed in range(SIMULATIONS):
            one = draw(random)
            rows = [f"{at:06d}" for at in range(len(one.clusters))]
            wrong[0] += paired_test(*one.sides, mean, names(one), ROUNDS, seed).p[0] < 0.05
            wrong[2] += paired_randomisation(*one.sides, mean, rows, ROUNDS, seed)[0] < 0.05
        # The gate's null: worse than the baseline by the very margin.
        worse = with_drop(name, draw)
        for _ in range(SIMULATIONS):
            one = worse(random)
            wrong[1] += non_inferiority(*one.sides, mean, names(one), 0.05).p_noninferior[0] < 0.05
            units = np.arange(len(one.clusters))
            tables = sums(one.sides, units)
            drawn_weights = weights(len(units))
            low = np.quantile(number([drawn_weights @ table for table in tables]), 0.05)
            wrong[3] += low > -0.05
        share = [percent(count / SIMULATIONS) for count in wrong]
        yield f"| {name} | **{share[0]}** | **{share[1]}** | {share[2]} | {share[3]} |"


def with_drop(name: str, draw: Draw) -> Draw:
    """Return the same data with the first side worse by 0.05."""
    if "yes/no" in name:
        groups = 40 if "clusters" in name else 0
        return paired_rates(200, [0.3, 0.3], -0.05, groups)

    def lower(random: Random) -> Drawn:
        one = draw(random)
        return one._replace(sides=[one.sides[0] - [0.05, 0], one.sides[1]], truth=-0.05)

    return lower


def power() -> Iterator[str]:
    """Give the lines of the third table: what is found, beside what the formula promises."""
    yield "| power | formula | measured |"
    yield "|---|---|---|"
    random = np.random.default_rng(11)
    for groups, size in ((32, 1), (12, 1), (40, 5)):
        # One cluster's mean difference: 0.1 × sqrt(0.6 + 0.4 / size), see `pairs`.
        deviation = 0.1 * (0.6 + 0.4 / size) ** 0.5 if size > 1 else 0.1
        shift = detectable(deviation, groups, Question())
        formula = power_of(shift, deviation, groups, Question())
        found = 0
        for seed in range(SIMULATIONS):
            one = pairs(groups * size, shift, groups if size > 1 else 0, 0.6)(random)
            found += paired_test(*one.sides, mean, names(one), ROUNDS, seed).p[0] < 0.05
        name = f"paired test, {groups} clusters × {size}, difference {shift:.3f}"
        yield f"| {name} | {percent(formula)} | {percent(found / SIMULATIONS)} |"
    yield from gate_power(random)
    yield from mcnemar_power(random)


def gate_power(random: Random) -> Iterator[str]:
    """Give the lines of the gate: it passes a candidate that is as good as its baseline."""
    for margin in (0.03, 0.05):
        size = needed(margin, Sample(0.1 / 32**0.5, 32, 32), Question(sides=1))
        assert size is not None
        passed = 0
        for _ in range(SIMULATIONS):
            one = pairs(size.examples, 0.0)(random)
            passed += non_inferiority(*one.sides, mean, names(one), margin).p_noninferior[0] < 0.05
        formula = power_of(margin, 0.1, size.clusters, Question(sides=1))
        name = f"gate, margin {margin}, no true drop, n needed = {size.examples}"
        yield f"| {name} | {percent(formula)} | {percent(passed / SIMULATIONS)} |"
    sample = Sample((0.2 / 100) ** 0.5, 100, 100)
    size = needed(0.05, sample, Question(sides=1))
    assert size is not None
    passed = 0
    for _ in range(SIMULATIONS):
        one = paired_rates(size.examples, [0.2, 0.2], 0.0)(random)
        passed += non_inferiority(*one.sides, mean, names(one), 0.05).p_noninferior[0] < 0.05
    formula = power_of(0.05, sample.deviation, size.clusters, Question(sides=1))
    name = f"yes/no gate, margin 0.05, 20 % change, n needed = {size.examples}"
    yield f"| {name} | {percent(formula)} | {percent(passed / SIMULATIONS)} |"


def mcnemar_power(random: Random) -> Iterator[str]:
    """Give the line of McNemar's exact test, which is a little more cautious than its formula."""
    n, changed = 620, 0.2
    deviation = (changed - 0.05**2) ** 0.5
    found = 0
    for seed in range(SIMULATIONS):
        one = paired_rates(n, [changed, changed], 0.05)(random)
        found += paired_test(*one.sides, mean, names(one), ROUNDS, seed).p[0] < 0.05
    formula = power_of(0.05, deviation, n, Question())
    name = f"McNemar, n = {n}, 20 % change, difference 0.05"
    yield f"| {name} | {percent(formula)} | {percent(found / SIMULATIONS)} |"


def percent(share: float) -> str:
    """Return a share with one decimal."""
    return f"{100 * share:.1f} %"


def main() -> None:
    """Print the tables, or those that are named: coverage, errors, power."""
    tables = {"coverage": coverage, "errors": errors, "power": power}
    for name in sys.argv[1:] or tables:
        started = time.perf_counter()
        for line in tables[name]():
            print(line, flush=True)
        print(f"\n{SIMULATIONS:,} simulations a line, {time.perf_counter() - started:.0f} s\n")


if __name__ == "__main__":
    main()
