"""The whole pipeline on one page, in order: data, retrieve, train, ..., gate, report."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from benchmark.core.adapters import record
from benchmark.core.compare import Scored, compare, per_cluster, summarise
from benchmark.core.data import load_data
from benchmark.core.environment import environment
from benchmark.core.forgetting import forgetting, texts_of
from benchmark.core.gate import exit_code, judge_gates, overall
from benchmark.core.generate import generate
from benchmark.core.judge import judge, summarise_verdicts, unheard
from benchmark.core.opinions import opinions
from benchmark.core.plan import Plan
from benchmark.core.retrieve import prepare as prepare_retrieval
from benchmark.core.retrieve import retrieve
from benchmark.core.score import score
from benchmark.core.state import Answers
from benchmark.core.store import RunFolder
from benchmark.core.summary import candidates, complete
from benchmark.core.train import train
from benchmark.plugins import Plugin, Report
from benchmark.progress import Progress, Silent
from benchmark.records import Example, Record, Score, Verdict
from benchmark.results import CandidateSummary, GateResult, Results
from benchmark.suite_file import to_yaml

R = TypeVar("R", bound=Record)


def run(
    plan: Plan,
    *,
    reports: str | Path = "reports",
    progress: Progress | None = None,
    command: str = "",
    show: bool = False,
) -> Results:
    """Run a plan and write its reports.

    Everything made on the way is cached by content, so that the same plan again, or a plan
    that was interrupted, computes only what is missing.

    Args:
        plan: What to do.
        reports: Folder for `<suite>/<run-id>/`.
        progress: Where long steps show themselves; silent by default.
        command: What the user typed, for the record.
        show: Let reporters that print to the terminal do so.

    Returns:
        The content of `results.json`; its `exit_code` is what `bench run` ends with.

    Raises:
        BenchError: Data or weights cannot be had, or the reports cannot be written.
            One candidate that fails is no error: it is in the results, with its reason.
    """
    shown, clock, suite = progress or Silent(), Clock(), plan.suite
    with RunFolder.opened(Path(reports), suite.suite, plan.fingerprint) as folder:
        folder.write_text("suite.yaml", to_yaml(suite))
        prepare(plan, shown)
        clock.lap("fetch")
        data = retrieve(plan, load_data(plan, shown), shown)
        clock.lap("data")
        adapters = train(plan, data, shown)
        clock.lap("train")
        answers = generate(plan, data, adapters, shown)
        clock.lap("generate")
        forgotten = forgetting(plan, adapters, shown)
        if suite.forgetting:
            clock.lap("forgetting")
        scores = score(plan, data.test, answers, shown)
        clock.lap("score")
        judged = judge(plan, data.test, answers, shown)
        clock.lap("judge")
        numbers = scores.scores | judged.scores
        table = table_of(plan, numbers, groups_of(data.test))
        summaries = summarise(table, seed=suite.seed, resamples=suite.resamples)
        comparisons = compare(table, suite.baseline, seed=suite.seed, resamples=suite.resamples)
        clock.lap("compare")
        rules = judge_gates(
            suite.gates, summaries, comparisons, gated_by_default(plan), per_cluster(table)
        )
        cards = candidates(plan, adapters, answers)
        steps = {"scored": scores.computed, "judged": judged.computed, **forgotten.computed}
        results = Results(
            **outcome(plan, rules, cards, {**forgotten.errors, **unheard(plan, judged)}),
            **clock.times(),
            run_id=folder.run_id,
            command=command,
            environment=environment(),
            dataset=data.summary,
            scores=tuple(summaries),
            comparisons=tuple(comparisons),
            verdicts=tuple(summarise_verdicts(plan, judged)),
            retrieval=tuple(made.summary for made in data.retrieved.values()),
            forgetting=forgotten.summaries,
            forgetting_errors=forgotten.errors,
            computed=made_now(adapters, answers) | steps,
        )
        for name, found in data.retrieved.items():
            folder.write_rows(f"retrieval/{name}.jsonl", found.found)
        generations = {name: answer.generations for name, answer in answers.items()}
        report = Report(results, data.test, generations, flat(numbers), folder.path)
        write(plan, folder, report, flat(judged.verdicts), show=show)
        record(adapters, results)
    return results


def table_of(
    plan: Plan, numbers: Mapping[tuple[str, str], Sequence[Score]], groups: Mapping[str, str]
) -> Scored:
    """Return all that is compared: the metrics' numbers, and the judges'."""
    heard, named = opinions({name: one.signature for name, one in plan.judges.items()})
    return Scored({**plan.metrics, **heard}, {**plan.labels, **named}, numbers, groups)


def prepare(plan: Plan, progress: Progress) -> None:
    """Fetch all that later steps need, so that a missing network shows before the long work."""
    backends = [candidate.backend for candidate in plan.candidates]
    for plugin in [*backends, *plan.metrics.values(), *plan.judges.values()]:
        if isinstance(plugin, Plugin):
            plugin.prepare(progress)
    texts_of(plan, progress)
    prepare_retrieval(plan, progress)


def gated_by_default(plan: Plan) -> list[str]:
    """Return the candidates that a gate judges unless it names some: neither base nor control."""
    return [
        candidate.name
        for candidate in plan.candidates
        if not candidate.is_control and candidate.name != plan.suite.baseline
    ]


def write(
    plan: Plan, folder: RunFolder, report: Report, verdicts: Sequence[Verdict], *, show: bool
) -> None:
    """Write the per-example records, then let every reporter write its view."""
    folder.write_rows("examples.jsonl", report.examples)
    for name, generations in report.generations.items():
        folder.write_rows(f"generations/{name}.jsonl", generations)
    folder.write_rows("scores.jsonl", report.scores)
    if verdicts:
        folder.write_rows("verdicts.jsonl", verdicts)
    folder.point_latest()
    for reporter in plan.reporters:
        if show or not getattr(reporter, "prints", False):
            reporter.write(report)


def outcome(
    plan: Plan,
    rules: Sequence[GateResult],
    cards: Sequence[CandidateSummary],
    missing: Mapping[str, str],
) -> dict[str, Any]:
    """Return what the results say of the whole: identity, verdict, exit code."""
    verdict, whole = overall(rules), complete(plan, cards) and not missing
    return {
        "suite": plan.suite.suite,
        "suite_version": plan.suite.version,
        "fingerprint": plan.fingerprint,
        "baseline": plan.suite.baseline,
        "primary": plan.primary,
        "candidates": tuple(cards),
        "gates": tuple(rules),
        "verdict": verdict,
        "status": "complete" if whole else "incomplete",
        "exit_code": exit_code(verdict, whole),
    }


def made_now(adapters: Mapping[str, object], answers: Mapping[str, Answers]) -> dict[str, int]:
    """Return how many adapters and candidates' answers were not found in the cache."""
    return {
        "trained": sum(getattr(adapter, "computed", False) for adapter in adapters.values()),
        "generated": sum(answer.computed for answer in answers.values()),
    }


def groups_of(examples: Sequence[Example]) -> dict[str, str]:
    """Return each example's cluster."""
    return {example.id: example.group for example in examples}


def flat(rows: Mapping[tuple[str, str], Sequence[R]]) -> list[R]:
    """Return the records of all (candidate, metric or judge) pairs in one list."""
    return [row for part in rows.values() for row in part]


class Clock:
    """Wall time of a run and of its steps."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self.laps: dict[str, float] = {}
        self._first = self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """End a step."""
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 2)
        self._last = now

    def times(self) -> dict[str, Any]:
        """Return start, end, seconds in all and seconds of each step."""
        return {
            "started": self.started,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - self._first, 2),
            "timings": self.laps,
        }
