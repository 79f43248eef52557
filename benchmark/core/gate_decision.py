"""One interval against one bound: the outcome, and what a sentence about it has to add."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

from benchmark.core.gate_statistics import needed_n, with_missing
from benchmark.gate_results import Outcome

TOLERANCE = 1e-9
"""Rounding that must not decide a gate: 0.9 - 0.85 is not quite 0.05."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What one bound says."""

    outcome: Outcome
    reason: str
    needed: int | None = None
    """Examples that would settle an inconclusive one, if that is known."""
    worse: tuple[str, ...] = ()
    better: tuple[str, ...] = ()
    """Examples that score worse and better than the other side's."""


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
class Ends:
    """An interval turned so that more is better, whichever way the score points."""

    worst: float
    value: float
    best: float

    @classmethod
    def turned(cls, low: float, value: float, high: float, up: bool) -> Ends:
        """Turn a score's interval; `up`: higher is better."""
        return cls(low, value, high) if up else cls(-high, -value, -low)


class Decision:
    """The outcome of one interval against one bound, more being better, and what to add to it."""

    def __init__(
        self, ends: Ends, bound: float, sample: Sample, least: float, needed: int | None = None
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


class Text:
    """Writes numbers with 2 decimals, or as many as show on which side of a bound they are."""

    def __init__(self, numbers: Sequence[float | None], *bounds: float) -> None:
        pairs = [(number, bound) for number in numbers if number is not None for bound in bounds]
        small = min((abs(bound) for bound in bounds if bound), default=1.0)
        least = 2 if small >= 0.01 else min(8, 1 - floor(log10(small)))
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
        """Return the number as text."""
        return f"{number:.{self.decimals}f}"
