"""Baselines: what a run scored, example by example, and whether another may be compared with it.

`reports/baselines/<suite>.json` is what later runs are compared with. It holds the statistics
of each example, so that the comparison is paired, and the hashes that say whether two runs can
be compared at all: of the test data, of the metrics. `baseline_file` reads and writes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from benchmark.core.sampled import opinions_by_example
from benchmark.core.store import RunFolder
from benchmark.errors import ConfigError
from benchmark.keys import canonical, sha256_of_rows
from benchmark.records import Generation, Record, Score, Verdict
from benchmark.results import Results
from benchmark.suite import Suite

FOLDER = "baselines"
JUDGE = "judge "
"""Stands before a judge's name where metrics and judges share one table."""

Stats = dict[str, tuple[float, ...] | None]
"""Metric -> an example's statistics; None: no answer."""


class Tested(Record):
    """The data that the baseline answered."""

    name: str
    signature: str
    test: int
    test_sha256: str
    train_sha256: str


class Answered(Record):
    """Who answered: hash of the weights, hash of the answers, how many there are."""

    fingerprint: str
    answers_sha256: str
    answered: int
    failed: int


class Number(Record):
    """One number as the run's report gave it: for a reader, not for the comparison."""

    candidate: str
    score: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    failed: int


class Baseline(Record):
    """The content of a baseline file."""

    kind: Literal["bench-baseline"] = "bench-baseline"
    schema_version: Literal[1] = 1
    suite: str
    suite_version: int
    run_id: str
    accepted: str
    """When, as an ISO time."""
    commit: str | None
    dirty: bool | None
    """Whether the checkout of the run had changes that are in no commit."""
    fingerprint: str
    dataset: Tested
    signatures: dict[str, str]
    """Metric -> its signature; judges are called "judge NAME"."""
    candidates: dict[str, Answered]
    numbers: tuple[Number, ...]
    examples: dict[str, dict[str, Stats]]
    """Example -> candidate -> metric -> statistics."""

    def name_of(self, candidate: str) -> str:
        """Return what a candidate is called beside itself in a later run.

        By the commit where it is known: the same command has one run id, whatever it answered.
        """
        if self.commit:
            return f"{candidate} at commit {self.commit[:10]}"
        return f"{candidate} in {self.run_id}, accepted {self.accepted[:10]}"

    def stats(self, candidate: str, metric: str) -> dict[str, tuple[float, ...] | None]:
        """Return one candidate's statistics by example; empty if it was not measured so."""
        rows = {name: by.get(candidate, {}) for name, by in self.examples.items()}
        return {name: row[metric] for name, row in rows.items() if metric in row}


def path_of(reports: Path, suite: str) -> Path:
    """Return where a suite's accepted baseline is."""
    return reports / FOLDER / f"{suite}.json"


def from_run(
    folder: Path,
    results: Results,
    metrics: Iterable[str] | None = None,
    candidates: Iterable[str] | None = None,
) -> Baseline:
    """Return a finished run as a baseline.

    Args:
        folder: The run's folder.
        results: Its results.
        metrics: Which metrics to keep (by their names in the suite; judges as "judge NAME");
            None: all.
        candidates: Whose; None: everybody's.

    Raises:
        StoreError: Records are missing or broken.
    """
    run = RunFolder(folder)
    kept = None if metrics is None else set(metrics)
    owners = None if candidates is None else set(candidates)
    cards = [card for card in results.candidates if owners is None or card.name in owners]
    names = {card.name for card in cards}
    examples: dict[str, dict[str, Stats]] = {}
    for row in run.read_rows("scores.jsonl", Score):
        if row.candidate in names and (kept is None or row.metric in kept):
            mine = examples.setdefault(row.example_id, {}).setdefault(row.candidate, {})
            mine[row.metric] = row.stats
    for (candidate, judge), rows in opinions(folder, results).items():
        if candidate in names and (kept is None or JUDGE + judge in kept):
            known = opinions_by_example(rows)
            for name in dict.fromkeys(verdict.example_id for verdict in rows):
                mine = examples.setdefault(name, {}).setdefault(candidate, {})
                mine[JUDGE + judge] = (known[name], 1.0) if name in known else None
    measured = {metric for by in examples.values() for stats in by.values() for metric in stats}
    signatures = {row.metric: row.signature for row in results.scores}
    signatures |= {JUDGE + row.judge: row.signature for row in results.verdicts}
    return Baseline(
        suite=results.suite,
        suite_version=results.suite_version,
        run_id=results.run_id,
        accepted=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=results.environment.commit,
        dirty=results.environment.dirty,
        fingerprint=results.fingerprint,
        dataset=Tested(
            **results.dataset.model_dump(include={"name", "signature", "test"}),
            **results.dataset.model_dump(include={"test_sha256", "train_sha256"}),
        ),
        signatures={name: text for name, text in signatures.items() if name in measured},
        candidates={
            card.name: Answered(
                fingerprint=card.fingerprint,
                answers_sha256=answers_sha256(
                    run.read_rows(f"generations/{card.name}.jsonl", Generation)
                ),
                answered=card.answered,
                failed=card.failed,
            )
            for card in cards
        },
        numbers=tuple(
            Number(**row.model_dump(include=set(Number.model_fields)))
            for row in results.scores
            if row.candidate in names and row.metric in measured
        ),
        examples=examples,
    )


