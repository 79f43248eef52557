"""Runs over time as data that every view of them draws: rows, histories, sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from benchmark.history import Best, Change, Line, Point, Series, SuiteHistory, Table
from benchmark.reporters import format as fmt
from benchmark.reporters.board import MARKS

SHOWN = 12
"""Rows of models that a leaderboard over runs shows."""
SENTENCES = 12
"""Changes that are told one by one."""


@dataclass(frozen=True, slots=True)
class Number:
    """One number of one row, ready to show."""

    value: str
    half: str
    interval: str
    mark: str
    verdict: str
    against: str
    """Difference from the baseline of the same run: "+0.267 [+0.249, +0.286]", or ""."""

    @property
    def text(self) -> str:
        """Return value, half the interval and mark on one line."""
        return f"{self.value}{self.half} {self.mark}".rstrip()


@dataclass(frozen=True, slots=True)
class Row:
    """One candidate with one set of weights, over the runs that can be compared."""

    name: str
    is_control: bool
    description: str
    adapter: str
    run: str
    when: str
    commit: str
    runs: int
    n: str
    numbers: tuple[Number | None, ...]
    """In the order of the suite's tables."""


@dataclass(frozen=True, slots=True)
class Course:
    """One candidate's number over runs."""

    name: str
    values: tuple[float, ...]
    first: str
    last: str
    change: str
    """Of the newest run against the one before: "−0.050 ▼", "" for a single run."""
    verdict: str
    runs: int


def heads(suite: SuiteHistory) -> list[str]:
    """Return the names of the numbers, with the way that is better."""
    return [fmt.one_line(one.score) + fmt.arrow(one.higher_is_better) for one in suite.tables]


def rows(suite: SuiteHistory) -> list[Row]:
    """Return a suite's leaderboard over runs: models by its first number, then controls."""
    found: dict[tuple[str, str], dict[int, Best]] = {}
    for place, table in enumerate(suite.tables):
        for best in table.rows:
            found.setdefault((best.candidate, best.point.fingerprint), {})[place] = best
    made = [_row(by_table, suite) for by_table in found.values()]
    return [row for row in made if not row.is_control] + [row for row in made if row.is_control]


def _row(by_table: dict[int, Best], suite: SuiteHistory) -> Row:
    best = next(iter(by_table.values()))
    point = best.point
    return Row(
        name=fmt.one_line(best.candidate),
        is_control=best.kind == "control",
        description=fmt.one_line(best.description),
        adapter=fmt.one_line(point.adapter),
        run=fmt.one_line(point.run_id),
        when=fmt.moment(point.finished),
        commit=commit(point.commit, point.dirty),
        runs=best.runs,
        n=fmt.n_and_failed(point.n, point.failed),
        numbers=tuple(
            _number(by_table[place], table) if place in by_table else None
            for place, table in enumerate(suite.tables)
        ),
    )


def _number(best: Best, table: Table) -> Number:
    point, places = best.point, decimals(table.score, [row.point for row in table.rows])
    half = ""
    if point.low is not None and point.high is not None:
        half = f" ±{fmt.number((point.high - point.low) / 2, places)}"
    against = ""
    if best.difference is not None:
        ends = fmt.interval(best.low, best.high, places, sign=True)
        against = f"{fmt.signed(best.difference, places)} {ends}".rstrip()
    return Number(
        value=fmt.number(point.value, places),
        half=half,
        interval=fmt.interval(point.low, point.high, places),
        mark="" if best.kind == "control" else MARKS[best.verdict],
        verdict="" if best.kind == "control" else best.verdict,
        against=against,
    )


def decimals(score: str, points: Iterable[Point]) -> int:
    """Return how many decimals one number has in all of its places."""
    return fmt.decimals_for(
        score, "", [value for point in points for value in (point.value, point.low, point.high)]
    )


def points_of(series: Series) -> list[Point]:
    """Return the points of all of its lines."""
    return [point for line in series.lines for point in line.points]


