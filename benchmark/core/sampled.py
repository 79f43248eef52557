"""Several answers to one prompt: their mean is the example's, their spread is told beside it.

The example stays what is counted: intervals and tests would take k answers to one question for
k questions, and promise more than n questions can show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import fsum
from typing import TYPE_CHECKING

from benchmark.plugins import Metric
from benchmark.records import Score, Verdict

if TYPE_CHECKING:
    from benchmark.plugins import Array

Stats = tuple[float, ...]


def mean_stats(rows: Sequence[Stats | None]) -> Stats | None:
    """Return the mean of the statistics that are there; None where there are none."""
    known = [row for row in rows if row is not None]
    if len(known) < 2:
        return known[0] if known else None
    return tuple(fsum(column) / len(known) for column in zip(*known, strict=True))


def mean_values(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each value over the samples that have it."""
    if len(rows) == 1:
        return dict(rows[0])
    found: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            found.setdefault(name, []).append(value)
    return {name: fsum(values) / len(values) for name, values in found.items()}


def opinions_by_example(verdicts: Iterable[Verdict]) -> dict[str, float]:
    """Return a judge's mean opinion of each example on which it has one."""
    found: dict[str, list[float]] = {}
    for row in verdicts:
        if row.value is not None:
            found.setdefault(row.example_id, []).append(row.value)
    return {name: fsum(values) / len(values) for name, values in found.items()}


def between(metric: Metric, rows: Sequence[Score]) -> Array | None:
    """Return how far each number goes from one sample to the next. Shape: (s,).

    That is the standard deviation (over k - 1) of k numbers, each of one sample of every
    example: what another seed would change. None where fewer than 2 samples were asked for, or
    no example has them all; NaN where a number is undefined.
    """
    import numpy as np

    count = max((len(row.samples) for row in rows), default=0)
    whole = [
        [sample for sample in row.samples if sample is not None]
        for row in rows
        if row.samples.count(None) == 0 and len(row.samples) == count
    ]
    if count < 2 or not whole:
        return None
    totals = np.array(whole, dtype=np.float64).sum(axis=0)
    found: Array = np.std(metric.values(totals), axis=0, ddof=1)
    return found
