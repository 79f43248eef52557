"""Finished runs over time: who is best, how each number went, and where it got worse.

Runs share a line only where their numbers can be compared: the same test data, and a metric of
the same signature. All others are shown apart, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from benchmark.core.finished import RESULTS, read_results
from benchmark.core.history_pairs import Pairs
from benchmark.errors import ConfigError, StoreError
from benchmark.history import (
    Best,
    History,
    Line,
    Point,
    RunNote,
    Series,
    SuiteHistory,
    Table,
)
from benchmark.reporters.board import significant
from benchmark.results import CandidateSummary, Results, ScoreSummary

_RUN = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}")
_SHORT = 8
"""Digits of hashes that tell two apart for a reader."""


@dataclass(frozen=True, slots=True)
class _Run:
    folder: Path
    results: Results


def history(reports: Path, suite: str | None = None, metrics: Sequence[str] = ()) -> History:
    """Return all finished runs of a reports folder, by suite.

    Args:
        reports: Folder of `<suite>/<run-id>/`.
        suite: Only this suite; None: all.
        metrics: The numbers to follow, as patterns such as "rouge*"; empty: each suite's first
            number, and those that its gates judge.

    Raises:
        ConfigError: A pattern fits no number of any suite.
        StoreError: There is no finished run.
    """
    runs, problems = _read(reports, suite)
    if not runs:
        what = f"no finished run{f' of {suite!r}' if suite else ''} in {reports}"
        broken = f" ({len(problems)} cannot be read: {problems[0]})" if problems else ""
        raise StoreError(what + broken, hint="bench run suites/legi.yaml")
    by_suite: dict[str, list[_Run]] = {}
    for run in runs:
        by_suite.setdefault(run.results.suite, []).append(run)
    known = {row.score for run in runs for row in run.results.scores}
    for pattern in metrics:
        if not any(fnmatchcase(score, pattern) for score in known):
            raise ConfigError(
                f"no number {pattern!r} in these runs", hint=f"known: {', '.join(sorted(known))}"
            )
    pairs = Pairs()
    suites = [_suite(name, by_suite[name], metrics, pairs) for name in sorted(by_suite)]
    return History(suites=tuple(suites), problems=tuple([*problems, *pairs.problems]))


def _read(reports: Path, suite: str | None) -> tuple[list[_Run], list[str]]:
    """Return the readable runs, the oldest first, and one line for each that is not."""
    found: dict[tuple[str, str], _Run] = {}
    problems = []
    for folder in _folders(reports, suite):
        if not (folder / RESULTS).is_file():
            problems.append(f"{folder}: has no {RESULTS}: the run was interrupted or goes on")
            continue
        try:
            results = read_results(folder)
        except (StoreError, OSError) as error:
            problems.append(str(error))
            continue
        # A folder that was copied is the same run; `latest` where there are no links is one.
        key = results.suite, results.run_id
        if key not in found or found[key].results.finished < results.finished:
            found[key] = _Run(folder, results)
    runs = sorted(found.values(), key=lambda run: (run.results.finished, run.results.run_id))
    return runs, problems


def _folders(reports: Path, suite: str | None) -> Iterator[Path]:
    try:
        above = sorted(reports.iterdir()) if suite is None else [reports / suite]
        for parent in above:
            if parent.is_symlink() or not parent.is_dir():
                continue
            for folder in sorted(parent.iterdir()):
                if folder.is_symlink() or not folder.is_dir():
                    continue
                if (folder / RESULTS).is_file() or _RUN.fullmatch(folder.name):
                    yield folder
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot read the reports folder {reports}: {error}") from error


def _suite(name: str, runs: list[_Run], metrics: Sequence[str], pairs: Pairs) -> SuiteHistory:
    newest = runs[-1].results
    known = list(dict.fromkeys(row.score for row in newest.scores))
    older = [row.score for run in reversed(runs) for row in run.results.scores]
    if metrics:
        every = dict.fromkeys([*known, *older])
        chosen = [one for one in every if any(fnmatchcase(one, pattern) for pattern in metrics)]
        chosen.sort(key=lambda score: score != newest.primary)
    else:
        gated = [gate.score for gate in newest.gates if gate.score in known]
        chosen = list(dict.fromkeys([newest.primary, *gated]))
    series = [part for score in chosen for part in _series(score, runs, pairs)]
    tables = [_table(part, runs) for part in series if not part.apart and any(part.lines)]
    return SuiteHistory(
        suite=name,
        runs=tuple(_note(run) for run in runs),
        tables=tuple(tables),
        series=tuple(series),
        known=tuple(known),
    )


def _note(run: _Run) -> RunNote:
    results = run.results
    return RunNote(
        suite=results.suite,
        suite_version=results.suite_version,
        run_id=results.run_id,
        folder=str(run.folder),
        finished=results.finished,
        commit=results.environment.commit,
        dirty=results.environment.dirty,
        status=results.status,
        verdict=results.verdict,
        gates=len(results.gates),
        test=results.dataset.test,
        test_sha256=results.dataset.test_sha256,
        primary=results.primary,
    )


# --- lines ----------------------------------------------------------------------------------


def _series(score: str, runs: Sequence[_Run], pairs: Pairs) -> Iterator[Series]:
    """Yield one number's comparable runs: those that the newest one fits, then the others."""
    sets: dict[tuple[str, str], list[_Run]] = {}
    for run in runs:
        for signature in dict.fromkeys(
            row.signature for row in run.results.scores if row.score == score
        ):
            sets.setdefault((run.results.dataset.test_sha256, signature), []).append(run)
    ordered = sorted(sets.items(), key=lambda item: item[1][-1].results.finished, reverse=True)
    for place, ((sha256, signature), same) in enumerate(ordered):
        (newest_sha256, newest_signature), newest = ordered[0]
        reasons = []
        if sha256 != newest_sha256:
            reasons.append(
                f"other test data: {same[-1].results.dataset.test} examples with hash "
                f"{sha256[:_SHORT]}, {newest[-1].results.dataset.test} with "
                f"{newest_sha256[:_SHORT]} in the newest run"
            )
        if signature != newest_signature:
            reasons.append(_otherwise(signature, newest_signature))
        rows = [row for run in same for row in run.results.scores if row.score == score]
        yield Series(
            score=score,
            metric=rows[-1].metric,
            signature=signature,
            higher_is_better=rows[-1].higher_is_better,
            test=same[-1].results.dataset.test,
            test_sha256=sha256,
            lines=tuple(_lines(score, signature, same, pairs)),
            apart="; ".join(reasons) if place else "",
        )


