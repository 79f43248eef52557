"""How many answers are the same alone as in their batch: counted, and said in the report."""

from __future__ import annotations

import json

import pytest
import tiny
import yaml

from benchmark import load_suite, make_plan, run
from benchmark.core.batching import checked
from benchmark.core.requests import Job
from benchmark.errors import CandidateError
from benchmark.plugins import Reply, Request
from benchmark.progress import Silent
from benchmark.prompts import Template
from benchmark.records import Effort, Generation, Message
from benchmark.suite import Decoding

COUNT = 12


@pytest.fixture
def go(tmp_path):
    """Return a function that answers by a tiny model: results and texts."""
    data = tmp_path / "rows.jsonl"
    rows = (
        {"id": str(n), "prompt": f"Que dit L{n} ?" + " Dis." * (n % 5), "completion": f"Repos {n}."}
        for n in range(COUNT)
    )
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = tiny.build(tmp_path / "model")

    def answer(dtype, size, check):
        content = {
            "suite": "tiny",
            "dataset": {"use": "jsonl", "path": str(data)},
            "split": {"train": 0, "validation": 0, "test": COUNT},
            "checks": {"stop_on": "never"},
            "backend": {"use": "hf", "model": str(model), "dtype": dtype},
            "generation": {"max_new_tokens": 48, "batch_size": size, "check_batching": check},
            "candidates": {"base": None, "echo": {"backend": "echo"}},
            "baseline": "base",
            "metrics": {"levenshtein": None},
            "reports": {"json": None, "markdown": None, "html": None},
        }
        path = tmp_path / "tiny.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        results = run(make_plan(load_suite(path)), reports=tmp_path / "reports")
        folder = tmp_path / "reports" / "tiny" / results.run_id
        lines = (folder / "generations" / "base.jsonl").read_text().splitlines()
        made = [Generation.model_validate_json(line) for line in lines]
        card = next(card for card in results.candidates if card.name == "base")
        return card.effort, {row.example_id: row.text for row in made}, folder

    return answer


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_figure_is_what_a_run_of_single_answers_shows(go, dtype):
    effort, batched, folder = go(dtype, COUNT, 1000)
    _, alone, _ = go(dtype, 1, 0)
    assert effort.checked == COUNT
    assert effort.same == sum(batched[name] == alone[name] for name in batched)
    if dtype == "float32":
        assert effort.same == COUNT
    assert effort.batches == 1  # the check is no part of what answering took
    said = f"at most {COUNT} at once: {effort.same} of {COUNT} checked answers are the same"
    for name in ("report.md", "report.html"):
        assert f"{dtype}, {said}" in (folder / name).read_text()
    # The check changes no answer, and asking for it makes none anew.
    again, texts, _ = go(dtype, COUNT, 3)
    assert (again.checked, texts) == (COUNT, batched)


class Fickle:
    """Answers otherwise where it is asked alone, fails, or runs out of memory."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def generate(self, batch, decoding, tick):
        (one,) = batch
        self.asked.append(one.example_id)
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return [Reply(found)]


class Candidate:
    name = "x"

    def __init__(self, count):
        self.decoding = Decoding(check_batching=count)


def effort_of(model, count, texts):
    asked = [
        Request(str(n), (Message(role="user", content="?"),), Template()) for n in range(len(texts))
    ]
    made = [Generation(example_id=str(n), candidate="x", text=text) for n, text in enumerate(texts)]
    job = Job(Candidate(count), asked, None, "", "")
    bare = Effort(device="cpu", dtype="bfloat16", threads=1, batches=1, largest=9)
    found = checked(model, job, made, bare, Silent())
    return found.checked, found.same


def test_answers_that_differ_are_counted_and_chosen_evenly():
    model = Fickle("a", "other", "a", "a")
    assert effort_of(model, 4, ["a"] * 8) == (4, 3)
    assert model.asked == ["0", "2", "4", "6"]


def test_answers_that_are_missing_are_no_part_of_it():
    model = Fickle("b", None)
    assert effort_of(model, 8, [None, "b", None, "d"]) == (1, 1)
    assert model.asked == ["1", "3"]


@pytest.mark.parametrize("error", [CandidateError("no"), RuntimeError("no"), MemoryError()])
def test_a_check_that_fails_costs_no_answer(error):
    assert effort_of(Fickle("a", error), 3, ["a", "b", "c"]) == (1, 1)
    assert effort_of(Fickle(), 0, ["a"]) == (0, 0)
