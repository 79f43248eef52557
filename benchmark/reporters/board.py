"""The leaderboard as data: sorted, formatted, marked; every report draws the same one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from benchmark.reporters import format as fmt
from benchmark.results import CandidateSummary, Comparison, Results, ScoreSummary
from benchmark.side_results import Scale

MARKS = {"better": "▲", "worse": "▼", "": ""}
"""Shown beside a number that differs significantly from the baseline's."""


@dataclass(frozen=True, slots=True)
class Column:
    """One number of the leaderboard."""

    score: str
    metric: str
    signatures: tuple[str, ...]
    """The metric's; more than one only if candidates were scored differently."""
    decimals: int
    higher_is_better: bool | None
    primary: bool
    gated: bool = False
    """Whether a gate judges it."""
    scale: Scale | None = None
    """What the controls say of it."""

    @property
    def uninformative(self) -> bool:
        """Tell whether it cannot tell the right answer from another example's."""
        return self.scale is not None and self.scale.informative is False


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of one candidate."""

    column: Column
    summary: ScoreSummary | None
    comparison: Comparison | None
    verdict: str
    """"better" or "worse" than the baseline beyond chance, else ""."""

    @property
    def value(self) -> str:
        """Return the value, or "–"."""
        return fmt.number(self.summary.value if self.summary else None, self.column.decimals)

    @property
    def interval(self) -> str:
        """Return "[low, high]", or ""."""
        if self.summary is None:
            return ""
        return fmt.interval(self.summary.low, self.summary.high, self.column.decimals)

    @property
    def half(self) -> str:
        """Return " ±0.038", half the width of the interval, or ""."""
        if self.summary is None or not self.interval:
            return ""
        low, high = self.summary.low or 0.0, self.summary.high or 0.0
        return f" ±{fmt.number((high - low) / 2, self.column.decimals)}"

    @property
    def place(self) -> str:
        """Return the value's place between the best fake (0 %) and the oracle (100 %), or ""."""
        place = self.summary.normalised if self.summary else None
        return "" if fmt.known(place) is None else fmt.percent(place)

    @property
    def place_interval(self) -> str:
        """Return the "[31 %, 52 %]" of the same, or ""."""
        if self.summary is None:
            return ""
        ends = [
            fmt.percent(end) for end in (self.summary.normalised_low, self.summary.normalised_high)
        ]
        return "" if fmt.NOTHING in ends else f"[{', '.join(ends)}]"

    @property
    def mark(self) -> str:
        """Return "▲", "▼" or ""."""
        return MARKS[self.verdict]

    @property
    def n(self) -> str:
        """Return "n=30, 2 failed", or "" where nothing was scored."""
        return fmt.n_and_failed(self.summary.n, self.summary.failed) if self.summary else ""

    @property
    def difference(self) -> str:
        """Return the signed difference from the baseline, or "–"."""
        return fmt.signed(
            self.comparison.difference if self.comparison else None, self.column.decimals
        )

    @property
    def difference_interval(self) -> str:
        """Return the difference's "[low, high]", or ""."""
        if self.comparison is None:
            return ""
        low, high = self.comparison.low, self.comparison.high
        return fmt.interval(low, high, self.column.decimals, sign=True)


@dataclass(frozen=True, slots=True)
class Row:
    """One candidate."""

    candidate: CandidateSummary
    cells: tuple[Cell, ...]
    is_baseline: bool

    @property
    def name(self) -> str:
        """Return the candidate's name, safe to show."""
        return fmt.one_line(self.candidate.name)

    @property
    def n(self) -> str:
        """Return the count that all of its numbers share; "" when they differ."""
        counts = {cell.n for cell in self.cells if cell.summary}
        if not counts:
            return fmt.n_and_failed(self.candidate.answered, self.candidate.failed)
        return counts.pop() + self.times if len(counts) == 1 else ""

    @property
    def times(self) -> str:
        """Return " × 3" where each example was answered three times; else ""."""
        return f" × {self.candidate.samples}" if self.candidate.samples > 1 else ""

    @property
    def has_values(self) -> bool:
        """Return whether anything of it was scored."""
        return any(cell.summary for cell in self.cells)

    def cell(self, score: str) -> Cell | None:
        """Return the cell of one number."""
        return next((cell for cell in self.cells if cell.column.score == score), None)


