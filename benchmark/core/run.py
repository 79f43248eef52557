"""The whole pipeline on one page, in order: data, retrieve, train, ..., gate, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from benchmark.core import ahead
from benchmark.core.adapters import record
from benchmark.core.baseline import Baseline
from benchmark.core.clock import Clock
from benchmark.core.compare import Scored, compare, summarise
from benchmark.core.controls import normalise, scales
from benchmark.core.data import load_data
from benchmark.core.environment import environment
from benchmark.core.forgetting import forgetting, texts_of
from benchmark.core.gate import exit_code, judge_gates, overall
from benchmark.core.gate_baselines import fitting, sources
from benchmark.core.gate_evidence import Evidence
from benchmark.core.gate_table import with_opinions
from benchmark.core.generate import generate
from benchmark.core.judge import Judged, summarise_verdicts, unheard
from benchmark.core.likelihood import likelihood
from benchmark.core.opinions import opinions
from benchmark.core.plan import Plan
from benchmark.core.retrieve import prepare as prepare_retrieval
from benchmark.core.retrieve import retrieve
from benchmark.core.score import score
from benchmark.core.state import Adapter, Answers, Data
from benchmark.core.store import RunFolder
from benchmark.core.summary import candidates, complete
from benchmark.core.train import train
from benchmark.core.trust import Tested, judge_and_test
from benchmark.errors import CandidateError
from benchmark.gate_results import GateResult
from benchmark.plugins import Crew, Plugin, Report
from benchmark.progress import Progress, Silent
from benchmark.records import Example, Generation, Record
from benchmark.results import CandidateSummary, Results
from benchmark.samples import others
from benchmark.suite_file import to_yaml

R = TypeVar("R", bound=Record)


def run(
    plan: Plan,
    *,
    reports: str | Path = "reports",
    progress: Progress | None = None,
    command: str = "",
    show: bool = False,
    earlier: Baseline | None = None,
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
        earlier: A baseline in the place of the accepted one, and of the suite's in gates that
            do not say what they compare with.

    Returns:
        The content of `results.json`; its `exit_code` is what `bench run` ends with.

    Raises:
        BenchError: Data or weights cannot be had, the baseline cannot be compared with, or the
            reports cannot be written. A candidate that fails is no error, but in the results.
    """
    shown, suite = progress or Silent(), plan.suite
    clock, baselines = Clock(shown, ahead.stages(plan)), sources(suite, Path(reports), earlier)
    opened = RunFolder.opened(Path(reports), suite.suite, plan.fingerprint)
    with opened as folder, plan.executor.crew(shown) as crew:
        folder.write_text("suite.yaml", to_yaml(suite))
        prepare(plan, shown)
        clock.lap("fetch")
        data = retrieve(plan, load_data(plan, shown), shown)
        baselines = fitting(baselines, data.summary, earlier)
        clock.lap("data", ahead.parts(plan, data, shown))
        adapters = train(plan, data, shown, crew)
        clock.lap("train")
        answers = generate(plan, data, adapters, shown, crew)
        clock.lap("generate")
        forgotten = forgetting(plan, adapters, shown, crew)
        if suite.forgetting:
            clock.lap("forgetting")
        table, scored = numbers(plan, data, adapters, answers, crew)
        clock.lap("score")
        tested = judge_and_test(plan, data.test, answers, shown)
        clock.lap("judge")
        table = with_judges(plan, table, tested.judged)
        draws, fakes = {"seed": suite.seed, "resamples": suite.resamples}, controls_of(plan)
        evidence = replace(compared(plan, data, answers, table, tested), earlier=baselines)
        clock.lap("compare")
        rules = judge_gates(suite.gates, evidence, gated_by_default(plan))
        steps = {"scored": scored, "judged": tested.judged.computed, **forgotten.computed}
        ahead.remember(plan, data, clock.laps, steps)
        missing = {**forgotten.errors, **unheard(plan, tested.judged)}
        results = Results(
            **outcome(plan, rules, candidates(plan, adapters, answers), missing),
            **clock.times(),
            run_id=folder.run_id,
            command=command,
            environment=environment(),
            dataset=data.summary,
            scores=tuple(normalise(table, evidence.summaries, fakes, **draws)),
            comparisons=tuple(evidence.comparisons),
            scales=tuple(scales(table, evidence.summaries, fakes, **draws)),
            verdicts=tuple(summarise_verdicts(plan, tested.judged)),
            trust=tested.trust,
            agreement=tested.agreement,
            retrieval=tuple(made.summary for made in data.retrieved.values()),
            forgetting=forgotten.summaries,
            forgetting_errors=forgotten.errors,
            computed=made_now(adapters, answers) | steps,
        )
        report = report_of(results, data, answers, table, folder)
        write(plan, folder, report, tested, show=show)
        record(adapters, results)
    return results


