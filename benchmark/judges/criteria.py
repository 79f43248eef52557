"""A list of yes-or-no criteria: the share that an answer meets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from benchmark.judges.asking import Reading
from benchmark.judges.jury import Jury
from benchmark.judges.prompts import Question, Sheet, ask
from benchmark.plugins import JudgeItem


class Criteria(Jury):
    """Asks about each criterion by itself; a verdict needs a mark for every one."""

    usual: ClassVar[str] = "criteria"

    criteria: tuple[str, ...] = Field(min_length=1)
    """Statements that are met or not: "Cites the article by its number"."""

    def questions(self, item: JudgeItem, variant: str) -> list[Question]:
        """Return one question a criterion."""
        shown, answer = self.shown(item), item.generations[0].text
        if shown is None or answer is None:
            return []
        return [
            ask(
                Sheet(self.text, variant, *shown, answers=(answer,), criterion=criterion),
                self.seed,
                name=criterion,
                longest=self.max_chars,
            )
            for criterion in self.criteria
        ]

    def combine(self, readings: Sequence[Reading]) -> Reading:
        """Return the share of criteria that are met; none where one has no mark."""
        said = list(zip(self.criteria, readings, strict=True))
        for criterion, one in said:
            if one.value is None:
                why = one.error and f"criterion {criterion!r}: {one.error}"
                return Reading(one.label, None, one.reason, why)
        values = [one.value for one in readings if one.value is not None]
        met = sum(value > 0.5 for value in values)
        reasons = "; ".join(f"{criterion}: {one.label}" for criterion, one in said)
        return Reading(f"{met} of {len(values)}", sum(values) / len(values), reasons)
