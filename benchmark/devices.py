"""Which device and number format a model runs in, chosen by itself and recorded."""

from __future__ import annotations

import platform
from functools import cache
from typing import Literal, NamedTuple

Dtype = Literal["auto", "float32", "bfloat16", "float16"]


class Placement(NamedTuple):
    """Where a model runs: torch's names of the device and of the number format."""

    device: str
    dtype: str


@cache
def placement(dtype: Dtype = "auto", *, training: bool = False) -> Placement:
    """Return the best device here, and `dtype` or the format that is fast and safe on it.

    CUDA: bfloat16 where the GPU has it, else float16. Apple MPS: float16. CPU: bfloat16 only
    where the processor multiplies it in hardware (elsewhere it is emulated, several times
    slower than float32).

    Answers are bound by reading weights, which bfloat16 halves; training by arithmetic, which it
    speeds up only with matrix instructions: with AVX-512 BF16 alone, large products ran at half
    the speed of float32 (165 and 315 GFLOP/s on two cores, torch 2.13).
    """
    import torch

    if torch.cuda.is_available():
        best = "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
        return Placement("cuda", best if dtype == "auto" else dtype)
    if torch.backends.mps.is_available():
        return Placement("mps", "float16" if dtype == "auto" else dtype)
    best = "bfloat16" if cpu_has_bfloat16(products=training) else "float32"
    return Placement("cpu", best if dtype == "auto" else dtype)


@cache
def cpu_has_bfloat16(*, products: bool = False) -> bool:
    """Tell whether the processor has bfloat16 instructions (AVX-512 BF16, AMX, SVE BF16).

    Args:
        products: Only count those that make large matrix products faster than in float32.
    """
    import torch

    capabilities = torch.cpu.get_capabilities()
    if capabilities.get("amx_bf16") or (capabilities.get("avx512_bf16") and not products):
        return True
    return platform.machine() in ("arm64", "aarch64") and bool(capabilities.get("sve_bf16"))


def memory_bytes() -> int:
    """Return the machine's memory in bytes."""
    import os

    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
