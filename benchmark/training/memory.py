"""How many tokens fit through a model at once, worked out from its shape and this machine.

Worked out, not probed: a probe costs minutes on a large model and still misses the longest row.
Where the sum is wrong, running out of memory is no accident either: the pieces are made smaller
and the step is done again (see `trainer.py`).
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from benchmark.errors import CandidateError
from benchmark.training.job import processes

HIDDEN, INNER = 16, 6
"""Vectors that one layer keeps for a token until its backward pass: so many of the hidden size
and so many of the MLP's inner size (an H200 measured 7.1 MB a token for 36 layers of 2,048 and
11,008 in bfloat16, adapters on all linear layers; this says 7.1)."""

CEILING = {"cuda": 16_384, "mps": 4_096, "cpu": 1_024}
"""More tokens at once than these make nothing faster."""

SPARE = 0.8
"""Share of the free memory that is planned with."""


class OutOfMemory(CandidateError):
    """Not even one row fits; or one process of several ran out, and all have to begin again.

    Attributes:
        tokens: Size of the piece that was too large, padding included.
        single: Whether it cannot be cut any smaller.
    """

    def __init__(self, tokens: int, *, single: bool) -> None:
        super().__init__(
            f"out of memory while training on a piece of {tokens} tokens",
            hint="lower train.max_length, or set train.gradient_checkpointing: true",
        )
        self.tokens, self.single = tokens, single


class Budget(NamedTuple):
    """What fits."""

    tokens: int
    """Tokens of one piece, padding included."""
    checkpointing: bool
    """Whether activations are computed twice, because keeping them would not fit."""


def budget(
    model: Any,
    device: str,
    longest: int,
    checkpointing: bool | Literal["auto"],
    *,
    sharded: bool = False,
) -> Budget:
    """Return how many tokens may go through the model at once while training.

    Args:
        model: The base with its adapter, in memory already.
        device: torch's name of where it computes.
        longest: Tokens of the longest row.
        checkpointing: What the suite asks for.
        sharded: Whether weights and optimizer will be spread over the processes; until then, the
            model is not on the device.
    """
    taken = _optimizer_bytes(model)
    if sharded:
        weights = sum(p.numel() * p.element_size() for p in model.parameters())
        taken = (taken + weights) / processes()
    free = free_bytes(device) * SPARE - taken
    ceiling = max(longest, CEILING.get(device, 4_096))
    kept = int(free / bytes_a_token(model, checkpointing=False))
    if checkpointing is False or (checkpointing == "auto" and kept >= longest):
        return Budget(max(longest, min(kept, ceiling)), False)
    twice = int(free / bytes_a_token(model, checkpointing=True))
    return Budget(max(longest, min(twice, ceiling)), True)


def bytes_a_token(model: Any, *, checkpointing: bool) -> float:
    """Return about how much memory a token takes between forward and backward pass."""
    config = model.config.get_text_config()
    hidden = int(getattr(config, "hidden_size", 1024))
    inner = int(getattr(config, "intermediate_size", None) or 4 * hidden)
    layers = int(getattr(config, "num_hidden_layers", 24))
    size = next((p.element_size() for p in model.parameters() if p.is_floating_point()), 4)
    layer = (HIDDEN * hidden + INNER * inner) * size
    if not checkpointing:
        return float(layers * layer)
    return float(layers * hidden * size + 2 * layer)


def free_bytes(device: str) -> float:
    """Return how much memory a device has left."""
    import psutil
    import torch

    if device == "cuda":
        free, _ = torch.cuda.mem_get_info()
        return float(free) + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    available = float(psutil.virtual_memory().available)
    if device == "mps":
        limit = torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
        return min(available, float(limit))
    return min(available, _container_limit()) / processes()  # they share the machine's


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether memory ran out, on whichever device."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and any(
        sign in text for sign in ("out of memory", "can't allocate memory", "not enough memory")
    )


def release(device: str) -> None:
    """Give cached memory back to the device."""
    import gc

    import torch

    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
    elif device == "mps":
        torch.mps.empty_cache()


def _optimizer_bytes(model: Any) -> float:
    # AdamW keeps two float32 numbers a trained weight, and the gradient is a third.
    trained: int = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return 12.0 * trained


def _container_limit() -> float:
    """Return what a container's limit leaves, which the machine's figures do not show."""
    from pathlib import Path

    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = float(Path("/sys/fs/cgroup/memory.current").read_text())
        return float("inf") if limit == "max" else float(limit) - used
    except (OSError, ValueError):
        return float("inf")  # no container, or none that says so
