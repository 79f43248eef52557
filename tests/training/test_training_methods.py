"""Every method trains, saves, goes on after a stop, and answers the same when it is loaded."""

from __future__ import annotations

from importlib.util import find_spec
from typing import ClassVar

import pytest
import tiny
from trainer_helpers import WATCHED, everything, farthest, loss_of, stop, train

from benchmark.backends.adapters import put_on
from benchmark.errors import BenchError, CandidateError, MissingDependency
from benchmark.suite import TrainSpec
from benchmark.training import manifest, methods, run

# PEFT warns of what it does by itself: no CUDA extension, one factor instead of two, ...
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Return a tiny Llama with biases and tied embeddings, wide enough for blocks of 4 bits."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    folder, small = tmp_path_factory.mktemp("wide"), tiny.build(tmp_path_factory.mktemp("small"))
    config = AutoConfig.from_pretrained(
        small, hidden_size=64, intermediate_size=128, head_dim=16, attention_bias=True,
        mlp_bias=True, tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith("bias"):
                value.normal_(std=0.1)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(small).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def untied(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("untied"))


@pytest.fixture
def loaded(base):
    """Return the base in memory, as generation has it."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(base).eval()


@pytest.fixture
def kept(monkeypatch):
    """Return a list that each network goes into which a training has made."""
    networks, real = [], run.network

    def network(*args):
        networks.append(real(*args))
        return networks[-1]

    monkeypatch.setattr(run, "network", network)
    return networks


def logits(model):
    import torch

    ids = torch.arange(60).reshape(2, 30) + 40
    with torch.no_grad():
        return model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[:, -30:]


def answers_alike(loaded, trained, folder, *, atol=1e-5):
    """Check that a saved adapter on the base answers as the network that was trained.

    Its validation loss is the one that was measured of these weights. And it does not answer as
    the base does, which is as it was when the adapter is off.
    """
    import torch

    before, plain = everything(loaded), logits(loaded)
    torch.manual_seed(99)  # nothing of an adapter may hang on a generator's state
    made = manifest.read(folder)
    with put_on(loaded, folder) as worn:
        found = logits(worn)
        if made.eval_loss is not None:
            assert loss_of(worn, made.base) == pytest.approx(made.eval_loss, rel=1e-5)
    assert everything(loaded) == before
    assert torch.equal(logits(loaded), plain)
    torch.testing.assert_close(found, logits(trained.eval()), rtol=0, atol=atol)
    assert float((found - plain).abs().max()) > 10 * atol


# --- the methods of the field -----------------------------------------------------------------

RATES = {"ia3": 0.1, "prefix": 0.1, "prompt": 0.3, "full": 3e-3}


@pytest.mark.parametrize("method", ["lora", "rslora", "dora", "ia3", "prefix", "prompt", "full"])
def test_it_learns_and_is_loaded_as_it_was_trained(base, loaded, kept, tmp_path, method):
    rate = RATES.get(method, 1e-2)
    made = train(base, tmp_path / "a", watched=WATCHED, method=method, learning_rate=rate, epochs=4)
    watched = [point.eval_loss for point in made.curve if point.eval_loss is not None]
    assert len(watched) == 4 and min(watched) < watched[0]
    assert made.trainable_parameters == sum(
        value.numel() for value in kept[0].parameters() if value.requires_grad
    )
    answers_alike(loaded, kept[0], tmp_path / "a")


def test_qlora_learns_on_four_bits_and_its_adapter_is_precise(base, loaded, kept, tmp_path):
    pytest.importorskip("bitsandbytes")
    import torch

    made = train(base, tmp_path / "a", watched=WATCHED, method="qlora", epochs=4)
    watched = [point.eval_loss for point in made.curve if point.eval_loss is not None]
    assert watched[-1] < watched[0]
    kinds = {type(module).__name__ for module in kept[0].modules()}
    assert "Linear4bit" in kinds
    trained = [value for value in kept[0].parameters() if value.requires_grad]
    assert {value.dtype for value in trained} == {torch.float32}
    # What it is put on is not in 4 bits, so that the answers are near and not the same.
    with put_on(loaded, tmp_path / "a") as worn:
        found = logits(worn)
    near = (found - logits(kept[0].eval())).norm() / found.norm()
    assert 0 < near < 0.2
    before = everything(loaded)
    with put_on(loaded, tmp_path / "a"):
        pass
    assert everything(loaded) == before


@pytest.mark.parametrize("method", ["qlora", "dora", "ia3", "prefix", "prompt"])
def test_it_goes_on_after_a_stop(base, tmp_path, method):
    settings = {"method": method, "watched": WATCHED, "dropout": 0.1}
    if method == "qlora":
        pytest.importorskip("bitsandbytes")
        # On a processor, bitsandbytes repacks the base for validation and not quite back again:
        # with validation rows, losses after a stop differ in their seventh digit.
        settings["watched"] = ()
    whole = train(base, tmp_path / "a", **settings)
    stop(base, tmp_path / "b", 5, **settings)
    again = train(base, tmp_path / "b", **settings)
    assert again.resumed == 1
    assert again.curve == whole.curve
    assert farthest(tmp_path / "a", tmp_path / "b") == 0.0


@pytest.mark.parametrize(
    "peft",
    [
        {"modules_to_save": ["embed_tokens"]},
        {"modules_to_save": ["norm"]},
        {"trainable_token_indices": [300, 28]},
        {"bias": "all"},
        {"bias": "lora_only"},
        {"lora_bias": True},
        {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"q_proj": 4}},
        {"init_lora_weights": "gaussian"},
        {"init_lora_weights": "orthogonal"},
        {
            "exclude_modules": ["down_proj"],
            "layers_to_transform": [1],
            "target_modules": ["v_proj"],
        },
        {"target_modules": ["v_proj"], "target_parameters": ["mlp.up_proj.weight"]},
    ],
    ids=str,
)
def test_parameters_of_peft_itself(base, loaded, kept, tmp_path, peft):
    train(base, tmp_path / "a", peft=peft)
    answers_alike(loaded, kept[0], tmp_path / "a")


# --- every other method of PEFT ---------------------------------------------------------------

FAMILIAR = {"lora", "ia3", "prefix_tuning", "prompt_tuning"}
OWN = sorted({*methods._own_names()} - FAMILIAR - {*methods.REFUSED})


@pytest.mark.parametrize("method", OWN)
def test_a_method_by_its_own_name(base, untied, loaded, kept, tmp_path, method):
    from transformers import AutoModelForCausalLM

    settings = {"method": method, "watched": WATCHED}
    if method == "trainable_tokens":
        settings["peft"] = {"token_indices": [51, 71]}
        with pytest.raises(CandidateError, match=r"cannot be trained: .*`lm_head`"):
            train(base, tmp_path / "a", **settings)  # its head is its embedding
        base, loaded = untied, AutoModelForCausalLM.from_pretrained(untied).eval()
        kept.clear()
    if method == "adamss" and not find_spec("sklearn"):
        with pytest.raises(MissingDependency, match=r"^adamss: scikit-learn is required"):
            train(base, tmp_path / "a", **settings)
        return
    whole = train(base, tmp_path / "a", **settings)
    assert len(whole.curve) == 6 and whole.trainable_parameters > 0
    answers_alike(loaded, kept[0], tmp_path / "a")
    stop(base, tmp_path / "b", 5, **settings)
    again = train(base, tmp_path / "b", **settings)
    # BOFT inverts small matrices, and does so with another last bit now and then.
    rounding = 1e-5 if method == "boft" else 0.0
    losses = ([point.loss for point in made.curve] for made in (again, whole))
    assert next(losses) == pytest.approx(next(losses), rel=rounding, abs=0)
    assert farthest(tmp_path / "a", tmp_path / "b") <= rounding


@pytest.mark.parametrize("method", methods.REFUSED)
def test_a_method_that_rows_are_not_enough_for_says_why(base, tmp_path, method):
    with pytest.raises(CandidateError, match=rf"{method} cannot be trained here: .*; use another"):
        train(base, tmp_path, method=method)


def test_every_refused_method_is_one_of_pefts():
    assert set(methods.REFUSED) < set(methods._own_names())


# --- what is wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"method": "lroa"}, "train.method: no method 'lroa'; did you mean 'lora'"),
        ({"method": "fouriertf"}, "no method 'fouriertf'; did you mean 'fourierft'"),
        ({"method": "zzz"}, "no method 'zzz'; known: lora, rslora"),
        ({"peft": {"use_dorra": True}}, "train.peft.use_dorra: LoraConfig has no such field; did"),
        ({"method": "full", "peft": {"r": 2}}, "train.peft: full fine-tuning has no adapter"),
        ({"method": "trainable_tokens"}, "train.peft.token_indices: trainable_tokens needs them"),
        ({"peft": {"layer_replication": [[0, 2], [1, 2]]}}, "layer_replication: it repeats layers"),
        ({"peft": {"init_lora_weights": "eva"}}, "'eva' starts from the data"),
        *(
            ({"peft": {"init_lora_weights": start}}, "also changes the base")
            for start in ("pissa", "pissa_niter_4", "olora", "corda", "loftq", "lora_ga")
        ),
        ({"target_modules": ("q_prjo",)}, "lora does not fit"),
        ({"method": "prefix", "gradient_checkpointing": True}, "prefix learns a cache, which"),
        ({"target_modules": ("lm_head",)}, "lora cannot be trained: Applying a PEFT adapter to"),
        ({"method": "oft", "peft": {"oft_block_size": 7, "r": 3}}, "OFTConfig: You can only"),
    ],
    ids=str,
)
def test_wrong_parameters_are_one_clear_line(base, tmp_path, changes, text):
    with pytest.raises(BenchError) as error:
        train(base, tmp_path, **changes)
    assert text in str(error.value) and "\n" not in str(error.value)


def test_a_package_that_a_method_needs_is_named(loaded, monkeypatch):
    class Needs:
        __dataclass_fields__: ClassVar = {}

        def __init__(self, **values):
            raise ImportError("scikit-learn is required for AdaMSS.")

    monkeypatch.setattr(methods, "_config_class", lambda spec: Needs)
    with pytest.raises(MissingDependency, match=r"^adamss: scikit-learn is required"):
        methods.peft_config(TrainSpec(method="adamss"), loaded, 1)


def test_common_parameters_reach_every_name_that_peft_has_for_them(base, loaded):
    def config(method, **more):
        spec = TrainSpec(method=method, r=6, alpha=12, dropout=0.25, virtual_tokens=9, **more)
        return methods.peft_config(spec, loaded, 40)

    lora = config("lora")
    assert (lora.r, lora.lora_alpha, lora.lora_dropout) == (6, 12, 0.25)
    assert lora.target_modules == "all-linear"
    assert config("lora", target_modules=("q_proj",)).target_modules == {"q_proj"}
    assert config("lora", peft={"r": 2}).r == 2  # what is PEFT's own has the last word
    assert config("rslora").use_rslora and config("dora").use_dora
    assert config("prefix").num_virtual_tokens == config("prompt").num_virtual_tokens == 9
    assert config("loha").alpha == 12
    ada = config("adalora")
    assert (ada.target_r, ada.init_r, ada.total_step, ada.tinit, ada.tfinal) == (6, 9, 40, 4, 10)


@pytest.mark.parametrize(
    ("spec", "rate"),
    [
        (TrainSpec(), 1e-4),
        (TrainSpec(method="FULL"), 2e-5),
        (TrainSpec(method="vera"), 1e-3),
        (TrainSpec(objective="dpo"), 1e-5),
    ],
)
def test_rates(spec, rate):
    assert methods.default_rate(spec) == pytest.approx(rate)
