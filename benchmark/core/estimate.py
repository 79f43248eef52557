"""How long a step will take, said before it starts.

Speeds measured on this machine are remembered in the cache. Before the first measurement the
guess is the step's arithmetic over the machine's own matrix speed; it is rough, and says so
by being rounded up to a friendly number on the terminal.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from benchmark.core.store import Cache
from benchmark.devices import Dtype, placement
from benchmark.files import write_text
from benchmark.models import local_model

ANSWERING, TRAINING, TRAINING_GPU = 0.25, 0.8, 0.3
"""Shares of a large matrix product's speed that are reached.

Small batches of single tokens: 0.2 to 0.35 measured. Training, whose batches are long texts: 0.7
to 1.0 on two cores (the loss leaves out the prompt's tokens), 0.36 on a GPU at its best.
"""


class Speeds:
    """Remembered speeds, in units a second, by step and model."""

    def __init__(self, cache: Cache) -> None:
        self.path = cache.path("", "speeds.json")

    def seconds(self, name: str, amount: float) -> float | None:
        """Return how long `amount` units of step `name` will take; None if never measured."""
        speed = self._read().get(name)
        return amount / speed if speed else None

    def remember(self, name: str, amount: float, seconds: float) -> None:
        """Note a measured speed."""
        if amount > 0 and seconds > 0:
            known = self._read()
            known[name] = amount / seconds
            write_text(self.path, json.dumps(known, indent=1, sort_keys=True) + "\n")

    def _read(self) -> dict[str, float]:
        try:
            known: dict[str, float] = json.loads(self.path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}  # an estimate is worth no error: the next run writes the file anew
        return known


def guess_seconds(model: str, dtype: Dtype, tokens: float, passes: float) -> float:
    """Guess from arithmetic: 2 operations a weight, a token and a pass.

    Args:
        model: Package reference of a model that is already fetched.
        dtype: Its number format.
        tokens: Tokens to go through it.
        passes: 1 to generate or encode; 3 to train all weights (forward, and backward twice as
            long); 2 to train an adapter (the frozen weights need no gradient of their own).
    """
    weights, share = _weights(local_model(model).path), ANSWERING
    if passes > 1:
        share = TRAINING if placement(dtype, training=True).device == "cpu" else TRAINING_GPU
    return 2 * weights * tokens * passes / (_matrix_speed(dtype, passes > 1) * share)


def _weights(folder: Path) -> float:
    """Return about how many weights a model has, from the size of its files."""
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    stored = settings.get("dtype") or settings.get("torch_dtype") or "float32"
    size = 4 if stored == "float32" else 2
    return sum(file.stat().st_size for file in folder.glob("*.safetensors")) / size


@cache
def _matrix_speed(dtype: Dtype, training: bool) -> float:
    """Return operations a second of a matrix product, from a probe of a fraction of a second."""
    import time

    import torch

    place = placement(dtype, training=training)
    size = 1024 if place.device == "cpu" else 8192
    left = torch.ones(size, size, device=place.device, dtype=getattr(torch, place.dtype))
    float((left @ left)[0, 0])  # warm up
    start = time.perf_counter()
    for _ in range(3):
        product = left @ left
    float(product[0, 0])  # waits for the device
    return 3 * 2 * size**3 / (time.perf_counter() - start)
