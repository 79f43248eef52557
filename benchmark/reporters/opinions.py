"""What judges said of single answers, ready to show."""

from __future__ import annotations

from typing import Any

from benchmark.plugins import Report
from benchmark.records import Verdict
from benchmark.reporters import format as fmt

SPLIT = 0.25
"""Votes that lie further apart than this share of the judge's scale disagree."""
_LONG = 1_500
"""Characters of a rationale that are shown."""


class Opinions:
    """The verdicts of a run, by example."""

    def __init__(self, report: Report) -> None:
        self._scales = {one.judge: one.scale for one in report.results.trust if one.scale}
        self._by_example: dict[str, list[Verdict]] = {}
        for row in report.verdicts:
            self._by_example.setdefault(row.example_id, []).append(row)
        self._spans: dict[str, tuple[float, float]] = {}
        for row in report.verdicts:
            for value in (row.value, *(vote.value for vote in row.votes)):
                if value is not None:
                    low, high = self._spans.get(row.judge, (value, value))
                    self._spans[row.judge] = (min(low, value), max(high, value))

    def on(self, example: str) -> list[dict[str, Any]]:
        """Return the opinions on one example's answers.

        Each has the judge, the `names` of candidates in the order shown to it, what it said, its
        votes, and whether they disagree (`split`): over a yes or no, or by more than `SPLIT` of
        its scale; so do two judges of the same answer.
        """
        rows = self._by_example.get(example, [])
        return [self._shown(row, rows) for row in rows]

    def _shown(self, row: Verdict, rows: list[Verdict]) -> dict[str, Any]:
        others = [one for one in rows if one.candidates == row.candidates]
        return {
            "judge": fmt.one_line(row.judge),
            "names": row.candidates,
            "label": _said(row.label, row.value),
            "why": fmt.one_line(row.rationale, _LONG),
            "error": fmt.one_line(row.error or ""),
            "split": self._is_split(row) or self._apart(others),
            "votes": [
                [fmt.one_line(vote.member), _said(vote.label, vote.value),
                 fmt.one_line(vote.error or vote.rationale, _LONG)]
                for vote in row.votes
            ],
        }  # fmt: skip

    def _is_split(self, row: Verdict) -> bool:
        heard = [vote for vote in row.votes if vote.value is not None]
        words = {vote.label.casefold() for vote in heard} - {""}
        words = {word for word in words if not _is_number(word)}
        places = [self._place(row.judge, vote.value) for vote in row.votes
                  if vote.value is not None]  # fmt: skip
        return len(words) > 1 or (len(places) > 1 and max(places) - min(places) > SPLIT)

    def _apart(self, rows: list[Verdict]) -> bool:
        places = [self._place(row.judge, row.value) for row in rows if row.value is not None]
        return len(places) > 1 and max(places) - min(places) > 2 * SPLIT

    def _place(self, judge: str, value: float) -> float:
        """Return where a value lies on its judge's scale, from 0 to 1."""
        low, high = self._scales.get(judge) or self._spans[judge]
        return (value - low) / (high - low) if high > low else 0.0


def _said(label: str, value: float | None) -> str:
    if value is None:
        return fmt.one_line(label) or "no opinion"
    number = fmt.number(value, 2)
    return number if not label or _is_number(label) else f"{fmt.one_line(label)} ({number})"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
