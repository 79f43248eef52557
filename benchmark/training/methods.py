"""Adaptation methods: a name in the suite -> a PEFT configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmark.suite import TrainSpec


def _lora(spec: TrainSpec, **more: Any) -> Any:
    """LoRA (Hu et al. 2021): W + (alpha / r) B A, with A and B trained."""
    from peft import LoraConfig

    modules = spec.target_modules
    return LoraConfig(
        r=spec.r,
        lora_alpha=spec.alpha,
        lora_dropout=spec.dropout,
        target_modules=modules if isinstance(modules, str) else list(modules),
        task_type="CAUSAL_LM",
        **more,
    )


METHODS: dict[str, Callable[[TrainSpec], Any]] = {
    "lora": _lora,
    # rsLoRA (Kalajdzievski 2023) scales by alpha / sqrt(r): high ranks keep learning.
    "rslora": lambda spec: _lora(spec, use_rslora=True),
    # DoRA (Liu et al. 2024) learns magnitude and direction apart.
    "dora": lambda spec: _lora(spec, use_dora=True),
}
