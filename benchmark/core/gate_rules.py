"""Each bound of a gate as a function from numbers to an outcome with its sentence.

A bound is never judged by the point alone. What cannot be judged (nothing scored, one example,
no spread where one is needed) is inconclusive, and so is what holds only because answers are
missing: a pass has to hold even if they had been as bad as can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor as whole
from math import log10

from benchmark.core.gate_statistics import (
    all_yes_n,
    needed_n,
    tied,
    tied_n,
    with_missing,
)
from benchmark.gate_results import Outcome
from benchmark.results import Comparison, ScoreSummary
from benchmark.stats import wilson

TOLERANCE = 1e-9
"""Rounding that must not decide a gate: 0.9 - 0.85 is not quite 0.05."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What one bound says."""

    outcome: Outcome
    reason: str
    needed: int | None = None
    """Examples that would settle an inconclusive one, if that is known."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How much was asked and how much of it can be judged."""

    n: int
    asked: int
    lowest: float = 0.0
    highest: float = 1.0
    """Least and greatest score of one example, for answers that are missing."""
    tolerated: float = 0.0
    """Share that may be missing (the suite's `max_failed`)."""
    min_n: int = 2

    @property
    def missing(self) -> int:
        """Return how many were asked and cannot be judged."""
        return max(0, self.asked - self.n)

    def __str__(self) -> str:
        """Return "n=32", or "n=30 of 32"."""
        return f"n={self.n} of {self.asked}" if self.missing else f"n={self.n}"


@dataclass(frozen=True, slots=True)
class Value:
    """One candidate's number on the examples that a gate looks at."""

    name: str
    """ "citation_accuracy of lora"."""
    row: ScoreSummary
    sample: Sample
    clusters: Sequence[float] = ()
    """The number in each cluster."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One candidate against another on one number."""

    name: str
    row: Comparison
    sample: Sample
    clusters: int = 0
    is_rate: bool = False
    """Whether every cluster has 0 or 1 on both sides."""
    is_same: bool = False
    """Whether both gave the very same answers."""


@dataclass(frozen=True, slots=True)
class _Ends:
    """An interval turned so that more is better, whichever way the score points."""

    worst: float
    value: float
    best: float

    @classmethod
    def turned(cls, low: float, value: float, high: float, up: bool) -> _Ends:
        return cls(low, value, high) if up else cls(-high, -value, -low)


def floor(bound: float, found: Value, *, may_be_flat: bool = False) -> Judged:
    """Judge a score by its interval: all of it has to be on the right side.

    Args:
        bound: A floor; a ceiling where lower is better.
        found: The score.
        may_be_flat: Whether an interval without a width is believed: a limit of tokens makes
            all answers equally long, and that is no accident.
    """
    row, sample = found.row, found.sample
    if row.value is None:
        return Judged("inconclusive", f"{found.name} has no value ({sample})")
    if row.low is None or row.high is None:
        what = f"{found.name} is {row.value:.2f}, but has no interval ({sample})"
        return Judged("inconclusive", what)
    low, high, kind, needed = row.low, row.high, "interval", None
    sign = 1 if row.higher_is_better else -1
    if row.value in (0, 1) and found.clusters and set(found.clusters) == {row.value}:
        # No resample can differ when all answers score the same; the next answer still can.
        low, high = wilson(sum(found.clusters), len(found.clusters))
        low, high = min(low, row.value), max(high, row.value)
        kind = f"Wilson interval of {len(found.clusters)} equal clusters"
        if row.value == 1 and sign == 1:
            needed = all_yes_n(bound, sample.n / len(found.clusters))
    ends = _Ends.turned(low, row.value, high, row.higher_is_better)
    least = sample.lowest if row.higher_is_better else -sample.highest
    judged = _Decision(ends, sign * bound, sample, least, needed)
    judged.decide()
    if low == high and judged.outcome == "pass" and not may_be_flat:
        # Without a width the interval is the point, and a point alone passes nothing.
        judged.withdraw(f", but the interval has no width at {sample}")
    limit = f"the {'floor' if row.higher_is_better else 'ceiling'} of {bound:g}"
    inside, outside = ("at or above", "below") if row.higher_is_better else ("at or below", "above")
    tail = {"pass": inside, "fail": outside, "inconclusive": "which spans"}[judged.position]
    text = _Text((low, high, row.value), bound)
    what = f"{found.name} is {text(row.value)} (95 % {kind} {text(low)} to {text(high)}"
    return judged.said(f"{what}, {sample}), {tail} {limit}")


