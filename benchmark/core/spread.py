"""Metrics that go by example, computed piece by piece: every text is cut once for all of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from benchmark.plugins import Metric
from benchmark.records import Example

if TYPE_CHECKING:
    from benchmark.plugins import Array

PIECE = 256
"""Examples in one piece. Pieces are the same whatever the number of cores, and so is every row."""
WORTH_IT = 20_000_000
"""Characters of answers and references from which more processes pay for their start."""


def by_example(metric: Metric) -> bool:
    """Tell whether a metric's rows may be computed piece by piece."""
    return bool(getattr(metric, "by_example", False))


def together(
    metrics: Mapping[str, Metric], examples: Sequence[Example], texts: Sequence[str]
) -> dict[str, Array]:
    """Return the statistics of every metric, by its name.

    Spread over the cores that `OMP_NUM_THREADS` allows (all of them unless it is set) where
    there is enough to do; memory does not grow with the number of examples in any case.
    """
    import numpy as np

    if not metrics:
        return {}
    pieces = [
        (examples[start : start + PIECE], texts[start : start + PIECE])
        for start in range(0, max(len(texts), 1), PIECE)
    ]
    found: dict[str, list[Array]] = {name: [] for name in metrics}
    for rows in _each(metrics, pieces, _workers(examples, texts)):
        for name, row in rows.items():
            found[name].append(row)
    return {name: np.concatenate(rows) for name, rows in found.items()}


def cores() -> int:
    """Return how many processes may work: `OMP_NUM_THREADS`, or the cores of this process."""
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _workers(examples: Sequence[Example], texts: Sequence[str]) -> int:
    chars = sum(map(len, texts))
    chars += sum(len(text) for example in examples for text in example.references)
    return cores() if chars >= WORTH_IT else 1


def _each(
    metrics: Mapping[str, Metric],
    pieces: Sequence[tuple[Sequence[Example], Sequence[str]]],
    workers: int,
) -> Iterator[dict[str, Array]]:
    """Yield the rows of each piece, in order."""
    workers = min(workers, len(pieces))
    if workers == 1:
        yield from (_piece(metrics, *piece) for piece in pieces)
        return
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    # loky starts its processes afresh and, unlike `spawn`, without running the program that
    # called us once more.
    several = Parallel(n_jobs=workers, return_as="generator", max_nbytes=None, batch_size=1)
    try:
        rows: Iterable[dict[str, Array]] = several(
            delayed(_piece)(metrics, *piece) for piece in pieces
        )
        yield from rows
    finally:
        get_reusable_executor().shutdown(wait=True)


def _piece(
    metrics: Mapping[str, Metric], examples: Sequence[Example], texts: Sequence[str]
) -> dict[str, Array]:
    return {name: metric.stats(examples, texts) for name, metric in metrics.items()}
