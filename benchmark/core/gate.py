"""Gates: every rule of the suite on every candidate and every part that it names.

Three outcomes: pass, fail, or not enough evidence. What cannot be judged (nothing scored, one
example, a candidate that failed, a judge that nobody calibrated) is inconclusive; it is never a
pass, unless the suite says so in so many words (`on_inconclusive: pass`), and then it shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from benchmark.core import gate_rules as rules
from benchmark.core.baseline import JUDGE
from benchmark.core.compare import Scored
from benchmark.core.gate_decision import Judged, Sample
from benchmark.core.gate_evidence import Evidence
from benchmark.core.gate_rules import Difference, Value
from benchmark.core.gate_table import Ids, flips
from benchmark.errors import ExitCode
from benchmark.gate_results import GateResult, Outcome
from benchmark.suite_gates import BASELINE, MAX_SLICES, NAMED, GateSpec

SEVERITY: dict[Outcome, int] = {"pass": 0, "inconclusive": 1, "fail": 2}

SHOWN = 20
"""Examples that a result names, worse and better."""
NOBODY = "there is no candidate to judge"


def judge_gates(
    gates: Mapping[str, GateSpec], evidence: Evidence, default_candidates: Sequence[str]
) -> list[GateResult]:
    """Judge every gate for every candidate, and every part of the test side, that it names.

    Args:
        gates: The rules, by name.
        evidence: What there is to judge by.
        default_candidates: Whom a gate judges that names nobody.

    Returns:
        One result per gate, candidate and part; of two bounds, the worse outcome counts.
    """
    results = []
    for name, gate in gates.items():
        if gate.max_leaks is not None:
            results.append(
                _result(name, gate, ("", "leaks", ""), [_leaks(gate.max_leaks, evidence)])
            )
            continue
        candidates = [who for who in gate.candidates or default_candidates if who != gate.beats]
        parts = evidence.parts(gate.where, gate.slice)
        for candidate in candidates or [""]:
            if not 0 < len(parts) <= MAX_SLICES:
                judged = Judged("inconclusive", _unusable(gate, evidence, len(parts)))
                results.append(_result(name, gate, (candidate, _label(gate), ""), [judged]))
                continue
            for part, ids in parts.items():
                found = list(_judge(gate, evidence, candidate, ids)) if candidate else []
                found = found or [Judged("inconclusive", NOBODY)]
                results.append(_result(name, gate, (candidate, _label(gate), part), found))
    return results


def overall(results: Sequence[GateResult]) -> Outcome:
    """Return the worst of what the gates count as; a suite without gates passes."""
    return max((one.effective for one in results), key=SEVERITY.__getitem__, default="pass")


def exit_code(outcome: Outcome, complete: bool) -> ExitCode:
    """Return what the shell is told: a failed gate first, then an incomplete run."""
    if outcome == "fail":
        return ExitCode.GATE_FAILED
    if not complete:
        return ExitCode.INCOMPLETE
    return ExitCode.INCONCLUSIVE if outcome == "inconclusive" else ExitCode.PASS


def _result(
    name: str, gate: GateSpec, about: tuple[str, str, str], judged: Sequence[Judged]
) -> GateResult:
    candidate, score, part = about
    outcome = max((item.outcome for item in judged), key=SEVERITY.__getitem__)
    reason = "; ".join(item.reason for item in judged)
    counts_as = gate.on_inconclusive if outcome == "inconclusive" else None
    if counts_as:
        reason += f"; it counts as a {counts_as} (on_inconclusive: {counts_as})"
    open_ = [item for item in judged if item.outcome == "inconclusive"]
    known = [item.needed for item in open_ if item.needed is not None]
    return GateResult(
        gate=name,
        candidate=candidate,
        score=score,
        outcome=outcome,
        reason=reason,
        slice=part,
        # One that no number of examples settles leaves the gate open, whatever the others need.
        needed=max(known) if known and len(known) == len(open_) else None,
        counts_as=counts_as,
        worse=next((item.worse[:SHOWN] for item in judged if item.worse), ()),
        better=next((item.better[:SHOWN] for item in judged if item.better), ()),
    )


def _label(gate: GateSpec) -> str:
    """Return what is judged, as the report calls it."""
    if gate.max_cost is not None:
        return "cost"
    return JUDGE + gate.judge if gate.judge else gate.score


def _judge(gate: GateSpec, evidence: Evidence, candidate: str, ids: Ids) -> Iterator[Judged]:
    """Yield what each bound of a gate says."""
    if ids is not None and not ids:
        what = f"no test example of {candidate} is in this part (n=0)"
        yield Judged("inconclusive", what)
        return
    if gate.max_cost is not None:
        yield from _cost(gate, evidence, candidate, ids)
        return
    if gate.judge:
        doubt = _doubt(gate.judge, evidence)
        if doubt:
            yield Judged("inconclusive", doubt)
            return
    label = _label(gate)
    value = evidence.value(candidate, label, ids)
    if value is None:
        why = "no opinion was given" if gate.judge else "it could not run"
        yield Judged("inconclusive", f"{candidate} has no {label}: {why}")
        return
    if value.row.higher_is_better is None:
        yield Judged("inconclusive", f"{label} only describes: no value of it is better")
    else:
        yield from _bounds(gate, evidence, value, ids)


def _bounds(gate: GateSpec, evidence: Evidence, value: Value, ids: Ids) -> Iterator[Judged]:
    candidate, label = value.row.candidate, value.row.score
    if gate.floor is not None:
        yield rules.floor(gate.floor, replace(value, sample=_sample(value, gate)))
    if gate.compares:
        yield _compared(gate, evidence, (candidate, label), ids)
    if gate.beats is not None:
        found = evidence.difference(candidate, gate.beats, label, ids)
        if found is None:
            yield Judged("inconclusive", f"{value.name} has no comparison with {gate.beats}'s")
        else:
            judged = rules.beats(replace(found, sample=_sample(found, gate)))
            pair = (candidate, gate.beats)
            yield _with_flips(judged, evidence.table_of(label, pair, ids), pair, label)


def _compared(gate: GateSpec, evidence: Evidence, about: tuple[str, str], ids: Ids) -> Judged:
    """Judge `max_drop` or `ratio` against the baseline, this run's or an earlier one's."""
    candidate, label = about
    name = f"{label} of {candidate}"
    source = gate.against or (NAMED if NAMED in evidence.earlier else BASELINE)
    if source == BASELINE:
        if candidate == evidence.baseline:
            return Judged("inconclusive", f"{candidate} is the baseline itself")
        other = evidence.baseline
        found = evidence.difference(candidate, other, label, ids)
        table = evidence.table_of(label, [candidate, other], ids)
        problem = f"{name} has no comparison with the baseline"
    else:
        earlier = evidence.earlier.get(source)
        if earlier is None or earlier.baseline is None:
            why = earlier.problem if earlier else f"there is no baseline {source!r}"
            return Judged("inconclusive", f"{name} cannot be compared: {why}")
        found, table, why = evidence.since(candidate, earlier.baseline, label, ids)
        other = earlier.baseline.name_of(candidate)
        problem = f"{name} cannot be compared: {why}"
    if found is None:
        return Judged("inconclusive", problem)
    found = replace(found, sample=_sample(found, gate))
    pair = (candidate, other)
    if gate.max_drop is not None:
        return _with_flips(rules.drop(gate.max_drop, found), table, pair, label)
    if gate.ratio is None or table is None or len(table.scores) < 2:
        return Judged("inconclusive", problem)
    row, mine, theirs = evidence.margin(table, pair, label, gate.ratio)
    judged = rules.ratio(gate.ratio, mine, theirs, replace(found, row=row))
    return _with_flips(judged, table, pair, label)


def _with_flips(judged: Judged, table: Scored | None, pair: tuple[str, str], label: str) -> Judged:
    """Say which examples are behind a comparison."""
    if table is None:
        return judged
    worse, better = flips(table, pair, label)
    said = f"; {len(worse)} answers score worse and {len(better)} better" if worse or better else ""
    return replace(judged, reason=judged.reason + said, worse=worse, better=better)


def _sample(found: Value | Difference, gate: GateSpec) -> Sample:
    return replace(found.sample, min_n=gate.min_n)


def _cost(gate: GateSpec, evidence: Evidence, candidate: str, ids: Ids) -> Iterator[Judged]:
    assert gate.max_cost is not None
    for what, bound in gate.max_cost.model_dump(exclude_none=True).items():
        value = evidence.cost(candidate, what, ids)
        if value is None:
            yield Judged("inconclusive", f"{candidate} was asked nothing, so nothing was spent")
        elif not value.row.value:
            # A price of 0 is no price: the backend has no list, or the file did not say.
            why = "set the backend's `price:`" if what == "price" else "nothing was measured"
            yield Judged("inconclusive", f"{value.name} is not known ({value.sample}): {why}")
        else:
            flat = replace(value, sample=_sample(value, gate))
            yield rules.floor(bound, flat, may_be_flat=True)


def _leaks(bound: float, evidence: Evidence) -> Judged:
    report = evidence.leaks
    if report is None:
        return rules.leaks(bound, None, 0, 0)
    return rules.leaks(bound, report.total, report.tests, report.compared.get("train", 0))


def _doubt(judge: str, evidence: Evidence) -> str:
    """Return why a judge may not decide; "" if it may."""
    trust = evidence.trust.get(judge)
    if trust is None:
        return (
            f"judge {judge} may not decide: nothing in this run shows that it can be trusted "
            "(calibrate it)"
        )
    return "" if trust.trusted else f"judge {judge} may not decide: {trust.reason}"


def _unusable(gate: GateSpec, evidence: Evidence, parts: int) -> str:
    if parts:
        return (
            f"`slice: {gate.slice}` makes {parts} parts, more than {MAX_SLICES}: each is too small"
        )
    fields = sorted({name for row in evidence.examples for name in row.meta} | {"length"})
    return f"no test example has `{gate.slice}` (n=0); known: {', '.join(fields[:8])}"
