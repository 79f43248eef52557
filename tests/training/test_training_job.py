"""How many steps a training has, and what makes one."""

from __future__ import annotations

import pytest
import tiny
from trainer_helpers import ROWS, job

from benchmark.training.data import Rows


def rows(count, tokens):
    return Rows([{"input_ids": [], "labels": []}] * count, 0, 0, tokens, [""] * count, 0, 0)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 12, 17])
@pytest.mark.parametrize("epochs", [0.01, 0.3, 1, 1.4, 2.5, 3])
@pytest.mark.parametrize("step", [1, 4, 5, 100])
def test_steps_are_those_that_transformers_makes(count, epochs, step):
    """The schedule and AdaLoRA's plan hang on them, and the bar's length."""
    import torch
    from transformers import Trainer, TrainingArguments

    trainer = Trainer(
        torch.nn.Linear(1, 1),
        TrainingArguments(
            per_device_train_batch_size=step, num_train_epochs=epochs, use_cpu=True,
            report_to="none", dataloader_pin_memory=False,
        ),
        train_dataset=[{"x": 0}] * count,
    )  # fmt: skip
    loader = trainer.get_train_dataloader()
    *_, expected = trainer.set_initial_training_values(trainer.args, loader)
    assert job("m", epochs=epochs, batch_size=step).steps(count) == max(1, expected)


@pytest.mark.parametrize(
    ("wanted", "count"), [(1, 1), (49, 1), (50, 1), (76, 2), (100, 2), (499, 10), (10**9, 10)]
)
def test_tokens_of_a_step_become_rows(wanted, count):
    """Ten rows of 50 tokens in the mean."""
    found = job("m", batch_tokens=wanted).for_rows(rows(10, 500))
    assert (found.step_rows, found.spec.batch_tokens) == (count, None)


def test_rows_of_a_step_stay_as_the_suite_says():
    asked = job("m", batch_size=3, accumulation=4)
    assert asked.for_rows(rows(10, 500)) is asked
    assert asked.step_rows == 12


def test_the_trainer_makes_as_many_steps(tmp_path):
    from trainer_helpers import train

    made = train(tiny.build(tmp_path / "tiny"), tmp_path / "a", epochs=1.4, batch_size=5)
    assert len(made.curve) == job("m", epochs=1.4, batch_size=5).steps(len(ROWS)) == 5
