"""What answering took is measured, kept with the answers, and shown."""

from __future__ import annotations

import functools
import sys
from types import SimpleNamespace

import pytest
import tiny
import torch

from benchmark.backends import effort
from benchmark.backends.hf import HuggingFace
from benchmark.plugins import Request
from benchmark.progress import Silent
from benchmark.prompts import Template
from benchmark.records import Message
from benchmark.suite import Decoding

ASKED = [
    Request(str(n), (Message(role="user", content="Que dit L1 ?" * n),), Template())
    for n in range(1, 6)
]


def test_batches_memory_and_splits_are_counted_for_each_candidate(tmp_path, monkeypatch):
    backend = HuggingFace(model=str(tiny.build(tmp_path / "tiny")), dtype="float32")
    decoding = Decoding(max_new_tokens=2, batch_size=4)
    with backend.open(Silent()) as opened, opened.adapted(None):
        plan = opened.batches(ASKED, decoding)
        forward = opened.model.forward

        @functools.wraps(forward)
        def scarce(input_ids, **more):
            if len(input_ids) > 2:
                raise MemoryError("not enough")
            return forward(input_ids=input_ids, **more)

        monkeypatch.setattr(opened.model, "forward", scarce)
        for batch in plan:
            opened.generate([ASKED[at] for at in batch], decoding, lambda _: None)
        found = opened.effort()
        assert found.largest == 2  # what went through, not what was tried
        assert found.out_of_memory == sum(len(batch) > 2 for batch in plan) > 0
        assert found.peak_memory > 50e6
        assert (found.device, found.dtype, found.joules) == ("cpu", "float32", None)
        with opened.adapted(None):
            assert opened.effort().batches == 0


class Counter:
    """Speaks as pynvml does; counts 5 J at each look."""

    class NVMLError(Exception):
        pass

    def __init__(self, broken=False):
        self.used, self.broken = 0, broken

    def nvmlInit(self):
        if self.broken:
            raise self.NVMLError

    def nvmlDeviceGetHandleByUUID(self, uuid):
        assert uuid == "GPU-17"
        return uuid

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):
        self.used += 5_000  # mJ
        return self.used


@pytest.mark.parametrize(("broken", "expected"), [(False, 15.0), (True, None)])
def test_energy_is_what_the_gpu_counted_during_batches(monkeypatch, broken, expected):
    monkeypatch.setitem(sys.modules, "pynvml", Counter(broken))
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda at: SimpleNamespace(uuid="17"))
    for name in ("reset_peak_memory_stats", "max_memory_allocated"):
        monkeypatch.setattr(torch.cuda, name, lambda: 7)
    measured = effort.Measured("cuda", "bfloat16")
    for _ in range(3):
        with measured.batch(4):
            pass
    assert measured.effort().joules == expected
    assert measured.effort().peak_memory == 7