def courses(series: Series) -> list[Course]:
    """Return each model's way over runs."""
    places = decimals(series.score, points_of(series))
    return [_course(line, places) for line in series.lines if line.kind == "model"]


def _course(line: Line, places: int) -> Course:
    last = line.points[-1]
    change = last.change
    return Course(
        name=fmt.one_line(line.candidate),
        values=tuple(point.value for point in line.points),
        first=fmt.number(line.points[0].value, places),
        last=fmt.number(last.value, places),
        change=f"{fmt.signed(change.difference, places)} {MARKS[change.verdict]}".rstrip()
        if change
        else "",
        verdict=change.verdict if change else "",
        runs=len(line.points),
    )


def regressions(suite: SuiteHistory) -> list[str]:
    """Return one sentence for each number that got worse, the newest first."""
    found = suite.regressions()
    told = [sentence(series, line, point) for series, line, point in found[:SENTENCES]]
    if len(found) > SENTENCES:
        told.append(f"and {fmt.plural(len(found) - SENTENCES, 'earlier regression')}")
    return told


def sentence(series: Series, line: Line, point: Point) -> str:
    """Return what changed, by how much, since when, and how that is known."""
    change = point.change
    if change is None:
        return ""
    places = decimals(series.score, points_of(series))
    word = change.verdict or "not told apart from before"
    commits = f", commit {commit(point.commit, point.dirty)}" if point.commit else ""
    return (
        f"{fmt.one_line(line.candidate)} is {word} on {fmt.one_line(series.score)} in "
        f"{fmt.one_line(point.run_id)} ({fmt.moment(point.finished)}{commits}): "
        f"{_size(change, places)} since {fmt.one_line(change.against)}, "
        f"to {fmt.number(point.value, places)}"
    )


def _size(change: Change, places: int) -> str:
    ends = fmt.interval(change.low, change.high, places, sign=True)
    size = fmt.signed(change.difference, places)
    if ends:
        return f"{size} {ends}, n={fmt.count(change.n)}"
    return f"{size} ({fmt.one_line(change.how)})"


def apart(suite: SuiteHistory) -> Iterator[tuple[list[Series], str]]:
    """Yield the runs that cannot share a line with the newest, by why, and that in words."""
    found: dict[tuple[str, tuple[str, ...]], list[Series]] = {}
    for series in suite.series:
        if series.apart:
            found.setdefault((series.apart, tuple(series.runs)), []).append(series)
    for (why, names), same in found.items():
        scores = ", ".join(fmt.one_line(series.score) for series in same)
        runs = names[0] if len(names) == 1 else fmt.plural(len(names), "run")
        yield same, f"{scores} of {fmt.one_line(runs)}: {fmt.one_line(why)}"


def baselines(suite: SuiteHistory) -> str:
    """Return the names of what the rows were compared with: "base", or "base or zero-shot"."""
    found = [best.baseline for table in suite.tables for best in table.rows if best.baseline]
    return " or ".join(fmt.one_line(name) for name in dict.fromkeys(found))


def state(suite: SuiteHistory) -> tuple[str, str]:
    """Return the newest run's verdict in a word, and its tone."""
    latest = suite.latest
    if latest.status == "incomplete":
        return "INCOMPLETE", "inconclusive"
    if not latest.gates:
        return "NO GATES", "none"
    return latest.verdict.upper(), latest.verdict


def facts(suite: SuiteHistory) -> str:
    """Return how many runs there are, and what the newest was, on one line."""
    latest = suite.latest
    unfinished = sum(run.status == "incomplete" for run in suite.runs)
    parts = [
        fmt.plural(len(suite.runs), "run") + (f", {unfinished} incomplete" if unfinished else ""),
        f"newest {fmt.one_line(latest.run_id)}",
        fmt.moment(latest.finished),
        fmt.plural(latest.test, "test example"),
    ]
    return " · ".join(parts)


def commit(sha: str | None, dirty: bool | None) -> str:
    """Return a commit's first digits, with "+" where there were changes in no commit."""
    if not sha:
        return fmt.NOTHING
    return fmt.one_line(sha)[:8] + ("+" if dirty else "")
