"""What opinions on answers of known worth show: discrimination, false passes, position bias."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from benchmark.agreement import NOTHING, SAME, Measure, auc, rate_ends
from benchmark.core.canaries import ORACLE, OTHER, WORTHLESS
from benchmark.records import Verdict
from benchmark.results_judges import CanaryRate, Rate
from benchmark.stats import bootstrap, wilson

Scale = tuple[float, float]
Shown = Mapping[tuple[str, ...], Sequence[Verdict]]
"""Kinds of canary in the order in which they were shown -> verdicts."""


class Draws(NamedTuple):
    """How intervals are made."""

    groups: Mapping[str, str]
    """Example -> its cluster; "" or absent: its own."""
    resamples: int
    seed: int

    def group(self, example: str) -> str:
        """Return an example's cluster."""
        return self.groups.get(example) or f"\x1f{example}"


class Worth(NamedTuple):
    """What a judge's opinions on canaries show."""

    auc: Measure
    kinds: tuple[CanaryRate, ...]
    passes: float | None = None
    passes_from: str = ""
    first: Measure | None = None

    @property
    def passed(self) -> int:
        """Return how many worthless answers passed."""
        return sum(kind.passed for kind in self.kinds)

    @property
    def n(self) -> int:
        """Return how many of them have an opinion."""
        return sum(kind.n for kind in self.kinds)

    @property
    def false_pass(self) -> Rate:
        """Return the share that passed, over all kinds."""
        return rate(self.passed, self.n)


def singles(
    shown: Shown, bar: tuple[float, str] | None, scale: Scale | None, draws: Draws
) -> Worth:
    """Return what a judge of single answers shows.

    Args:
        shown: Its verdicts.
        bar: From which opinion on an answer passes, and where that comes from.
        scale: The judge's; its middle is the bar where there is none. Where there is no scale
            either, the bar lies halfway between the least that it said of any canary and the
            median of what it said of references.
        draws: How intervals are made.
    """
    values = {
        kind: [row.value for row in rows if row.value is not None]
        for (kind,), rows in shown.items()
    }
    if bar is None:
        every = [value for part in values.values() for value in part]
        bar = passing(scale, values.get(ORACLE, ()), every)
    kinds = []
    for kind in WORTHLESS:
        given = values.get(kind, [])
        # Without a bar (no opinion on any reference) nothing can be said to have passed or not.
        n = len(given) if bar else 0
        passed = sum(value >= bar[0] - SAME for value in given) if bar else 0
        kinds.append(_kind(kind, passed, n, len(shown.get((kind,), ())) - n))
    found = _auc(shown.get((ORACLE,), ()), shown.get((OTHER,), ()), draws)
    return Worth(found, tuple(kinds), *(bar or (None, "")))


def pairs(shown: Shown, scale: Scale | None, draws: Draws) -> Worth:
    """Return what a judge of pairs shows, where each canary stood beside the reference.

    Both orders were asked. A canary passes unless the reference got the higher opinion: the
    judge's scale then does not matter.
    """
    kinds = []
    for kind in WORTHLESS:
        fronts, backs = shown.get((ORACLE, kind), ()), shown.get((kind, ORACLE), ())
        behind = {row.example_id: row.value for row in backs}
        both = [(row.value, behind.get(row.example_id)) for row in fronts]
        known = [(a, b) for a, b in both if a is not None and b is not None]
        passed = sum(front <= back + SAME for front, back in known)
        kinds.append(_kind(kind, passed, len(known), len(both) - len(known)))
    found = _auc(shown.get((ORACLE, OTHER), ()), shown.get((OTHER, ORACLE), ()), draws)
    return Worth(found, tuple(kinds), first=_first(shown, scale or (0.0, 1.0), draws))


def passing(
    scale: Scale | None, references: Sequence[float], seen: Sequence[float]
) -> tuple[float, str] | None:
    """Return from which opinion on an answer passes, and where that comes from."""
    if scale is not None:
        return sum(scale) / 2, f"the middle of its scale, {scale[0]:g} to {scale[1]:g}"
    if not references:
        return None
    middle = (min(seen) + median(references)) / 2
    return middle, "halfway from the least it said to the median of what it said of references"


def own_bar(judge: Any) -> tuple[float, str] | None:
    """Return a judge's own notion of what passes: its number `passes`, if it has one."""
    own = getattr(judge, "passes", None)
    if isinstance(own, int | float) and not isinstance(own, bool):
        return float(own), "the judge itself"
    return None


def scale_of(judge: Any) -> Scale | None:
    """Return the ends of a judge's `scale`, if it has one: two numbers, or number -> text."""
    scale = getattr(judge, "scale", None)
    if not isinstance(scale, Mapping | list | tuple):
        return None
    try:
        steps = [float(step) for step in scale]
    except (TypeError, ValueError):
        return None
    return (min(steps), max(steps)) if len(set(steps)) > 1 else None


def rate(successes: int, n: int) -> Rate:
    """Return a share with Wilson's interval; undefined where there is nothing."""
    if not n:
        return Rate(value=None, low=None, high=None)
    low, high = wilson(successes, n)
    return Rate(value=successes / n, low=low, high=high)


def _kind(kind: str, passed: int, n: int, failed: int) -> CanaryRate:
    return CanaryRate(kind=kind, passed=passed, n=n, failed=failed, rate=rate(passed, n))


def _auc(right: Sequence[Verdict], wrong: Sequence[Verdict], draws: Draws) -> Measure:
    rows = [*right, *wrong]
    if not rows:
        return NOTHING
    return auc(
        [1.0] * len(right) + [0.0] * len(wrong),
        [row.value for row in rows],
        [draws.group(row.example_id) for row in rows],
        resamples=draws.resamples,
        seed=draws.seed,
    )


def _first(shown: Shown, scale: Scale, draws: Draws) -> Measure | None:
    """Return how much more often the answer shown first is preferred, over both orders alike."""
    import numpy as np

    middle = sum(scale) / 2
    rows = [row for kinds, part in shown.items() if len(kinds) > 1 for row in part]
    given = [(row.example_id, row.value - middle) for row in rows if row.value is not None]
    if not given:
        return None
    stats = [[float(ahead > SAME) - float(ahead < -SAME), 1.0] for _, ahead in given]
    names = [draws.group(name) for name, _ in given]
    found = bootstrap(
        np.asarray(stats), lambda totals: totals[..., :1] / totals[..., 1:], names,
        draws.resamples, draws.seed,
    )  # fmt: skip
    value, low, high = (None if np.isnan(part[0]) else float(part[0]) for part in found)
    return rate_ends(Measure(value, low, high), len(set(names)))
