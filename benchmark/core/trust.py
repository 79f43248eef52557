"""Judges asked, and tested while they are asked: may their opinions decide anything?

Each judge gets answers of known worth among the candidates' (see `canaries`), in the same call
and with the same cache. From what it says of them come its discrimination (how often the
reference is put above another example's answer) and its false passes (worthless answers that
it lets pass), and from those whether it is trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from benchmark.core import known_worth
from benchmark.core.calibration import CalibrationFile, default_path, in_run, read_calibration
from benchmark.core.canaries import canaries
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


class Tested(NamedTuple):
    """Opinions on the candidates, and how far to believe them."""

    judged: Judged
    """Its `tests` are those on answers of known worth."""
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
    count = plan.suite.judging.canaries
    tests = {name: canaries(examples, count, one.arity) for name, one in plan.judges.items()}
    judged = judge(plan, examples, answers, progress, tests)
    seen = _Seen(plan, examples, answers, judged, file)
    trust = tuple(seen.trust(name) for name in plan.judges)
    return Tested(
        judged=judged,
        trust=trust,
        agreement=tuple(found for one in trust if (found := seen.agreement(one))),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """All that was said in a run."""

    plan: Plan
    examples: Sequence[Example]
    answers: Mapping[str, Answers]
    judged: Judged
    file: CalibrationFile | None

    def of(self, name: str) -> dict[str, list[Verdict]]:
        """Return one judge's opinions, by candidate."""
        return {who: rows for (who, by), rows in self.judged.verdicts.items() if by == name}

    def shown(self, name: str) -> Shown:
        """Return one judge's opinions on canaries, by the kinds that were shown."""
        tests = self.judged.tests.items()
        return {tuple(kinds.split("/")): rows for (kinds, by), rows in tests if by == name}

    def trust(self, name: str) -> JudgeTrust:
        """Return how far one judge can be believed."""
        found, spec = self.plan.judges[name], self.plan.suite.judging
        worth = self.worth(name)
        tests = [row for rows in self.shown(name).values() for row in rows]
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
        groups = {row.id: row.group for row in self.examples}
        draws, scale = Draws(groups, suite.resamples, suite.seed), known_worth.scale_of(found)
        if found.arity == 2:
            return known_worth.pairs(self.shown(name), scale, draws)
        bar = known_worth.own_bar(found)
        if name in suite.judging.passes:
            bar = suite.judging.passes[name], "the suite"
        return known_worth.singles(self.shown(name), bar, scale, draws)

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