@dataclass(frozen=True, slots=True)
class Board:
    """All candidates on all numbers: the primary number first, the best candidate first."""

    columns: tuple[Column, ...]
    models: tuple[Row, ...]
    controls: tuple[Row, ...]
    baseline: str
    confidence: float

    @property
    def contenders(self) -> tuple[Row, ...]:
        """Return the models that are compared with the baseline."""
        return tuple(row for row in self.models if not row.is_baseline)

    @property
    def primary(self) -> Column | None:
        """Return the number that the board is sorted by, if it was scored."""
        return next((column for column in self.columns if column.primary), None)

    @property
    def level(self) -> str:
        """Return the confidence level as "95 %"."""
        return fmt.percent(self.confidence)

    @property
    def legend(self) -> str:
        """Return what marks and brackets mean."""
        # 1 - 0.95 is not quite 0.05, hence the format.
        alpha = f"{1 - self.confidence:.4g}"
        return (
            f"▲ better, ▼ worse than {fmt.one_line(self.baseline)} beyond chance: the paired "
            f"{self.level} interval of the difference leaves out 0 and p, corrected for how many "
            f"differences were tested, is < {alpha}."
        )


def build(results: Results) -> Board:
    """Return the leaderboard of a run."""
    columns = _columns(results)
    scores = {(row.candidate, row.score): row for row in results.scores}
    comparisons = {(row.candidate, row.score): row for row in results.comparisons}
    rows = []
    for candidate in results.candidates:
        cells = []
        for column in columns:
            comparison = comparisons.get((candidate.name, column.score))
            verdict = significant(comparison, results.confidence)
            summary = scores.get((candidate.name, column.score))
            cells.append(Cell(column, summary, comparison, verdict))
        rows.append(Row(candidate, tuple(cells), candidate.name == results.baseline))
    ranked = sorted(rows, key=_rank)
    return Board(
        columns=columns,
        models=tuple(row for row in ranked if row.candidate.kind == "model"),
        controls=tuple(row for row in ranked if row.candidate.kind == "control"),
        baseline=results.baseline,
        confidence=results.confidence,
    )


def significant(comparison: Comparison | None, confidence: float) -> str:
    """Return "better", "worse", or "" when the two cannot be told apart.

    Interval and p-value must both say so, whichever of them is known; a difference with
    neither is never significant.
    """
    difference = fmt.known(comparison.difference) if comparison else None
    if comparison is None or not difference or comparison.higher_is_better is None:
        return ""
    low, high, p = map(fmt.known, (comparison.low, comparison.high, comparison.shown_p))
    known = [p < 1 - confidence] if p is not None else []
    if low is not None and high is not None:
        known.append(low > 0 or high < 0)
    if not known or not all(known):
        return ""
    return "better" if (difference > 0) == comparison.higher_is_better else "worse"


def _columns(results: Results) -> tuple[Column, ...]:
    scales = {scale.score: scale for scale in results.scales}
    rows: dict[str, list[ScoreSummary]] = {}
    for row in results.scores:
        rows.setdefault(row.score, []).append(row)
    columns = []
    for score, same in rows.items():
        first = same[0]
        values = [value for row in same for value in (row.value, row.low, row.high)]
        columns.append(
            Column(
                score=score,
                metric=first.metric,
                signatures=tuple(dict.fromkeys(row.signature for row in same)),
                decimals=fmt.decimals_for(score, first.signature, values),
                higher_is_better=first.higher_is_better,
                primary=score == results.primary,
                gated=any(gate.score == score for gate in results.gates),
                scale=scales.get(score),
            )
        )
    # What a gate judges stands next to the primary number: it decides the verdict.
    gated = {gate.score for gate in results.gates}
    return tuple(
        sorted(columns, key=lambda column: (not column.primary, column.score not in gated))
    )


def _rank(row: Row) -> tuple[bool, float]:
    """Order by the primary number, best first; who has none comes last, in suite order."""
    cells: Iterable[Cell] = (cell for cell in row.cells if cell.column.primary)
    cell = next(iter(cells), None)
    value = fmt.known(cell.summary.value) if cell and cell.summary else None
    if cell is None or value is None:
        return (True, 0.0)
    return (False, -value if cell.column.higher_is_better else value)
