"""The network that is trained: what it needs, and in which formats it is."""

from __future__ import annotations

import importlib.util

import pytest
import tiny

from benchmark.devices import Placement
from benchmark.errors import CandidateError, MissingDependency
from benchmark.suite import TrainSpec
from benchmark.training.network import network, tokenizer_of

CPU = Placement("cpu", "float32")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


def test_a_tokenizer_has_something_to_pad_with(model, tmp_path):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path)
    assert AutoTokenizer.from_pretrained(tmp_path).pad_token_id is None
    assert tokenizer_of(tmp_path).pad_token_id == tokenizer.eos_token_id


def test_qlora_says_what_it_needs(model, monkeypatch):
    with pytest.raises(CandidateError, match=r"no Apple GPU version; use method: lora"):
        network(model, Placement("mps", "float16"), TrainSpec(method="qlora"), 1)
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "bitsandbytes" else real(name)
    )
    with pytest.raises(MissingDependency, match=r"qlora needs bitsandbytes; install it: pip"):
        network(model, CPU, TrainSpec(method="QLoRA"), 1)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_whatever_the_base_is_in_what_is_trained_is_precise(model, dtype):
    import torch

    adapted = network(model, Placement("cpu", dtype), TrainSpec(), 1)
    for name, value in adapted.named_parameters():
        assert value.requires_grad == ("lora_" in name)
        assert value.dtype == (torch.float32 if value.requires_grad else getattr(torch, dtype))
    whole = network(model, Placement("cpu", dtype), TrainSpec(method="full"), 1)
    assert {(value.requires_grad, value.dtype) for value in whole.parameters()} == {
        (True, torch.float32)
    }


def test_every_start_is_drawn_from_the_seed(model):
    import torch
    from transformers import set_seed

    def start(seed):
        set_seed(seed)
        return torch.cat([
            value.flatten()
            for name, value in network(model, CPU, TrainSpec(), 1).named_parameters()
            if "lora_A" in name
        ])  # fmt: skip

    assert torch.equal(start(1), start(1))
    assert not torch.equal(start(1), start(2))
