"""Drawn tokens follow softmax(logits / T), and each answer's draws are its own."""

from __future__ import annotations

import random
from collections import Counter

import pytest
import tiny
import torch
from scipy import stats
from transformers import AutoModelForCausalLM, GenerationConfig, MistralConfig, MistralForCausalLM

from benchmark.backends import stretch
from benchmark.backends.decoding import Order, new_tokens
from benchmark.backends.drawing import Sampling
from benchmark.backends.hf import HuggingFace
from benchmark.plugins import Request
from benchmark.progress import Silent
from benchmark.prompts import Template
from benchmark.records import Message
from benchmark.samples import seed_of
from benchmark.suite import Decoding

DRAWS = 6000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def model(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    model.generation_config = GenerationConfig()
    # A random model finds all tokens equally likely; this one has opinions.
    model.lm_head.weight.data = model.lm_head.weight.data * 15
    return model


def order(prompts, new, sampling, ends=()):
    return Order(prompts, new, frozenset(ends), 0, sampling, lambda made: False, lambda count: None)


def expected(model, ids, temperature, top_p=1.0):
    """The probabilities of the next token, by torch: a forward pass, softmax, the nucleus."""
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, -1].double()
    weights = torch.softmax(logits / temperature, -1)
    ranked, places = weights.sort(descending=True)
    # Holtzman et al., 2020: the fewest tokens that together reach top_p.
    count = int((ranked.cumsum(0) < top_p).sum()) + 1
    kept = torch.zeros_like(weights)
    kept[places[:count]] = ranked[:count]
    return kept / kept.sum()


def fit(drawn, weights):
    """Return the p-value of Pearson's test, the rare tokens taken together."""
    counts = Counter(drawn)
    seen = [counts[token] for token in range(len(weights))]
    assert sum(seen) == len(drawn)
    assert all(not count or weight > 0 for count, weight in zip(seen, weights, strict=True))
    often = [at for at, weight in enumerate(weights) if weight * len(drawn) >= 5]
    rare = len(drawn) - sum(seen[at] for at in often), 1 - sum(float(weights[at]) for at in often)
    pairs = [(seen[at], float(weights[at])) for at in often]
    pairs += [rare] if rare[1] * len(drawn) >= 5 else []
    observed = [count for count, _ in pairs]
    total = sum(weight for _, weight in pairs)
    wanted = [weight / total * sum(observed) for _, weight in pairs]
    assert len(pairs) > 1
    return stats.chisquare(observed, wanted).pvalue


@pytest.mark.parametrize(
    ("temperature", "top_p"), [(0.7, 1.0), (1.0, 1.0), (1.6, 1.0), (1.0, 0.8), (0.7, 0.9)]
)
def test_tokens_are_drawn_by_softmax_of_logits_over_temperature(model, temperature, top_p):
    prompt = [5, 77, 123, 9]
    sampling = Sampling(temperature, top_p, [seed_of(1, "one", at) for at in range(DRAWS)])
    rows = new_tokens(model, order([prompt] * DRAWS, 2, sampling))
    first = [row[0] for row in rows]
    assert fit(first, expected(model, prompt, temperature, top_p)) > 0.01
    # The second number of a row tells nothing about its first.
    likely, _ = Counter(first).most_common(1)[0]
    second = [row[1] for row in rows if row[0] == likely]
    assert fit(second, expected(model, [*prompt, likely], temperature, top_p)) > 0.01


def test_another_distribution_would_be_noticed(model):
    prompt = [5, 77, 123, 9]
    sampling = Sampling(1.0, 1.0, [seed_of(1, "one", at) for at in range(DRAWS)])
    first = [row[0] for row in new_tokens(model, order([prompt] * DRAWS, 1, sampling))]
    assert fit(first, expected(model, prompt, 1.1)) < 0.001


def test_a_token_without_probability_is_never_drawn():
    nothing = float("-inf")
    logits = torch.tensor([[nothing, 0.0, nothing, 1.0, -60.0, nothing]])
    ends = torch.tensor([0.0, 0.5, 1 - 2**-24])
    found = Sampling(1.0, 1.0, []).pick(logits.expand(3, 6), ends[:, None])
    assert found[:, 0].tolist() == [1, 3, 3]


def prompts(count):
    dice = random.Random(3)
    asked = [[dice.randrange(3, 400) for _ in range(dice.randint(2, 40))] for _ in range(count)]
    return [prompt for prompt in asked for _ in range(3)]


@pytest.mark.parametrize("way", ["in place", "by generate", "a window"])
def test_an_answer_does_not_depend_on_what_is_answered_beside_it(model, monkeypatch, way):
    if way == "by generate":
        monkeypatch.setattr(stretch, "repeats", lambda model: False)
    if way == "a window":  # all of it in one call of generate
        torch.manual_seed(0)
        small = MistralConfig(
            vocab_size=400, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, sliding_window=8,
        )  # fmt: skip
        model = MistralForCausalLM(small).eval()
        model.generation_config = GenerationConfig()
    asked = prompts(4)
    sampling = Sampling(1.0, 0.95, [seed_of(7, str(at), 0) for at in range(len(asked))])
    free = new_tokens(model, order(asked, 40, sampling))
    ends = {free[0][3], free[4][20]}  # some answers end early, and their rows leave
    alone = [
        new_tokens(model, order([prompt], 40, sampling.of([at]), ends))[0]
        for at, prompt in enumerate(asked)
    ]
    assert new_tokens(model, order(asked, 40, sampling, ends)) == alone
    assert len({len(row) for row in alone}) > 2
    assert len(set(map(tuple, free))) == len(asked)  # three answers to one prompt differ


def test_both_ways_draw_the_same(model, monkeypatch):
    asked = prompts(3)
    sampling = Sampling(0.9, 1.0, list(range(len(asked))))
    in_place = new_tokens(model, order(asked, 40, sampling))
    monkeypatch.setattr(stretch, "repeats", lambda model: False)
    assert new_tokens(model, order(asked, 40, sampling)) == in_place


def test_the_backend_gives_each_sample_its_own_seed(folder):
    def answers(size, seed, count):
        decoding = Decoding(
            max_new_tokens=8, temperature=1.5, seed=seed, batch_size=size, samples=count
        )
        asked = [
            Request(name, (Message(role="user", content="Que dit L1 ?"),), Template(), sample=at)
            for name in ("a", "b")
            for at in range(count)
        ]
        found = {}
        with HuggingFace(model=str(folder), dtype="float32").open(Silent()) as opened:
            for batch in opened.batches(asked, decoding):
                made = opened.generate([asked[at] for at in batch], decoding, lambda *_, **__: 0)
                found |= dict(zip(batch, made, strict=True))
        return {(asked[at].example_id, asked[at].sample): found[at].text for at in found}

    four = answers(3, 1, 4)
    assert len(set(four.values())) == 8
    assert answers(8, 1, 4) == four != answers(3, 2, 4)
    assert answers(1, 1, 2) == {at: text for at, text in four.items() if at[1] < 2}
