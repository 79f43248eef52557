"""The bridge to `evaluate`, with modules written here as a user writes them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml
from metric_helpers import ANSWERS, REFERENCES, example, examples

from benchmark.errors import ConfigError, FetchError
from benchmark.metrics.bridge import Evaluate

SHARED_WORDS = str(Path(__file__).parent / "shared_words")

MODULE = """
import datasets
import evaluate


class Module(evaluate.Metric):
    def _info(self):
        text = datasets.Value("string")
        features = datasets.Features({{"predictions": text, "references": {references}}})
        return evaluate.MetricInfo(
            description="", citation="", inputs_description="", features=features
        )

    def _compute(self, predictions, references):
        {body}
"""


@pytest.fixture
def module(tmp_path: Path):
    """Return a function that writes a module and returns its path."""

    def write(body: str, references: str = "text") -> str:
        name = f"module_{abs(hash((body, references)))}"
        path = tmp_path / f"{name}.py"
        path.write_text(MODULE.format(body=body, references=references))
        return str(path)

    return write


def theirs(answer: str, reference: str, key: str = "shared_f1") -> float:
    """What the module itself says of one pair."""
    import evaluate

    loaded = evaluate.load(SHARED_WORDS, module_type="metric", keep_in_memory=True)
    return float(loaded.compute(predictions=[answer], references=[reference])[key])


def test_a_number_for_a_batch_is_taken_for_each_example() -> None:
    metric = Evaluate(path=SHARED_WORDS, scores=("shared_f1", "missed"))
    stats = metric.stats(examples(REFERENCES), list(ANSWERS))
    expected = [
        [theirs(*pair), theirs(*pair, "missed"), 1.0]
        for pair in zip(ANSWERS, REFERENCES, strict=True)
    ]
    assert stats.tolist() == expected
    assert 0 < min(row[0] for row in expected) < max(row[0] for row in expected) < 1
    assert [info.name for info in metric.infos()] == ["shared_f1", "missed"]
    assert "over:mean over examples" in metric.signature and "evaluate:0.4" in metric.signature


def test_options_reach_the_module_and_the_signature() -> None:
    plain = Evaluate(path=SHARED_WORDS, scores=("shared_f1",))
    double = Evaluate(path=SHARED_WORDS, scores=("shared_f1",), options={"weight": 2.0})
    rows = examples(REFERENCES), list(ANSWERS)
    assert double.stats(*rows)[:, 0].tolist() == (2 * plain.stats(*rows)[:, 0]).tolist()
    assert "weight:2.0" in double.signature and double.key != plain.key


@pytest.mark.parametrize(("higher", "best"), [(True, max), (False, min)])
def test_the_best_of_several_references(higher: bool, best) -> None:
    metric = Evaluate(path=SHARED_WORDS, scores=("missed",), higher_is_better=higher)
    (row,) = metric.stats([example(*REFERENCES)], [ANSWERS[0]])
    assert row[0] == best(theirs(ANSWERS[0], text, "missed") for text in REFERENCES)


def test_a_list_of_numbers_is_taken_as_it_is_in_one_call(module) -> None:
    path = module("return {'size': [len(one) for one in predictions], 'n': [len(predictions)] * len(predictions)}")  # fmt: skip # noqa: E501
    stats = Evaluate(path=path, scores=("size", "n")).stats(examples(REFERENCES), list(ANSWERS))
    assert stats[:, 0].tolist() == [len(text) for text in ANSWERS]
    assert stats[:, 1].tolist() == [4] * 4


def test_a_module_that_takes_lists_of_references_gets_them(module) -> None:
    path = module("return {'n': sum(map(len, references))}", "datasets.Sequence(text)")
    stats = Evaluate(path=path, scores=("n",)).stats(
        [example(*REFERENCES), example(REFERENCES[0])], ["a", "b"]
    )
    assert stats[:, 0].tolist() == [4, 1]


def test_an_example_that_the_module_fails_on_is_missing(module, tmp_path: Path) -> None:
    path = module("return {'r': 1 / len(predictions[0])}")
    metric = Evaluate(path=path, scores=("r",))
    stats = metric.stats(examples(REFERENCES), ["ab", "", "a", "abcd"])
    assert [str(row[0]) for row in stats] == ["0.5", "nan", "1.0", "0.25"]

    from benchmark import load_suite, make_plan, run

    rows = [{"id": str(n), "prompt": f"{n} ?", "completion": "a" * n + "b"} for n in range(9)]
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    suite = tmp_path / "suite.yaml"
    broken = module("return {'r': 1 / (len(references[0]) % 2)}")
    suite.write_text(
        yaml.safe_dump(
            {
                "suite": "bridge", "dataset": {"use": "jsonl", "path": str(data)},
                "split": {"train": 0, "validation": 0, "test": 9},
                "backend": {"use": "oracle"}, "candidates": {"oracle": None}, "baseline": "oracle",
                "metrics": {"odd": {"use": "evaluate", "path": broken, "scores": ["r"]}},
                "checks": {"stop_on": "never"}, "reports": {"json": None}, "resamples": 100,
            }
        )
    )  # fmt: skip
    results = run(make_plan(load_suite(suite)), reports=tmp_path / "reports")
    score = results.score("oracle", "odd.r")
    assert (score.value, score.n, score.failed) == (1.0, 5, 4)
    assert results == results.model_validate_json(results.model_dump_json())


@pytest.mark.parametrize(
    ("body", "scores", "message"),
    [
        ("return {'a': 1.0, 'b': 2.0}", ("c",), "gives no 'c'"),
        ("raise RuntimeError('no such\\n option')", ("a",), "RuntimeError: no such option"),
        ("return {'a': 'high'}", ("a",), "gives str where a number is needed"),
        ("return {'a': [1.0]}", ("a",), "not of one value a pair"),
        ("return None", ("a",), "gives no 'a'"),
    ],
)
def test_a_module_that_does_not_fit(module, body: str, scores, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Evaluate(path=module(body), scores=scores).stats(examples(REFERENCES), list(ANSWERS))


def test_code_from_the_hub_runs_only_where_that_is_said() -> None:
    with pytest.raises(ValueError, match=r"no file or folder rouge.*trust: true"):
        Evaluate(path="rouge", scores=("rouge1",))


def test_offline_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_OFFLINE", "1")
    with pytest.raises(FetchError, match="BENCH_OFFLINE is set, and rouge is no local module"):
        Evaluate(path="rouge", scores=("rouge1",), trust=True).weights()


def test_a_module_that_cannot_be_imported(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("raise RuntimeError('not\\ntoday')\n")
    with pytest.raises(FetchError, match=r"cannot load .*broken\.py: "):
        Evaluate(path=str(path), scores=("a",)).weights()


def test_other_code_at_the_same_path_is_another_key(module) -> None:
    first = Evaluate(path=module("return {'a': 1.0}"), scores=("a",)).weights()
    assert first != Evaluate(path=module("return {'a': 2.0}"), scores=("a",)).weights()
    assert first in " ".join(sys.modules)
