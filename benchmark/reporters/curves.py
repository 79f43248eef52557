"""Training curves: the points of their charts, and what they say to who cannot see one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from benchmark.manifests import TrainingManifest
from benchmark.reporters import format as fmt

MOST_POINTS = 300
"""Points of one line; of a longer training, each point is the mean of several steps."""

Points = list[tuple[float, float]]
"""(step, loss), all finite."""


class Extent(NamedTuple):
    """The steps and losses that axes must hold."""

    first: float
    last: float
    low: float
    high: float


def extent(manifests: Iterable[TrainingManifest]) -> Extent | None:
    """Return what axes must span to hold every curve; None if there is nothing to draw."""
    points = [
        point for made in manifests for line in (trained(made), held_out(made)) for point in line
    ]
    if not points:
        return None
    steps, losses = zip(*points, strict=True)
    return Extent(min(steps), max(steps), min(losses), max(losses))


def is_drawn(made: TrainingManifest) -> bool:
    """Tell whether a curve can be drawn: at least two points that are numbers."""
    return max(len(trained(made)), len(held_out(made))) >= 2


def mean_of(made: TrainingManifest) -> int:
    """Return how many steps one point of the drawn training loss stands for."""
    return -(-len(trained(made)) // MOST_POINTS)


def trained(made: TrainingManifest) -> Points:
    """Return (step, training loss) where that is a number."""
    return [(point.step, point.loss) for point in made.curve if math.isfinite(point.loss)]


def held_out(made: TrainingManifest) -> Points:
    """Return (step, validation loss) where that was measured and is a number."""
    pairs = ((point.step, fmt.known(point.eval_loss)) for point in made.curve)
    return [(step, loss) for step, loss in pairs if loss is not None]


def thinned(points: Sequence[tuple[float, float]], each: int) -> Points:
    """Return the means of each `each` points that follow each other."""
    found = []
    for start in range(0, len(points), max(1, each)):
        part = points[start : start + max(1, each)]
        steps, losses = zip(*part, strict=True)
        found.append((sum(steps) / len(part), sum(losses) / len(part)))
    return found


def ends(made: TrainingManifest) -> tuple[str, str]:
    """Return the first and the last training loss as they are shown."""
    if not made.curve:
        return fmt.NOTHING, fmt.NOTHING
    return fmt.number(made.curve[0].loss), fmt.number(made.curve[-1].loss)


def in_words(made: TrainingManifest) -> str:
    """Return what a curve shows, for who cannot see it."""
    losses, watched = trained(made), held_out(made)
    if not losses and not watched:
        return "No loss was recorded."
    said = []
    if losses:
        said.append(f"Training loss {_between(losses)}.")
    if watched:
        step, loss = min(watched, key=lambda point: point[1])
        lowest = f", lowest {fmt.number(loss)} at step {fmt.number(step, 0)}"
        said.append(f"Validation loss {_between(watched)}{lowest if len(watched) > 2 else ''}.")
    if made.best_step is not None:
        said.append(f"The weights of step {fmt.count(made.best_step)} were kept.")
    return " ".join(said)


def sparklines(made: TrainingManifest, width: int) -> tuple[str, str]:
    """Return training and validation loss as two lines of blocks on one scale."""
    span = extent([made])
    if span is None:
        return "", ""
    training, validation = (
        fmt.sparkline([loss for _, loss in points], span.low, span.high, width)
        for points in (trained(made), held_out(made))
    )
    return training, validation


def _between(points: Points) -> str:
    (first, start), (last, end) = points[0], points[-1]
    if len(points) == 1:
        return f"{fmt.number(start)} at step {fmt.number(first, 0)}"
    return (
        f"from {fmt.number(start)} at step {fmt.number(first, 0)} "
        f"to {fmt.number(end)} at step {fmt.number(last, 0)}"
    )
