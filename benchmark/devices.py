"""Which device and number format a model runs in, chosen by itself and recorded."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from benchmark.files import cache_root

if TYPE_CHECKING:
    import torch

Dtype = Literal["auto", "float32", "bfloat16", "float16"]


class Placement(NamedTuple):
    """Where a model runs: torch's names of the device and of the number format."""

    device: str
    dtype: str


@cache
def placement(dtype: Dtype = "auto", *, training: bool = False) -> Placement:
    """Return the best device here, and `dtype` or the format that is fast and safe on it.

    CUDA: bfloat16 where the GPU has it, else float16. Apple MPS: float16. CPU, to answer: what
    `processor()` measured; to train: bfloat16 only with matrix instructions for it. With AVX-512
    BF16 alone, large products ran at half the speed of float32 (165 and 315 GFLOP/s on two
    cores, torch 2.13).
    """
    import torch

    if torch.cuda.is_available():
        best = "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
        return Placement("cuda", best if dtype == "auto" else dtype)
    if torch.backends.mps.is_available():
        return Placement("mps", "float16" if dtype == "auto" else dtype)
    if dtype != "auto":
        return Placement("cpu", dtype)
    if training:
        return Placement("cpu", "bfloat16" if cpu_has_bfloat16(products=True) else "float32")
    return Placement("cpu", processor().dtype)


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


class Processor(NamedTuple):
    """How a processor answers fastest."""

    dtype: str
    threads: int


@cache
def processor() -> Processor:
    """Return number format and threads, measured once on this machine and remembered.

    Measured, for no list of features tells: the same AVX-512 BF16 that halves the bytes of a
    weight can halve the speed of a product. Remembered in the cache, so that the next run makes
    the same answers again; without the file (`processor.json`) it is measured anew.
    """
    import json
    import os

    import torch

    name = (
        f"{platform.processor() or platform.machine()} x{os.cpu_count()} torch {torch.__version__}"
    )
    path = cache_root() / "processor.json"
    try:
        known = json.loads(path.read_text(encoding="utf-8"))[name]
        return Processor(str(known["dtype"]), int(known["threads"]))
    except (OSError, ValueError, KeyError, TypeError):
        found = _fastest()
    with suppress(OSError):  # a cache that cannot be written shows where it matters
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps({name: found._asdict()}), encoding="utf-8")
        os.replace(part, path)
    return found


CLEARLY = 1.2
"""How many times as fast another way must be to be taken instead of float32 on all threads."""

ROUNDS = 7
"""How often each way is timed. The shortest time counts: others on the machine may slow a step
down, never speed it up."""


def _fastest() -> Processor:
    """Time the ways, in turns."""
    import time

    import torch

    usual = torch.get_num_threads()
    # Two threads of one core share its arithmetic, and may hinder each other.
    ways = [("float32", usual)]
    ways += [("bfloat16", usual)] if cpu_has_bfloat16() else []
    ways += [("float32", usual // 2)] if usual >= 4 else []
    if len(ways) == 1:
        return Processor(*ways[0])
    steps = {dtype: _step(getattr(torch, dtype)) for dtype in dict(ways)}
    seconds = dict.fromkeys(ways, float("inf"))
    try:
        for _ in range(ROUNDS):
            for way in ways:
                torch.set_num_threads(way[1])
                start = time.perf_counter()
                steps[way[0]]()
                seconds[way] = min(seconds[way], time.perf_counter() - start)
    finally:
        torch.set_num_threads(usual)
    best = min(ways, key=lambda way: seconds[way])
    return Processor(*(best if seconds[ways[0]] > CLEARLY * seconds[best] else ways[0]))


def _step(dtype: torch.dtype) -> Callable[[], object]:
    """Return a function that does what each step of 32 answers does, in a small model.

    A whole model and not its products alone: what bfloat16 gains in those it can lose around
    them.
    """
    import torch
    from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=4096,
        hidden_size=512,
        intermediate_size=1536,
        num_hidden_layers=2,
        num_attention_heads=8,
        num_key_value_heads=4,
    )
    with torch.random.fork_rng(devices=[]):
        model = LlamaForCausalLM(config).to(dtype).eval()
    cache, ids = DynamicCache(config=config), torch.ones((32, 64), dtype=torch.long)

    def step(width: int = 1) -> object:
        with torch.inference_mode():
            return model(input_ids=ids[:, :width], past_key_values=cache)

    step(64)
    return step


class Peak:
    """The most memory in use while something runs: a `with` around it, then `bytes`.

    On a GPU by the allocator's own count. On a CPU the process is looked at ten times a second:
    its own high-water mark would remember whatever else it has done before.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.bytes = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Peak:
        """Start looking."""
        import torch

        if self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        else:
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop looking."""
        import torch

        if self.device == "cuda":
            self.bytes = int(torch.cuda.max_memory_allocated())
        else:
            self._end.set()
            self._thread.join()

    def _look(self) -> None:
        import psutil
        import torch

        process = psutil.Process()
        while True:
            used = process.memory_info().rss
            if self.device == "mps":
                used = int(torch.mps.driver_allocated_memory())
            self.bytes = max(self.bytes, used)
            if self._end.wait(0.1):
                return


def memory_bytes() -> int:
    """Return the machine's memory in bytes."""
    import os

    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
