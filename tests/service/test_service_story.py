"""The whole story: submit, watch a real training, cancel in the middle, resume, same results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny
from service_helpers import ROOT, Server, end, rows

SUITE = """\
suite: story
dataset: {{use: jsonl, path: {rows}}}
split: {{train: 40, validation: 4, test: 8}}
template: alpaca
backend: {{use: hf, model: {model}, dtype: float32}}
generation: {{max_new_tokens: 8, batch_size: 4}}
candidates:
  base:
  lora: {{train: {{r: 4, epochs: {epochs}, learning_rate: 1e-2, batch_size: 4, max_length: 128,
                  save_seconds: 0}}}}
  oracle: {{backend: oracle}}
baseline: base
primary: rougeL
metrics: {{rouge: , token_f1: }}
"""
CHANGING = {"run_id", "started", "finished", "seconds", "timings", "computed", "command"}
CHANGING |= {"tokens_per_second", "effort", "created", "resumed", "peak_memory", "environment"}
"""What tells of the time and the way, not of what was found."""


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the text of a suite that trains a tiny Llama."""
    folder = tmp_path_factory.mktemp("story")
    model = tiny.build(folder / "model")
    return SUITE.format(rows=rows(folder / "rows.jsonl", 52), model=model, epochs=6)


@pytest.fixture(scope="session")
def by_hand(suite: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return what `bench run` finds, with a cache of its own."""
    folder = tmp_path_factory.mktemp("by-hand")
    (folder / "story.yaml").write_text(suite, encoding="utf-8")
    command = [sys.executable, "-m", "benchmark", "run", "story.yaml", "--json"]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "BENCH_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1, 3), done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def story(suite: str, tmp_path: Path, db: str) -> Iterator[Server]:
    """Return a running server that allows the suite."""
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "story.yaml").write_text(suite, encoding="utf-8")
    (tmp_path / "config.yaml").write_text("grace: 8\n", encoding="utf-8")
    made = Server(tmp_path, db).start()
    yield made
    end(made)


def same(value: Any) -> Any:
    """Return results without what changes from run to run."""
    if isinstance(value, dict):
        return {name: same(item) for name, item in value.items() if name not in CHANGING}
    return [same(item) for item in value] if isinstance(value, list) else value


def test_the_whole_story(story: Server, by_hand: Any) -> None:
    job = story.create(suite="story", name="mine")
    end_at = time.monotonic() + 90
    while True:  # until it is in the middle of its training
        found = story.ask("GET", f"jobs/{job}")
        progress = found["progress"] or {}
        if progress.get("unit") == "steps" and progress["done"] >= 5:
            break
        assert time.monotonic() < end_at, (found, story.log())
        assert found["state"] in ("queued", "running"), found
        time.sleep(0.05)
    assert progress["stage"] == "train" and 5 <= progress["done"] <= progress["total"] == 60
    assert found["metrics"]["loss"] > 0
    assert story.ask("POST", f"jobs/{job}/cancel")["state"] == "cancelling"
    found = story.wait(job, "cancelled", "succeeded")
    assert found["state"] == "cancelled"
    last = story.events(job)[-1]
    assert last[1] == "end" and last[2]["state"] == "cancelled"
    story.ask("POST", f"jobs/{job}/resume")
    found = story.wait(job, "succeeded", "failed", "incomplete")
    assert found["state"] == "succeeded", found
    assert found["attempts"] == 2
    later = story.events(job, after=last[0])
    assert [seq for seq, _, _ in later] == list(range(last[0] + 1, last[0] + 1 + len(later)))
    results = story.ask("GET", f"jobs/{job}/results")
    (lora,) = [one for one in results["candidates"] if one["name"] == "lora"]
    assert lora["training"]["resumed"] == 1  # it did go on, rather than begin again
    assert found["metrics"]["lora/rougeL"] == next(
        row["value"] for row in results["scores"]
        if (row["candidate"], row["score"]) == ("lora", "rougeL")
    )  # fmt: skip
    assert same(results) == same(by_hand)
    names = {one["path"] for one in story.ask("GET", f"jobs/{job}/artefacts")}
    assert {"report.html", "report.md", "results.json", "adapters/lora.zip"} <= names