def kept_metrics(suite: Suite, results: Results) -> list[str]:
    """Return what a small baseline keeps: the metrics that gates judge, and the primary one."""
    homes = {row.score: row.metric for row in results.scores}
    wanted = [homes.get(gate.score) for gate in suite.gates.values() if gate.score]
    wanted += [JUDGE + gate.judge for gate in suite.gates.values() if gate.judge]
    wanted.append(homes.get(results.primary))
    return list(dict.fromkeys(name for name in wanted if name))


def kept_candidates(suite: Suite, results: Results) -> list[str]:
    """Return whom a small baseline keeps: the models, and controls that gates name."""
    named = {name for gate in suite.gates.values() for name in gate.candidates}
    return [card.name for card in results.candidates if card.kind == "model" or card.name in named]


def opinions(folder: Path, results: Results) -> dict[tuple[str, str], list[Verdict]]:
    """Return a run's verdicts by candidate and judge, as they were when it was made."""
    if not (folder / "verdicts.jsonl").is_file():
        return {}
    names: dict[str, list[str]] = {}
    for row in results.verdicts:
        if row.judge not in names.setdefault(row.signature, []):
            names[row.signature].append(row.judge)
    found: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in RunFolder(folder).read_rows("verdicts.jsonl", Verdict):
        # A preference shows the baseline beside the candidate that it is about.
        about = [name for name in verdict.candidates if name != results.baseline]
        candidate = (about or list(verdict.candidates) or [""])[0]
        for judge in names.get(verdict.judge, [verdict.judge]):
            found.setdefault((candidate, judge), []).append(verdict)
    return found


def answers_sha256(rows: Sequence[Generation]) -> str:
    """Return the hash of what was answered to what; missing answers count as none."""
    return sha256_of_rows(canonical([row.example_id, row.text]) for row in rows)


def misfit(baseline: Baseline, results: Results) -> str:
    """Return why a run cannot be compared with a baseline at all; "" if it can."""
    return other_suite(baseline, results.suite, results.suite_version) or other_data(
        baseline, results.dataset.test_sha256, results.dataset.test
    )


def other_suite(baseline: Baseline, suite: str, version: int) -> str:
    """Return why a baseline is not one of this suite; "" if it is."""
    if baseline.suite != suite:
        return f"baseline {baseline.run_id} is of suite {baseline.suite!r}, not of {suite!r}"
    if baseline.suite_version != version:
        return (
            f"baseline {baseline.run_id} is of version {baseline.suite_version} of the suite, "
            f"and this is version {version}"
        )
    return ""


def other_data(baseline: Baseline, test_sha256: str, test: int) -> str:
    """Return why a baseline answered something else; "" if it answered the same."""
    if baseline.dataset.test_sha256 == test_sha256:
        return ""
    return (
        f"baseline {baseline.run_id} answered other test data: {baseline.dataset.test} examples "
        f"with hash {baseline.dataset.test_sha256[:12]}, {test} here with {test_sha256[:12]}"
    )


def other_signature(baseline: Baseline, metric: str, signature: str) -> str:
    """Return why a metric cannot be compared; "" if it is measured in the same way."""
    known = baseline.signatures.get(metric)
    if known is None:
        return f"baseline {baseline.run_id} has no {metric}"
    if known == signature:
        return ""
    return (
        f"{metric} is measured differently in baseline {baseline.run_id}: "
        f"{known} there, {signature} here"
    )


def refuse(problem: str) -> None:
    """Raise ConfigError if there is a reason not to compare."""
    if problem:
        raise ConfigError(
            problem,
            hint="compare runs of the same data, split, seed, --limit and metrics, or accept anew",
        )
