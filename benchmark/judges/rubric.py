"""A judge that grades answers by any rubric, with or without a reference."""

from __future__ import annotations

from typing import ClassVar

from benchmark.judges.jury import Jury
from benchmark.judges.prompts import Question, Sheet, ask
from benchmark.plugins import JudgeItem


class Graded(Jury):
    """Gives each answer a mark of its rubric's scale; `quality-fr` where none is named."""

    usual: ClassVar[str] = "quality"

    def questions(self, item: JudgeItem, variant: str) -> list[Question]:
        """Return the one question about an answer."""
        shown, answer = self.shown(item), item.generations[0].text
        if shown is None or answer is None:
            return []
        sheet = Sheet(self.text, variant, *shown, answers=(answer,))
        return [ask(sheet, self.seed, longest=self.max_chars)]
