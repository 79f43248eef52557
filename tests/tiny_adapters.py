"""Adapters on the tiny Llama, saved by PEFT itself, with weights that change every answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.keys import sha256_of_file
from benchmark.manifests import LossPoint, TrainingManifest
from benchmark.models import local_model
from benchmark.training import manifest


def config_of(method: str, **settings: Any) -> Any:
    """Return PEFT's configuration of a method."""
    import peft

    common = {"task_type": "CAUSAL_LM"}
    lora = {**common, "r": 4, "target_modules": "all-linear", **settings}
    made = {
        "lora": lambda: peft.LoraConfig(**lora),
        "rslora": lambda: peft.LoraConfig(**lora, use_rslora=True),
        "dora": lambda: peft.LoraConfig(**lora, use_dora=True),
        "ia3": lambda: peft.IA3Config(**common),
        "prefix": lambda: peft.PrefixTuningConfig(**common, num_virtual_tokens=5),
        "prompt": lambda: peft.PromptTuningConfig(**common, num_virtual_tokens=5),
        "shira": lambda: peft.ShiraConfig(**common, r=4, target_modules=["q_proj"]),
    }
    return made[method]()


def build(base: Path, folder: Path, method: str = "lora", seed: int = 1, **settings: Any) -> Path:
    """Save an adapter with random weights (LoRA's B is not zero), and return its folder."""
    import torch
    from peft import get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(base), config_of(method, **settings)
    )
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(0.1 * torch.randn_like(weight))
    model.save_pretrained(folder, save_embedding_layers=False)
    return folder


def full(base: Path, folder: Path, seed: int = 1) -> Path:
    """Save a whole model with other weights than its base, without a tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    model.save_pretrained(folder)
    return folder


def describe(folder: Path, model: Path, key: str, **changes: Any) -> TrainingManifest:
    """Write a manifest into an adapter's folder, as training does."""
    values: dict[str, Any] = {
        "key": key,
        "method": "lora",
        "base": str(model),
        "base_sha256": local_model(str(model)).sha256,
        "adapter_sha256": sha256_of_file(folder / "adapter_model.safetensors"),
        "data_sha256": "d" * 64,
        "rows": 12,
        "rows_truncated": 1,
        "rows_without_loss": 0,
        "parameters": {"r": 4, "alpha": 32.0, "peft": {}},
        "trainable_parameters": 4096,
        "total_parameters": 40_000,
        "versions": {"peft": "0.21.2"},
        "device": "cpu",
        "dtype": "float32",
        "seed": 3,
        "curve": (LossPoint(step=1, loss=4.0), LossPoint(step=2, loss=2.5, eval_loss=3.0)),
        "eval_loss": 3.0,
        "seconds": 1.5,
        "tokens": 600,
        "commit": "0123456789abcdef",
        "dirty": True,
        "created": "2026-11-20T10:00:00+00:00",
    }
    record = TrainingManifest(**values | changes)
    manifest.write(folder, record)
    return record
