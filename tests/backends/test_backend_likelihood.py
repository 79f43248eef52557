"""Log-probabilities against transformers' own loss, one text at a time, on tiny random models."""

from __future__ import annotations

import random

import pytest
import tiny

from benchmark.backends import beginnings, likelihood
from benchmark.backends.hf import HuggingFace
from benchmark.errors import CandidateError
from benchmark.plugins import BACKENDS, Request, Scorer
from benchmark.progress import Silent
from benchmark.prompts import Template
from benchmark.records import Message

TEXTS = [
    "Le salarié bénéficie d'un repos quotidien.",
    "zz " * 40,
    "Il pleut.",
    "Le code du travail fixe la durée légale du travail à trente-cinq heures par semaine. " * 3,
    "x",
    "",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


def ask(prompts):
    turns = [(Message(role="user", content=prompt),) if prompt else () for prompt in prompts]
    return [Request(str(at), turn, Template()) for at, turn in enumerate(turns)]


def plain_losses(model, rows):
    """Expected sums: transformers' own loss of each row alone, times its scored tokens."""
    import torch

    found = []
    for ids, start in rows:
        scored = len(ids) - start
        if scored < 1:
            found.append(0.0)
            continue
        labels = torch.tensor([[-100] * start + ids[start:]])
        with torch.no_grad():
            found.append(-float(model(torch.tensor([ids]), labels=labels).loss) * scored)
    return found


def near(expected):
    """1e-4 of a sum, or the seventh digit of a long one."""
    return pytest.approx(expected, rel=1e-6, abs=1e-4)


def tokens(requests, texts, tokenizer):
    for request, text in zip(requests, texts, strict=True):
        prompt = request.template.encode(request.messages, tokenizer) if request.messages else []
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        yield prompt + ids, max(1, len(prompt))


@pytest.mark.parametrize("prompts", [[""] * 6, ["Que dit la loi ?", "", "a", "b " * 30, "c", "d"]])
@pytest.mark.parametrize("budget", [1, 100, 4096])
@pytest.mark.parametrize("held", [1, 2**25])
def test_equal_to_transformers_own_loss(folder, monkeypatch, prompts, budget, held):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    monkeypatch.setattr(likelihood, "TOKENS", budget)
    monkeypatch.setattr(likelihood, "LOGITS", held)
    monkeypatch.setattr(likelihood, "_by_logits", None)  # the way out is for other models
    sizes = []
    requests = ask(prompts)
    with HuggingFace(model=str(folder), dtype="float32").open(Silent()) as opened:
        opened.model.lm_head.register_forward_hook(lambda *call: sizes.append(call[2].shape[:-1]))
        found = opened.loglikelihood(requests, TEXTS)
    if held == 1:  # never the logits of more than one position of a text
        assert max(size[-1] for size in sizes) == 1
    rows = list(tokens(requests, TEXTS, AutoTokenizer.from_pretrained(folder)))
    assert [len(scores) for scores in found] == [max(0, len(ids) - start) for ids, start in rows]
    expected = plain_losses(AutoModelForCausalLM.from_pretrained(folder).eval(), rows)
    assert [sum(scores) for scores in found] == near(expected)


def test_answers_are_cut_at_a_number_of_tokens(folder):
    with HuggingFace(model=str(folder), dtype="float32").open(Silent()) as opened:
        whole = opened.loglikelihood(ask([""] * 6), TEXTS)
        cut = opened.loglikelihood(ask([""] * 6), TEXTS, max_tokens=10)
    assert [len(scores) for scores in cut] == [min(9, len(scores)) for scores in whole]
    for part, all_ in zip(cut, whole, strict=True):
        assert part == pytest.approx(all_[:9], abs=1e-5)


def test_bfloat16_is_summed_in_float32(folder):
    with HuggingFace(model=str(folder), dtype="float32").open(Silent()) as opened:
        exact = [sum(scores) for scores in opened.loglikelihood(ask([""] * 6), TEXTS)]
    with HuggingFace(model=str(folder), dtype="bfloat16").open(Silent()) as opened:
        found = opened.loglikelihood(ask([""] * 6), TEXTS)
    assert [sum(scores) for scores in found] == pytest.approx(exact, rel=5e-3)
    # In bfloat16 the log-probabilities themselves would be multiples of 1/32 here.
    assert any(score * 32 % 1 for scores in found for score in scores)


@pytest.mark.parametrize("kind", ["lora", "prompt", "prefix", "ia3"])
def test_every_kind_of_adapter(folder, monkeypatch, kind):
    """Expected: PEFT's own model and loss. Virtual tokens must shift nothing."""
    import peft
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    monkeypatch.setattr(likelihood, "_by_logits", None)
    torch.manual_seed(3)
    configs = {
        "lora": peft.LoraConfig(
            r=4, target_modules=["q_proj", "lm_head"], task_type="CAUSAL_LM",
            init_lora_weights=False,
        ),
        "prompt": peft.PromptTuningConfig(num_virtual_tokens=5, task_type="CAUSAL_LM"),
        "prefix": peft.PrefixTuningConfig(num_virtual_tokens=5, task_type="CAUSAL_LM"),
        "ia3": peft.IA3Config(
            target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"],
            task_type="CAUSAL_LM", init_ia3_weights=False,
        ),
    }  # fmt: skip
    base = AutoModelForCausalLM.from_pretrained(folder)
    model = peft.get_peft_model(base, configs[kind]).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = [likelihood.Row(ids, start) for ids, start in tokens(ask([""] * 6), TEXTS, tokenizer)]
    found = likelihood.loglikelihood(model, rows, pad=0)
    expected = plain_losses(model, rows)
    assert [sum(scores) for scores in found] == near(expected)


def test_a_model_that_does_more_to_its_logits_is_measured_by_them():
    import torch
    from transformers import Gemma2Config, Gemma2ForCausalLM

    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=2, head_dim=8,
        num_attention_heads=2, num_key_value_heads=1, final_logit_softcapping=0.5,
        initializer_range=1.0,
    )  # fmt: skip
    model = Gemma2ForCausalLM(config).eval()
    rows = [likelihood.Row([5, 7, 9, 11, 3], 1), likelihood.Row([4, 8, 2], 2)]
    found = likelihood.loglikelihood(model, rows, pad=0)
    expected = plain_losses(model, rows)
    assert [sum(scores) for scores in found] == near(expected)
    # The cap is what makes the difference: without it the sums are others.
    model.config.final_logit_softcapping = None
    free = likelihood.loglikelihood(model, rows, pad=0)
    assert [sum(scores) for scores in free] != pytest.approx(expected, abs=1e-2)


