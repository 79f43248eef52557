"""What is refused before any compute, and that sound adapters of many methods are not."""

from __future__ import annotations

import json
import shutil

import pytest
import tiny
import tiny_adapters

from benchmark.errors import CandidateError
from benchmark.models import local_model
from benchmark.training import fit, weights


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Return the same model, everything in it twice as wide."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("wide")
    small = tiny.build(tmp_path_factory.mktemp("small"))
    sizes = {"hidden_size": 64, "head_dim": 16, "intermediate_size": 128}
    config = AutoConfig.from_pretrained(small, **sizes)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(small).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def sound(base, tmp_path_factory):
    return tiny_adapters.build(base, tmp_path_factory.mktemp("adapter"))


@pytest.fixture
def adapter(sound, tmp_path):
    """Return a copy that a test may damage."""
    return shutil.copytree(sound, tmp_path / "adapter")


def refusal(folder, base):
    """Return the one line that a user reads, and that no weights of the base were needed."""
    with pytest.raises(CandidateError) as error:
        fit.check(folder, local_model(str(base)))
    text = str(error.value)
    assert "\n" not in text and text.isprintable()
    return text


def change(folder, **settings):
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def rewrite(folder, edit, name="adapter_model.safetensors"):
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / name)
    edit(tensors)
    save_file(tensors, folder / name)


METHODS = ["lora", "rslora", "dora", "ia3", "prefix", "prompt", "shira"]


@pytest.mark.parametrize("method", METHODS)
def test_sound_adapters_pass_and_are_named(base, tmp_path, method):
    folder = tiny_adapters.build(base, tmp_path, method)
    found = fit.check(folder, local_model(str(base)))
    assert found.method == method
    assert found.weights_sha256 == weights.sha256_of(folder)
    assert found.tensors and found.manifest is None


def test_saved_parts_of_the_base_that_are_trained_pass(base, tmp_path):
    folder = tiny_adapters.build(
        base, tmp_path, target_modules=["q_proj"], modules_to_save=["lm_head"], rank_pattern={
            "model.layers.0.self_attn.q_proj": 2
        }
    )  # fmt: skip
    fit.check(folder, local_model(str(base)))


def test_no_weights_of_the_base_are_read(base, adapter, tmp_path):
    hollow = tmp_path / "hollow"
    hollow.mkdir()
    shutil.copy(base / "config.json", hollow)
    assert fit.check(adapter, local_model(str(hollow))).method == "lora"


def test_the_settings_are_part_of_the_identity(base, adapter):
    before = fit.check(adapter, None)
    change(adapter, lora_alpha=99)
    after = fit.check(adapter, None)
    assert before.weights_sha256 == after.weights_sha256
    assert before.sha256 != after.sha256


# --- files ----------------------------------------------------------------------------------


def test_no_folder(base, tmp_path):
    assert "there is no adapter folder" in refusal(tmp_path / "absent", base)


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "adapter_config.json"])
def test_a_missing_file(base, adapter, name):
    (adapter / name).unlink()
    assert f"holds no {name}" in refusal(adapter, base)


@pytest.mark.parametrize("name", ["adapter_model.bin", "model.pt", "last.ckpt"])
def test_pickles(base, adapter, name):
    (adapter / "adapter_model.safetensors").rename(adapter / name)
    text = refusal(adapter, base)
    assert "only pickled weights" in text and name in text and "safe_serialization" in text


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[:100],
        lambda content: b"",
        lambda content: content + b"\0",
        lambda content: b"\xff" * 8 + content[8:],
        lambda content: content[:8] + b"[" + content[9:],
        lambda content: b"\x80\x04cos\nsystem\n",
    ],
    ids=["cut", "cut in the header", "empty", "longer", "huge header", "no header", "a pickle"],
)
def test_a_damaged_file(base, adapter, damage):
    path = adapter / "adapter_model.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    assert "'adapter_model.safetensors' is damaged" in refusal(adapter, base)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b""])
def test_settings_that_are_no_json(base, adapter, content):
    (adapter / "adapter_config.json").write_bytes(content)
    assert "adapter_config.json is not JSON" in refusal(adapter, base)


@pytest.mark.parametrize(
    ("kind", "hint"),
    [("LORRA", "did you mean 'LORA'?"), (None, "as PEFT does"), ("\x1b[2J", "as PEFT does")],
)
def test_an_unknown_method(base, adapter, kind, hint):
    change(adapter, peft_type=kind)
    text = refusal(adapter, base)
    assert f"peft_type {kind!r}, which PEFT does not know" in text and hint in text


def test_settings_that_are_no_object(base, adapter):
    (adapter / "adapter_config.json").write_text("[]")
    assert "peft_type None" in refusal(adapter, base)


# --- what does not fit ----------------------------------------------------------------------


def test_another_rank(base, adapter):
    change(adapter, r=8)
    text = refusal(adapter, base)
    assert "says r=8, but 'base_model" in text and "has rank 4" in text


