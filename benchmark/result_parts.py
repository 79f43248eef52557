"""Parts of `results.json` that need nothing else of it."""

from __future__ import annotations

from benchmark.records import Record


class Scale(Record):
    """What the controls say of one number: where nothing lies, and where everything."""

    score: str
    """The number's label."""
    floor: float | None
    """The best value of a control without skill (echo, shuffled); None: there is none."""
    floor_by: str
    """The control that has it."""
    ceiling: float | None
    """The oracle's value."""
    difference: float | None
    """Oracle minus shuffled, over the examples both answered."""
    low: float | None
    high: float | None
    """Ends of its paired 95 % bootstrap interval (resampled by group)."""
    informative: bool | None
    """Whether the number tells the right answer from another example's: the interval is on the
    right side of 0. None: there is no such pair of controls, or no interval."""
    echo: float | None
    """How far echo gets from shuffled (0) to the oracle (1), or of the oracle's value where there
    is no shuffled."""


class ForgettingSummary(Record):
    """One candidate's perplexity on general text, against its base without adapter."""

    candidate: str
    perplexity: float
    low: float
    high: float
    """Ends of its 95 % interval (bootstrap over passages)."""
    base_perplexity: float
    ratio: float
    """Perplexity over the base's: above 1, general text has become harder."""
    ratio_low: float
    ratio_high: float
    """Ends of the paired 95 % interval of the ratio."""
    p: float | None
    """Two-sided paired randomisation test of the ratio being 1."""
    texts: int
    tokens: int
    signature: str
