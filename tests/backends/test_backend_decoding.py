"""Stretches, shared beginnings and rows that leave change nothing in the answers."""

from __future__ import annotations

import random

import pytest
import tiny
import tiny_adapters
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, GenerationConfig

from benchmark.backends import decoding, reading, stretch
from benchmark.backends.adapters import put_on
from benchmark.backends.decoding import Order, new_tokens, shared, side_by_side, until
from benchmark.backends.room import Room, planned, room
from benchmark.keys import sha256_of_file

PROMPTS = st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=8), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def model(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    model.generation_config = GenerationConfig()
    return model


def prompts(count=7, begun=0, seed=3):
    dice = random.Random(seed)
    head = [dice.randrange(3, 400) for _ in range(begun)]
    return [
        head + [dice.randrange(3, 400) for _ in range(dice.randint(2, 40))] for _ in range(count)
    ]


def order(asked, new=40, ends=(), over=lambda made: False, tick=lambda count: None):
    return Order(asked, new, frozenset(ends), 0, None, over, tick)


def plainly(model, prompt, new=40, ends=()):
    """Expected: transformers' own generate, one prompt, all of it at once."""
    output = model.generate(
        input_ids=torch.tensor([prompt]),
        attention_mask=torch.ones((1, len(prompt)), dtype=torch.long),
        generation_config=GenerationConfig(
            max_new_tokens=new, eos_token_id=sorted(ends) or None, pad_token_id=0, do_sample=False
        ),
    )
    return output[0, len(prompt) :].tolist()


@pytest.mark.parametrize("begun", [0, 5, 60])
def test_answers_are_those_of_each_prompt_alone(model, begun):
    asked = prompts(begun=begun)
    free = [plainly(model, prompt) for prompt in asked]
    # Tokens that end some answers early, at different steps, and others never.
    ends = {free[0][3], free[1][17], free[2][30]}
    found = new_tokens(model, order(asked, ends=ends))
    assert found == [plainly(model, prompt, ends=ends) for prompt in asked]
    assert len({len(row) for row in found}) > 2


@pytest.mark.parametrize("begun", [0, 50])
@pytest.mark.parametrize("most", [1, 70, 10_000])
def test_prompts_are_read_in_parts_of_like_length(model, monkeypatch, begun, most):
    asked = sorted(prompts(9, begun), key=len, reverse=True) + [[7]] * (not begun)
    monkeypatch.setattr(reading, "AT_ONCE", {"cpu": most})
    seen = passes(model, monkeypatch)
    found = new_tokens(model, order(asked, 20))
    assert found == [plainly(model, prompt, 20) for prompt in asked]
    first = seen[bool(begun) :]
    parts = first[: next(at for at, shape in enumerate(first) if shape == (len(asked), 1))]
    assert len(parts) == {1: 9, 70: len(parts), 10_000: 1}[most]
    assert all(rows == 1 or rows * width <= most for rows, width in parts)


def test_prompts_of_one_token_are_answered(model):
    asked = [[7], [8], [7]]
    assert new_tokens(model, order(asked, 20)) == [plainly(model, prompt, 20) for prompt in asked]


def test_a_step_in_place_needs_a_model_that_takes_positions(model):
    from transformers import BloomConfig, BloomForCausalLM

    assert stretch.repeats(model)
    torch.manual_seed(0)
    bloom = BloomForCausalLM(BloomConfig(vocab_size=400, hidden_size=32, n_layer=2, n_head=4))
    assert not stretch.repeats(bloom.eval())  # its positions come from the mask
    bloom.generation_config = GenerationConfig()
    asked = prompts(5)
    assert new_tokens(bloom, order(asked, 20)) == [plainly(bloom, prompt, 20) for prompt in asked]


def passes(model, monkeypatch):
    """Note the shape of everything that goes through the model."""
    seen = []
    forward = model.model.forward

    def noted(*args, **more):
        seen.append(tuple(more["input_ids"].shape))
        return forward(*args, **more)

    monkeypatch.setattr(model.model, "forward", noted)
    return seen


def test_rows_that_ended_are_not_computed_any_more(model, monkeypatch):
    asked = prompts()
    free = [plainly(model, prompt, new=64) for prompt in asked]
    early = {tuple(row[:2]) for row in free[:5]}
    seen = passes(model, monkeypatch)
    ticks = []
    found = new_tokens(
        model, order(asked, 64, over=lambda made: tuple(made[:2]) in early, tick=ticks.append)
    )
    stay = sum(tuple(row[:2]) not in early for row in free)
    assert 0 < stay < len(asked)
    steps = [rows for rows, width in seen]
    first = decoding.STRETCH["cpu"]
    assert steps[: first + 1] == [len(asked)] * (first + 1)  # the prompts, then a stretch
    assert set(steps[first + 1 :]) == {stay}
    assert len(steps) == 1 + 64
    assert [len(row) for row in found] == [first if tuple(row[:2]) in early else 64 for row in free]
    assert sum(ticks) == 64 * len(asked)  # the bar comes to its end all the same


def test_a_shared_beginning_is_computed_once(model, monkeypatch):
    asked = prompts(begun=60)
    begun = shared(asked)
    seen = passes(model, monkeypatch)
    new_tokens(model, order(asked, 3))
    assert seen[0] == (1, begun)
    assert seen[1] == (len(asked), max(map(len, asked)) - begun - 1)
    assert seen[2:] == [(len(asked), 1)] * 3


@pytest.mark.parametrize("kind", ["a window", "states"])
def test_models_that_keep_something_else_are_asked_the_ordinary_way(folder, kind):
    from transformers import MambaConfig, MambaForCausalLM, MistralConfig, MistralForCausalLM

    torch.manual_seed(0)
    if kind == "a window":
        small = MistralConfig(
            vocab_size=400, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, sliding_window=8,
        )  # fmt: skip
        model = MistralForCausalLM(small).eval()
    else:
        model = MambaForCausalLM(
            MambaConfig(vocab_size=400, hidden_size=32, num_hidden_layers=2, state_size=4)
        ).eval()
    model.generation_config = GenerationConfig()
    asked = prompts(3, begun=50)
    assert not decoding._keeps_pairs(model)
    rows = new_tokens(model, order(asked, 20))
    if kind == "a window":  # a recurrent state runs through padding too, here as everywhere
        assert rows == [plainly(model, prompt, 20) for prompt in asked]


@given(PROMPTS)
def test_what_all_share_is_their_beginning(asked):
    begun = shared(asked)
    assert all(prompt[:begun] == asked[0][:begun] for prompt in asked)
    assert all(len(prompt) > begun for prompt in asked)
    longer = {tuple(prompt[: begun + 1]) for prompt in asked}
    assert len(longer) > 1 or begun == min(map(len, asked)) - 1


@given(PROMPTS)
def test_rows_stand_side_by_side_with_nothing_lost(asked):
    begun = shared(asked)
    rows, seen = side_by_side(asked, begun, 0)
    assert len({len(row) for row in [*rows, *seen]}) == 1
    for prompt, row, real in zip(asked, rows, seen, strict=True):
        assert [token for token, is_real in zip(row, real, strict=True) if is_real] == prompt
        assert real[-1] == 1


@given(st.lists(st.integers(0, 6)), st.sets(st.integers(0, 6)))
def test_until_stops_at_the_first_end(tokens, ends):
    kept, ended = until(tokens, frozenset(ends))
    assert kept == tokens[: len(kept)]
    assert not set(kept[:-1]) & ends
    assert ended == bool(kept and kept[-1] in ends) == bool(set(tokens) & ends)


@settings(deadline=None)
@given(st.lists(st.integers(1, 300), max_size=60), st.integers(1, 64), st.integers(0, 4000))
def test_every_prompt_is_in_one_batch_that_fits(lengths, new, free):
    fits = Room(free=free, cached=1.0, passing=0.5, logits=9.0, rows=16)
    batches = planned(lengths, new, fits)
    assert sorted(at for batch in batches for at in batch) == list(range(len(lengths)))
    for batch in batches:
        assert fits.fits(len(batch), lengths[batch[0]], new)
        assert lengths[batch[0]] == max(lengths[at] for at in batch)
    assert batches == planned(lengths, new, fits)


def test_room_counts_weights_caches_and_logits(model):
    found = room(model, "cpu")
    # 2 layers, 2 heads of keys and of values, 8 wide, float32
    assert found.cached == 2 * 2 * 2 * 8 * 4
    assert found.free > 0
    assert found.fits(found.rows, 100, 100)
    assert not found._replace(free=10.0).fits(2, 100, 100)
    assert found._replace(free=0.0).fits(1, 10_000, 100)  # one is always tried


# --- adapters inside copies of the weights -----------------------------------------------------

MERGED = ["lora", "rslora", "dora", "ia3", "shira"]


@pytest.mark.filterwarnings("ignore:Position ids are not supported")
@pytest.mark.parametrize("method", [*MERGED, "prefix", "prompt"])
def test_an_adapter_answers_as_it_would_unmerged(folder, model, tmp_path, method):
    from peft import PeftModel

    path = tiny_adapters.build(folder, tmp_path / "adapter", method)
    asked = prompts(5)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    pointers = {name: weight.data_ptr() for name, weight in model.named_parameters()}
    bare = new_tokens(model, order(asked, 12))
    with put_on(model, path) as adapted:
        is_merged = adapted is model
        inside = new_tokens(adapted, order(asked, 12))
    assert is_merged == (method in MERGED)
    # Expected: PEFT itself, unmerged, one prompt at a time.
    other = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    other.generation_config = GenerationConfig()
    wrapped = PeftModel.from_pretrained(other, path).eval()
    assert inside == [plainly(wrapped, prompt, 12) for prompt in asked] != bare
    # The base: the same memory, the same bytes, no trace of PEFT.
    assert {name: weight.data_ptr() for name, weight in model.named_parameters()} == pointers
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(weight, before[name]) for name, weight in after.items())
    assert new_tokens(model, order(asked, 12)) == bare


def test_the_base_on_disk_is_the_base_in_memory_after_many_adapters(folder, model, tmp_path):
    for method in MERGED:
        with put_on(model, tiny_adapters.build(folder, tmp_path / method, method)):
            pass
    model.save_pretrained(tmp_path / "after")
    name = "model.safetensors"
    assert sha256_of_file(tmp_path / "after" / name) == sha256_of_file(folder / name)
