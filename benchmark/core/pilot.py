"""An earlier run as a pilot: how much each number's paired difference varied in it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from benchmark.core.compare import Scored
from benchmark.core.plan import Plan
from benchmark.stats import Sample, design_effect, difference_interval

if TYPE_CHECKING:
    from benchmark.plugins import Array, Metric


class Pair(NamedTuple):
    """One number of a candidate and of the baseline in the earlier run."""

    candidate: str
    metric: Metric
    sides: tuple[Array, Array]
    """Candidate's and baseline's statistics of the examples that both answered."""
    groups: list[str]
    at: int
    """The number's place in the metric's scores."""


class Pilot:
    """An earlier run."""

    def __init__(self, plan: Plan, table: Scored) -> None:
        self.plan = plan
        self.table = table
        controls = {one.name for one in plan.candidates if one.is_control}
        self.candidates = [
            name for name in table.candidates() if name not in controls | {plan.suite.baseline}
        ]

    def pairs(self) -> Iterator[tuple[str, Pair]]:
        """Give every number of every candidate, by its label."""
        for (metric, name), label in self.table.labels.items():
            for candidate in self.candidates:
                pair = self.pair(candidate, metric, name)
                if pair is not None:
                    yield label, pair

    def pair(self, candidate: str, metric: str, name: str) -> Pair | None:
        """Return what both answered, or None where it gives no difference."""
        import numpy as np

        mine = self.table.answered(candidate, metric)
        theirs = self.table.answered(self.plan.suite.baseline, metric)
        shared = [example for example in mine if example in theirs]
        groups = self.table.clusters(shared)
        if len(set(groups)) < 2:
            return None
        found = self.table.metrics[metric]
        at = [info.name for info in found.infos()].index(name)
        sides = tuple(np.array([side[one] for one in shared]) for side in (mine, theirs))
        pair = Pair(candidate, found, (sides[0], sides[1]), groups, at)
        value, sample, _ = difference(pair)
        return None if math.isnan(value) or math.isnan(sample.se) else pair

    def of(self, candidate: str, label: str) -> Pair | None:
        """Return a number by its label."""
        for (metric, name), known in self.table.labels.items():
            if known == label:
                return self.pair(candidate, metric, name)
        return None


def difference(pair: Pair) -> tuple[float, Sample, float]:
    """Return the difference, how sure it was, and the design effect of its clusters."""
    alone = [str(row) for row in range(len(pair.groups))]
    found = difference_interval(*pair.sides, pair.metric.values, pair.groups)
    rows = difference_interval(*pair.sides, pair.metric.values, alone)
    se = float(found.se[pair.at])
    sample = Sample(se, found.groups, len(pair.groups))
    return float(found.value[pair.at]), sample, design_effect(se, float(rows.se[pair.at]))
