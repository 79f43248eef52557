"""Scores to numbers: each candidate's with its interval, and its difference from the baseline.

Pure functions over records; statistics sum, so nothing here knows any metric.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.core.sampled import between
from benchmark.plugins import Metric
from benchmark.records import Score
from benchmark.results import Comparison, ScoreSummary
from benchmark.stats import (
    Measured,
    Tested,
    adjust,
    difference_interval,
    effects,
    paired_test,
    score_interval,
)
from benchmark.stats.significance import NAMES, Correction

if TYPE_CHECKING:
    from benchmark.plugins import Array
    from benchmark.stats.groups import Mask


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


@dataclass(slots=True)
class _Scale:
    """Where one number lay, wherever it was seen."""

    low: float = math.inf
    high: float = -math.inf
    is_yes_no: bool = True


def summarise(scored: Scored) -> list[ScoreSummary]:
    """Return every candidate's numbers with 95 % intervals, in the order of the suite.

    An interval is None where there are fewer than 2 clusters, a value where it is undefined.
    An end never leaves the scale: below 0 where no example of any candidate is, above 1 where
    all are between 0 and 1.
    """
    summaries = []
    scales = _scales(scored)
    for candidate in scored.candidates():
        for name, metric in scored.metrics.items():
            rows = scored.answered(candidate, name)
            infos = metric.infos()
            found = None
            spread = between(metric, scored.scores.get((candidate, name), ()))
            if rows:
                groups = scored.clusters(rows)
                yes_no = _yes_no(scored, name, scales)
                found = score_interval(_table(rows.values()), metric.values, groups, yes_no=yes_no)
            for at, info in enumerate(infos):
                label = scored.labels[name, info.name]
                value, low, high = _numbers(found, at)
                low, high = _within(scales.get(label), value, low, high)
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
                        spread=None if spread is None else _number(spread[at]),
                        method="" if found is None or low is None else found.methods[at],
                    )
                )
    return summaries


def compare(
    scored: Scored,
    baseline: str,
    *,
    seed: int,
    resamples: int,
    correction: Correction = "holm",
    controls: Collection[str] = (),
) -> list[Comparison]:
    """Return every other candidate's difference from the baseline, number by number.

    Only examples that both answered count; with none, the numbers are None and n is 0.

    Args:
        scored: What there is to compare.
        baseline: A candidate's name.
        seed: Of the random swaps.
        resamples: Random swaps.
        correction: Of the p-values of all candidates and numbers, which are one family.
        controls: Candidates that are no part of that family: that a fake loses is no finding.
    """
    found = [
        comparison
        for candidate in scored.candidates()
        if candidate != baseline
        for name in scored.metrics
        for comparison in _compare(scored, (candidate, baseline), name, seed, resamples)
    ]
    family = [at for at, row in enumerate(found) if row.candidate not in controls]
    adjusted = adjust([found[at].p for at in family], correction)
    tested = [found[at] for at, p in zip(family, adjusted, strict=True) if p is not None]
    many = len({row.candidate for row in tested}), len({row.score for row in tested})
    counts = f"candidates: {many[0]}, numbers: {many[1]}"
    what = f"{NAMES[correction]} over {len(tested)} tests ({counts})"
    for at, p in zip(family, adjusted, strict=True):
        if p is not None:
            changed = {"p_adjusted": p, "family": what, "test": f"{found[at].test}; p by {what}"}
            found[at] = found[at].model_copy(update=changed)
    return found


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
    found, tested, sizes = None, None, []
    if shared:
        sides = _table(mine[example] for example in shared), _table(map(theirs.__getitem__, shared))
        yes_no = _yes_no(scored, name, _scales(scored))
        found = difference_interval(*sides, metric.values, groups, yes_no=yes_no)
        tested = paired_test(*sides, metric.values, groups, resamples, seed)
        sizes = effects(*sides, metric.values, groups, yes_no)
    for at, info in enumerate(metric.infos()):
        value, low, high = _numbers(found, at)
        yield Comparison(
            candidate=candidate,
            baseline=baseline,
            score=scored.labels[name, info.name],
            difference=value,
            low=low,
            high=high,
            p=None if tested is None else _number(tested.p[at]),
            n=len(shared),
            higher_is_better=info.higher_is_better,
            test=_described(found, tested, at, seed),
            se=None if found is None else _number(found.se[at]),
            clusters=0 if found is None else found.groups,
            effect=_number(sizes[at].value) if sizes else None,
            effect_name=sizes[at].name if sizes else "",
        )


def _described(found: Measured | None, tested: Tested | None, at: int, seed: int) -> str:
    if found is None or tested is None:
        return "no example was answered by both"
    drawn = f", seed {seed}" if tested.methods[at].startswith("paired") else ""
    return f"{found.methods[at]} interval; {tested.methods[at]}{drawn}; {found.groups} clusters"


def _scales(scored: Scored) -> dict[str, _Scale]:
    """Return what each number was seen to be, over all examples of all candidates."""
    scales: dict[str, _Scale] = {}
    for (_, metric), rows in scored.scores.items():
        for row in rows:
            for name, value in row.values.items():
                label = scored.labels.get((metric, name))
                if label is not None:
                    seen = scales.setdefault(label, _Scale())
                    seen.low, seen.high = min(seen.low, value), max(seen.high, value)
                    seen.is_yes_no = seen.is_yes_no and value in (0, 1)
    return scales


def _yes_no(scored: Scored, name: str, scales: Mapping[str, _Scale]) -> Mask:
    """Tell which numbers of a metric were 0 or 1 wherever they were seen."""
    import numpy as np

    labels = [scored.labels[name, info.name] for info in scored.metrics[name].infos()]
    return np.array([scales[label].is_yes_no if label in scales else False for label in labels])


def _within(
    scale: _Scale | None, value: float | None, low: float | None, high: float | None
) -> tuple[float | None, float | None]:
    """Cut an interval at the ends of a scale that no example leaves."""
    if scale is None or value is None or low is None or high is None or scale.low < 0:
        return low, high
    return min(value, max(0.0, low)), max(value, min(1.0, high)) if scale.high <= 1 else high


def _cut(metric: Metric, rows: Collection[Sequence[float]]) -> int:
    """Return how many texts a metric read only in part; most read any text whole."""
    count: Callable[[Array], int] | None = getattr(metric, "cut", None)
    return count(_table(rows).sum(axis=0)) if count and rows else 0


def _table(rows: Iterable[Sequence[float]]) -> Array:
    import numpy as np

    return np.array(list(rows), dtype=np.float64)


def _numbers(estimate: Measured | None, at: int) -> tuple[float | None, float | None, float | None]:
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