def report_of(
    results: Results, data: Data, answers: Mapping[str, Answers], table: Scored, folder: RunFolder
) -> Report:
    """Return what reporters see; what retrieval found is written on the way."""
    for name, found in data.retrieved.items():
        folder.write_rows(f"retrieval/{name}.jsonl", found.found)
    once = {name: answer.first for name, answer in answers.items()}
    more = {name: others(answer.generations) for name, answer in answers.items()}
    return Report(results, data.test, once, flat(table.scores), folder.path, more)


def prepare(plan: Plan, progress: Progress) -> None:
    """Fetch all that later steps need, so that a missing network shows before the long work."""
    backends = [candidate.backend for candidate in plan.candidates]
    for plugin in [*backends, *plan.metrics.values(), *plan.judges.values()]:
        if isinstance(plugin, Plugin):
            plugin.prepare(progress)
    texts_of(plan, progress)
    prepare_retrieval(plan, progress)


def compared(
    plan: Plan, data: Data, answers: Mapping[str, Answers], table: Scored, tested: Tested
) -> Evidence:
    """Return the leaderboard, the differences from the baseline, and what gates need beside."""
    suite = plan.suite
    return Evidence(
        summaries=summarise(table),
        comparisons=compare(table, suite.baseline, **testing(plan)),
        table=with_opinions(table, tested.judged.verdicts, signatures(plan), data.test),
        baseline=suite.baseline,
        examples=data.test,
        generations=generations_of(answers),
        leaks=data.summary.leaks,
        trust={row.judge: row for row in tested.trust},
        seed=suite.seed,
        resamples=suite.resamples,
        max_failed=suite.max_failed,
    )


def with_judges(plan: Plan, table: Scored, judged: Judged) -> Scored:
    """Return the table with each judge's opinions as one number more."""
    heard, named = opinions(signatures(plan))
    return Scored(
        {**table.metrics, **heard},
        {**table.labels, **named},
        {**table.scores, **judged.scores},
        table.groups,
    )


def generations_of(answers: Mapping[str, Answers]) -> dict[str, Sequence[Generation]]:
    """Return each candidate's generations."""
    return {name: answer.generations for name, answer in answers.items()}


def signatures(plan: Plan) -> dict[str, str]:
    """Return the judges' signatures."""
    return {name: found.signature for name, found in plan.judges.items()}


def testing(plan: Plan) -> dict[str, Any]:
    """Return how differences are tested, and which candidates are no findings."""
    suite = plan.suite
    fakes = [candidate.name for candidate in plan.candidates if candidate.is_control]
    how = {"seed": suite.seed, "resamples": suite.resamples, "correction": suite.correction}
    return {**how, "controls": fakes}


def numbers(
    plan: Plan,
    data: Data,
    adapters: Mapping[str, Adapter | CandidateError],
    answers: Mapping[str, Answers],
    crew: Crew,
) -> tuple[Scored, int]:
    """Return all scores, of the answers and of the models, and how many were computed now."""
    read = likelihood(plan, data, adapters, crew.progress, crew)
    crew.rest()  # encoders and judges want the memory
    said = score(plan, data.test, answers, crew.progress)
    scores = {**said.scores, **read.scores}
    table = Scored(plan.metrics, plan.labels, scores, groups_of(data.test))
    return table, said.computed + read.computed


def gated_by_default(plan: Plan) -> list[str]:
    """Return the candidates that a gate judges unless it names some: neither base nor control."""
    return [
        candidate.name
        for candidate in plan.candidates
        if not candidate.is_control and candidate.name != plan.suite.baseline
    ]


def write(plan: Plan, folder: RunFolder, report: Report, tested: Tested, *, show: bool) -> None:
    """Write the per-example records, then let every reporter write its view."""
    report = replace(report, verdicts=flat(tested.judged.verdicts))
    folder.write_rows("examples.jsonl", report.examples)
    for name, generations in report.generations.items():
        folder.write_rows(f"generations/{name}.jsonl", [*generations, *report.others[name]])
    folder.write_rows("scores.jsonl", report.scores)
    judged = tested.judged
    for name, said in (("verdicts", judged.verdicts), ("canaries", judged.tests)):
        if said:
            folder.write_rows(f"{name}.jsonl", flat(said))
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


def controls_of(plan: Plan) -> dict[str, str]:
    """Return the kind of each candidate that is a control: "echo", "oracle", "shuffled"."""
    return {
        candidate.name: candidate.backend.signature.partition("|")[0]
        for candidate in plan.candidates
        if candidate.is_control
    }


def groups_of(examples: Sequence[Example]) -> dict[str, str]:
    """Return each example's cluster."""
    return {example.id: example.group for example in examples}


def flat(rows: Mapping[tuple[str, str], Sequence[R]]) -> list[R]:
    """Return the records of all (candidate, metric or judge) pairs in one list."""
    return [row for part in rows.values() for row in part]
