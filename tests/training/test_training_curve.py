"""What a curve says, by tables."""

from __future__ import annotations

import pytest

from benchmark.manifests import LossPoint
from benchmark.training import curve


def points(*rows):
    return tuple(LossPoint(step=step, loss=loss, eval_loss=watched) for step, loss, watched in rows)


def test_a_curve_is_one_point_a_step_from_what_was_logged():
    history = [
        {"loss": 3.0, "grad_norm": 1.0, "step": 1},
        {"loss": 2.0, "step": 2},
        {"eval_loss": 2.5, "step": 2},
        {"train_loss": 2.5, "total_flos": 9.0, "step": 2},
        {"loss": 1.0, "step": 3},
    ]
    assert curve.curve(history) == points((1, 3.0, None), (2, 2.0, 2.5), (3, 1.0, None))
    assert curve.curve([]) == ()


BEST = [
    ([(1, 3.0, None)], None, None),
    ([(1, 3.0, 2.0)], 1, 1),
    ([(1, 3.0, 2.0), (2, 2.0, 1.5), (3, 1.0, 1.7)], 2, 3),
    ([(1, 3.0, 2.0), (2, 2.0, 2.0)], 1, 2),  # of two alike the first, whose weights are kept
    ([(1, 3.0, 0.0), (2, 2.0, 0.5), (3, 2.0, None)], 1, 2),
]


@pytest.mark.parametrize(("rows", "best", "last"), BEST)
def test_best_and_last(rows, best, last):
    assert getattr(curve.best(points(*rows)), "step", None) == best
    assert getattr(curve.last(points(*rows)), "step", None) == last


FALLS = [(step, 3.0 - 0.1 * step) for step in range(1, 21)]


def watched(losses, train=FALLS):
    return points(*((step, loss, losses.get(step)) for step, loss in train))


OVERFITTING = [
    ({}, ""),
    ({10: 2.0}, ""),  # one loss says nothing
    ({5: 2.5, 10: 2.2, 20: 2.0}, ""),  # it still falls
    ({5: 2.5, 10: 2.0, 20: 2.03}, ""),  # it rose by less than 2 %
    (
        {5: 2.5, 10: 2.0, 20: 2.5},
        "validation loss rose from 2.000 (step 10) to 2.500 (step 20) while training loss fell "
        "from 2.450 to 1.450",
    ),
    ({5: 2.0, 10: 3.0, 20: 2.0}, ""),  # it came back
]


@pytest.mark.parametrize(("losses", "text"), OVERFITTING)
def test_overfitting_is_said_in_a_sentence(losses, text):
    assert curve.overfitting(watched(losses)) == text


def test_where_both_losses_rise_it_is_not_overfitting():
    """A learning rate that is too high makes everything worse."""
    rising = [(step, 1.0 + 0.1 * step) for step in range(1, 21)]
    assert curve.overfitting(watched({10: 2.0, 20: 2.5}, rising)) == ""


def test_a_loss_of_nothing_is_a_loss():
    assert "rose from 0.000 (step 5) to 0.100" in curve.overfitting(watched({5: 0.0, 20: 0.1}))
