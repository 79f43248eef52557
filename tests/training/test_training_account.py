"""What a manifest says of a training, against what is known to be so."""

from __future__ import annotations

import pytest
import tiny
from trainer_helpers import ROWS, WATCHED, train

from benchmark.devices import Placement
from benchmark.models import local_model
from benchmark.training import account, weights


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def made(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return train(model, folder, watched=WATCHED, alpha=12), folder


def test_it_says_what_was_trained(model, made):
    record, folder = made
    assert (record.key, record.data_sha256, record.base) == ("k", "d", str(model))
    assert record.base_sha256 == local_model(str(model)).sha256
    assert record.adapter_sha256 == weights.sha256_of(folder)
    assert record.adapter_bytes == (folder / "adapter_model.safetensors").stat().st_size
    assert (record.method, record.objective, record.seed) == ("lora", "sft", 3)
    assert record.parameters["alpha"] == 12 and record.parameters["template"]["style"] == "alpaca"
    assert record.rows == len(ROWS)


def test_it_counts_what_there_is_to_train(made):
    record, _ = made
    # Rank 4 on each linear layer of two: (in + out) * 4, with 32 wide, 16 of keys, 64 inside.
    layer = 4 * (2 * (32 + 32) + 2 * (32 + 16) + 3 * (32 + 64))
    assert record.trainable_parameters == 2 * layer
    base = 400 * 32 * 2 + 32 + 2 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64 + 2 * 32)
    assert record.total_parameters == base + 2 * layer


def test_it_says_what_it_cost_and_where(made):
    record, _ = made
    assert record.seconds > 0 and record.resumed == 0
    assert record.peak_memory > 50 * 2**20  # torch alone is more
    assert (record.device, record.dtype, record.processes) == ("cpu", "float32", 1)
    assert record.hardware == account.hardware(Placement("cpu", "float32"))
    assert record.hardware.endswith("cores")
    assert not record.compiled and not record.gradient_checkpointing
    assert set(record.versions) == {"accelerate", "peft", "torch", "transformers", "trl"}


def test_what_is_kept_after_a_training_that_cannot_go_back_is_the_last(model, tmp_path):
    """AdaLoRA's ranks are only right at the end: no best weights are kept of it."""
    found = train(model, tmp_path, watched=WATCHED, method="adalora", eval_steps=2)
    watched = [point.eval_loss for point in found.curve if point.eval_loss is not None]
    assert len(watched) == 3
    assert (found.eval_loss, found.best_step) == (watched[-1], None)
