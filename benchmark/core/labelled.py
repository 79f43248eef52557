"""Verdicts beside what people say of the same answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from benchmark.core.labels import label_id
from benchmark.records import Example, Generation, Verdict


class Answered:
    """The answers of a run: which label each verdict's answers would have, and its cluster."""

    def __init__(
        self, examples: Sequence[Example], generations: Mapping[str, Sequence[Generation]]
    ) -> None:
        self._examples = {row.id: row for row in examples}
        self._texts = {
            (row.candidate, row.example_id, row.sample): row.text
            for rows in generations.values()
            for row in rows
        }

    def ids(self, verdict: Verdict) -> list[str]:
        """Return the label ids of the answers that a verdict is about; "" for one not there."""
        example = self._examples.get(verdict.example_id)
        shown = zip_longest(verdict.candidates, verdict.samples, fillvalue=0)
        texts = [self._texts.get((str(name), verdict.example_id, at)) for name, at in shown]
        return [label_id(example, text) if example and text is not None else "" for text in texts]

    def group(self, verdict: Verdict) -> str:
        """Return a verdict's cluster."""
        example = self._examples.get(verdict.example_id)
        return (example.group if example else "") or f"\x1f{verdict.example_id}"


class Labelled:
    """One judge's verdicts beside the labels of the same answers.

    Attributes:
        rows: The verdicts with an opinion and a label.
        human: Their labels. A verdict on a pair has one if both answers have: its worth is the
            high end of the judge's scale if the first is better, the low end if it is worse.
        groups: Their clusters.
    """

    def __init__(
        self,
        verdicts: Sequence[Verdict],
        run: Answered,
        values: Mapping[str, float],
        scale: tuple[float, float] | None,
    ) -> None:
        self.rows: list[Verdict] = []
        self.human: list[float] = []
        self.rest: list[Verdict] = []
        for row in verdicts:
            if row.value is None:
                continue
            worth = _worth([values.get(name) for name in run.ids(row)], scale or (0.0, 1.0))
            if worth is None:
                self.rest.append(row)
            else:
                self.rows.append(row)
                self.human.append(worth)
        self.groups = [run.group(row) for row in self.rows]

    @property
    def values(self) -> list[float]:
        """Return the judge's opinions where there are labels."""
        return [row.value for row in self.rows if row.value is not None]


def _worth(values: Sequence[float | None], scale: tuple[float, float]) -> float | None:
    """Return a label, or the preference that two labels amount to; None where one is missing."""
    known = [value for value in values if value is not None]
    if len(known) < len(values) or not known:
        return None
    if len(known) == 1:
        return known[0]
    low, high = scale
    first, second = known[:2]
    return high if first > second else low if first < second else (low + high) / 2
