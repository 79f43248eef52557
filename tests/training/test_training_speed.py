"""Which models keep rows in one line apart, and what is packed and compiled."""

from __future__ import annotations

import pytest
import tiny

from benchmark.training import speed
from benchmark.training.pieces import Pieces


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


def llama(folder):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder)


def lora(folder):
    from peft import LoraConfig, get_peft_model

    return get_peft_model(llama(folder), LoraConfig(r=2, task_type="CAUSAL_LM"))


def careless(folder):
    """Return a Llama that takes positions and does not look at them."""
    model = llama(folder)
    model.model.register_forward_pre_hook(
        lambda module, args, more: (args, {**more, "position_ids": None}), with_kwargs=True
    )
    return model


def gpt2(folder):
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(
        GPT2Config(vocab_size=90, n_embd=32, n_layer=2, n_head=2, n_positions=64)
    )


def bloom(folder):
    """Return a model that counts distances, and takes no positions."""
    from transformers import BloomConfig, BloomForCausalLM

    return BloomForCausalLM(BloomConfig(vocab_size=90, hidden_size=32, n_layer=2, n_head=2))


def mamba(folder):
    """Return a model that carries what came before along."""
    from transformers import MambaConfig, MambaForCausalLM

    return MambaForCausalLM(MambaConfig(vocab_size=90, hidden_size=32, num_hidden_layers=2))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("build", "expected"),
    [(llama, True), (lora, True), (gpt2, True), (careless, False), (bloom, False), (mamba, False)],
)
def test_rows_in_one_line_are_kept_apart_or_not(folder, build, expected):
    import torch

    torch.manual_seed(0)
    model = build(folder).train()
    assert speed.keeps_apart(model) is expected
    assert model.training  # as it was


def test_only_what_keeps_apart_is_packed(folder):
    model = llama(folder)
    pieces = Pieces(tokens=1_000, rows=8)
    speed.pack(pieces, model, 100, compiled=False)
    assert (pieces.line, pieces.lines, pieces.steady) == (100, 1, False)
    pieces = Pieces(tokens=1_000, rows=8, masked=True)
    speed.pack(pieces, model, 100, compiled=True)
    assert (pieces.line, pieces.steady) == (0, False)
    pieces = Pieces(tokens=1_000, rows=8)
    speed.pack(pieces, careless(folder), 100, compiled=True)
    assert (pieces.line, pieces.steady) == (0, False)


@pytest.mark.parametrize(("tokens", "rows"), [(16_384, 500), (16_384, 4), (1_000, 99), (10, 1)])
def test_a_compiler_sees_few_shapes(folder, tokens, rows):
    pieces = Pieces(tokens=tokens, rows=rows)
    speed.pack(pieces, llama(folder), 64, compiled=True)
    assert pieces.steady
    heights = {
        pieces.height(piece) for count in range(1, 300) for piece in pieces.cut([64] * count)
    }
    assert len(heights) <= speed.SHAPES + 2


def test_the_layers_that_repeat_are_found(folder):
    model = lora(folder)
    layers = speed.repeated(model)
    assert [type(layer).__name__ for layer in layers] == ["LlamaDecoderLayer"] * 2
    import torch

    assert speed.repeated(torch.nn.Linear(2, 2)) == []
    assert speed.compile_layers(torch.nn.Linear(2, 2), launch_bound=False) is False
