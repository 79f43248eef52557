"""A batch that fails costs its own answers and no others, and is never scored as empty ones."""

from __future__ import annotations

import json

import pytest
import tiny
import yaml

from benchmark import load_suite, make_plan, run
from benchmark.backends import hf
from benchmark.records import Generation, Score

BATCH = 3


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    rows = [
        {"id": str(n), "prompt": f"Que dit L{n} ?" + " Et ?" * (n % 5), "completion": f"L{n} dit."}
        for n in range(30)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    content = {
        "suite": "faults",
        "dataset": {"use": "jsonl", "path": str(folder / "rows.jsonl")},
        "split": {"train": 12, "validation": 3, "test": 9},
        "backend": {"use": "hf", "model": str(tiny.build(folder / "tiny")), "dtype": "float32"},
        "generation": {"max_new_tokens": 4, "batch_size": BATCH},
        "candidates": {"base": None},
        "baseline": "base",
        "metrics": {"rouge": None},
        "resamples": 100,
        "reports": {"json": None},
    }
    (folder / "x.yaml").write_text(yaml.safe_dump(content))
    return folder / "x.yaml"


def answers(suite, reports):
    results = run(make_plan(load_suite(suite)), reports=reports)
    folder = reports / "faults" / results.run_id

    def read(name, record):
        return [
            record.model_validate_json(line)
            for line in (folder / name).read_text().split("\n")
            if line
        ]

    return results, read("generations/base.jsonl", Generation), read("scores.jsonl", Score)


FAULTS = {
    "memory runs out": MemoryError("no room"),
    "the GPU is lost": RuntimeError("CUDA error: device-side assert triggered"),
    "a bug": IndexError("index out of range in self"),
}


@pytest.mark.parametrize("at", [0, 1, 2], ids=["first batch", "middle batch", "last batch"])
@pytest.mark.parametrize("fault", FAULTS)
def test_one_batch_fails(suite, tmp_path, monkeypatch, fault, at):
    _, whole, _ = answers(suite, tmp_path / "whole")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "another"))
    calls, real = [], hf.new_tokens

    def broken(model, order):
        if len(order.prompts) == BATCH:
            calls.append(order)
        if calls[at : at + 1] == [order] or (len(calls) == at + 1 and len(order.prompts) < BATCH):
            raise FAULTS[fault]
        return real(model, order)

    monkeypatch.setattr(hf, "new_tokens", broken)
    results, found, scores = answers(suite, tmp_path / "broken")
    missing = {row.example_id for row in found if row.text is None}
    assert len(missing) == BATCH
    assert [row for row in found if row.example_id not in missing] == [
        row.model_copy(update={"seconds": mine.seconds})
        for row, mine in zip(whole, found, strict=True)
        if row.example_id not in missing
    ]
    assert all(str(FAULTS[fault]) in row.error for row in found if row.text is None)
    assert {row.example_id for row in scores if row.stats is None} == missing
    (card,) = results.candidates
    assert (card.answered, card.failed, results.exit_code) == (6, 3, 4)
    # The same command again asks for what is missing, and for nothing else.
    asked = []
    monkeypatch.setattr(hf, "new_tokens", lambda m, order: asked.append(order) or real(m, order))
    results, again, _ = answers(suite, tmp_path / "broken")
    assert [row.text for row in again] == [row.text for row in whole]
    assert [len(order.prompts) for order in asked] == [BATCH]
    assert results.exit_code == 0
