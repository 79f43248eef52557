"""Does an answer hold together by itself? Yes or no; no reference is shown."""

from __future__ import annotations

from typing import ClassVar

from benchmark.judges.rubric import Graded


class Coherence(Graded):
    """1 where the answer is coherent and to the question, 0 where it is not."""

    usual: ClassVar[str] = "coherence"
