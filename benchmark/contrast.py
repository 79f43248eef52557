"""Two runs beside each other: what `bench compare` finds."""

from __future__ import annotations

from benchmark.records import Record


class Changed(Record):
    """One thing that is not the same in both runs."""

    part: str
    """data, suite, candidate NAME, environment."""
    name: str
    left: str
    right: str


class ContrastRow(Record):
    """One number of one candidate in both runs, over the examples that both have."""

    candidate: str
    """Its name; "a → b" where the two runs call it differently."""
    score: str
    left: float | None
    right: float | None
    difference: float | None
    """Right minus left."""
    low: float | None
    high: float | None
    p: float | None
    n: int
    """Examples that both answered."""
    shared: int
    """Examples that both runs asked."""
    higher_is_better: bool | None
    problem: str = ""
    """Why the two are not comparable: the numbers are then missing, unless it was forced."""

    @property
    def verdict(self) -> str:
        """Return "better" or "worse" where interval and p both say so, else ""."""
        if self.difference is None or self.low is None or self.high is None or self.problem:
            return ""
        if self.higher_is_better is None:
            return ""
        if not (self.low > 0 or self.high < 0) or (self.p is not None and self.p >= 0.05):
            return ""
        return "better" if (self.difference > 0) == self.higher_is_better else "worse"


class Flip(Record):
    """One answer that scores differently."""

    candidate: str
    score: str
    example_id: str
    question: str
    reference: str
    left: float
    right: float
    left_text: str
    right_text: str
    is_better: bool


class Contrast(Record):
    """All of it."""

    left: str
    """Run ids; "left" is the earlier or the reference."""
    right: str
    left_suite: str
    right_suite: str
    shared: int
    """Examples that both runs asked in the same words."""
    only_left: int
    only_right: int
    edited: int
    """Examples of the same id whose prompt or reference differs: not shared."""
    changed: tuple[Changed, ...]
    rows: tuple[ContrastRow, ...]
    flips: tuple[Flip, ...]
    forced: bool = False
