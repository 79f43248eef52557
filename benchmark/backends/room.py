"""How many rows answer at once: as many as the machine's memory holds, by the model's shape.

Worked out from all of the device's memory and not from what is free at the moment, so that the
same command makes the same batches again: in 16 bits, an answer can depend on its batch.

Imports torch only inside functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any, NamedTuple

SHARE = {"cuda": 0.85, "mps": 0.5, "cpu": 0.35}
"""Share of the device's memory that weights, caches and logits may take together. A processor's
memory is everybody's."""

MOST_ROWS = {"cuda": 1024, "mps": 64, "cpu": 128}
"""Rows beyond which a device answers no faster, or not much."""

INNER, HIDDEN = 3, 6
"""Vectors of the MLP's inner size and of the hidden size that a token of a prompt needs while it
goes through a layer."""


class Room(NamedTuple):
    """What fits, in bytes."""

    free: float
    """For everything but the weights."""
    cached: float
    """Of a token, in the cache of keys and values."""
    passing: float
    """Of a token of a prompt, while it goes through a layer."""
    logits: float
    """Of a row, for the scores of its next token: as they are, in float32, and sorted."""
    rows: int
    """Most rows."""
    at_once: float = inf
    """Most tokens of prompts that go through the model at once."""

    def fits(self, rows: int, prompt: int, new: int) -> bool:
        """Tell whether so many rows of so many tokens fit."""
        passing = max(prompt, min(rows * prompt, self.at_once)) * self.passing
        needed = rows * ((prompt + new) * self.cached + self.logits) + passing
        return rows == 1 or (rows <= self.rows and needed <= self.free)


def room(model: Any, device: str) -> Room:
    """Return what fits beside a model.

    Args:
        model: A causal model of transformers, in memory.
        device: torch's name of where it is.
    """
    from benchmark.backends.reading import AT_ONCE
    from benchmark.backends.stretch import repeats

    config = model.config.get_text_config()
    weights = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    size = next((weight.element_size() for weight in model.parameters()), 4)
    hidden = int(getattr(config, "hidden_size", 1024))
    inner = int(getattr(config, "intermediate_size", None) or 4 * hidden)
    layers = int(getattr(config, "num_hidden_layers", 24))
    heads = int(getattr(config, "num_attention_heads", 16))
    pairs = int(getattr(config, "num_key_value_heads", None) or heads)
    width = int(getattr(config, "head_dim", None) or hidden // heads)
    free = device_bytes(device) * SHARE.get(device, 0.35) - weights
    return Room(
        free=max(0.0, free),
        cached=2.0 * layers * pairs * width * size,
        passing=float((INNER * inner + HIDDEN * hidden) * size),
        logits=float(getattr(config, "vocab_size", 50_000)) * (size + 8),
        rows=MOST_ROWS.get(device, 64),
        at_once=AT_ONCE.get(device, 2048) if repeats(model) else inf,
    )


def device_bytes(device: str) -> float:
    """Return all memory of a device, or of the container that the process may use."""
    import os

    import psutil
    import torch

    if planned_for := os.environ.get("BENCH_DEVICE_BYTES"):  # of the machine that made the plan
        return float(planned_for)
    if device == "cuda":
        return float(torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory)
    if device == "mps":
        return float(torch.mps.recommended_max_memory())
    return min(float(psutil.virtual_memory().total), _container_bytes())


def _container_bytes() -> float:
    from pathlib import Path

    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return inf  # no container, or none that says so
    return inf if limit == "max" else float(limit)


def planned(lengths: Sequence[int], new: int, fits: Room) -> list[list[int]]:
    """Return positions of prompts, batch by batch, the longest first.

    Neighbours of like length waste little on padding, and a batch that does not fit after all
    shows itself at once. Batches that fit are made of like size: a last one of two rows would
    take nearly as long as a full one.

    Args:
        lengths: Tokens of each prompt.
        new: Most new tokens of each answer.
        fits: What there is room for.
    """
    order = sorted(range(len(lengths)), key=lambda at: (-lengths[at], at))
    made: list[list[int]] = []
    start = 0
    while start < len(order):
        rest, longest = len(order) - start, lengths[order[start]]
        count = next(n for n in range(min(rest, fits.rows), 0, -1) if fits.fits(n, longest, new))
        count = -(-rest // -(-rest // count))  # as many batches, of like size
        made.append(order[start : start + count])
        start += count
    return made
