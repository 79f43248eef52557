"""What a gate said: its record in `results.json`."""

from __future__ import annotations

from typing import Literal

from benchmark.records import Record

Outcome = Literal["pass", "fail", "inconclusive"]


class GateResult(Record):
    """What one rule says of one candidate, in one sentence."""

    gate: str
    candidate: str
    """ "" where the rule is not about candidates."""
    score: str
    outcome: Outcome
    reason: str
    slice: str = ""
    """The part of the test side that was judged: "code=travail"; "" for all of it."""
    needed: int | None = None
    """Where it is inconclusive: how many examples would settle it, if they go on like these."""
    counts_as: Outcome | None = None
    """What an inconclusive outcome counts as by the gate's `on_inconclusive`; None: as itself."""

    worse: tuple[str, ...] = ()
    """Where two sides are compared: examples that score worse, the largest change first."""
    better: tuple[str, ...] = ()

    @property
    def effective(self) -> Outcome:
        """Return the outcome that the verdict and the exit code are made from."""
        return self.counts_as or self.outcome

    @property
    def title(self) -> str:
        """Return the rule with the part of the test side that it judged: "holds [code=x]"."""
        return f"{self.gate} [{self.slice}]" if self.slice else self.gate

    @property
    def who(self) -> str:
        """Return whom the rule is about, for a reader."""
        return self.candidate or ("test side" if self.score == "leaks" else "nobody")
