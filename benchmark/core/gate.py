"""Rules with three outcomes, judged by intervals: pass, fail, or not enough evidence.

A bound is never judged by the point alone. What cannot be judged (nothing scored, one
example, a candidate that failed) is inconclusive; it is never a pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmark.errors import ExitCode
from benchmark.results import Comparison, GateResult, Outcome, ScoreSummary
from benchmark.stats import wilson
from benchmark.suite import GateSpec

TOLERANCE = 1e-9
"""Rounding that must not decide a gate: 0.9 - 0.85 is not quite 0.05."""

SEVERITY: dict[Outcome, int] = {"pass": 0, "inconclusive": 1, "fail": 2}

Clusters = Mapping[tuple[str, str], Sequence[float]]
"""(candidate, score) -> the score of each cluster, as `compare.per_cluster` gives it."""


@dataclass(frozen=True, slots=True)
class _Judged:
    outcome: Outcome
    reason: str


def judge_gates(
    gates: Mapping[str, GateSpec],
    scores: Sequence[ScoreSummary],
    comparisons: Sequence[Comparison],
    default_candidates: Sequence[str],
    clusters: Clusters | None = None,
) -> list[GateResult]:
    """Judge every gate for every candidate that it names.

    Args:
        gates: The rules, by name.
        scores: The leaderboard.
        comparisons: Differences from the baseline.
        default_candidates: Whom a gate judges that names nobody.
        clusters: Needed only where all clusters score 0, or all score 1: the bootstrap has no
            width there, and Wilson's interval stands in for it.

    Returns:
        One result per gate and candidate; of two bounds, the worse outcome counts.
    """
    by_name = {(row.candidate, row.score): row for row in scores}
    against = {(row.candidate, row.score): row for row in comparisons}
    results = []
    for name, gate in gates.items():
        for candidate in gate.candidates or default_candidates or ("",):
            at = (candidate, gate.score)
            judged = []
            if not candidate:
                judged.append(_Judged("inconclusive", "there is no candidate to judge"))
            elif at not in by_name:
                what = f"{candidate} has no {gate.score}: it could not run"
                judged.append(_Judged("inconclusive", what))
            else:
                values = (clusters or {}).get(at, ())
                judged += _judge(gate, by_name[at], against.get(at), values)
            results.append(
                GateResult(
                    gate=name,
                    candidate=candidate,
                    score=gate.score,
                    outcome=max((item.outcome for item in judged), key=SEVERITY.__getitem__),
                    reason="; ".join(item.reason for item in judged),
                )
            )
    return results


def overall(results: Sequence[GateResult]) -> Outcome:
    """Return the worst outcome; a suite without gates passes."""
    return max((result.outcome for result in results), key=SEVERITY.__getitem__, default="pass")


def exit_code(outcome: Outcome, complete: bool) -> ExitCode:
    """Return what the shell is told: a failed gate first, then an incomplete run."""
    if outcome == "fail":
        return ExitCode.GATE_FAILED
    if not complete:
        return ExitCode.INCOMPLETE
    return ExitCode.INCONCLUSIVE if outcome == "inconclusive" else ExitCode.PASS


def _judge(
    gate: GateSpec, row: ScoreSummary, against: Comparison | None, values: Sequence[float]
) -> Iterator[_Judged]:
    if row.higher_is_better is None:
        yield _Judged("inconclusive", f"{row.score} only describes: no value of it is better")
        return
    if gate.floor is not None:
        yield _floor(gate.floor, row, values)
    if gate.max_drop is not None:
        yield _drop(gate.max_drop, row, against)


def _floor(bound: float, row: ScoreSummary, values: Sequence[float]) -> _Judged:
    """Judge a score by its interval: all of it has to be on the right side."""
    name = f"{row.score} of {row.candidate}"
    if row.value is None:
        return _Judged("inconclusive", f"{name} has no value ({_size(row.n, row)})")
    if row.low is None or row.high is None:
        what = f"{name} is {row.value:.2f}, but has no interval ({_size(row.n, row)})"
        return _Judged("inconclusive", what)
    low, high, kind = row.low, row.high, "interval"
    if low == high and row.value in (0, 1) and values and set(values) <= {0, 1}:
        # No resample can differ when all answers score the same; the next answer still can.
        low, high = wilson(sum(values), len(values))
        kind = f"Wilson interval of {len(values)} equal clusters"
    limit = f"the {'floor' if row.higher_is_better else 'ceiling'} of {bound:g}"
    inside, outside = ("at or above", "below") if row.higher_is_better else ("at or below", "above")
    worst, best = (low, high) if row.higher_is_better else (-high, -low)
    outcome = _outcome(worst, best, bound if row.higher_is_better else -bound)
    tail = {"pass": inside, "fail": outside, "inconclusive": "which spans"}[outcome]
    note = ""
    if low == high and outcome == "pass":
        # Without a width the interval is the point, and a point alone passes nothing.
        outcome, note = "inconclusive", f", but the interval has no width at n={row.n}"
    text = _Text((low, high, row.value), bound)
    what = f"{name} is {text(row.value)} (95 % {kind} {text(low)} to {text(high)}"
    return _Judged(outcome, f"{what}, {_size(row.n, row)}), {tail} {limit}{note}")


def _drop(bound: float, row: ScoreSummary, against: Comparison | None) -> _Judged:
    """Judge a difference: non-inferiority to the baseline by the margin `bound`."""
    name = f"{row.score} of {row.candidate}"
    if against is None:
        return _Judged("inconclusive", f"{name} has no comparison with the baseline")
    base, size = against.baseline, _size(against.n, row)
    if against.difference is None:
        return _Judged("inconclusive", f"{name} cannot be compared with {base}'s ({size})")
    text = _Text((against.low, against.high, against.difference), -bound, bound)
    if not against.difference:
        how = f"equal to {base}'s"
    else:
        side = "above" if against.difference > 0 else "below"
        how = f"{text(abs(against.difference))} {side} {base}'s"
    if against.low is None or against.high is None:
        return _Judged("inconclusive", f"{name} is {how}, but has no interval ({size})")
    low, high = against.low, against.high
    worst, best = (low, high) if row.higher_is_better else (-high, -low)
    outcome = _outcome(worst, best, -bound)
    tail = {"pass": "within", "fail": "more than", "inconclusive": "which spans"}[outcome]
    if low == high == 0:
        size += ", every cluster scores the same"
    what = f"{name} is {how} (95 % interval {text(low)} to {text(high)}, {size})"
    return _Judged(outcome, f"{what}, {tail} the allowed drop of {bound:g}")


def _outcome(worst: float, best: float, bound: float) -> Outcome:
    """Compare an interval with a bound that it should be above."""
    if worst >= bound - TOLERANCE:
        return "pass"
    return "fail" if best < bound - TOLERANCE else "inconclusive"


def _size(n: int, row: ScoreSummary) -> str:
    return f"n={n}, {row.failed} more failed" if row.failed else f"n={n}"


class _Text:
    """Writes numbers with 2 decimals, or as many as show on which side of a bound they are."""

    def __init__(self, numbers: Sequence[float | None], *bounds: float) -> None:
        pairs = [(number, bound) for number in numbers if number is not None for bound in bounds]
        self.decimals = next(
            (
                decimals
                for decimals in range(2, 9)
                if all(
                    abs(number - bound) < TOLERANCE or round(number, decimals) != bound
                    for number, bound in pairs
                )
            ),
            9,
        )

    def __call__(self, number: float) -> str:
        return f"{number:.{self.decimals}f}"
