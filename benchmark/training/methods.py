"""Adaptation methods: a name in the suite -> a PEFT configuration, or none for full fine-tuning.

The common parameters (`r`, `alpha`, `dropout`, `target_modules`, `virtual_tokens`) are put into
whichever fields the method's own configuration class has for them, so that a user changes
`method:` and nothing else. Everything else of PEFT goes through `peft:` by its name there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Literal, NamedTuple

from benchmark.errors import CandidateError, MissingDependency
from benchmark.registry import did_you_mean
from benchmark.suite import TrainSpec


class Method(NamedTuple):
    """One name that a suite may use."""

    peft_type: str | None
    """PEFT's own name of it; None: full fine-tuning, no adapter."""
    learning_rate: float
    """What its authors or PEFT's examples use, for a batch of a few thousand tokens."""
    more: dict[str, Any] = {}  # noqa: RUF012
    """Fields of the configuration that make the variant."""


METHODS: dict[str, Method] = {
    # LoRA (Hu et al. 2021): W + (alpha / r) B A, with A and B trained.
    "lora": Method("LORA", 1e-4),
    # rsLoRA (Kalajdzievski 2023) scales by alpha / sqrt(r): high ranks keep learning.
    "rslora": Method("LORA", 1e-4, {"use_rslora": True}),
    # DoRA (Liu et al. 2024) learns magnitude and direction apart.
    "dora": Method("LORA", 1e-4, {"use_dora": True}),
    # QLoRA (Dettmers et al. 2023): LoRA on a base in 4-bit NF4, its constants quantised too.
    "qlora": Method("LORA", 1e-4),
    # (IA)3 (Liu et al. 2022) rescales keys, values and the inner activations of the MLP.
    "ia3": Method("IA3", 3e-3),
    # Prefix tuning (Li and Liang 2021): learned keys and values before each layer's own.
    "prefix": Method("PREFIX_TUNING", 1e-2),
    # Prompt tuning (Lester et al. 2021): learned embeddings before the prompt's.
    "prompt": Method("PROMPT_TUNING", 3e-2),
    "full": Method(None, 2e-5),
}
"""The names of the field. Any other method of PEFT goes by its own name, in small letters."""

OTHER_RATE = 1e-3
"""Learning rate of a method that only PEFT knows, unless the suite gives one."""

DPO_SHARE = 0.1
"""Preferences are learned more carefully: this share of the method's learning rate."""

REFUSED = {
    "adaption_prompt": "it keeps to a way through the model that the loss in chunks cannot take",
    "cpt": "its loss is its own, and needs rows that tell examples from labels",
    "multitask_prompt_tuning": "it needs the number of a task with each row",
    "poly": "it needs the number of a task with each row",
    "xlora": "it mixes adapters that are trained already",
}
"""Methods of PEFT that cannot be trained on rows alone, and why."""

OWN_TARGETS = ("SHADOW", "TRAINABLE_TOKENS")
"""Methods that adapt something else than linear layers, which PEFT finds by itself."""

OWN_RANKS = ("ADALORA", "OFT")
"""Methods that have an `r` and mean something else by it: AdaLoRA warns that it ignores it, and
OFT's counts blocks, where more of them learn less."""

NEEDS_CACHE = ("CARTRIDGE", "PREFIX_TUNING")
"""Methods whose learned keys and values come as a cache, which layers that are computed twice
silently leave out."""

