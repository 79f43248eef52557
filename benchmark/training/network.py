"""The network that is trained: base and adapter, in the number formats that train well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark import four_bits
from benchmark.devices import Placement
from benchmark.errors import CandidateError
from benchmark.suite import TrainSpec
from benchmark.training.methods import is_full, peft_config


def tokenizer_of(folder: Path) -> Any:
    """Return the base's tokenizer, with something to pad with."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token_id = tokenizer.eos_token_id
    return tokenizer


def network(folder: Path, place: Placement, spec: TrainSpec, steps: int) -> Any:
    """Return the base with a fresh adapter on it, or the base itself for full fine-tuning.

    What is trained is kept in float32, whatever the base is in: a step of a small learning rate
    is lost in the rounding of 16 bits.

    Raises:
        CandidateError: The method does not fit the model.
        MissingDependency: 4-bit weights need bitsandbytes.
    """
    from peft import get_peft_model

    base = _base(folder, place, spec)
    if is_full(spec):
        return base
    config = peft_config(spec, base, steps)
    try:
        model = get_peft_model(base, config)
    except (ValueError, TypeError, KeyError, NotImplementedError, RuntimeError) as error:
        text = " ".join(str(error).split())[:300]
        raise CandidateError(f"{spec.method} does not fit {folder.name}: {text}") from error
    head = model.get_output_embeddings()
    if head is not None and not hasattr(head, "bias"):
        head.bias = None  # learned tokens wrap a tied head and hide what the loss asks for
    if place.dtype != "float32" and place.device != "mps":
        _no_needless_casts(model)
    return model


def keep_precise(model: Any) -> None:
    """Put what is trained back into float32: on a base in 4 bits, trl lowers it to bfloat16."""
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()


def _base(folder: Path, place: Placement, spec: TrainSpec) -> Any:
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    more: dict[str, Any] = {"dtype": getattr(torch, place.dtype)}
    if is_full(spec):
        more["dtype"] = torch.float32
    if spec.method.lower() == four_bits.METHOD:
        more |= four_bits.settings(place)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, **more)
    return model


def _no_needless_casts(model: Any) -> None:
    """Leave activations in the base's format on their way into an adapter.

    PEFT raises them to the adapter's float32, and autocast lowers them again for the product:
    two copies of every activation for nothing.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    for module in model.modules():
        if isinstance(module, BaseTunerLayer):
            module.cast_input_dtype_enabled = False
