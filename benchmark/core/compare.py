"""Scores to numbers: each candidate's with its interval, and its difference from the baseline.

Pure functions over records; statistics sum, so nothing here knows any metric.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.plugins import Metric
from benchmark.records import Score
from benchmark.results import Comparison, ScoreSummary
from benchmark.stats import Estimate, bootstrap, paired_bootstrap, paired_randomisation, wilson

if TYPE_CHECKING:
    from benchmark.plugins import Array


@dataclass(frozen=True, slots=True)
class Scored:
    """What there is to compare.

    Attributes:
        metrics: By their names in the suite, in its order.
        labels: (metric, the score's own name) -> the number's label.
        scores: (candidate, metric) -> one record an example. A candidate that could not run
            has no entry; its records without `stats` are answers that are missing.
        groups: Example -> its cluster; an example that is absent or has "" is its own.
    """

    metrics: Mapping[str, Metric]
    labels: Mapping[tuple[str, str], str]
    scores: Mapping[tuple[str, str], Sequence[Score]]
    groups: Mapping[str, str]

    def candidates(self) -> list[str]:
        """Return the candidates in the order of `scores`."""
        return list(dict.fromkeys(candidate for candidate, _ in self.scores))

    def clusters(self, ids: Iterable[str]) -> list[str]:
        """Return the cluster of each example."""
        names = ((self.groups.get(name, ""), name) for name in ids)
        # Two prefixes, so that an article's number never meets an example's id.
        return [f"group {group}" if group else f"example {name}" for group, name in names]

    def answered(self, candidate: str, metric: str) -> dict[str, tuple[float, ...]]:
        """Return the statistics of the examples that have an answer."""
        rows = self.scores.get((candidate, metric), ())
        return {row.example_id: row.stats for row in rows if row.stats is not None}


def summarise(scored: Scored, *, seed: int, resamples: int) -> list[ScoreSummary]:
    """Return every candidate's numbers with 95 % intervals, in the order of the suite.

    An interval is None where there are fewer than 2 clusters, a value where it is undefined.
    A yes/no score that is all yes or all no gets Wilson's interval: resampling equal values
    gives no width, as if 32 of 32 were certainty.
    """
    summaries = []
    means = per_cluster(scored)
    rates = {
        label
        for label in scored.labels.values()
        if {value for (_, name), all_ in means.items() if name == label for value in all_} <= {0, 1}
    }
    for candidate in scored.candidates():
        for name, metric in scored.metrics.items():
            rows = scored.answered(candidate, name)
            infos = metric.infos()
            estimate = None
            if rows:
                groups = scored.clusters(rows)
                estimate = bootstrap(_table(rows.values()), metric.values, groups, resamples, seed)
            for at, info in enumerate(infos):
                value, low, high = _numbers(estimate, at)
                label = scored.labels[name, info.name]
                if label in rates and value is not None and low is not None and low == high:
                    yes = means[candidate, label]
                    ends = wilson(sum(yes), len(yes))
                    low, high = min(ends.low, value), max(ends.high, value)
                summaries.append(
                    ScoreSummary(
                        candidate=candidate,
                        metric=name,
                        score=label,
                        value=value,
                        low=low,
                        high=high,
                        n=len(rows),
                        failed=len(scored.scores.get((candidate, name), ())) - len(rows),
                        cut=_cut(metric, rows.values()),
                        higher_is_better=info.higher_is_better,
                        signature=metric.signature,
                    )
                )
    return summaries


def compare(scored: Scored, baseline: str, *, seed: int, resamples: int) -> list[Comparison]:
    """Return every other candidate's difference from the baseline, number by number.

    Only examples that both answered count; with none, the numbers are None and n is 0.
    """
    return [
        comparison
        for candidate in scored.candidates()
        if candidate != baseline
        for name in scored.metrics
        for comparison in _compare(scored, (candidate, baseline), name, seed, resamples)
    ]


def per_cluster(scored: Scored) -> dict[tuple[str, str], list[float]]:
    """Return each number's mean per cluster: (candidate, label) -> one value a cluster.

    These are the means of `Score.values`, for rules that must look below the total.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for (candidate, metric), rows in scored.scores.items():
        parts: dict[tuple[str, str], list[float]] = {}
        for row, cluster in zip(rows, scored.clusters(row.example_id for row in rows), strict=True):
            for name, value in row.values.items():
                parts.setdefault((name, cluster), []).append(value)
        for (name, _), values in parts.items():
            label = scored.labels.get((metric, name))
            if label is not None:
                found.setdefault((candidate, label), []).append(sum(values) / len(values))
    return found


def _compare(
    scored: Scored, pair: tuple[str, str], name: str, seed: int, resamples: int
) -> Iterable[Comparison]:
    candidate, baseline = pair
    metric = scored.metrics[name]
    mine, theirs = scored.answered(candidate, name), scored.answered(baseline, name)
    shared = [example for example in mine if example in theirs]
    groups = scored.clusters(shared)
    difference, p = None, None
    if shared:
        sides = _table(mine[example] for example in shared), _table(map(theirs.__getitem__, shared))
        difference = paired_bootstrap(*sides, metric.values, groups, resamples, seed)
        p = paired_randomisation(*sides, metric.values, groups, resamples, seed)
    test = (
        f"paired bootstrap and randomisation, {resamples} resamples, "
        f"{len(set(groups))} groups, seed {seed}"
    )
    for at, info in enumerate(metric.infos()):
        value, low, high = _numbers(difference, at)
        yield Comparison(
            candidate=candidate,
            baseline=baseline,
            score=scored.labels[name, info.name],
            difference=value,
            low=low,
            high=high,
            p=None if p is None else _number(p[at]),
            n=len(shared),
            higher_is_better=info.higher_is_better,
            test=test,
        )


def _cut(metric: Metric, rows: Collection[Sequence[float]]) -> int:
    """Return how many texts a metric read only in part; most read any text whole."""
    count: Callable[[Array], int] | None = getattr(metric, "cut", None)
    return count(_table(rows).sum(axis=0)) if count and rows else 0


def _table(rows: Iterable[Sequence[float]]) -> Array:
    import numpy as np

    return np.array(list(rows), dtype=np.float64)


def _numbers(estimate: Estimate | None, at: int) -> tuple[float | None, float | None, float | None]:
    if estimate is None:
        return None, None, None
    return (
        _number(estimate.value[at]),
        _number(estimate.low[at]),
        _number(estimate.high[at]),
    )


def _number(value: float) -> float | None:
    """Return a number that JSON can hold: None for one that is undefined."""
    return float(value) if math.isfinite(value) else None
