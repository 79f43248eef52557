"""From votes to one verdict: by mean, median or majority, with the rules for ties and quorum said.

A vote without a value (abstained, failed, unreadable) is no vote: nothing stands in for it. Where
too few are left, there is no verdict.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from statistics import median
from typing import Literal, NamedTuple

from pydantic import Field

from benchmark.records import Vote
from benchmark.suite_base import Spec

WITHOUT = ("abstained", "unparseable", "refused", "cut", "over budget", "failed", "no quorum")
"""Labels of votes and verdicts without a value."""


class Voting(Spec):
    """How votes become a verdict."""

    rule: Literal["mean", "median", "majority"] = "mean"
    """mean: of the numbers. median: the middle one; of an even number, the mean of the two in the
    middle. majority: the mark that most gave."""
    ties: Literal["abstain", "lowest", "highest", "mean"] = "abstain"
    """For `majority`, where several marks have most votes: no verdict, the lowest or highest of
    them, or their mean."""
    quorum: float = Field(default=0.5, gt=0, le=1)
    """Least share of the votes asked for that must have a value."""
    on_disagreement: bool = False
    """Ask only the first two members; the others where those two differ by more than `apart`."""
    apart: float = Field(default=0.0, ge=0)
    """Difference of two numbers up to which they agree."""
    full_share: float = Field(default=0.2, ge=0, le=1)
    """With `on_disagreement`: share of the items, drawn by their content and the seed, on which
    all members vote anyway. Agreement can be told from these alone."""


class Tally(NamedTuple):
    """What votes amount to."""

    value: float | None
    label: str
    error: str | None = None


def tally(votes: Sequence[Vote], voting: Voting, levels: dict[float, str]) -> Tally:
    """Return the verdict of some votes.

    Args:
        votes: One or more; all that were asked for, with or without a value.
        voting: The rules.
        levels: Number -> mark, for the verdict's label.
    """
    values = [vote.value for vote in votes if vote.value is not None]
    needed = math.ceil(Fraction(voting.quorum).limit_denominator(1000) * len(votes))
    if len(values) < max(1, needed):
        return _without(votes, len(values), max(1, needed))
    if voting.rule == "mean":
        value = math.fsum(values) / len(values)
    elif voting.rule == "median":
        value = float(median(values))
    else:
        counts = Counter(values)
        most = max(counts.values())
        first = sorted(value for value, count in counts.items() if count == most)
        if len(first) > 1 and voting.ties == "abstain":
            return Tally(None, "abstained")
        chosen = {"lowest": first[:1], "highest": first[-1:]}.get(voting.ties, first)
        value = math.fsum(chosen) / len(chosen)
    return Tally(value, levels.get(value, f"{value:.3g}"))


def disagree(votes: Sequence[Vote], voting: Voting) -> bool:
    """Tell whether the first two members differ; one without a value agrees with nobody."""
    values = [vote.value for vote in votes[:2]]
    if any(value is None for value in values):
        return True
    one, two = (float(value or 0) for value in values)
    return abs(one - two) > voting.apart


def _without(votes: Sequence[Vote], has: int, needed: int) -> Tally:
    """Say why there is no verdict: the one reason that all votes share, or that they are few."""
    labels = {vote.label for vote in votes if vote.value is None}
    errors = [vote.error for vote in votes if vote.error]
    if not has and len(labels) == 1:
        return Tally(None, labels.pop(), errors[0] if errors else None)
    what = f"{has} of {len(votes)} votes have a value, and {needed} are needed"
    return Tally(None, "no quorum", f"{what}: {errors[0]}" if errors else what)
