"""Judges asked, and tested while they are asked: may their opinions decide anything?

Each judge gets answers of known worth among the candidates' (see `canaries`), in the same call
and with the same cache. From what it says of them come its discrimination (how often the
reference is put above another example's answer) and its false passes (worthless answers that
it lets pass), and from those whether it is trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from benchmark.core import known_worth
from benchmark.core.calibration import CalibrationFile, default_path, in_run, read_calibration
from benchmark.core.canaries import ORACLE, PREFIX, canaries
from benchmark.core.judge import Judged, judge
from benchmark.core.known_worth import Draws, Shown, Worth
from benchmark.core.labelled import Answered
from benchmark.core.plan import Plan
from benchmark.core.state import Answers
from benchmark.core.votes import agreement, self_preference
from benchmark.plugins import Plugin
from benchmark.progress import Progress
from benchmark.records import Example, Verdict
from benchmark.results_judges import Calibration, JudgeAgreement, JudgeTrust, Rate
from benchmark.suite_judging import JudgingSpec

Asked = dict[tuple[str, str], list[Verdict]]
"""(candidate, or kinds of canary joined by "/"; judge) -> verdicts."""


class Tested(NamedTuple):
    """Opinions on the candidates, and how far to believe them."""

    judged: Judged
    """Without the canaries, which `computed` does count."""
    canaries: list[Verdict]
    """On answers of known worth; their kinds stand where candidates do."""
    trust: tuple[JudgeTrust, ...]
    agreement: tuple[JudgeAgreement, ...]


def judge_and_test(
    plan: Plan, examples: Sequence[Example], answers: Mapping[str, Answers], progress: Progress
) -> Tested:
    """Let every judge look at every candidate's answers, and at answers of known worth.

    Raises:
        StoreError: The calibration that the suite names cannot be read.
    """
    file = _calibration(plan)  # a broken one shows before anybody is asked
    known = canaries(examples, plan.suite.judging.canaries)
    opinions: Asked = {}
    tests: Asked = {}
    computed = 0
    for arity, ask in ((1, _ask_singles), (2, _ask_pairs)):
        some = {name: found for name, found in plan.judges.items() if found.arity == arity}
        if some:
            of_candidates, of_canaries, made = ask(
                replace(plan, judges=some), examples, answers, known, progress
            )
            opinions |= _named(of_candidates)
            tests |= _named(of_canaries)
            computed += made
    seen = _Seen(plan, examples, answers, opinions, tests, file)
    trust = tuple(seen.trust(name) for name in plan.judges)
    return Tested(
        judged=Judged(seen.in_order(), computed),
        canaries=[row for rows in tests.values() for row in rows],
        trust=trust,
        agreement=tuple(found for one in trust if (found := seen.agreement(one))),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """All that was said in a run."""

    plan: Plan
    examples: Sequence[Example]
    answers: Mapping[str, Answers]
    opinions: Asked
    tests: Asked
    file: CalibrationFile | None

    def in_order(self) -> Asked:
        """Return the opinions on candidates, judge by judge as the suite names them."""
        places = [(candidate, name) for name in self.plan.judges for candidate in self.answers]
        return {at: self.opinions[at] for at in places if at in self.opinions}

    def of(self, name: str) -> dict[str, list[Verdict]]:
        """Return one judge's opinions, by candidate."""
        return {who: rows for (who, judge_), rows in self.in_order().items() if judge_ == name}

    def trust(self, name: str) -> JudgeTrust:
        """Return how far one judge can be believed."""
        found, spec = self.plan.judges[name], self.plan.suite.judging
        worth = self.worth(name)
        tests = [row for (_, by), rows in self.tests.items() if by == name for row in rows]
        given = sum(row.value is not None for row in tests)
        bare = JudgeTrust(
            judge=name,
            trusted=False,
            reason="",
            auc=Rate(**worth.auc._asdict()),
            false_pass=worth.false_pass,
            n=given,
            failed=len(tests) - given,
            passes=worth.passes,
            passes_from=worth.passes_from,
            kinds=worth.kinds,
            first=Rate(**worth.first._asdict()) if worth.first else None,
            scale=known_worth.scale_of(found),
            key=found.key,
            weights=found.weights() if isinstance(found, Plugin) else "",
            self_preference=tuple(self_preference(self.plan, found, self.of(name))),
        )
        calibration = self.calibration(bare)
        doubts = list(_doubts(bare, worth, spec, calibration))
        return bare.model_copy(
            update={
                "trusted": not doubts,
                "reason": "; ".join(doubts) + "." if doubts else _praise(worth),
                "calibration": calibration,
            }
        )

    def worth(self, name: str) -> Worth:
        """Return what one judge's opinions on canaries show."""
        found, suite = self.plan.judges[name], self.plan.suite
        shown: Shown = {
            tuple(kinds.split("/")): rows for (kinds, by), rows in self.tests.items() if by == name
        }
        groups = {row.id: row.group for row in self.examples}
        draws, scale = Draws(groups, suite.resamples, suite.seed), known_worth.scale_of(found)
        if found.arity == 2:
            return known_worth.pairs(shown, scale, draws)
        bar = known_worth.own_bar(found)
        if name in suite.judging.passes:
            bar = suite.judging.passes[name], "the suite"
        return known_worth.singles(shown, bar, scale, draws)

    def calibration(self, trust: JudgeTrust) -> Calibration | None:
        """Return what people said of a judge, if there is a calibration."""
        if self.file is None:
            return None
        generations = {name: answer.generations for name, answer in self.answers.items()}
        run = Answered(self.examples, generations)
        path = default_path(self.plan.suite)
        return in_run(self.file, path, trust, self.of(trust.judge), run)

    def agreement(self, trust: JudgeTrust) -> JudgeAgreement | None:
        """Return how a panel's votes agree; with what people say of it, if that still holds."""
        found = agreement(
            trust.judge, [row for rows in self.of(trust.judge).values() for row in rows]
        )
        if found is None or self.file is None or not trust.calibrated:
            return found
        known = self.file.judges[trust.judge]
        update: dict[str, object] = {"best": known.best, "panel": known.panel}
        if known.effective is not None:
            update |= {"effective": known.effective, "effective_from": "errors"}
        return found.model_copy(update=update)


