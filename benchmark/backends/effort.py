"""What answering takes: memory and, where the GPU counts it, energy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from benchmark.devices import Peak
from benchmark.records import Effort


class Measured:
    """What is counted while answers are made; `effort` tells it."""

    def __init__(self, device: str, dtype: str) -> None:
        self.device, self.dtype = device, dtype
        self.batches = self.largest = self.out_of_memory = self.peak = 0
        self.joules: float | None = None

    @contextmanager
    def batch(self, rows: int) -> Iterator[None]:
        """Measure one batch of so many rows."""
        self.batches += 1
        before = _joules(self.device)
        with Peak(self.device) as peak:
            yield
        after = _joules(self.device)
        self.peak = max(self.peak, peak.bytes)
        self.largest = max(self.largest, rows)
        if before is not None and after is not None:
            self.joules = (self.joules or 0.0) + after - before

    def effort(self) -> Effort:
        """Return what was measured so far."""
        import torch

        return Effort(
            device=self.device,
            dtype=self.dtype,
            threads=torch.get_num_threads(),
            batches=self.batches,
            largest=self.largest,
            out_of_memory=self.out_of_memory,
            peak_memory=self.peak,
            joules=None if self.joules is None else round(self.joules, 1),
        )


def _joules(device: str) -> float | None:
    """Return the energy that the current GPU has used since its driver was loaded."""
    if device != "cuda":
        return None
    try:
        nvml: Any = import_module("pynvml")  # of nvidia-ml-py; a figure less where it is missing
    except ImportError:
        return None
    import torch

    uuid = torch.cuda.get_device_properties(torch.cuda.current_device()).uuid
    try:
        nvml.nvmlInit()
        handle = nvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
        return float(nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
    except nvml.NVMLError:
        return None  # an older card, or no permission
