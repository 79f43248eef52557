"""Gates: the rules of a suite that decide whether a run passes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, field_validator, model_validator

from benchmark.suite_base import Name, Spec

ACCEPTED = "accepted"
"""`against:` the accepted baseline of the suite, `<reports>/baselines/<suite>.json`."""
BASELINE = "baseline"
"""`against:` the candidate that the suite calls its baseline, in the same run."""
NAMED = "--baseline"
"""What a gate compares with that says nothing, where the command names a baseline."""
MAX_SLICES = 30
"""Most slices of one gate: with more, each is too small to say anything."""


class CostSpec(Spec):
    """What an answer may cost on average; every part that is given has to hold."""

    price: float | None = Field(default=None, gt=0)
    """In the currency of the backend's price list."""
    seconds: float | None = Field(default=None, gt=0)
    tokens: float | None = Field(default=None, gt=0)
    """Tokens of the answer, without those of the prompt."""

    @model_validator(mode="after")
    def _something(self) -> CostSpec:
        if self.price is None and self.seconds is None and self.tokens is None:
            raise ValueError("sets no limit; give `price`, `seconds` or `tokens`")
        return self


class GateSpec(Spec):
    """One rule with three outcomes. A bound is judged by the 95 % interval, not by the point."""

    score: str = ""
    """A number's label, such as `citation_accuracy`."""
    judge: str = ""
    """A judge's name instead of a score: its mean opinion, if it is known to be trustworthy."""
    candidates: tuple[Name, ...] = ()
    """Default: every candidate that is neither the baseline nor a control."""
    floor: float | None = Field(default=None, ge=0)
    """The score must be at least this (at most, where lower is better)."""
    max_drop: float | None = Field(default=None, ge=0)
    """The score may be worse than the baseline's by at most this much."""
    ratio: float | None = Field(default=None, gt=0)
    """The score must be at least so many times the baseline's (at most, where lower is better)."""
    beats: Name | None = None
    """The score must be better than that of this candidate."""
    against: str | None = None
    """What `max_drop` and `ratio` compare with: `baseline` (the suite's, in the same run),
    `accepted` (the same candidate in the accepted baseline), or a baseline file ending in .json.
    Default: `baseline`, unless the command names another with --baseline."""
    where: dict[str, str] = Field(default_factory=dict)
    """Judge only test examples with these values of `meta` (or `length: short | medium | long`)."""
    slice: str | None = None
    """A field of `meta`, or `length`: judge the examples of each of its values by themselves."""
    max_cost: CostSpec | None = None
    max_leaks: float | None = Field(default=None, ge=0, le=1)
    """Share of test examples that may also be found on the train side."""
    min_n: int = Field(default=2, ge=2)
    """With fewer scored examples the gate is inconclusive, whatever they say."""
    on_inconclusive: Literal["fail", "pass"] | None = None
    """What an inconclusive gate counts as; default: itself, which ends with exit code 3."""

    @field_validator("against")
    @classmethod
    def _known_source(cls, value: str | None) -> str | None:
        if value is not None and value not in (ACCEPTED, BASELINE) and not value.endswith(".json"):
            raise ValueError(f"is {value!r}; write baseline, accepted or a file ending in .json")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> GateSpec:
        problem = next(self._contradictions(), "")
        if problem:
            raise ValueError(problem)
        return self

    @property
    def bounds(self) -> list[str]:
        """Return the names of the bounds on a score that are set."""
        names = ("floor", "max_drop", "ratio", "beats")
        return [name for name in names if getattr(self, name) is not None]

    @property
    def compares(self) -> bool:
        """Tell whether it needs the baseline's answers."""
        return self.max_drop is not None or self.ratio is not None

    def _contradictions(self) -> Iterator[str]:
        """Yield what does not fit together; "; " before what to do."""
        others = [name for name in ("max_cost", "max_leaks") if getattr(self, name) is not None]
        subjects = [name for name in ("score", "judge") if getattr(self, name)] + others
        if len(subjects) > 1:
            yield f"judges {' and '.join(f'`{name}`' for name in subjects)}; write a gate for each"
        if others and (self.bounds or self.against):
            extra = (self.bounds or ["against"])[0]
            yield f"`{extra}` is a bound on a score, and this gate judges `{others[0]}`; remove it"
        if not self.bounds and not others:
            yield (
                "sets no bound; give `floor`, `max_drop`, `ratio`, `beats`, `max_cost` "
                "or `max_leaks`"
            )
        if not subjects:
            yield "names nothing to judge; give `score` or `judge`"
        if self.max_drop is not None and self.ratio is not None:
            yield "`max_drop` and `ratio` are two margins of one comparison; keep one"
        if self.against and not self.compares:
            yield "`against` is for `max_drop` and `ratio`; add one of them or remove it"
        if self.slice and self.slice in self.where:
            yield f"`where` keeps one value of {self.slice!r} and `slice` asks for all; keep one"
        if self.max_leaks is not None and (self.where or self.slice or self.candidates):
            yield "`max_leaks` is about the test side, not about candidates or parts; remove them"
        if self.beats and self.beats in self.candidates:
            yield f"{self.beats!r} cannot beat itself; take it out of `candidates` or of `beats`"
