"""Judging a finished run again from its folder, also against an earlier run."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from benchmark.core.compare import Scored, compare, per_cluster
from benchmark.core.gate import exit_code, judge_gates, overall
from benchmark.core.opinions import opinions
from benchmark.core.plan import build_metrics
from benchmark.core.store import RunFolder
from benchmark.errors import ConfigError, StoreError
from benchmark.records import Example, Score
from benchmark.results import Comparison, GateResult, Results
from benchmark.suite import Suite
from benchmark.suite_file import load_suite


class Regated(NamedTuple):
    """The gates' outcomes and the exit code they amount to."""

    gates: list[GateResult]
    exit_code: int


def regate(folder: Path, results: Results, earlier: tuple[Path, Results] | None) -> Regated:
    """Judge a run by the gates of its suite.

    Args:
        folder: The run's folder.
        results: Its results.
        earlier: Another run (folder and results) to take as the baseline: each candidate is
            then compared with itself there, example by example. None: the suite's baseline.

    Raises:
        ConfigError: The earlier run has other test data, or a metric has another signature.
        StoreError: A folder's records are missing.
    """
    suite = load_suite(folder / "suite.yaml")
    table = _table(folder, suite)
    controls = {card.name for card in results.candidates if card.kind == "control"}
    gated = [name for name in suite.candidates if name not in controls | {suite.baseline}]
    comparisons = list(results.comparisons)
    if earlier is not None:
        _refuse_other(results, earlier[1])
        comparisons = _against(table, suite, earlier)
    rules = judge_gates(suite.gates, results.scores, comparisons, gated, per_cluster(table))
    return Regated(rules, exit_code(overall(rules), results.status == "complete"))


def _table(folder: Path, suite: Suite) -> Scored:
    metrics, labels = build_metrics(suite)
    heard, named = opinions(dict.fromkeys(suite.judges, ""))
    run = RunFolder(folder)
    groups = {row.id: row.group for row in run.read_rows("examples.jsonl", Example)}
    scores: dict[tuple[str, str], list[Score]] = {}
    for row in run.read_rows("scores.jsonl", Score):
        scores.setdefault((row.candidate, row.metric), []).append(row)
    return Scored({**metrics, **heard}, {**labels, **named}, scores, groups)


def _refuse_other(now: Results, before: Results) -> None:
    """Refuse a baseline that measured something else."""
    if now.dataset.test_sha256 != before.dataset.test_sha256:
        raise ConfigError(
            f"baseline {before.run_id} answered other test data than {now.run_id}",
            hint="compare runs of the same data set, split, seed and --limit",
        )
    signatures = {row.score: row.signature for row in before.scores}
    for row in now.scores:
        known = signatures.get(row.score)
        if known is not None and known != row.signature:
            raise ConfigError(
                f"{row.score} is measured differently in baseline {before.run_id}: "
                f"{known} there, {row.signature} here",
                hint="run the baseline again with this version of the suite and of bench",
            )


def _against(table: Scored, suite: Suite, earlier: tuple[Path, Results]) -> list[Comparison]:
    folder, results = earlier
    before = _table(folder, load_suite(folder / "suite.yaml"))
    found: list[Comparison] = []
    for candidate in table.candidates():
        name = f"{candidate} in {results.run_id}"
        old = {
            (name, metric): rows
            for (owner, metric), rows in before.scores.items()
            if owner == candidate and metric in table.metrics
        }
        if not old:
            continue  # a candidate that the baseline did not have; its gates are inconclusive
        mine = {at: rows for at, rows in table.scores.items() if at[0] == candidate}
        pair = Scored(table.metrics, table.labels, {**mine, **old}, table.groups)
        found += compare(pair, name, seed=suite.seed, resamples=suite.resamples)
    if not found:
        raise StoreError(f"baseline {results.run_id} has none of this run's candidates")
    return found
