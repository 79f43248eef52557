"""What is planned with the memory there is, and what is seen of it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import tiny

from benchmark.devices import Peak
from benchmark.training import memory
from benchmark.training.memory import Budget, budget

GB = 2**30


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny.build(tmp_path_factory.mktemp("tiny")))


@pytest.fixture
def free(monkeypatch):
    def set_to(amount):
        monkeypatch.setattr(memory, "free_bytes", lambda device: float(amount))

    return set_to


AMOUNTS = [0, 10**5, 10**6, 10**7, 3 * 10**7, 10**8, 10**9, 10**10, 10**12]


@pytest.mark.parametrize("longest", [20, 500, 6_000])
@pytest.mark.parametrize("asked", ["auto", True, False])
@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
def test_more_memory_is_never_fewer_tokens_and_the_longest_row_always_fits(
    model, free, longest, asked, device
):
    found = []
    for amount in AMOUNTS:
        free(amount)
        found.append(budget(model, device, longest, asked))
        assert longest <= found[-1].tokens <= max(longest, memory.CEILING[device])
    # Beginning to compute twice is the one place where more fit with less memory.
    for kind in (True, False):
        tokens = [fits.tokens for fits in found if fits.checkpointing is kind]
        assert tokens == sorted(tokens)
    wanted = {True: {True}, False: {False}, "auto": {True, False}}[asked]
    assert {fits.checkpointing for fits in found} == wanted
    if asked == "auto":  # only where memory is small
        twice = [fits.checkpointing for fits in found]
        assert twice == sorted(twice, reverse=True)


def test_twice_is_computed_just_where_the_longest_row_would_not_fit(model, free):
    trained = sum(value.numel() for value in model.parameters())
    needed = 100 * memory.bytes_a_token(model, checkpointing=False)
    free((needed + 12 * trained) / memory.SPARE * 1.001)
    assert budget(model, "cpu", 100, "auto") == Budget(100, False)
    free((needed + 12 * trained) / memory.SPARE * 0.98)
    assert budget(model, "cpu", 100, "auto").checkpointing
    assert budget(model, "cpu", 100, False) == Budget(100, False)


def test_what_the_optimizer_will_take_is_not_given_away(model, free):
    """An adapter leaves more room than all weights do."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(model.name_or_path)
    adapted = get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"]))
    free(3 * 10**6)
    assert budget(adapted, "cuda", 10, False).tokens > budget(model, "cuda", 10, False).tokens


def test_bytes_a_token_are_those_that_were_measured():
    """36 layers of 2,048 and 11,008 in bfloat16 kept 7.1 MB a token."""
    import torch
    from transformers import Qwen2Config

    class Shape:
        config = Qwen2Config(hidden_size=2048, intermediate_size=11_008, num_hidden_layers=36)

        @staticmethod
        def parameters():
            return iter([torch.zeros(1, dtype=torch.bfloat16)])

    assert memory.bytes_a_token(Shape, checkpointing=False) == pytest.approx(7.1e6, rel=0.02)
    assert memory.bytes_a_token(Shape, checkpointing=True) < 0.1 * 7.1e6


def test_free_memory_is_some_and_less_than_all():
    import psutil

    assert 0 < memory.free_bytes("cpu") <= psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("limit", "used", "left"), [("max", "5", None), ("1000", "400", 600.0), ("x", "1", None)]
)
def test_a_containers_limit_counts(monkeypatch, limit, used, left):
    from pathlib import Path

    files = {"/sys/fs/cgroup/memory.max": limit, "/sys/fs/cgroup/memory.current": used}
    monkeypatch.setattr(Path, "read_text", lambda self, *args, **more: files[str(self)])
    assert memory._container_limit() == (float("inf") if left is None else left)


SEEN = """
import torch
from benchmark.devices import Peak

with Peak("cpu") as quiet:
    pass
with Peak("cpu") as busy:
    block = torch.ones(200 * 2**20 // 4)  # written, so that it is resident
    assert not busy._end.wait(0.3)  # a few looks' time
    del block
print(busy.bytes - quiet.bytes)
"""


def test_the_peak_is_seen():
    # In a process of its own: here the block may fit into memory that earlier tests freed and
    # the allocator kept, so that nothing grows.
    done = subprocess.run([sys.executable, "-c", SEEN], capture_output=True, text=True, check=True)
    assert int(done.stdout) == pytest.approx(200 * 2**20, rel=0.1)


def test_the_peak_is_there_after_an_error():
    peak = Peak("cpu")
    with pytest.raises(ZeroDivisionError), peak:
        raise ZeroDivisionError
    assert peak.bytes > 0 and not peak._thread.is_alive()


def errors():
    import torch

    return {
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"): True,
        MemoryError(): True,
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"
        ): True,
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"): True,
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"): True,
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"): False,
        ValueError("out of memory"): False,
    }


def test_a_lack_of_memory_is_told_from_other_errors():
    for error, expected in errors().items():
        assert memory.is_out_of_memory(error) is expected, error


def test_what_torch_raises_on_this_machine_is_known():
    import torch

    with pytest.raises((RuntimeError, MemoryError)) as error:
        torch.empty(2**60, dtype=torch.uint8)
    assert memory.is_out_of_memory(error.value)
