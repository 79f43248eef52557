"""Verdicts as numbers like any other: with an interval, a comparison with the baseline, and p.

A verdict's statistics are (value, 1): the sum of values over their number is the judge's mean. A
verdict without a value has no statistics, and is counted as failed; nothing stands in for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.core.sampled import mean_stats
from benchmark.plugins import Metric, ScoreInfo
from benchmark.records import Example, Generation, Score, Verdict

if TYPE_CHECKING:
    from benchmark.plugins import Array

EVEN = 0.5
"""What the baseline scores in a comparison with itself: it is the middle by definition."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """The mean of one value an example, in the place of a metric: statistics are (value, 1).

    The values are a judge's verdicts, or what an answer cost: made elsewhere, and only summed here.
    """

    name: str
    signature: str = ""
    """Of what gave the values."""
    higher_is_better: bool = True

    @property
    def key(self) -> str:
        """Return the signature: nothing is computed from it."""
        return self.signature

    def weights(self) -> str:
        """Return nothing: the judge has its own."""
        return ""

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the one number."""
        return (ScoreInfo(self.name, self.higher_is_better),)

    def stats(self, examples: Sequence[Example], texts: Sequence[str]) -> Array:
        """Refuse, for no text tells these values. Raises TypeError: a mistake of the caller."""
        raise TypeError(f"{self.name} is not computed from texts")

    def values(self, totals: Array) -> Array:
        """Return the mean. Shape: (..., 2) -> (..., 1)."""
        return totals[..., :1] / totals[..., 1:]


def opinions(
    signatures: Mapping[str, str],
) -> tuple[dict[str, Metric], dict[tuple[str, str], str]]:
    """Return judges as metrics, and the labels of their numbers, as `compare.Scored` has them."""
    metrics: dict[str, Metric] = {name: Opinion(name, said) for name, said in signatures.items()}
    return metrics, {(name, name): name for name in signatures}


def rows_of(
    candidate: str, judge: str, answers: Sequence[Generation], verdicts: Iterable[Verdict]
) -> list[Score]:
    """Return one record an example, in order; without statistics where there is no value.

    Args:
        candidate: Whose answers.
        judge: Whose opinions.
        answers: What was to be judged; of an example, one or several samples.
        verdicts: On them.
    """
    values = {(row.example_id, next(iter(row.samples), 0)): row.value for row in verdicts}
    found: dict[str, list[float | None]] = {}
    for row in answers:
        found.setdefault(row.example_id, []).append(values.get((row.example_id, row.sample)))
    return [_row(example, candidate, judge, *mine) for example, mine in found.items()]


def even_rows(baseline: str, judge: str, examples: Iterable[Example]) -> list[Score]:
    """Return the baseline's records where a judge compares with it: it is even with itself."""
    return [_row(example.id, baseline, judge, EVEN) for example in examples]


def _row(example: str, candidate: str, judge: str, *values: float | None) -> Score:
    """Return the record of one example, from the opinions of all of its samples."""
    samples = tuple(None if value is None else (value, 1.0) for value in values)
    stats = mean_stats(samples)
    return Score(
        example_id=example,
        candidate=candidate,
        metric=judge,
        stats=stats,
        values={} if stats is None else {judge: stats[0]},
        samples=samples if len(samples) > 1 else (),
    )
