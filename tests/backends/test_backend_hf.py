"""The hf backend on a tiny random Llama: the real classes, nothing mocked."""

from __future__ import annotations

import functools
import json
import shutil

import pytest
import tiny

from benchmark.backends.hf import HuggingFace
from benchmark.errors import CandidateError
from benchmark.plugins import Request
from benchmark.progress import Silent
from benchmark.prompts import Template
from benchmark.records import Message
from benchmark.suite import Decoding

QUESTIONS = [f"Que dit l'article L{n}-{n} ?" + " Précisez." * (n % 4) for n in range(9)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def adapter(folder, tmp_path_factory):
    """A LoRA adapter with random (not zero) weights, saved by PEFT itself."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    config = LoraConfig(
        r=4, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False
    )
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(folder), config)
    path = tmp_path_factory.mktemp("adapter")
    model.save_pretrained(path)
    return path


def ask(template=Template()):  # noqa: B008 - Template is immutable
    return [
        Request(str(at), (Message(role="user", content=text),), template)
        for at, text in enumerate(QUESTIONS)
    ]


def answers(opened, asked, decoding):
    found = {}
    for batch in opened.batches(asked, decoding):
        replies = opened.generate([asked[at] for at in batch], decoding, lambda *_, **__: None)
        found |= dict(zip(batch, replies, strict=True))
    return [found[at] for at in range(len(asked))]


def backend(folder):
    return HuggingFace(model=str(folder), dtype="float32")


@pytest.mark.parametrize("style", ["alpaca", "chatml", "chat", "plain"])
def test_batched_answers_equal_single_answers(folder, style):
    asked = ask(Template(style=style))
    with backend(folder).open(Silent()) as opened:
        one = answers(opened, asked, Decoding(max_new_tokens=12, batch_size=1))
        many = answers(opened, asked, Decoding(max_new_tokens=12, batch_size=4))
    assert one == many


def test_answers_equal_a_plain_greedy_loop(folder):
    """Expected tokens: argmax over transformers' own forward pass, one token at a time."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    asked = ask()
    with backend(folder).open(Silent()) as opened:
        mine = answers(opened, asked, Decoding(max_new_tokens=10, batch_size=3))
    for request, reply in zip(asked, mine, strict=True):
        ids = request.template.encode(request.messages, tokenizer)
        made = []
        for _ in range(10):
            with torch.no_grad():
                token = int(model(torch.tensor([ids + made])).logits[0, -1].argmax())
            if token == tokenizer.eos_token_id:
                break
            made.append(token)
        assert reply.text == tokenizer.decode(made, skip_special_tokens=True).strip()
        assert (reply.tokens_in, reply.tokens_out) == (len(ids), len(made))


def test_adapter_changes_answers_and_leaves_the_base_as_it_was(folder, adapter):
    asked, decoding = ask(), Decoding(max_new_tokens=10, batch_size=4)
    with backend(folder).open(Silent()) as opened:
        before = answers(opened, asked, decoding)
        with opened.adapted(adapter):
            inside = answers(opened, asked, decoding)
        after = answers(opened, asked, decoding)
        with opened.adapted(adapter):
            again = answers(opened, asked, decoding)
    assert before == after
    assert inside == again
    assert all(mine.text != base.text for mine, base in zip(inside, before, strict=True))


def test_adapter_is_taken_off_when_the_run_is_interrupted(folder, adapter):
    asked, decoding = ask(), Decoding(max_new_tokens=5)
    with backend(folder).open(Silent()) as opened:
        before = answers(opened, asked, decoding)
        with pytest.raises(KeyboardInterrupt), opened.adapted(adapter):
            raise KeyboardInterrupt
        assert answers(opened, asked, decoding) == before


def test_sampling_defaults_of_the_model_do_not_leak_in(folder, tmp_path):
    """Qwen2.5-Instruct ships temperature 0.7 and repetition_penalty 1.05 in this file."""
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    path = other / "generation_config.json"
    settings = json.loads(path.read_text())
    settings |= {"do_sample": True, "temperature": 2.0, "repetition_penalty": 9.0, "top_k": 3}
    path.write_text(json.dumps(settings))
    decoding = Decoding(max_new_tokens=12)
    with backend(folder).open(Silent()) as opened:
        expected = answers(opened, ask(), decoding)
    with backend(other).open(Silent()) as opened:
        assert answers(opened, ask(), decoding) == expected


def test_stop_strings_cut_the_answer(folder):
    with backend(folder).open(Silent()) as opened:
        free = answers(opened, ask(), Decoding(max_new_tokens=12))
        cut = next(reply.text[2:4] for reply in free if len(reply.text) > 6)
        stopped = answers(opened, ask(), Decoding(max_new_tokens=12, stop=(cut,)))
    for before, after in zip(free, stopped, strict=True):
        assert after.text == before.text.partition(cut)[0].rstrip()
        assert after.finish == ("stop" if cut in before.text else before.finish)


def test_sampling_repeats_by_seed(folder):
    with backend(folder).open(Silent()) as opened:
        asked = ask()
        first = answers(opened, asked, Decoding(max_new_tokens=8, temperature=1.5, seed=1))
        again = answers(opened, asked, Decoding(max_new_tokens=8, temperature=1.5, seed=1))
        other = answers(opened, asked, Decoding(max_new_tokens=8, temperature=1.5, seed=2))
    assert first == again != other


@pytest.mark.parametrize("fits", [1, 2, 0])
@pytest.mark.parametrize("when", ["reading", "answering"])
def test_out_of_memory_splits_the_batch_and_keeps_the_order(folder, monkeypatch, fits, when):
    """The fault is injected below our code: the model refuses many rows."""
    asked, decoding = ask(), Decoding(max_new_tokens=6, batch_size=9)
    with backend(folder).open(Silent()) as opened:
        expected = answers(opened, asked, decoding)
        forward = opened.model.forward

        @functools.wraps(forward)
        def scarce(input_ids, **kwargs):
            rows, width = input_ids.shape
            if rows > fits and (width == 1) == (when == "answering"):
                raise MemoryError("not enough")
            return forward(input_ids=input_ids, **kwargs)

        monkeypatch.setattr(opened.model, "forward", scarce)
        found = answers(opened, asked, decoding)
        assert opened.effort().out_of_memory
    if fits:
        assert found == expected
    else:
        assert all(reply.text is None and "not enough" in reply.error for reply in found)


def test_foreign_adapters_are_refused_with_a_reason(folder, adapter, tmp_path):
    pickled = tmp_path / "pickled"
    shutil.copytree(adapter, pickled)
    (pickled / "adapter_model.safetensors").rename(pickled / "adapter_model.bin")
    corrupt = tmp_path / "corrupt"
    shutil.copytree(adapter, corrupt)
    (corrupt / "adapter_model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    other = tmp_path / "other-shape"
    shutil.copytree(adapter, other)
    config = json.loads((other / "adapter_config.json").read_text())
    (other / "adapter_config.json").write_text(json.dumps(config | {"r": 7}))
    asked, decoding = ask(), Decoding(max_new_tokens=4)
    with backend(folder).open(Silent()) as opened:
        before = answers(opened, asked, decoding)
        for path in (tmp_path / "absent", pickled, corrupt, other):
            with pytest.raises(CandidateError, match=path.name), opened.adapted(path):
                pass
            # The half-applied adapter must not stay on the base.
            assert answers(opened, asked, decoding) == before


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CandidateError, match="cannot load"), backend(tmp_path).open(Silent()):
        pass


def test_fingerprint_follows_the_weights(folder, tmp_path):
    other = tiny.build(tmp_path / "other", seed=5)
    assert backend(folder).fingerprint(Silent()) != backend(other).fingerprint(Silent())
