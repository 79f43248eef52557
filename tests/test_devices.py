"""Where models run, and in which numbers: chosen by measurement, and the same again next time."""

from __future__ import annotations

import json

import pytest
import torch

from benchmark import devices
from benchmark.devices import Processor
from benchmark.files import cache_root

CACHED = (devices.placement, devices.cpu_has_bfloat16, devices.processor)


@pytest.fixture(autouse=True)
def on_a_processor(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(devices.platform, "machine", lambda: "x86_64")
    forget()
    yield
    forget()


def forget():
    for known in CACHED:
        known.cache_clear()


@pytest.mark.parametrize(
    ("has", "training"),
    [
        ({"avx512_bf16": True}, "float32"),
        ({"avx512_bf16": True, "amx_bf16": True}, "bfloat16"),
        ({}, "float32"),
    ],
)
def test_bfloat16_is_trained_in_only_with_matrix_instructions(monkeypatch, has, training):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    assert devices.placement(training=True).dtype == training
    assert devices.placement("float32", training=True).dtype == "float32"


def test_the_faster_format_answers_and_the_choice_is_remembered(monkeypatch):
    monkeypatch.setattr(devices, "_fastest", lambda: Processor("bfloat16", 3))
    assert devices.placement().dtype == "bfloat16"
    forget()
    # Another process, on a day when the machine does something else too.
    monkeypatch.setattr(devices, "_fastest", lambda: Processor("float32", 1))
    assert devices.processor() == Processor("bfloat16", 3)
    forget()
    (cache_root() / "processor.json").write_text("{ damaged")
    assert devices.placement().dtype == "float32"


def test_what_another_machine_measured_does_not_count(monkeypatch):
    monkeypatch.setattr(devices, "_fastest", lambda: Processor("float32", 1))
    devices.processor()
    path = cache_root() / "processor.json"
    (known,) = json.loads(path.read_text()).values()
    path.write_text(json.dumps({"another": known | {"dtype": "bfloat16"}}))
    forget()
    assert devices.processor().dtype == "float32"


@pytest.mark.parametrize(
    ("slow", "expected"), [({"bfloat16"}, "float32"), ({"float32"}, "bfloat16"), (set(), "float32")]
)
def test_the_measurement_takes_what_is_clearly_faster(monkeypatch, slow, expected):
    done, clock = [], [0.0]

    def passing():
        clock[0] += 3.0 if done and done[-1] in slow else 1.0
        return clock[0]

    def step(dtype):
        return lambda: done.append(str(dtype).removeprefix("torch."))

    monkeypatch.setattr(devices, "_step", step)
    monkeypatch.setattr("time.perf_counter", passing)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    threads = torch.get_num_threads()
    assert devices._fastest().dtype == expected
    assert torch.get_num_threads() == threads


def test_a_cache_that_cannot_be_written_stops_nothing(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "file" / "below"))
    assert devices.placement().device == "cpu"


def test_what_is_timed_is_a_step_of_a_model_and_leaves_no_trace():
    state = torch.random.get_rng_state()
    for dtype in (torch.float32, torch.bfloat16):
        output = devices._step(dtype)()
        assert output.logits.shape == (32, 1, 4096)
        assert output.logits.dtype == dtype
        assert output.past_key_values.get_seq_length() == 65
    assert torch.equal(torch.random.get_rng_state(), state)
