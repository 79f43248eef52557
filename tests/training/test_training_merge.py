"""Merging: the merged folder answers as base + adapter did, or there is no folder."""

from __future__ import annotations

import json

import pytest
import tiny
import tiny_adapters

from benchmark.backends.hf import HuggingFace
from benchmark.errors import CandidateError, StoreError
from benchmark.models import local_model
from benchmark.plugins import Request
from benchmark.progress import Silent
from benchmark.prompts import Template
from benchmark.records import Message
from benchmark.suite import Decoding
from benchmark.training.merge import Merged, Proof, merge

PROOF = Proof(("Que dit l'article L4121-1 ?", "Le salarié"), new_tokens=12)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


def answers(model, adapter=None):
    """Return what the hf backend says to some questions."""
    template = Template(style="chatml")
    asked = [
        Request(str(n), (Message(role="user", content=f"Que dit l'article L{n}-{n} ?"),), template)
        for n in range(5)
    ]
    backend = HuggingFace(model=str(model), dtype="float32")
    with backend.open(Silent()) as opened, opened.adapted(adapter):
        return opened.generate(asked, Decoding(max_new_tokens=12), lambda *_, **__: None)


@pytest.mark.parametrize("method", ["lora", "rslora", "dora", "ia3"])
def test_the_merged_model_answers_as_base_and_adapter(base, tmp_path, method):
    adapter = tiny_adapters.build(base, tmp_path / "adapter", method)
    target = tmp_path / "merged"
    done = merge(adapter, local_model(str(base)), target, proof=PROOF)
    assert (done.method, done.dtype, done.prompts, done.new_tokens) == (method, "float32", 2, 12)
    # Rounding of float32, far below what the adapter does.
    assert done.logit_difference < 1e-5
    assert done.adapter_effect > 1e-2
    assert done.saved_logit_difference < 1e-5 and done.saved_same_tokens == 1.0
    assert Merged.model_validate_json((target / "merge.json").read_bytes()) == done

    merged = answers(target)
    assert merged == answers(base, adapter)
    assert merged != answers(base)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_the_reported_difference_is_that_of_the_files(base, tmp_path):
    """Expected: the logits of base + adapter and of the folder, both by plain transformers."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    adapter = tiny_adapters.build(base, tmp_path / "adapter")
    target = tmp_path / "merged"
    proof = Proof(("Le salarié bénéficie d'un repos",), new_tokens=1)
    done = merge(adapter, local_model(str(base)), target, dtype="bfloat16", proof=proof)
    assert done.logit_difference < 1e-5 < done.saved_logit_difference < 0.1
    saved = json.loads((target / "config.json").read_text())
    assert saved["dtype"] == "bfloat16"

    rows = torch.tensor([AutoTokenizer.from_pretrained(base)(proof.prompts[0])["input_ids"]])
    with torch.no_grad():
        both = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter)
        made = both.generate(input_ids=rows, max_new_tokens=1, do_sample=False)
        before = both(made).logits
        after = AutoModelForCausalLM.from_pretrained(target, dtype=torch.bfloat16)(made).logits
    expected = float((before - after.float()).abs().max())
    assert done.saved_logit_difference == pytest.approx(expected, rel=1e-3)


def test_the_number_format_is_that_of_the_base(base, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    half = tmp_path / "half"
    AutoModelForCausalLM.from_pretrained(base).bfloat16().save_pretrained(half)
    AutoTokenizer.from_pretrained(base).save_pretrained(half)
    adapter = tiny_adapters.build(half, tmp_path / "adapter")
    done = merge(adapter, local_model(str(half)), tmp_path / "merged", proof=PROOF)
    assert done.dtype == "bfloat16"


def test_sampling_settings_are_those_of_the_base(base, tmp_path):
    import shutil

    other = shutil.copytree(base, tmp_path / "other")
    settings = {"do_sample": False, "temperature": 0.7, "eos_token_id": [0, 2]}
    (other / "generation_config.json").write_text(json.dumps(settings))
    adapter = tiny_adapters.build(base, tmp_path / "adapter")
    merge(adapter, local_model(str(other)), tmp_path / "merged", proof=PROOF)
    assert json.loads((tmp_path / "merged" / "generation_config.json").read_text()) == settings


def test_full_fine_tuning_is_copied_with_the_tokenizer(base, tmp_path):
    from safetensors.torch import load_file

    folder, target = tiny_adapters.full(base, tmp_path / "full"), tmp_path / "merged"
    done = merge(folder, local_model(str(base)), target, proof=PROOF)
    assert (done.method, done.logit_difference, done.adapter_effect) == ("full", 0.0, None)
    before = load_file(folder / "model.safetensors")
    after = load_file(target / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(before[name].equal(after[name]) for name in before)
    assert answers(target) != answers(base)


def test_the_trained_output_layer_is_merged_too(base, tmp_path):
    adapter = tiny_adapters.build(
        base, tmp_path / "adapter", target_modules=["q_proj"], modules_to_save=["lm_head"]
    )
    merge(adapter, local_model(str(base)), tmp_path / "merged", proof=PROOF)
    assert answers(tmp_path / "merged") == answers(base, adapter)


@pytest.mark.parametrize("method", ["prefix", "prompt"])
def test_learned_tokens_cannot_be_merged(base, tmp_path, method):
    adapter = tiny_adapters.build(base, tmp_path / "adapter", method)
    with pytest.raises(CandidateError, match=f"{method} adapters cannot be merged: .*; use"):
        merge(adapter, local_model(str(base)), tmp_path / "merged", proof=PROOF)
    assert not (tmp_path / "merged").exists()


def test_a_merge_that_changes_answers_leaves_nothing(base, tmp_path, monkeypatch):
    """The fault is injected below our code: PEFT's merge forgets the adapter."""
    from peft.tuners.lora import LoraModel

    adapter = tiny_adapters.build(base, tmp_path / "adapter")
    monkeypatch.setattr(LoraModel, "merge_and_unload", LoraModel.unload)
    with pytest.raises(CandidateError, match=r"merging changes the answers: .* of 2 prompts"):
        merge(adapter, local_model(str(base)), tmp_path / "merged", proof=PROOF)
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


def test_an_adapter_on_a_tied_output_layer_is_refused(tmp_path):
    """Merged into the shared weight it would change the input embedding as well."""
    import warnings

    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    small, tied = tiny.build(tmp_path / "small"), tmp_path / "tied"
    config = AutoConfig.from_pretrained(small, tie_word_embeddings=True)
    AutoModelForCausalLM.from_config(config).save_pretrained(tied)
    AutoTokenizer.from_pretrained(small).save_pretrained(tied)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PEFT says that it is a bad idea
        adapter = tiny_adapters.build(tied, tmp_path / "adapter", target_modules=["lm_head"])
        with pytest.raises(CandidateError, match="merging changes the answers"):
            merge(adapter, local_model(str(tied)), tmp_path / "merged", proof=PROOF)
    assert not (tmp_path / "merged").exists()


def test_nothing_is_overwritten(base, tmp_path):
    adapter = tiny_adapters.build(base, tmp_path / "adapter")
    (tmp_path / "merged").mkdir()
    with pytest.raises(StoreError, match="merged is there already; choose another name"):
        merge(adapter, local_model(str(base)), tmp_path / "merged", proof=PROOF)


def test_an_empty_prompt_proves_nothing(base, tmp_path):
    adapter = tiny_adapters.build(base, tmp_path / "adapter")
    for proof in (Proof(()), Proof(("",))):
        with pytest.raises(CandidateError, match="prompts that are not empty"):
            merge(adapter, local_model(str(base)), tmp_path / "merged", proof=proof)
