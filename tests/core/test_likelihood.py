"""The perplexity of the references under each candidate, on a tiny random Llama."""

from __future__ import annotations

import json
import math

import pytest
import tiny
import yaml

from benchmark import load_suite, make_plan, run
from benchmark.metrics.perplexity import Perplexity


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def go(tmp_path, model):
    """Return a function that runs a small suite with overrides."""
    rows = [
        {"id": str(n), "prompt": f"Que dit l'article {n} ?", "group": f"g{n}",
         "completion": f"Le délai est de {n} jours, sauf appel."}
        for n in range(20)
    ]  # fmt: skip
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    content = {
        "suite": "tiny",
        "dataset": {"use": "jsonl", "path": str(data)},
        "split": {"train": 8, "validation": 2, "test": 8},
        "checks": {"stop_on": "never"},
        "backend": {"use": "hf", "model": str(model), "dtype": "float32"},
        "generation": {"max_new_tokens": 4},
        "candidates": {
            "base": None,
            "few-shot": {"few_shot": 1},
            "lora": {"train": {"r": 4, "epochs": 3, "learning_rate": 0.02, "batch_size": 4}},
            "oracle": {"backend": "oracle"},
        },
        "baseline": "base",
        "metrics": {"perplexity": None, "exact_match": None},
        "gates": {"learnt": {"score": "perplexity", "candidates": ["lora"], "max_drop": 0}},
        "resamples": 200,
        "reports": {"json": None, "markdown": None},
    }
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))

    def go(*overrides):
        plan = make_plan(load_suite(path, overrides))
        return run(plan, reports=tmp_path / "reports")

    return go


def expected(model, examples):
    """exp of transformers' own loss over the references' tokens, one text at a time."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from benchmark.prompts import Template

    tokenizer = AutoTokenizer.from_pretrained(model)
    llama = AutoModelForCausalLM.from_pretrained(model, dtype="float32").eval()
    total = count = 0.0
    for row in examples:
        prompt = Template().encode(row["prompt"], tokenizer)
        answer = tokenizer(row["reference"], add_special_tokens=False)["input_ids"]
        labels = torch.tensor([[-100] * len(prompt) + answer])
        with torch.no_grad():
            loss = llama(torch.tensor([prompt + answer]), labels=labels).loss
        total, count = total + float(loss) * len(answer), count + len(answer)
    return math.exp(total / count)


def test_each_model_has_its_perplexity_and_controls_have_none(go, model, tmp_path):
    from benchmark.records import Example

    results = go()
    folder = tmp_path / "reports" / "tiny" / results.run_id
    tests = [
        Example.model_validate_json(line)
        for line in (folder / "examples.jsonl").read_text().splitlines()
    ]
    rows = [{"prompt": one.prompt, "reference": one.references[0]} for one in tests]
    base, lora = (results.score(name, "perplexity") for name in ("base", "lora"))
    assert base.value == pytest.approx(expected(model, rows), rel=1e-5)
    assert base.low < base.value < base.high and base.n == 8
    assert lora.value < base.value and not lora.higher_is_better
    assert results.comparison("lora", "perplexity").high < 0
    assert results.score("few-shot", "perplexity").value != base.value
    oracle = results.score("oracle", "perplexity")
    assert (oracle.value, oracle.n, oracle.failed) == (None, 0, 0)
    assert results.exit_code == 0 and results.gates[0].outcome == "pass"
    assert results.computed["scored"] == 3 + 4
    assert "| perplexity ↓" in (folder / "report.md").read_text().replace("**", "")

    again = go()
    assert again.computed["scored"] == 0 and again.scores == results.scores
    # A shorter reading is another one.
    assert go("metrics.perplexity.max_length=3").computed["scored"] == 3


def test_a_model_that_cannot_be_read_has_missing_scores_and_is_tried_again(go, monkeypatch):
    from benchmark.backends import hf

    def broken(*_):
        raise RuntimeError("the driver\nhas gone")

    with monkeypatch.context() as fault:
        fault.setattr(hf.LoadedModel, "loglikelihood", broken)
        results = go()
    base = results.score("base", "perplexity")
    assert (base.value, base.n, base.failed) == (None, 0, 8)
    assert results.gates[0].outcome == "inconclusive"
    assert go().score("base", "perplexity").n == 8


def test_a_damaged_file_is_read_again(go, tmp_path):
    from benchmark.core.store import Cache

    first = go()
    for path in (Cache().root / "perplexity").glob("*.json"):
        path.write_text(path.read_text()[:-4])
    again = go()
    assert again.computed["scored"] == 3 and again.scores == first.scores


def test_sums_are_exponentiated_as_one():
    values = Perplexity().values([[math.log(4) * 2, 2], [0, 0], [1e9, 1]])
    assert values[0, 0] == pytest.approx(4)
    assert [math.isnan(value) for value in values[1:, 0]] == [True, True]