def test_another_rank_for_some_layers(base, adapter):
    change(adapter, rank_pattern={"model.layers.0.self_attn.q_proj": 2})
    assert "q_proj.lora_A.weight' is 4×32, the base needs 2×32" in refusal(adapter, base)


def test_a_base_of_another_shape(wide, adapter):
    text = refusal(adapter, wide)
    assert "does not fit" in text and "the base needs" in text


@pytest.mark.parametrize("method", ["prefix", "prompt", "ia3"])
def test_a_base_of_another_shape_for_other_methods(base, wide, tmp_path, method):
    folder = tiny_adapters.build(base, tmp_path, method)
    assert "does not fit" in refusal(folder, wide)


def test_a_base_with_the_same_shapes_and_other_weights(base, adapter, tmp_path):
    other = tiny.build(tmp_path / "other", seed=9)
    fit.check(adapter, local_model(str(other)))  # without a manifest nobody can tell
    tiny_adapters.describe(adapter, base, "a" * 32)
    text = refusal(adapter, other)
    assert "was trained on" in text and "not on other" in text
    fit.check(adapter, local_model(str(base)))


def test_weights_that_are_not_those_of_the_manifest(base, adapter):
    tiny_adapters.describe(adapter, base, "a" * 32)
    rewrite(adapter, lambda tensors: next(iter(tensors.values())).add_(1))
    assert "not those that its manifest describes" in refusal(adapter, base)


def test_a_manifest_that_cannot_be_read(base, adapter):
    (adapter / "manifest.json").write_text("{}")
    assert "is not a manifest of this version" in refusal(adapter, base)


def test_tensors_without_a_place(base, adapter):
    rewrite(adapter, lambda tensors: tensors.update({"a\x1b[31m.lora_B": tensors.popitem()[1]}))
    text = refusal(adapter, base)
    assert "1 of its tensors have no place in the base, first 'a\\x1b[31m.lora_B'" in text


def test_tensors_that_are_missing(base, adapter):
    rewrite(adapter, lambda tensors: tensors.popitem())
    assert "1 of its tensors are missing for the base" in refusal(adapter, base)


def test_modules_that_the_base_does_not_have(base, adapter):
    change(adapter, target_modules=["query_key_value"])
    assert "query_key_value" in refusal(adapter, base)


def test_weights_of_the_base_itself(base, adapter):
    """PEFT would load them over the base's, and taking the adapter off would leave them there."""
    import torch

    name = "base_model.model.model.embed_tokens.base_layer.weight"
    rewrite(adapter, lambda tensors: tensors.update({name: torch.zeros(4, 4)}))
    assert "weights of the base itself" in refusal(adapter, base)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_no_numbers(base, adapter, value):
    rewrite(adapter, lambda tensors: next(iter(tensors.values()))[0].fill_(value))
    assert "values that are no numbers" in refusal(adapter, base)


def test_no_tensors_at_all(base, adapter):
    rewrite(adapter, dict.clear)
    assert "has no tensors" in refusal(adapter, base)


# --- whole models ---------------------------------------------------------------------------


def test_a_whole_model_passes_and_one_of_another_shape_does_not(base, wide, tmp_path):
    folder = tiny_adapters.full(base, tmp_path / "full")
    found = fit.check(folder, local_model(str(base)))
    assert (found.method, found.config) == ("full", None)
    assert f"is no {wide.name}" in refusal(folder, wide)


def test_a_whole_model_in_shards(base, tmp_path):
    from transformers import AutoModelForCausalLM

    folder = tmp_path / "full"
    AutoModelForCausalLM.from_pretrained(base).save_pretrained(folder, max_shard_size="50KB")
    shards = sorted(folder.glob("model-*.safetensors"))
    assert len(shards) > 1 and weights.files_of(folder) == shards
    fit.check(folder, local_model(str(base)))
    before = weights.sha256_of(folder)
    rewrite(folder, lambda tensors: next(iter(tensors.values())).add_(1), shards[-1].name)
    assert weights.sha256_of(folder) != before
    shards[0].unlink()
    assert f"holds no {shards[0].name}" in refusal(folder, base)


@pytest.mark.parametrize("index", ['{"weight_map": {"a": "../x.safetensors"}}', "{}", "[]", "{"])
def test_an_index_that_leads_nowhere(base, tmp_path, index):
    folder = tiny_adapters.full(base, tmp_path / "full")
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    (folder / "model.safetensors.index.json").write_text(index)
    assert "model.safetensors.index.json" in refusal(folder, base)


def test_number_formats_are_told_from_the_header(base, tmp_path):
    from transformers import AutoModelForCausalLM

    assert weights.dtype_of([base / "model.safetensors"], "base") == "float32"
    model = AutoModelForCausalLM.from_pretrained(base).bfloat16()
    model.save_pretrained(tmp_path)
    assert weights.dtype_of([tmp_path / "model.safetensors"], "base") == "bfloat16"
