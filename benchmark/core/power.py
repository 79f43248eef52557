"""Before a run: which differences a suite's test set can show, and how many its gates need.

What varies how much is taken from an earlier run of the suite. Without one, only the worst case
is known: two candidates that are each right half of the time, independently of each other. No
score between 0 and 1 varies more than that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmark.core.data import load_data
from benchmark.core.pilot import Pair, Pilot, difference
from benchmark.core.plan import Plan
from benchmark.core.preview import offline
from benchmark.core.regate import table_of
from benchmark.errors import FetchError
from benchmark.progress import Progress, Silent
from benchmark.records import Record
from benchmark.stats import (
    Question,
    Sample,
    detectable,
    needed,
    score_interval,
    yes_no_deviation,
)
from benchmark.suite import GateSpec
from benchmark.suite_file import load_suite

WORST = 0.5
"""Share of examples on which two candidates differ that are right half of the time each."""


class Size(NamedTuple):
    """A test set."""

    examples: int
    clusters: int


class NumberPower(Record):
    """One number of one candidate against the baseline."""

    score: str
    candidate: str
    difference: float
    """In the earlier run: candidate minus baseline."""
    examples: int
    """Of the earlier run, answered by both."""
    clusters: int
    design_effect: float
    """By how much clusters multiply the variance."""
    detectable: float | None
    """Smallest true difference that the test set shows; None where nothing varied."""


class GatePower(Record):
    """One gate of one candidate: what it takes to settle it."""

    gate: str
    candidate: str
    score: str
    bound: str
    assumed: str
    """What the truth is taken to be."""
    needed: int | None
    """Examples; None where no size is known to settle it."""
    note: str = ""


class Power(Record):
    """What `bench power` says."""

    suite: str
    run: str
    """The earlier run's id; empty: worst case only."""
    examples: int | None
    """Test examples that are counted on; None where the data set is not known yet."""
    clusters: int | None
    alpha: float
    power: float
    worst: float | None
    """Smallest difference of a yes/no score that is shown whatever the candidates do."""
    numbers: tuple[NumberPower, ...] = ()
    gates: tuple[GatePower, ...] = ()


def forecast(
    plan: Plan,
    earlier: tuple[str, Path] | None,
    *,
    examples: int | None = None,
    power: float = 0.8,
    progress: Progress | None = None,
) -> Power:
    """Say what a suite's test set can tell apart.

    Args:
        plan: The suite, resolved.
        earlier: An earlier run's id and folder; None for the worst case alone.
        examples: Test examples to count on; by default those of the data set, where it is on
            this machine already.
        power: Chance to find what is there.
        progress: Where reading the data set shows itself.

    Raises:
        ConfigError: The earlier run's suite cannot be read by this version.
        StoreError: Its records are missing.
    """
    size = _size(plan, progress or Silent())
    if examples is not None:
        share = size.clusters / size.examples if size else 1.0
        size = Size(examples, max(1, round(examples * share)))
    asked = Question(power=power)
    pilot = (
        Pilot(plan, table_of(earlier[1], load_suite(earlier[1] / "suite.yaml")))
        if earlier
        else None
    )
    return Power(
        suite=plan.suite.suite,
        run=earlier[0] if earlier else "",
        examples=size.examples if size else None,
        clusters=size.clusters if size else None,
        alpha=asked.alpha,
        power=power,
        worst=_known(detectable(yes_no_deviation(WORST), size.clusters, asked)) if size else None,
        numbers=tuple(_numbers(pilot, size, asked)) if pilot else (),
        gates=tuple(_gates(plan, pilot, size, asked._replace(sides=1))),
    )


def _numbers(pilot: Pilot, size: Size | None, asked: Question) -> Iterator[NumberPower]:
    for label, pair in pilot.pairs():
        value, sample, effect = difference(pair)
        least = detectable(sample.deviation, _clusters(sample, size), asked)
        yield NumberPower(
            score=label,
            candidate=pair.candidate,
            difference=value,
            examples=sample.examples,
            clusters=sample.clusters,
            design_effect=effect,
            detectable=_known(least) if sample.se > 0 else None,
        )


