"""Does an answer state the same facts as the reference? Yes or no."""

from __future__ import annotations

from typing import ClassVar

from benchmark.judges.rubric import Graded


class SameFacts(Graded):
    """1 where the answer states the facts of the reference, 0 where it does not."""

    usual: ClassVar[str] = "same-facts"
