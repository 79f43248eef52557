"""A processor's own log-probabilities and dropout do what torch's do, faster."""

from __future__ import annotations

import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from trainer_helpers import ROWS, batch_of, start, step

from benchmark.training import processor
from benchmark.training.processor import Dropout


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 70), st.integers(1, 12), st.integers(2, 90), st.booleans(), st.integers(0, 9))
def test_log_probabilities_are_those_of_torch(tokens, size, words, biased, seed):
    dice = torch.Generator().manual_seed(seed)
    hidden = 3 * torch.randn(tokens, size, generator=dice)
    weight = torch.randn(words, size, generator=dice)
    bias = torch.randn(words, generator=dice) if biased else None
    targets = torch.randint(words, (tokens,), generator=dice)
    share = torch.rand(tokens, generator=dice)  # what the loss makes of each token

    def moved(log_probs):
        leaf = hidden.clone().requires_grad_()
        found = log_probs(leaf)
        (found * share).sum().backward()
        return found.detach(), leaf.grad

    found, gradient = moved(lambda leaf: processor._log_probs(leaf, weight, bias, targets))
    # Expected: torch's cross entropy of all logits at once.
    expected, wanted = moved(
        lambda leaf: (
            -functional.cross_entropy(
                functional.linear(leaf, weight, bias), targets, reduction="none"
            )
        )
    )
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(gradient, wanted, atol=1e-5, rtol=1e-4)


def test_tiles_change_nothing(monkeypatch):
    # 16 tokens are the least that go together: 45 make three tiles.
    dice = torch.Generator().manual_seed(1)
    hidden, weight = torch.randn(45, 8, generator=dice), torch.randn(50, 8, generator=dice)
    targets = torch.randint(50, (45,), generator=dice)
    whole = processor._log_probs(hidden, weight, None, targets)
    monkeypatch.setattr(processor, "TILE_BYTES", 1)
    torch.testing.assert_close(processor._log_probs(hidden, weight, None, targets), whole)


@pytest.mark.parametrize("p", [0.001, 0.05, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_drops_its_share_and_keeps_the_mean(p, dtype):
    torch.manual_seed(5)
    count = 400_003  # no multiple of four
    found = Dropout(p)(torch.ones(count, dtype=dtype))
    zeros = int((found == 0).sum())
    spread = (count * p * (1 - p)) ** 0.5
    assert abs(zeros - count * p) < 5 * spread
    kept = found[found != 0].double().unique()
    assert len(kept) == 1
    assert float(kept[0]) == pytest.approx(1 / (1 - p), rel=1e-4 if dtype.itemsize > 2 else 8e-3)


def test_dropout_draws_every_entry_by_itself():
    # The four entries that share a number are the danger: no two of them may go together.
    torch.manual_seed(6)
    found = (Dropout(0.25)(torch.ones(400_000)) == 0).view(-1, 4).double()
    assert found.mean(0).tolist() == pytest.approx([0.25] * 4, abs=0.007)
    together = torch.corrcoef(found.T) - torch.eye(4)
    assert float(together.abs().max()) < 0.016


def test_dropout_repeats_with_its_seed_and_rests_in_evaluation():
    entries = torch.randn(7, 5, requires_grad=True)
    drop = Dropout(0.3)
    torch.manual_seed(1)
    first = drop(entries)
    torch.manual_seed(1)
    assert torch.equal(drop(entries), first)
    (gradient,) = torch.autograd.grad(first.sum(), entries)
    assert torch.equal(gradient != 0, first != 0)  # a dropped entry learns nothing
    assert torch.equal(drop.eval()(entries), entries)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


def counted(monkeypatch):
    calls = []
    real = processor._log_probs
    monkeypatch.setattr(processor, "_log_probs", lambda *a: calls.append(1) or real(*a))
    return calls


def test_a_training_on_a_processor_uses_both(model, tmp_path, monkeypatch):
    calls = counted(monkeypatch)
    trainer = start(model, tmp_path, dropout=0.1).trainer
    drops = [part for part in trainer.model.modules() if isinstance(part, torch.nn.Dropout)]
    assert not [part for part in drops if part.p]
    step(trainer, batch_of(trainer))
    assert calls


@pytest.mark.parametrize(
    "why",
    ["the head is learned", "the head has a copy", "logits are capped", "logits are scaled"],
)
def test_other_heads_have_another_way(model, tmp_path, monkeypatch, why):
    calls = counted(monkeypatch)
    spec = {"method": "full"} if why == "the head is learned" else {}
    if why == "the head has a copy":
        spec = {"peft": {"modules_to_save": ["lm_head"]}}
    real = processor.suit

    def suit(network):
        config = network.get_base_model().config if hasattr(network, "get_base_model") else None
        if why == "logits are capped":
            config.final_logit_softcapping = 3.0
        elif why == "logits are scaled":
            config.logits_scaling = 2.0
        real(network)

    monkeypatch.setattr(processor, "suit", suit)
    trainer = start(model, tmp_path, ROWS[:2], **spec).trainer
    loss, gradients = step(trainer, batch_of(trainer))
    assert loss > 0
    assert gradients
    assert not calls