CHANGES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Ways to start LoRA that also change the base: the adapter alone would not fit it any more."""


def default_rate(spec: TrainSpec) -> float:
    """Return the learning rate that a method gets unless the suite names one."""
    method = METHODS.get(spec.method.lower())
    rate = method.learning_rate if method else OTHER_RATE
    return rate * DPO_SHARE if spec.objective == "dpo" else rate


def is_full(spec: TrainSpec) -> bool:
    """Tell whether all weights are trained, without an adapter."""
    return spec.method.lower() == "full"


def goes_on(spec: TrainSpec) -> bool:
    """Tell whether PEFT saves all that a training needs to go on, or back, from there.

    Of AdaLoRA it saves shrunken matrices and no scores; of a prompt that a small network makes,
    only the prompt.
    """
    made = spec.method.lower() == "p_tuning" or spec.peft.get("prefix_projection")
    return spec.method.lower() != "adalora" and not made


def may_checkpoint(spec: TrainSpec) -> bool | Literal["auto"]:
    """Return whether activations may be computed twice: what the suite says, if the method can."""
    name = spec.method.lower()
    if name in METHODS or name in _own_names():
        return False if _peft_type(spec) in NEEDS_CACHE else spec.gradient_checkpointing
    return spec.gradient_checkpointing


def adapts_ranks(model: Any) -> bool:
    """Tell whether it is AdaLoRA, which moves its ranks about while it trains."""
    return hasattr(getattr(model, "base_model", None), "update_and_allocate")


def problems(spec: TrainSpec) -> Iterator[tuple[str, str, str]]:
    """Yield (key below `train`, what is wrong, hint) of method and PEFT parameters.

    The built-in names without parameters of PEFT's own need no import of PEFT.
    """
    name = spec.method.lower()
    if spec.gradient_checkpointing is True and may_checkpoint(spec) is False:
        what = f"{name} learns a cache, which checkpointing leaves out"
        yield "gradient_checkpointing", what, "set it to false"
    if name in METHODS and not spec.peft:
        return
    known = {**_own_names(), **{method: None for method in METHODS}}
    if name not in known:
        near = did_you_mean(name, list(METHODS)) or did_you_mean(name, list(known))
        hint = near or f"known: {', '.join(METHODS)}, or PEFT's own"
        yield "method", f"no method {spec.method!r}", hint
        return
    if name in REFUSED:
        yield "method", f"{name} cannot be trained here: {REFUSED[name]}", "use another method"
        return
    if name == "full":
        yield "peft", "full fine-tuning has no adapter to configure", "remove `peft`"
        return
    yield from _peft_problems(spec)


def _peft_problems(spec: TrainSpec) -> Iterator[tuple[str, str, str]]:
    names = [field.name for field in fields(_config_class(spec)) if field.init]
    for parameter in spec.peft:
        if parameter not in names:
            hint = did_you_mean(parameter, names) or f"it has {', '.join(sorted(names))}"
            yield f"peft.{parameter}", f"{_config_class(spec).__name__} has no such field", hint
    start = str(spec.peft.get("init_lora_weights", "")).lower()
    if start.startswith(CHANGES_BASE):
        what = f"init_lora_weights {start!r} also changes the base, so the adapter alone is wrong"
        yield "peft.init_lora_weights", what, "leave it out, or use 'gaussian', 'orthogonal'"
    if start == "eva":
        what = "init_lora_weights 'eva' starts from the data, which is not done here"
        yield "peft.init_lora_weights", what, "leave it out, or use 'gaussian', 'orthogonal'"
    if spec.peft.get("layer_replication"):
        what = "it repeats layers of the base, which cannot be taken off again"
        yield "peft.layer_replication", what, "leave it out"
    if _peft_type(spec) == "TRAINABLE_TOKENS" and not spec.peft.get("token_indices"):
        yield "peft.token_indices", "trainable_tokens needs them", "e.g. token_indices: [0, 17]"


def check(spec: TrainSpec) -> None:
    """Look at method and PEFT parameters before anything is loaded.

    Raises:
        CandidateError: Something is wrong with them.
    """
    wrong = [f"train.{key}: {what}; {hint}" for key, what, hint in problems(spec)]
    if wrong:
        raise CandidateError(" · ".join(wrong))


def peft_config(spec: TrainSpec, model: Any, steps: int) -> Any:
    """Return the PEFT configuration of a method for a model.

    Args:
        spec: Method and parameters, checked.
        model: The base, for what its layers are called.
        steps: Optimizer steps of the whole training (AdaLoRA plans its ranks over them).

    Raises:
        CandidateError: A parameter is wrong.
        MissingDependency: The method needs a package that PEFT does not bring.
    """
    cls = _config_class(spec)
    names = {field.name for field in fields(cls) if field.init}
    values: dict[str, Any] = {"task_type": "CAUSAL_LM"}
    for name, value in (_common(spec, model, steps) | _sizes(model, cls)).items():
        if name in names and value is not None:
            values[name] = value
    method = METHODS.get(spec.method.lower())
    values |= (method.more if method else {}) | spec.peft
    try:
        return cls(**values)
    except ImportError as error:
        raise MissingDependency(f"{spec.method}: {' '.join(str(error).split())[:300]}") from error
    except (TypeError, ValueError) as error:
        raise CandidateError(f"{cls.__name__}: {' '.join(str(error).split())[:300]}") from error


def _common(spec: TrainSpec, model: Any, steps: int) -> dict[str, Any]:
    """Return the common parameters under every name that PEFT's classes have for them."""
    own = spec.method.lower()
    targets: Any = spec.target_modules
    targets = targets if isinstance(targets, str) else [*targets]
    if targets == "all-linear" and own not in ("lora", "rslora", "dora", "qlora"):
        targets = None if _has_usual_targets(spec, model) else targets
    return {
        "r": None if _peft_type(spec) in OWN_RANKS else spec.r,
        "init_r": round(spec.r * 1.5),  # AdaLoRA starts wider and ends at target_r
        "target_r": spec.r,
        "total_step": steps,
        "tinit": steps // 10,
        "tfinal": steps // 4,
        "lora_alpha": spec.alpha,
        "alpha": spec.alpha,
        "lora_dropout": spec.dropout,
        "target_modules": targets,
        "num_virtual_tokens": spec.virtual_tokens,
    }


