"""Each bound of a gate as a function from numbers to an outcome with its sentence.

A bound is never judged by the point alone. What cannot be judged (nothing scored, one example,
no spread where one is needed) is inconclusive, and so is what holds only because answers are
missing: a pass has to hold even if they had been as bad as can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.core.gate_decision import Decision, Ends, Judged, Sample, Text
from benchmark.core.gate_statistics import all_yes_n, tied, tied_n
from benchmark.results import Comparison, ScoreSummary
from benchmark.stats import wilson


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
    ends = Ends.turned(low, row.value, high, bool(row.higher_is_better))
    least = sample.lowest if row.higher_is_better else -sample.highest
    judged = Decision(ends, sign * bound, sample, least, needed)
    judged.decide()
    if low == high and judged.outcome == "pass" and not may_be_flat:
        # Without a width the interval is the point, and a point alone passes nothing.
        judged.withdraw(f", but the interval has no width at {sample}")
    limit = f"the {'floor' if row.higher_is_better else 'ceiling'} of {bound:g}"
    inside, outside = ("at or above", "below") if row.higher_is_better else ("at or below", "above")
    tail = {"pass": inside, "fail": outside, "inconclusive": "which spans"}[judged.position]
    text = Text((low, high, row.value), bound)
    what = f"{found.name} is {text(row.value)} (95 % {kind} {text(low)} to {text(high)}"
    return judged.said(f"{what}, {sample}), {tail} {limit}")


def drop(bound: float, found: Difference) -> Judged:
    """Judge a difference: non-inferiority to the baseline by the margin `bound`.

    The interval of the difference has to stay above -bound; a large p-value proves nothing.
    """
    row, sample = found.row, found.sample
    if row.difference is None:
        what = f"{found.name} cannot be compared with {_of(row.baseline)} ({sample})"
        return Judged("inconclusive", what)
    text = Text((row.low, row.high, row.difference), -bound, bound)
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
        what = f"{found.name} cannot be compared with {_of(row.baseline)} ({sample})"
        return Judged("inconclusive", what)
    text = Text((row.low, row.high, row.difference), 0.0)
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
        return Judged(
            "inconclusive", f"{found.name} cannot be compared with {_of(base)} ({sample})"
        )
    what = f"{found.name} is {mine:.3g} and {_of(base)} is {theirs:.3g}"
    if theirs <= 0:
        return Judged("inconclusive", f"{what} ({sample}): a ratio to that says nothing")
    what = f"{what}, {mine / theirs:.2f} times as much"
    if row.low is None or row.high is None:
        return Judged("inconclusive", f"{what}, but without an interval ({sample})")
    up = bool(row.higher_is_better)
    ends = Ends.turned(row.low, row.difference, row.high, up)
    least = sample.lowest - times * sample.highest
    judged = Decision(ends, 0.0, sample, least if up else times * sample.lowest - sample.highest)
    judged.decide()
    if row.low == row.high and judged.outcome == "pass":
        judged.withdraw(f", but the interval has no width at {sample}")
    text = Text((row.low, row.high), 0.0)
    between = f"95 % interval of {row.candidate} - {times:g} × {base}: "
    between += f"{text(row.low)} to {text(row.high)}"
    side = ("at least", "less than") if up else ("at most", "more than")
    tail = {
        "pass": f"{side[0]} {times:g} times",
        "fail": f"{side[1]} {times:g} times",
        "inconclusive": f"which may be more or less than {times:g} times",
    }[judged.position]
    return judged.said(f"{what} ({between}, {sample}), {tail}")


def leaks(bound: float, found: int | None, tests: int, rows: int) -> Judged:
    """Judge how much of the test side is also on the train side: a count, without chance."""
    if found is None or not tests:
        return Judged("inconclusive", "the test side was not compared with the train side")
    what = (
        f"{found} of {tests} test examples ({found / tests:.1%}) are also among the {rows} rows of "
        "the train side"
    )
    if found / tests <= bound + 1e-9:
        return Judged("pass", f"{what}, at or below the tolerated {bound:.1%}")
    return Judged("fail", f"{what}, above the tolerated {bound:.1%}")


def _compared(
    found: Difference, bound: float, text: Text, strict: bool
) -> tuple[Decision, str, str]:
    """Return the decision on a difference, its interval in words, and a note for the brackets."""
    row, sample = found.row, found.sample
    assert row.difference is not None and row.low is not None and row.high is not None
    low, high, kind, note, needed = row.low, row.high, "interval", "", None
    up = bool(row.higher_is_better)
    if found.is_same and not row.difference:
        # No sample of equal answers differs: an interval of ties is about answers that may.
        low = high = 0.0
        note = ", the answers are the same word for word"
    elif low == high and found.is_rate and found.clusters:
        sign = 1 if up else -1
        worst, best = tied(sign * row.difference, found.clusters)
        low, high = (worst, best) if up else (-best, -worst)
        alike = "differ alike" if row.difference else "tie"
        kind = f"interval of {found.clusters} clusters that all {alike}"
        needed = tied_n(sign * row.difference, bound, sample.n / found.clusters)
    ends = Ends.turned(low, row.difference, high, up)
    judged = Decision(ends, bound, sample, sample.lowest - sample.highest, needed)
    judged.decide(strict)
    if low == high and judged.outcome == "pass" and not found.is_same:
        judged.withdraw(f", but the interval has no width at {sample}")
    return judged, f"95 % {kind} {text(low)} to {text(high)}", note


def _how(found: Difference, text: Text) -> str:
    base, difference = found.row.baseline, found.row.difference or 0.0
    if not difference:
        return f"equal to {_of(base)}"
    return f"{text(abs(difference))} {'above' if difference > 0 else 'below'} {_of(base)}"


def _of(name: str) -> str:
    """Return "base's", or "that of lora in RUN"."""
    return f"that of {name}" if " " in name else f"{name}'s"
