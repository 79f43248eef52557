"""Which of two answers is better: the candidate's or the baseline's, asked in both orders.

Many judges prefer what they see first (or second), whatever it says (Zheng et al. 2023; Shi et
al. 2024). Asked both ways round, such a judge contradicts itself: that pair is a tie, and how
often it happened, and for which place, is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

from pydantic import model_validator

from benchmark.judges.asking import Reading
from benchmark.judges.jury import Jury
from benchmark.judges.prompts import Question, Sheet, ask
from benchmark.plugins import JudgeItem
from benchmark.records import Verdict

FIRST, SECOND = "tie: the first, both ways", "tie: the second, both ways"
"""Labels of contradictions."""
SIDES = {1.0: "candidate", 0.0: "baseline", 0.5: "tie"}


class Pairwise(Jury):
    """1 where the candidate's answer is preferred in both orders, 0 where the baseline's is."""

    arity: ClassVar[int] = 2
    usual: ClassVar[str] = "pairwise"

    @model_validator(mode="after")
    def _two_sides(self) -> Self:
        levels = self.text.levels()
        if (levels.get("A"), levels.get("B")) != (1, 0) or {*levels.values()} - {0, 0.5, 1}:
            raise ValueError("the rubric of a comparison has the marks A: 1, B: 0, and a tie: 0.5")
        return self

    def questions(self, item: JudgeItem, variant: str) -> list[Question]:
        """Return the same question in both orders."""
        shown = self.shown(item)
        mine, theirs = (generation.text for generation in item.generations)
        if shown is None or mine is None or theirs is None:
            return []
        return [
            ask(Sheet(self.text, variant, *shown, answers=pair), self.seed, name, self.max_chars)
            for name, pair in (("mine first", (mine, theirs)), ("mine second", (theirs, mine)))
        ]

    def combine(self, readings: Sequence[Reading]) -> Reading:
        """Return the preference that both orders share, or a tie."""
        for one in readings:
            if one.value is None:
                return one
        # By the mark, not by the number: an expected value is hardly ever the same twice.
        levels = self.text.levels()
        first, second = levels[readings[0].label], 1 - levels[readings[1].label]
        reason = " / ".join(one.reason for one in readings)
        if first == second:
            return Reading(SIDES[first], first, reason)
        if {first, second} == {0, 1}:
            return Reading(FIRST if first == 1 else SECOND, 0.5, reason)
        return Reading("tie", 0.5, reason)

    def marks(self) -> dict[float, str]:
        """Return the names of the sides: A and B are places, which change."""
        return SIDES

    def notes(self, verdicts: Sequence[Verdict]) -> list[str]:
        """Return how often the two orders contradict each other, and in whose favour."""
        votes = [vote for row in verdicts for vote in row.votes if vote.value is not None]
        if not votes:
            return []
        first = sum(vote.label == FIRST for vote in votes)
        second = sum(vote.label == SECOND for vote in votes)
        ties = sum(vote.value == 0.5 for vote in votes) / len(votes)
        share = (first + second) / len(votes)
        what = (
            f"{ties:.0%} of the pairs are ties; in {share:.0%} the same place was preferred in "
            f"both orders ({first} times the first answer, {second} times the second)"
        )
        if share >= 0.5:
            what += ": this judge looks at the place rather than at the answer"
        return [what]
