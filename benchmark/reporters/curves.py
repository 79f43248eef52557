"""Training curves: where their marks go in a chart, and what they say to who cannot see one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from benchmark.manifests import TrainingManifest
from benchmark.reporters import format as fmt
from benchmark.reporters.charts import Scale, Tick, ticks

MOST_POINTS = 300
"""Points of one line; of a longer training, each point is the mean of several steps."""
_RIGHT, _TOP = 14, 24
"""Room beside and above the lines, in pixels; the name of the vertical axis stands above."""

Points = list[tuple[float, float]]
"""(step, loss), all finite."""


class Extent(NamedTuple):
    """The steps and losses that axes must hold."""

    first: float
    last: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LossChart:
    """A training curve, in pixels."""

    width: int
    height: int
    left: int
    right: int
    bottom: int
    line: str
    """SVG points of the training loss."""
    held_out: tuple[tuple[float, float], ...]
    """Points of the validation loss."""
    best: tuple[float, float | None] | None
    """Step whose weights were kept, and its validation loss where that was measured."""
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    mean_of: int
    """Steps that one point of the training loss stands for."""

    @property
    def held_out_line(self) -> str:
        """Return the SVG points of the line through the validation losses."""
        return " ".join(f"{x},{y}" for x, y in self.held_out)


def extent(manifests: Iterable[TrainingManifest]) -> Extent | None:
    """Return what axes must span to hold every curve; None if there is nothing to draw."""
    points = [
        point for made in manifests for line in (trained(made), held_out(made)) for point in line
    ]
    if not points:
        return None
    steps, losses = zip(*points, strict=True)
    return Extent(min(steps), max(steps), min(losses), max(losses))


def loss_chart(
    made: TrainingManifest, within: Extent | None = None, width: int = 640, height: int = 260
) -> LossChart | None:
    """Return a training curve, or None if it has fewer than two points that are numbers.

    Args:
        made: What was trained.
        within: What the axes span; by default this curve alone.
        width: Of the chart, in pixels.
        height: Of the chart, in pixels.
    """
    losses, watched = trained(made), held_out(made)
    span = within or extent([made])
    if span is None or max(len(losses), len(watched)) < 2:
        return None
    steps = ticks(span.first, span.last, 6 if width > 400 else 3)
    room = 0.04 * (span.high - span.low or abs(span.high) or 1.0)
    low, high = span.low - room, span.high + room
    levels = [level for level in ticks(low, high, 5 if height > 200 else 4) if low <= level <= high]
    names = [f"{level:.4g}" for level in levels]
    left, bottom = 18 + 8 * max(map(len, names), default=1), height - 40
    x = Scale(span.first, span.last, left, width - _RIGHT)
    y = Scale(low, high, bottom, _TOP)
    mean_of = -(-len(losses) // MOST_POINTS)
    return LossChart(
        width=width,
        height=height,
        left=left,
        right=width - _RIGHT,
        bottom=bottom,
        line=" ".join(f"{x.at(step)},{y.at(loss)}" for step, loss in thinned(losses, mean_of)),
        held_out=tuple((x.at(step), y.at(loss)) for step, loss in watched),
        best=_best(made, span, watched, (x, y)),
        x_ticks=tuple(
            Tick(x.at(step), fmt.number(step, 0))
            for step in steps
            if step == int(step) and span.first <= step <= span.last
        ),
        y_ticks=tuple(
            Tick(y.at(level), name) for level, name in zip(levels, names, strict=True)
        ),
        mean_of=mean_of,
    )  # fmt: skip


def trained(made: TrainingManifest) -> Points:
    """Return (step, training loss) where that is a number."""
    return [(point.step, point.loss) for point in made.curve if math.isfinite(point.loss)]


def held_out(made: TrainingManifest) -> Points:
    """Return (step, validation loss) where that was measured and is a number."""
    pairs = ((point.step, fmt.known(point.eval_loss)) for point in made.curve)
    return [(step, loss) for step, loss in pairs if loss is not None]


def thinned(points: Sequence[tuple[float, float]], mean_of: int) -> Points:
    """Return the means of each `mean_of` points that follow each other."""
    found = []
    for start in range(0, len(points), max(1, mean_of)):
        part = points[start : start + max(1, mean_of)]
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


def _best(
    made: TrainingManifest, span: Extent, watched: Points, scales: tuple[Scale, Scale]
) -> tuple[float, float | None] | None:
    step = made.best_step
    if step is None or not span.first <= step <= span.last:
        return None
    x, y = scales
    loss = dict(watched).get(step)
    return x.at(step), None if loss is None else y.at(loss)
