"""`judging:`: what is asked of the judges themselves before their opinions count."""

from __future__ import annotations

from pydantic import Field, model_validator

from benchmark.stats import wilson
from benchmark.suite_base import Name, Spec

WORTHLESS = 5
"""Kinds of worthless canary answers (`core.canaries.KINDS` without the reference)."""


class JudgingSpec(Spec):
    """How judges are tested in each run, and from where on one is trusted.

    A bar is met by the interval, not by the point, as a gate's bound is.
    """

    canaries: int = Field(default=16, ge=0)
    """Test examples of which each judge is also shown answers of known worth; 0: none, and no
    judge is trusted."""
    min_auc: float = Field(default=0.7, ge=0.5, lt=1)
    """The chance that it puts the reference above another example's answer: the low end of its
    interval must reach this."""
    max_false_pass: float = Field(default=0.1, gt=0, le=1)
    """The share of worthless answers that pass: the high end of its interval must stay within."""
    min_kappa: float | None = Field(default=None, gt=0, lt=1)
    """If set, only a judge is trusted whose calibration holds and whose kappa with people, by
    the low end of its interval, reaches this."""
    passes: dict[Name, float] = Field(default_factory=dict)
    """Judge -> from which opinion on an answer passes. Default: what the judge itself says,
    else the middle of its scale."""
    samples: int | None = Field(default=None, ge=1)
    """Where candidates give several samples of each answer: how many of them are judged, from
    the first on. Default: all; an example's opinion is their mean."""
    calibration: str | None = None
    """Calibration file; default: `calibration/<suite>.json` beside the suite file or in suites/."""

    @model_validator(mode="after")
    def _can_be_met(self) -> JudgingSpec:
        if not self.canaries:
            return self
        passing = wilson(0, WORTHLESS * self.canaries).high
        order = wilson(self.canaries, self.canaries).low
        for best, bar, name, can in (
            (passing, passing <= self.max_false_pass, "max_false_pass", "at most"),
            (order, order >= self.min_auc, "min_auc", "at least"),
        ):
            if not bar:
                raise ValueError(
                    f"{self.canaries} canaries can show {can} {best:.2f} of a judge without any "
                    f"mistake, and `{name}` is {getattr(self, name):g}; raise `canaries`"
                )
        return self
