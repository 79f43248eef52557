"""A judge whose opinion is known beforehand: the fake that tests the judging stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from benchmark.plugins import JudgeItem, Plugin
from benchmark.progress import Progress
from benchmark.records import Verdict


class Fixed(Plugin):
    """Says `value` of every answer that contains `needle`, and abstains on the others."""

    arity: ClassVar[int] = 1

    value: float = 1.0
    needle: str = ""

    def judge(self, items: Sequence[JudgeItem], progress: Progress) -> list[Verdict]:
        """Return one verdict an item, in order."""
        return [self._verdict(item) for item in items]

    def _verdict(self, item: JudgeItem) -> Verdict:
        answer = item.generations[0]
        seen = answer.text is not None and self.needle in answer.text
        return Verdict(
            example_id=item.example.id,
            judge=self.signature,
            candidates=(answer.candidate,),
            value=self.value if seen else None,
            label="fixed" if seen else "abstained",
        )
