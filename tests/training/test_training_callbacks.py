"""When a checkpoint is due, and what the bar shows."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from benchmark.errors import CandidateError
from benchmark.training import callbacks
from benchmark.training.callbacks import Saver, Watcher


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that a test sets."""
    now = SimpleNamespace(time=1_000.0)
    monkeypatch.setattr(callbacks.time, "perf_counter", lambda: now.time)
    return now


def test_a_checkpoint_is_due_when_its_time_has_come(clock):
    saver = Saver(60.0)
    clock.time += 59
    assert not saver.due()
    clock.time += 2
    assert saver.due()
    saver.saved()
    assert not saver.due()


def test_saving_takes_a_twentieth_of_the_time_at_most(clock):
    saver = Saver(1.0)
    clock.time += 2
    assert saver.due()
    clock.time += 10  # so long it takes to write one
    saver.saved()
    clock.time += 199
    assert not saver.due()
    clock.time += 2
    assert saver.due()


def test_every_step_gets_one_if_the_suite_says_so(clock):
    saver = Saver(0.0)
    for _ in range(3):
        assert saver.due()
        clock.time += 10
        saver.saved()


def watcher(seconds=0.0):
    seen = []

    def tick(advance=1, *, note="", total=None):
        seen.append((advance, note, total))

    return Watcher(tick, Saver(seconds), dict), seen


def at(step, epoch, last=10, every="no"):
    args = SimpleNamespace(eval_strategy=every, device="cpu", output_dir="/nowhere")
    state = SimpleNamespace(global_step=step, epoch=epoch, max_steps=last, best_global_step=0)
    return args, state, SimpleNamespace(should_save=False)


@pytest.mark.parametrize(
    ("step", "epoch", "every", "saved"),
    [
        (3, 0.6, "epoch", True),
        (5, 1.0, "epoch", False),  # the validation that ends the epoch is still to come
        (5, 1.0, "steps", True),
        (5, 1.0, "no", True),
        (10, 2.0, "no", False),  # the adapter itself is saved now
    ],
)
def test_where_a_checkpoint_may_stand(step, epoch, every, saved):
    found, _ = watcher()
    args, state, control = at(step, epoch, every=every)
    found.on_step_end(args, state, control)
    assert control.should_save is saved


def test_the_bar_begins_where_a_resumed_training_goes_on():
    found, seen = watcher()
    found.on_train_begin(*at(4, 0.8))
    assert seen == [(4, "", 10)]


def test_losses_are_shown():
    found, seen = watcher()
    found.on_log(*at(4, 0.8), logs={"loss": 2.0, "grad_norm": 1.0})
    found.on_log(*at(4, 0.8), logs={"eval_loss": 1.5})
    assert [note for _, note, _ in seen] == ["loss 2.000", "validation loss 1.500"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(("name", "word"), [("loss", "training"), ("eval_loss", "validation")])
def test_a_loss_that_is_no_number_ends_it(name, word, value):
    found, _ = watcher()
    with pytest.raises(CandidateError, match=rf"^the {word} loss is {value} at step 4; lower"):
        found.on_log(*at(4, 0.8), logs={name: value})