def _lines(score: str, signature: str, runs: Sequence[_Run], pairs: Pairs) -> Iterator[Line]:
    cards: dict[str, CandidateSummary] = {}
    points: dict[str, list[tuple[_Run, ScoreSummary]]] = {}
    for run in runs:
        for card in run.results.candidates:
            cards[card.name] = card
        for row in run.results.scores:
            if row.score == score and row.signature == signature and row.value is not None:
                points.setdefault(row.candidate, []).append((run, row))
    for name, found in points.items():
        line = []
        for place, (run, row) in enumerate(found):
            point = _point(run, row)
            # Controls say what a number is worth; that they change is no finding.
            if place and cards[name].kind == "model":
                before, earlier = found[place - 1]
                sides = (before.folder, earlier), (run.folder, row)
                point = point.model_copy(
                    update={"change": pairs.change(*sides, before.results.run_id)}
                )
            line.append(point)
        yield Line(
            candidate=name,
            kind=cards[name].kind,
            points=tuple(line),
        )


def _otherwise(signature: str, newest: str) -> str:
    """Say how a number was measured, and how in the newest run: only what is not the same."""
    parts, others = signature.split("|"), newest.split("|")
    mine = " ".join(part for part in parts if part not in others)
    theirs = " ".join(part for part in others if part not in parts)
    return (
        f"measured differently: {mine or 'without it'}, and {theirs or 'not so'} in the newest run"
    )


def _point(run: _Run, row: ScoreSummary) -> Point:
    results = run.results
    card = next((card for card in results.candidates if card.name == row.candidate), None)
    trained = card.training if card else None
    if row.value is None:
        raise ValueError("a point needs a value")  # callers have looked
    return Point(
        run_id=results.run_id,
        finished=results.finished,
        commit=results.environment.commit,
        dirty=results.environment.dirty,
        fingerprint=card.fingerprint if card else "",
        adapter=trained.key[:_SHORT] if trained else "",
        value=row.value,
        low=row.low,
        high=row.high,
        n=row.n,
        failed=row.failed,
    )


# --- leaderboard ----------------------------------------------------------------------------


def _table(series: Series, runs: Sequence[_Run]) -> Table:
    by_id = {run.results.run_id: run.results for run in runs}
    newest = series.runs[-1]
    models, controls = [], []
    for line in series.lines:
        by_weights: dict[str, list[Point]] = {}
        for point in line.points:
            by_weights.setdefault(point.fingerprint, []).append(point)
        if line.kind == "control":
            points = [point for point in line.points if point.run_id == newest]
            controls += [_best(line, points, by_id, series.score)] if points else []
        else:
            models += [_best(line, same, by_id, series.score) for same in by_weights.values()]
    turn = 1 if series.higher_is_better is False else -1
    ranked = [
        *sorted(models, key=lambda row: turn * row.point.value),
        *sorted(controls, key=lambda row: turn * row.point.value),
    ]
    return Table(score=series.score, higher_is_better=series.higher_is_better, rows=tuple(ranked))


def _best(line: Line, points: Sequence[Point], by_id: Mapping[str, Results], score: str) -> Best:
    point = points[-1]
    results = by_id[point.run_id]
    found = next(
        (
            row
            for row in results.comparisons
            if (row.candidate, row.score) == (line.candidate, score)
        ),
        None,
    )
    verdict = significant(found, results.confidence)
    cards = [card for card in results.candidates if card.name == line.candidate]
    return Best(
        candidate=line.candidate,
        kind=line.kind,
        description=cards[0].description if cards else "",
        point=point,
        runs=len(points),
        baseline=found.baseline if found else "",
        difference=found.difference if found else None,
        low=found.low if found else None,
        high=found.high if found else None,
        verdict="better" if verdict == "better" else "worse" if verdict == "worse" else "",
    )