def _gates(
    plan: Plan, pilot: Pilot | None, size: Size | None, asked: Question
) -> Iterator[GatePower]:
    fakes = {one.name for one in plan.candidates if one.is_control}
    default = [name for name in plan.suite.candidates if name not in fakes | {plan.suite.baseline}]
    for name, gate in plan.suite.gates.items():
        if not gate.score:
            continue  # of a judge, of costs, of leaks: no earlier scores say how those vary
        for candidate in gate.candidates or default:
            pair = pilot.of(candidate, gate.score) if pilot else None
            for bound, rows in _bounds(gate, pair, size):
                for assumed, gap, sample in rows:
                    varies = sample is not None and sample.se > 0
                    found = needed(gap, sample, asked) if sample and varies else None
                    yield GatePower(
                        gate=name,
                        candidate=candidate,
                        score=gate.score,
                        bound=bound,
                        assumed=assumed,
                        needed=found.examples if found else None,
                        note="" if found else _why(gap, sample, pilot is not None),
                    )


def _bounds(
    gate: GateSpec, pair: Pair | None, size: Size | None
) -> Iterator[tuple[str, Sequence[tuple[str, float, Sample | None]]]]:
    """Give each bound of a gate, with what may be the truth and how far that is from it."""
    if gate.max_drop is not None:
        bound = f"drop of at most {gate.max_drop:g}"
        if pair is None:
            yield bound, [("worst case, no true drop", gate.max_drop, _worst(size))]
        else:
            value, sample, _ = difference(pair)
            better = value if pair.metric.infos()[pair.at].higher_is_better else -value
            yield (
                bound,
                [
                    ("as good as the baseline", gate.max_drop, sample),
                    (f"{value:+.3g} as in the earlier run", better + gate.max_drop, sample),
                ],
            )
    if gate.floor is not None:
        higher = pair is None or pair.metric.infos()[pair.at].higher_is_better
        bound = f"{'at least' if higher else 'at most'} {gate.floor:g}"
        if pair is None:
            yield bound, [("unknown", math.nan, None)]
        else:
            found = score_interval(pair.sides[0], pair.metric.values, pair.groups)
            value = float(found.value[pair.at])
            sample = Sample(float(found.se[pair.at]), found.groups, len(pair.groups))
            yield bound, [(f"{value:.3g} as in the earlier run", value - gate.floor, sample)]


def _why(gap: float, sample: Sample | None, has_run: bool) -> str:
    if sample is None:
        why = "the earlier run has no such number" if has_run else "how far it is from the bound"
        return why if has_run else f"only a run tells {why}"
    if not sample.se:
        return "nothing varied in the earlier run"
    if abs(gap) <= 1e-9:
        return "exactly at the bound no number of examples settles it"
    return "no test set is large enough"


def _worst(size: Size | None) -> Sample:
    """Return the worst case, each cluster worth one answer."""
    examples, clusters = size or Size(100, 100)
    clusters = max(2, clusters)
    return Sample(yes_no_deviation(WORST) / math.sqrt(clusters), clusters, examples)


def _clusters(sample: Sample, size: Size | None) -> int:
    """Return how many clusters of the earlier run's kind the test set has."""
    if size is None:
        return sample.clusters
    return max(1, round(size.examples * sample.clusters / sample.examples))


def _size(plan: Plan, progress: Progress) -> Size | None:
    """Return the test side's size; None where it is not known without fetching anything."""
    try:
        with offline():
            test = load_data(plan, progress).test
    except FetchError:
        asked = plan.suite.split.test
        whole = asked if isinstance(asked, int) else None
        limits = [limit for limit in (whole, plan.suite.limit) if limit is not None]
        return Size(min(limits), min(limits)) if whole else None
    return Size(len(test), len({row.group or f"\x1f{row.id}" for row in test}))


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