def _ask_singles(
    plan: Plan,
    examples: Sequence[Example],
    answers: Mapping[str, Answers],
    known: Mapping[str, Answers],
    progress: Progress,
) -> tuple[Asked, Asked, int]:
    """Ask about all answers at once, canaries among them."""
    judged = judge(plan, examples, {**answers, **known}, progress)
    tests = {
        (who.removeprefix(PREFIX), name): rows
        for (who, name), rows in judged.verdicts.items()
        if who in known
    }
    opinions = {at: rows for at, rows in judged.verdicts.items() if at[0] not in known}
    return opinions, tests, judged.computed


def _ask_pairs(
    plan: Plan,
    examples: Sequence[Example],
    answers: Mapping[str, Answers],
    known: Mapping[str, Answers],
    progress: Progress,
) -> tuple[Asked, Asked, int]:
    """Ask about candidates beside the baseline, then canaries beside the reference, both ways."""
    judged = judge(plan, examples, answers, progress)
    tests: Asked = {}
    computed = judged.computed
    best = PREFIX + ORACLE
    rounds = [(best, known)] + [
        (name, {best: known[best], name: rows}) for name, rows in known.items() if name != best
    ]
    for second, shown in rounds if known else ():
        beside = replace(plan, suite=plan.suite.model_copy(update={"baseline": second}))
        found = judge(beside, examples, shown, progress)
        computed += found.computed
        for (first, name), rows in found.verdicts.items():
            tests[f"{first}/{second}".replace(PREFIX, ""), name] = rows
    return judged.verdicts, tests, computed


def _named(asked: Asked) -> Asked:
    """Let verdicts say their judge by its name in the suite."""
    return {
        at: [row.model_copy(update={"judge": at[1]}) for row in rows] for at, rows in asked.items()
    }


def _calibration(plan: Plan) -> CalibrationFile | None:
    path = default_path(plan.suite)
    if not plan.judges or not (plan.suite.judging.calibration or path.is_file()):
        return None
    return read_calibration(path)


def _doubts(
    trust: JudgeTrust, worth: Worth, spec: JudgingSpec, calibration: Calibration | None
) -> Iterator[str]:
    """Yield why a judge is not trusted; nothing if it is."""
    if not spec.canaries:
        yield "it was shown no answers of known worth (judging.canaries is 0)"
        return
    if not trust.n + trust.failed:
        yield "no test example has a reference to test it with"
        return
    if not trust.n:
        yield f"it gave no opinion on any of {trust.failed} answers of known worth"
        return
    if worth.auc.value is None or worth.auc.low is None:
        yield "too few opinions to say whether it tells right answers from wrong ones"
    elif worth.auc.low < spec.min_auc:
        yield f"{_order(worth)}, and {spec.min_auc:g} are needed at the low end"
    passing = worth.false_pass
    if passing.high is None:
        yield "it gave no opinion on worthless answers"
    elif passing.high > spec.max_false_pass:
        yield f"{_passes(worth)}, and {spec.max_false_pass:g} are allowed at the high end"
    if spec.min_kappa is not None:
        yield from _uncalibrated(calibration, spec.min_kappa)


def _uncalibrated(calibration: Calibration | None, least: float) -> Iterator[str]:
    if calibration is None:
        yield "nobody has labelled answers for it, and judging.min_kappa asks for that"
    elif calibration.state == "stale":
        yield f"its calibration is stale: {calibration.why}"
    elif calibration.kappa.low is None or calibration.kappa.low < least:
        low = "none" if calibration.kappa.low is None else f"{calibration.kappa.low:.2f}"
        yield f"its kappa with people is {low} at the low end, and {least:g} is needed"


def _praise(worth: Worth) -> str:
    return f"{_order(worth)}; {_passes(worth)}."


def _order(worth: Worth) -> str:
    value, low, high = (part or 0.0 for part in worth.auc)
    return (
        "it puts the reference above another example's answer with chance "
        f"{value:.2f} (95 % interval {low:.2f} to {high:.2f})"
    )


def _passes(worth: Worth) -> str:
    ends = worth.false_pass
    worst = max(worth.kinds, key=lambda kind: kind.passed / kind.n if kind.n else 0.0)
    most = f", most of them {worst.kind!r}" if worst.passed else ""
    return (
        f"it lets {worth.passed} of {worth.n} worthless answers pass{most} "
        f"(95 % interval {ends.low or 0.0:.2f} to {ends.high or 0.0:.2f})"
    )