@pytest.mark.parametrize("fits", [1, 2, 0])
def test_out_of_memory_splits_the_batch_and_keeps_the_order(folder, monkeypatch, fits):
    with HuggingFace(model=str(folder), dtype="float32").open(Silent()) as opened:
        expected = opened.loglikelihood(ask([""] * 6), TEXTS)
        forward = opened.model.forward

        def scarce(input_ids, **kwargs):
            if len(input_ids) > fits:
                raise MemoryError("not enough")
            return forward(input_ids=input_ids, **kwargs)

        monkeypatch.setattr(opened.model, "forward", scarce)
        if not fits:
            with pytest.raises(CandidateError, match="does not fit in memory"):
                opened.loglikelihood(ask([""] * 6), TEXTS)
            return
        found = opened.loglikelihood(ask([""] * 6), TEXTS)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine == pytest.approx(theirs, abs=1e-5)


def test_batches_hold_every_text_once_within_the_budget():
    lengths = [3, 10, 1, 7, 7, 2, 30]
    made = likelihood.batches(lengths, budget=14)
    assert sorted(at for batch in made for at in batch) == list(range(7))
    assert all(len(batch) * max(lengths[at] for at in batch) <= 14 or len(batch) == 1
               for batch in made)  # fmt: skip
    assert made == [[6], [1], [3, 4], [0, 5, 2]]


@pytest.mark.parametrize(
    ("name", "can"),
    [("hf", True), ("echo", False), ("oracle", False), ("shuffled", False), ("openai", False)],
)
def test_only_weights_here_can_say_how_likely_a_text_is(folder, name, can):
    settings = {
        "hf": {"model": str(folder), "dtype": "float32"},
        "openai": {"model": "any", "base_url": "http://127.0.0.1:1/v1"},
    }
    with BACKENDS.load(name)(**settings.get(name, {})).open(Silent()) as opened:
        assert isinstance(opened, Scorer) == can


# --- what rows share is read once, on any device -----------------------------------------------


def alike_rows(length):
    """Return four rows that differ in their last tokens only, and one that is like none."""
    dice = random.Random(5)
    head = [dice.randrange(3, 400) for _ in range(length)]
    ends = [[7, 8, 9], [7, 8, 10], [11, 12, 13], [14, 15]]
    rows = [likelihood.Row(head + end, length) for end in ends]
    return [*rows, likelihood.Row([dice.randrange(3, 400) for _ in range(50)], 40)]


def passes(model, monkeypatch):
    """Note the shape of everything that goes through the model."""
    seen, forward = [], model.model.forward

    def noted(*args, **more):
        seen.append(tuple(more["input_ids"].shape))
        return forward(*args, **more)

    monkeypatch.setattr(model.model, "forward", noted)
    return seen


def test_what_is_shared_is_counted_as_it_is_read():
    # 4 rows of 100 + 3, 3, 3, 2 tokens: 99 once, then three different ends without last tokens.
    found = beginnings.saved(alike_rows(100)[:4])
    assert found == (103 * 3 + 102) - 99 - (3 + 3 + 2)


@pytest.mark.parametrize(
    ("least", "is_shared"),
    [({"cpu": 0}, True), ({"cpu": 304}, True), ({"cpu": 305}, False), ({}, False)],
)
def test_sharing_is_a_question_of_what_it_saves(folder, monkeypatch, least, is_shared):
    monkeypatch.setattr(likelihood, "SAVED", least)
    rows = alike_rows(100)
    assert beginnings.saved(rows[:4]) == 304
    with HuggingFace(model=str(folder), dtype="float32").open(Silent()) as opened:
        expected = plain_losses(opened.model, rows)
        seen = passes(opened.model, monkeypatch)
        found = likelihood.loglikelihood(opened.model, rows, 0)
    assert [sum(line) for line in found] == near(expected)
    assert [len(line) for line in found] == [3, 3, 3, 2, 10]
    assert ((1, 99) in seen) == is_shared


def test_out_of_memory_behind_a_beginning_reads_each_text_whole(folder, monkeypatch):
    rows = alike_rows(100)
    with HuggingFace(model=str(folder), dtype="float32").open(Silent()) as opened:
        expected = plain_losses(opened.model, rows)

        def scarce(*args):
            raise MemoryError

        monkeypatch.setattr(beginnings, "_ends", scarce)
        found = likelihood.loglikelihood(opened.model, rows, 0)
    assert [sum(line) for line in found] == near(expected)