def _sizes(model: Any, cls: Any) -> dict[str, int]:
    """Return sizes that have to fit the base's layers: PEFT's own, or the nearest below.

    C3A, VB-LoRA and RoAd cut a layer's features into blocks of one size; FourierFT and WaveFT
    learn so many numbers of a layer's matrix.
    """
    import torch

    head = getattr(model, "get_output_embeddings", lambda: None)()
    layers = [
        (layer.in_features, layer.out_features)
        for layer in model.modules()
        if isinstance(layer, torch.nn.Linear) and layer is not head
    ]
    common = math.gcd(*(size for layer in layers for size in layer))
    smallest = min((wide * high for wide, high in layers), default=1)
    own: dict[str, Any] = {field.name: field.default for field in fields(cls)}
    blocks = {
        name: math.gcd(common, own[name])
        for name in ("block_size", "vector_length", "group_size")
        if name in own
    }
    most = {"n_frequency": min(own["n_frequency"], smallest)} if "n_frequency" in own else {}
    return blocks | most


def _has_usual_targets(spec: TrainSpec, model: Any) -> bool:
    """Tell whether PEFT knows which modules of this kind of model the method usually adapts."""
    from peft.mapping import PEFT_TYPE_TO_PREFIX_MAPPING as prefixes
    from peft.utils import constants

    kind = _peft_type(spec)
    if kind in OWN_TARGETS or kind not in prefixes:
        return True  # prompt learning has no target modules
    table = getattr(constants, f"TRANSFORMERS_MODELS_TO_{kind}_TARGET_MODULES_MAPPING", {})
    return model.config.model_type in table


def _peft_type(spec: TrainSpec) -> str:
    method = METHODS.get(spec.method.lower())
    return (method.peft_type or "") if method else _own_names()[spec.method.lower()]


def _config_class(spec: TrainSpec) -> Any:
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING as classes
    from peft.utils import PeftType

    return classes[PeftType(_peft_type(spec))]


def _own_names() -> dict[str, str]:
    """Return PEFT's own names of its methods: as in the suite -> as in PEFT."""
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING as classes

    return {str(kind.value).lower(): str(kind.value) for kind in classes}
