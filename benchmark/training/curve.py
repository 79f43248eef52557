"""What a training curve says: one point a step, the best of them, and whether it overfits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmark.manifests import LossPoint

RISE = 0.02
"""From so large a rise of the validation loss over its best on, a model is said to overfit."""


def curve(history: Sequence[dict[str, Any]]) -> tuple[LossPoint, ...]:
    """Return one point a step, with the validation loss where it was measured."""
    losses = {row["step"]: row["loss"] for row in history if "loss" in row}
    watched = {row["step"]: row["eval_loss"] for row in history if "eval_loss" in row}
    return tuple(
        LossPoint(step=step, loss=loss, eval_loss=watched.get(step))
        for step, loss in sorted(losses.items())
    )


def overfitting(points: Sequence[LossPoint]) -> str:
    """Say in a sentence that validation and training loss went apart; "" if they did not."""
    watched = [point for point in points if point.eval_loss is not None]
    if len(watched) < 2:
        return ""
    best = min(watched, key=lambda point: point.eval_loss or 0.0)
    last = watched[-1]
    low, high = best.eval_loss or 0.0, last.eval_loss or 0.0
    before, after = _mean(points, best.step), _mean(points, last.step)
    if high <= low * (1 + RISE) or after >= before:
        return ""
    return (
        f"validation loss rose from {low:.3f} (step {best.step}) to {high:.3f} (step {last.step}) "
        f"while training loss fell from {before:.3f} to {after:.3f}"
    )


def _mean(points: Sequence[LossPoint], step: int) -> float:
    """Return the mean training loss of the ten steps up to one: single steps are noisy."""
    near = [point.loss for point in points if step - 10 < point.step <= step]
    return sum(near) / max(1, len(near))


def best(points: Sequence[LossPoint]) -> LossPoint | None:
    """Return the point of the lowest validation loss; None where none was measured."""
    watched = [point for point in points if point.eval_loss is not None]
    return min(watched, key=lambda point: point.eval_loss or 0.0) if watched else None


def last(points: Sequence[LossPoint]) -> LossPoint | None:
    """Return the last point with a validation loss; None where none was measured."""
    watched = [point for point in points if point.eval_loss is not None]
    return watched[-1] if watched else None
