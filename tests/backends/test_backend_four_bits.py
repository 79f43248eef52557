"""An adapter that was trained on a base in 4 bits answers on the same base in 4 bits."""

from __future__ import annotations

import importlib.util

import pytest
import tiny
import tiny_adapters

from benchmark.backends.hf import HuggingFace
from benchmark.core.requests import _worn
from benchmark.core.state import Adapter
from benchmark.errors import CandidateError
from benchmark.plugins import Request
from benchmark.progress import Silent
from benchmark.prompts import Template
from benchmark.records import Message
from benchmark.suite import Decoding

pytest.importorskip("bitsandbytes")

NEW = 16
ASKED = [
    Request(str(n), (Message(role="user", content=f"Que dit L{n} ?" + " Dis." * n),), Template())
    for n in range(6)
]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"), width=64)


@pytest.fixture(scope="module")
def adapter(base, tmp_path_factory):
    folder = tiny_adapters.build(base, tmp_path_factory.mktemp("made") / "qlora")
    tiny_adapters.describe(folder, base, "a" * 32, method="qlora", dtype="float32")
    return folder


@pytest.fixture(scope="module")
def plain(base, tmp_path_factory):
    """The same adapter, of which nothing says that its base was in 4 bits."""
    return tiny_adapters.build(base, tmp_path_factory.mktemp("made") / "plain")


@pytest.fixture(scope="module")
def theirs(base, adapter):
    """PEFT's own: bitsandbytes' base in NF4 with double quantisation, the adapter unmerged."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
    )
    model = AutoModelForCausalLM.from_pretrained(
        base, quantization_config=config, device_map={"": "cpu"}, dtype=torch.float32
    )
    return PeftModel.from_pretrained(model, adapter).eval()


def answers(opened, size=3):
    found = {}
    decoding = Decoding(max_new_tokens=NEW, batch_size=size)
    for batch in opened.batches(ASKED, decoding):
        made = opened.generate([ASKED[at] for at in batch], decoding, lambda *_, **__: None)
        found |= dict(zip(batch, made, strict=True))
    return [found[at].text for at in range(len(ASKED))]


def prompts(opened):
    return [request.template.encode(request.messages, opened.tokenizer) for request in ASKED]


def test_its_answers_are_those_of_peft_on_four_bits(base, adapter, plain, theirs):
    import torch

    with HuggingFace(model=str(base), dtype="float32").open(Silent()) as opened:
        before = answers(opened)
        with opened.adapted(adapter):
            inside, alone = answers(opened), answers(opened, 1)
            kinds = {type(module).__name__ for module in opened.model.modules()}
            effort = opened.effort()
        with opened.adapted(plain):
            fine = answers(opened)
        with opened.adapted(adapter):
            assert answers(opened) == inside
        assert answers(opened) == before
        expected = []
        for prompt in prompts(opened):
            made = theirs.generate(
                input_ids=torch.tensor([prompt]),
                attention_mask=torch.ones((1, len(prompt)), dtype=torch.long),
                max_new_tokens=NEW,
                do_sample=False,
            )[0, len(prompt) :].tolist()
            expected.append(opened.tokenizer.decode(made, skip_special_tokens=True).strip())
    assert inside == alone == expected
    assert inside != fine  # on 16 bits, rounding that it never saw
    assert any("4bit" in kind for kind in kinds)  # nothing was merged
    assert effort.dtype == "nf4, computed in float32"


def test_its_probabilities_are_those_of_peft_on_four_bits(base, adapter, theirs):
    import torch

    with (
        HuggingFace(model=str(base), dtype="float32").open(Silent()) as opened,
        opened.adapted(adapter),
    ):
        found = opened.loglikelihood(ASKED, ["Le repos."] * len(ASKED))
        for prompt, row in zip(prompts(opened), found, strict=True):
            text = opened.tokenizer("Le repos.", add_special_tokens=False)["input_ids"]
            ids = torch.tensor([prompt + text])
            with torch.no_grad():
                scores = theirs(input_ids=ids).logits[0].log_softmax(-1)
            wanted = [float(scores[len(prompt) + n - 1, token]) for n, token in enumerate(text)]
            assert row == pytest.approx(wanted, abs=1e-4)


def test_the_same_weights_on_another_base_are_another_model(adapter, plain):
    worn = [_worn(Adapter(path, "f" * 32, None, False)) for path in (adapter, plain)]
    assert worn == [f"{'f' * 32} on nf4 float32", "f" * 32]


def test_without_bitsandbytes_the_candidate_fails_with_a_reason(base, adapter, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "bitsandbytes" else real(name)
    )
    with (
        HuggingFace(model=str(base), dtype="float32").open(Silent()) as opened,
        pytest.raises(CandidateError, match="qlora needs bitsandbytes"),
        opened.adapted(adapter),
    ):
        pass
