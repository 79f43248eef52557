"""Adapters on a base in memory: put on for one candidate, taken off after it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmark.errors import CandidateError


@contextmanager
def put_on(base: Any, folder: Path) -> Iterator[Any]:
    """Give the base with an adapter on it, or the model that full fine-tuning made of it.

    The base is as it was when the `with` ends.

    Args:
        base: A model of transformers.
        folder: A PEFT adapter's, or a whole model's (`model.safetensors`, `config.json`).

    Raises:
        CandidateError: It cannot be read or does not fit.
    """
    if (folder / "adapter_model.safetensors").is_file():
        with _unchanged(base):
            wrapped = _wrapped(base, folder)
            try:
                yield _merged(wrapped.eval())
            finally:
                # What is learned before the prompt stands beside the base; else it is in layers.
                if not wrapped.active_peft_config.is_prompt_learning:
                    wrapped.unload()
    elif (folder / "config.json").is_file() and list(folder.glob("model*.safetensors")):
        yield _whole(base, folder)
    else:
        raise CandidateError(
            f"{folder} holds no adapter_model.safetensors",
            hint="name the folder of a PEFT adapter; pickled .bin adapters are refused",
        )


def _merged(wrapped: Any) -> Any:
    """Return the base with the adapter inside copies of its weights, at the base's own speed.

    Unmerged, every adapted layer takes three products instead of one. The base's weights are
    not touched, and so need no undoing, which in 16 bits would not give them back: the caller
    puts them back in place. As it was where the method or the base cannot be merged.
    """
    import torch
    from peft.tuners.tuners_utils import BaseTunerLayer

    if wrapped.active_peft_config.is_prompt_learning or not _can_merge(wrapped):
        return wrapped
    layers = [module for module in wrapped.modules() if isinstance(module, BaseTunerLayer)]
    for layer in layers:
        for module in layer.get_base_layer().modules():
            for name, weight in module._parameters.items():
                if weight is not None:
                    module._parameters[name] = torch.nn.Parameter(weight.detach().clone(), False)
    with warnings.catch_warnings():
        # Of torch, about SHiRA's sparse weights: nothing that a user could change.
        warnings.filterwarnings("ignore", "Sparse invariant checks")
        try:
            return wrapped.merge_and_unload().eval()
        except NotImplementedError:
            return wrapped  # Lily says so only here, at its first layer


def _can_merge(wrapped: Any) -> bool:
    """Tell whether every adapted layer can take its adapter into a plain weight."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    config = wrapped.active_peft_config
    if getattr(config, "alora_invocation_tokens", None) or getattr(
        wrapped.get_base_model(), "is_quantized", False
    ):
        return False
    try:
        wrapped.base_model._check_merge_allowed()
    except (NotImplementedError, ValueError):
        # PEFT's own word that this adapter or base does not merge (ShadowPEFT's part depends on
        # more than weights): it answers unmerged, as right and slower.
        return False
    return all(
        type(module).merge is not BaseTunerLayer.merge
        for module in wrapped.modules()
        if isinstance(module, BaseTunerLayer)
    )


@contextmanager
def _unchanged(base: Any) -> Iterator[None]:
    """Put the base's own modules and biases back, whatever was done to them.

    PEFT's `unload` leaves modules that an adapter replaces as a whole (`modules_to_save`), and
    an adapter with biases writes them into the base's.
    """
    import torch

    parts = [
        (module, type(module), dict(module._modules), dict(module._parameters))
        for module in base.modules()
    ]
    biases = [
        (value, value.detach().clone())
        for name, value in base.named_parameters()
        if name.endswith("bias")
    ]
    tied = getattr(base.config, "tie_word_embeddings", None)
    try:
        yield
    finally:
        base.config.tie_word_embeddings = tied  # PEFT changes it where they differ after a merge
        for module, kind, modules, parameters in parts:
            module.__class__ = kind
            module._modules.clear()
            module._modules.update(modules)
            module._parameters.clear()
            module._parameters.update(parameters)
        with torch.no_grad():
            for value, before in biases:
                value.copy_(before)


def _whole(base: Any, folder: Path) -> Any:
    from transformers import AutoModelForCausalLM, GenerationConfig

    try:
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=base.dtype)
    except (OSError, ValueError, RuntimeError) as error:
        raise CandidateError(f"cannot load {folder}: {_one_line(error)}") from error
    model.generation_config = GenerationConfig()  # as the base's: nothing hidden in a file
    return model.to(base.device).eval()


def _wrapped(base: Any, folder: Path) -> Any:
    """Return the base with an adapter on it.

    Raises:
        CandidateError: It cannot be read or does not fit; the base is as it was.
    """
    from peft import PeftConfig, get_peft_model
    from peft.utils import load_peft_weights, set_peft_model_state_dict
    from safetensors import SafetensorError

    try:
        config = PeftConfig.from_pretrained(folder)
        # Where the base lay when the adapter was made is of no interest, and PEFT would warn.
        config.base_model_name_or_path = None
        config.inference_mode = True
        weights = load_peft_weights(str(folder), device=str(base.device))
        # By default PEFT would raise the adapter to float32 and cast at every layer.
        wrapped: Any = get_peft_model(base, config, autocast_adapter_dtype=False)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise CandidateError(f"cannot load the adapter {folder}: {_one_line(error)}") from error
    try:
        unknown = set_peft_model_state_dict(wrapped, weights).unexpected_keys
        # What is learned before the prompt goes into its encoder, which checks the names itself.
        if unknown and not config.is_prompt_learning:
            raise ValueError(f"{len(unknown)} of its weights have no place, first {unknown[0]}")
    except (ValueError, RuntimeError, KeyError) as error:
        if not config.is_prompt_learning:
            wrapped.unload()
        raise CandidateError(f"{folder} does not fit the base: {_one_line(error)}") from error
    return wrapped


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."