def drop(bound: float, found: Difference) -> Judged:
    """Judge a difference: non-inferiority to the baseline by the margin `bound`.

    The interval of the difference has to stay above -bound; a large p-value proves nothing.
    """
    row, sample = found.row, found.sample
    if row.difference is None:
        what = f"{found.name} cannot be compared with {row.baseline}'s ({sample})"
        return Judged("inconclusive", what)
    text = _Text((row.low, row.high, row.difference), -bound, bound)
    if row.low is None or row.high is None:
        what = f"{found.name} is {_how(found, text)}, but has no interval ({sample})"
        return Judged("inconclusive", what)
    judged, between, note = _compared(found, -bound, text, strict=False)
    tail = {"pass": "within", "fail": "more than", "inconclusive": "which spans"}[judged.position]
    what = f"{found.name} is {_how(found, text)} ({between}, {sample}{note})"
    return judged.said(f"{what}, {tail} the allowed drop of {bound:g}")


def beats(found: Difference) -> Judged:
    """Judge superiority: the whole interval of the difference has to be on the better side."""
    row, sample = found.row, found.sample
    if row.difference is None:
        what = f"{found.name} cannot be compared with {row.baseline}'s ({sample})"
        return Judged("inconclusive", what)
    text = _Text((row.low, row.high, row.difference), 0.0)
    if row.low is None or row.high is None:
        what = f"{found.name} is {_how(found, text)}, but has no interval ({sample})"
        return Judged("inconclusive", what)
    judged, between, note = _compared(found, 0.0, text, strict=True)
    tail = {
        "pass": f"which beats {row.baseline}",
        "fail": f"which does not beat {row.baseline}",
        "inconclusive": "which spans 0",
    }[judged.position]
    return judged.said(f"{found.name} is {_how(found, text)} ({between}, {sample}{note}), {tail}")


def ratio(times: float, mine: float | None, theirs: float | None, found: Difference) -> Judged:
    """Judge `mine >= times · theirs` by the interval of mine - times · theirs.

    A difference and not a quotient (Fieller, 1954): a baseline near 0 then widens the interval
    and does not break it.

    Args:
        times: The factor.
        mine: The candidate's value.
        theirs: The baseline's.
        found: Its `difference` is mine - times · theirs.
    """
    row, sample, base = found.row, found.sample, found.row.baseline
    if mine is None or theirs is None or row.difference is None:
        return Judged("inconclusive", f"{found.name} cannot be compared with {base}'s ({sample})")
    what = f"{found.name} is {mine:.3g} and {base}'s is {theirs:.3g}"
    if theirs <= 0:
        return Judged("inconclusive", f"{what} ({sample}): a ratio to that says nothing")
    what = f"{what}, {mine / theirs:.2f} times as much"
    if row.low is None or row.high is None:
        return Judged("inconclusive", f"{what}, but without an interval ({sample})")
    up = row.higher_is_better
    ends = _Ends.turned(row.low, row.difference, row.high, up)
    least = sample.lowest - times * sample.highest
    judged = _Decision(ends, 0.0, sample, least if up else times * sample.lowest - sample.highest)
    judged.decide()
    if row.low == row.high and judged.outcome == "pass":
        judged.withdraw(f", but the interval has no width at {sample}")
    text = _Text((row.low, row.high), 0.0)
    between = f"95 % interval of {row.candidate} - {times:g} × {base}: "
    between += f"{text(row.low)} to {text(row.high)}"
    side = ("at least", "less than") if up else ("at most", "more than")
    tail = {
        "pass": f"{side[0]} {times:g} times",
        "fail": f"{side[1]} {times:g} times",
        "inconclusive": f"which may be more or less than {times:g} times",
    }[judged.position]
    return judged.said(f"{what} ({between}, {sample}), {tail}")


def leaks(bound: float, found: int | None, tests: int) -> Judged:
    """Judge how much of the test side is also on the train side: a count, without chance."""
    if found is None or not tests:
        return Judged("inconclusive", "the test side was not compared with the train side")
    what = f"{found} of {tests} test examples are also on the train side ({found / tests:.1%})"
    if found / tests <= bound + TOLERANCE:
        return Judged("pass", f"{what}, at or below the tolerated {bound:.1%}")
    return Judged("fail", f"{what}, above the tolerated {bound:.1%}")


