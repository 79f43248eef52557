"""Judging a finished run again from its folder, also against an earlier run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.core.baseline import Baseline, opinions
from benchmark.core.compare import Scored
from benchmark.core.gate import exit_code, judge_gates, overall
from benchmark.core.gate_baselines import fitting, refuse_other, sources
from benchmark.core.gate_evidence import Evidence
from benchmark.core.gate_table import with_opinions
from benchmark.core.opinions import opinions as as_metrics
from benchmark.core.plan import build_metrics
from benchmark.core.store import RunFolder
from benchmark.errors import StoreError
from benchmark.plugins import REPORTERS, Report
from benchmark.records import Example, Generation, Score, Verdict
from benchmark.results import Results
from benchmark.suite import Suite
from benchmark.suite_file import load_suite


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run, read back from its folder."""

    folder: Path
    results: Results
    suite: Suite
    examples: Sequence[Example]
    generations: Mapping[str, Sequence[Generation]]
    scores: Sequence[Score]
    table: Scored


def read_run(folder: Path, results: Results) -> Run:
    """Read a run's records. Raises StoreError, ConfigError."""
    suite = load_suite(folder / "suite.yaml")
    run = RunFolder(folder)
    generations = {
        card.name: run.read_rows(f"generations/{card.name}.jsonl", Generation)
        for card in results.candidates
    }
    table = table_of(folder, suite)
    rows = [row for part in table.scores.values() for row in part]
    examples = run.read_rows("examples.jsonl", Example)
    return Run(folder, results, suite, examples, generations, rows, table)


def table_of(folder: Path, suite: Suite) -> Scored:
    """Return what a finished run scored. Raises StoreError where its records are missing."""
    metrics, labels = build_metrics(suite)
    heard, named = as_metrics(dict.fromkeys(suite.judges, ""))
    run = RunFolder(folder)
    groups = {row.id: row.group for row in run.read_rows("examples.jsonl", Example)}
    scores: dict[tuple[str, str], list[Score]] = {}
    for row in run.read_rows("scores.jsonl", Score):
        scores.setdefault((row.candidate, row.metric), []).append(row)
    return Scored({**metrics, **heard}, {**labels, **named}, scores, groups)


def regate(run: Run, reports: Path, named: Baseline | None = None) -> Results:
    """Judge a run by the gates of its suite.

    Args:
        run: The run.
        reports: Folder of `baselines/`.
        named: An earlier run as the baseline: `max_drop` and `ratio` then compare each
            candidate with itself there, example by example. None: what the gates name.

    Returns:
        The run's results with these gates, their verdict and exit code.

    Raises:
        ConfigError: The named baseline has other test data, or its metrics other signatures.
        StoreError: A baseline file is damaged, or has none of the run's candidates.
    """
    results, suite = run.results, run.suite
    if named is not None:
        refuse_other(named, results)
        if not {card.name for card in results.candidates} & set(named.candidates):
            raise StoreError(f"baseline {named.run_id} has none of this run's candidates")
    table = with_opinions(
        run.table,
        opinions(run.folder, results),
        {row.judge: row.signature for row in results.verdicts},
        run.examples,
    )
    controls = {card.name for card in results.candidates if card.kind == "control"}
    gated = [name for name in suite.candidates if name not in controls | {suite.baseline}]
    evidence = Evidence(
        summaries=results.scores,
        comparisons=results.comparisons,
        table=table,
        baseline=suite.baseline,
        examples=run.examples,
        generations=run.generations,
        leaks=results.dataset.leaks,
        trust={row.judge: row for row in results.trust},
        earlier=fitting(sources(suite, reports, named), results.dataset),
        seed=suite.seed,
        resamples=suite.resamples,
        max_failed=suite.max_failed,
    )
    gates = judge_gates(suite.gates, evidence, gated)
    verdict = overall(gates)
    return results.model_copy(
        update={
            "gates": tuple(gates),
            "verdict": verdict,
            "exit_code": int(exit_code(verdict, results.status == "complete")),
        }
    )


def report_of(run: Run, results: Results, folder: Path) -> Report:
    """Return what reporters see of a run."""
    said = run.folder / "verdicts.jsonl"
    verdicts = RunFolder(run.folder).read_rows(said.name, Verdict) if said.exists() else []
    return Report(results, run.examples, dict(run.generations), run.scores, folder, verdicts)


def write_reports(run: Run, results: Results, folder: Path) -> Report:
    """Let the suite's reporters write a judged run into a folder; return what they were given."""
    report = report_of(run, results, folder)
    for use in run.suite.reports.values():
        reporter = REPORTERS.load(use.use)(**use.parameters)
        if not getattr(reporter, "prints", False):
            reporter.write(report)
    return report