class _Decision:
    """The outcome of one interval against one bound, more being better, and what to add to it."""

    def __init__(
        self, ends: _Ends, bound: float, sample: Sample, least: float, needed: int | None = None
    ) -> None:
        self.ends, self.bound, self.sample, self.least = ends, bound, sample, least
        self.needed = needed
        self.outcome: Outcome = "inconclusive"
        self.position: Outcome = "inconclusive"
        """Where the interval lies; the outcome can be weaker."""
        self.note = ""

    def decide(self, strict: bool = False) -> None:
        """Set the outcome. `strict`: to be on the bound is not enough."""
        ends, edge = self.ends, TOLERANCE if strict else -TOLERANCE
        if ends.worst >= self.bound + edge:
            self.position = "pass"
        else:
            self.position = "fail" if ends.best < self.bound + edge else "inconclusive"
        self.outcome = self.position
        if self.position == "inconclusive":
            self._ask_for_more()
        if self.position == "pass" and self.sample.missing:
            self._without_missing()
        if self.sample.n < self.sample.min_n:
            self.withdraw(f", but fewer than min_n = {self.sample.min_n} examples are scored")
            self.needed = self.sample.min_n

    def withdraw(self, note: str) -> None:
        """Make the outcome inconclusive, and say why."""
        self.outcome, self.note = "inconclusive", self.note + note

    def said(self, reason: str) -> Judged:
        """Return outcome and sentence."""
        needed = self.needed if self.outcome == "inconclusive" else None
        return Judged(self.outcome, reason + self.note, needed)

    def _ask_for_more(self) -> None:
        ends = self.ends
        distance = ends.value - self.bound
        reach = ends.value - ends.worst if distance > 0 else ends.best - ends.value
        if self.needed is None:
            self.needed = needed_n(self.sample.n, abs(distance), reach)
        self.note += (
            f"; about {self.needed:,} examples like these would settle it"
            if self.needed
            else "; it is too near the bound for any number of examples to settle it"
        )

    def _without_missing(self) -> None:
        n, missing, asked = self.sample.n, self.sample.missing, self.sample.asked
        if missing > self.sample.tolerated * asked + TOLERANCE:
            allowed = f"{self.sample.tolerated:.0%}" if self.sample.tolerated else "none"
            self.withdraw(f", but {missing} of {asked} failed and max_failed allows {allowed}")
        elif with_missing(self.ends.worst, n, missing, self.least) < self.bound - TOLERANCE:
            self.withdraw(f", but not if the {missing} that are missing had scored worst")
        else:
            self.note += f", and also if the {missing} that are missing had scored worst"


def _compared(
    found: Difference, bound: float, text: _Text, strict: bool
) -> tuple[_Decision, str, str]:
    """Return the decision on a difference, its interval in words, and a note for the brackets."""
    row, sample = found.row, found.sample
    assert row.difference is not None and row.low is not None and row.high is not None
    low, high, kind, note, needed = row.low, row.high, "interval", "", None
    up = row.higher_is_better
    is_flat = low == high
    if is_flat and found.is_same:
        note = ", the answers are the same word for word"
    elif is_flat and found.is_rate and found.clusters:
        low, high = tied(row.difference, found.clusters)
        kind = f"interval of {found.clusters} clusters that all differ alike"
        each = sample.n / found.clusters
        if up:
            needed = tied_n(row.difference, bound, each)
        else:
            needed = tied_n(-row.difference, bound, each)
    ends = _Ends.turned(low, row.difference, high, up)
    judged = _Decision(ends, bound, sample, sample.lowest - sample.highest, needed)
    judged.decide(strict)
    if low == high and judged.outcome == "pass" and not found.is_same:
        judged.withdraw(f", but the interval has no width at {sample}")
    return judged, f"95 % {kind} {text(low)} to {text(high)}", note


def _how(found: Difference, text: _Text) -> str:
    base, difference = found.row.baseline, found.row.difference or 0.0
    if not difference:
        return f"equal to {base}'s"
    return f"{text(abs(difference))} {'above' if difference > 0 else 'below'} {base}'s"


class _Text:
    """Writes numbers with 2 decimals, or as many as show on which side of a bound they are."""

    def __init__(self, numbers: Sequence[float | None], *bounds: float) -> None:
        pairs = [(number, bound) for number in numbers if number is not None for bound in bounds]
        small = min((abs(bound) for bound in bounds if bound), default=1.0)
        least = 2 if small >= 0.01 else min(8, 1 - whole(log10(small)))
        self.decimals = next(
            (
                decimals
                for decimals in range(least, 9)
                if all(
                    abs(number - bound) < TOLERANCE or round(number, decimals) != bound
                    for number, bound in pairs
                )
            ),
            9,
        )

    def __call__(self, number: float) -> str:
        return f"{number:.{self.decimals}f}"
