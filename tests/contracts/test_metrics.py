"""What every metric must do, run over the whole registry."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from benchmark.articles import ArticleIndex
from benchmark.plugins import METRICS, Metric
from benchmark.registry import parameters

sys.path.insert(0, str(Path(__file__).parents[1] / "metrics"))
from metric_helpers import ANSWERS, REFERENCES, build_encoder, example, examples

HOSTILE = {
    "empty": "",
    "spaces": " \n\t\u00a0",
    "a million words": "le mot " * 142_858,
    "a million letters": "a" * 1_000_000,
    "punctuation": "!?…«»()" * 40,
    "a million dots": "." * 1_000_000,
    "lone surrogates": "article \ud800 \udfff L1",
    "right to left": "\u202eשלום עולם \u0645\u0631\u062d\u0628\u0627",
    "NUL": "Article\x00L4121-1\x00",
    "terminal escapes": "\x1b[2J\x1b]0;titre\x07 article",
    "marks": "e" + "\u0301\u0316" * 100_000,
    "emoji": "👩‍⚖️" * 50,
}
OTHER: dict[str, dict[str, Any]] = {
    # A value that differs from the default, for each parameter of the built-in metrics.
    "levenshtein": {},
    "exact_match": {"normalise": False},
    "bleu": {"tokenize": "intl", "lowercase": True},
    "rouge": {"tokenizer": "rouge_score", "stemmer": True},
    "meteor": {"language": "english"},
    "bertscore": {"model": "pip:x==1/y", "layer": 1, "batch_size": 8, "max_length": 64},
    "citation_accuracy": {},
    "citation_accuracy_beyond_prompt": {},
    "citations": {"codes": ("crpa",), "source": "npm:x@1.0.0", "as_of": "2020-01-01"},
}
FREE = {
    "hallucinated_citation_rate",
    "citation_in_force_rate",
    "wrong_code_rate",
    "citation_coverage",
    "quote_fidelity",
}
"""Numbers that need no reference, and that an answer may not have."""
SOME = {"citations", "citation_accuracy_beyond_prompt"}
"""Metrics that score some answers only: there is nothing to divide by in the others."""


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tiny encoder that takes BERTScore's defaults."""
    return build_encoder(tmp_path_factory.mktemp("encoder"), layers=6, positions=512)


@pytest.fixture(params=list(METRICS.builtin))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def metric(name: str, encoder: Path, monkeypatch: pytest.MonkeyPatch) -> Metric:
    """Return a metric with its defaults; only the encoder's weights are small."""
    monkeypatch.setattr("benchmark.models.local_model_dir", lambda *_args, **_kw: encoder)
    monkeypatch.setattr("benchmark.metrics.citations._loaded", lambda *_args: ArticleIndex())
    built: Metric = METRICS.load(name)()
    return built


def bound(metric: Metric) -> list[bool]:
    """Tell of each number whether it is measured against the reference."""
    return [info.name not in FREE for info in metric.infos()]


def test_statistics_are_finite_and_of_one_width(metric: Metric) -> None:
    stats = metric.stats(examples(REFERENCES), list(ANSWERS))
    width = stats.shape[1]
    assert stats.shape == (len(ANSWERS), width)
    assert stats.dtype == np.float64
    assert np.isfinite(stats).all()
    for number in range(len(ANSWERS)):
        one = metric.stats(examples(REFERENCES[number : number + 1]), [ANSWERS[number]])
        np.testing.assert_allclose(one, stats[number : number + 1], atol=1e-5)
    assert metric.stats([], []).shape == (0, width)


def test_values_have_one_name_each(metric: Metric) -> None:
    infos = metric.infos()
    assert len({info.name for info in infos}) == len(infos) > 0
    totals = metric.stats(examples(REFERENCES), list(ANSWERS)).sum(axis=0)
    assert metric.values(totals).shape == (len(infos),)
    assert np.isfinite(metric.values(totals))[bound(metric)].all()


def test_values_of_many_resamples_equal_a_loop(metric: Metric) -> None:
    stats = metric.stats(examples(REFERENCES), list(ANSWERS))
    picks = np.random.default_rng(0).integers(0, len(stats), size=(5, 3, len(stats)))
    totals = stats[picks].sum(axis=2)
    values = metric.values(totals)
    assert values.shape == (5, 3, len(metric.infos()))
    for index in np.ndindex(5, 3):
        np.testing.assert_allclose(values[index], metric.values(totals[index]), rtol=1e-12)


def test_values_leave_their_argument_alone(metric: Metric) -> None:
    totals = metric.stats(examples(REFERENCES), list(ANSWERS)).sum(axis=0)
    before = totals.copy()
    metric.values(totals)
    assert totals.tolist() == before.tolist()


def test_order_does_not_matter_and_doubling_changes_no_value(metric: Metric) -> None:
    stats = metric.stats(examples(REFERENCES), list(ANSWERS))
    turned = metric.stats(examples(REFERENCES[::-1]), list(ANSWERS[::-1]))
    np.testing.assert_allclose(turned[::-1], stats, atol=1e-5)
    twice = metric.stats(examples(REFERENCES * 2), list(ANSWERS * 2)).sum(axis=0)
    np.testing.assert_allclose(twice, 2 * stats.sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(metric.values(twice), metric.values(stats.sum(axis=0)), rtol=1e-5)


def test_nothing_scored_is_not_a_number(metric: Metric) -> None:
    stats = metric.stats([example(), example()], ["Article 1", ""])
    assert not stats.any() or not all(bound(metric))
    assert np.isnan(metric.values(stats.sum(axis=0)))[bound(metric)].all()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_answers(name: str, metric: Metric, text: str) -> None:
    stats = metric.stats([example(REFERENCES[0]), example(REFERENCES[1])], [text, ANSWERS[1]])
    assert np.isfinite(stats).all()
    assert np.isfinite(metric.values(stats)).all() or name in SOME


@pytest.mark.parametrize("text", ["", "…", "\ud800", "\x00"])
def test_hostile_references(name: str, metric: Metric, text: str) -> None:
    stats = metric.stats([example(text), example(text, REFERENCES[1])], [ANSWERS[0], text])
    assert np.isfinite(stats).all()
    assert np.isfinite(metric.values(stats)).all() or name in SOME


def test_the_oracle_is_no_worse_than_any_other_answer(metric: Metric) -> None:
    def values(texts: tuple[str, ...]) -> np.ndarray[Any, Any]:
        return metric.values(metric.stats(examples(REFERENCES), list(texts)).sum(axis=0))

    sign = np.array([1 if info.higher_is_better else -1 for info in metric.infos()])
    oracle = sign * values(REFERENCES)
    assert (oracle >= sign * values(ANSWERS))[bound(metric)].all()
    shuffled = REFERENCES[1:] + REFERENCES[:1]
    assert (oracle > sign * values(shuffled))[bound(metric)].all()


def test_several_references_are_no_worse_than_one(metric: Metric) -> None:
    sign = np.array([1 if info.higher_is_better else -1 for info in metric.infos()])
    several = metric.values(metric.stats([example(*REFERENCES)], [REFERENCES[2]]))[0]
    one = metric.values(metric.stats([example(REFERENCES[2])], [REFERENCES[2]]))[0]
    other = metric.values(metric.stats([example(REFERENCES[0])], [REFERENCES[2]]))[0]
    np.testing.assert_allclose(several, one, atol=1e-5)
    assert (sign * several > sign * other)[bound(metric)].all()


def test_signature_is_one_line_of_text(metric: Metric) -> None:
    assert json.loads(json.dumps(metric.signature)) == metric.signature
    assert metric.signature.isprintable()
    assert "|code:" in metric.signature


def test_same_parameters_same_key(name: str, metric: Metric) -> None:
    cls = METRICS.load(name)
    defaults = {field: default for field, _, default in parameters(cls)}
    assert cls().key == metric.key == cls(**defaults).key
    assert cls().signature == metric.signature


def test_another_parameter_is_another_key(name: str, metric: Metric) -> None:
    cls = METRICS.load(name)
    assert set(OTHER[name]) == {field for field, _, _ in parameters(cls)}, "add it to OTHER"
    keys = {cls(**{field: value}).key for field, value in OTHER[name].items()}
    assert len(keys | {metric.key}) == len(OTHER[name]) + 1


def test_keys_of_different_metrics_differ() -> None:
    keys = {METRICS.load(name)().key for name in METRICS.builtin}
    assert len(keys) == len(METRICS.builtin)


def test_names_of_all_numbers_differ() -> None:
    names = [info.name for one in METRICS.builtin for info in METRICS.load(one)().infos()]
    assert len(names) == len(set(names))


def test_unknown_parameter_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="no_such_parameter"):
        METRICS.load(name)(no_such_parameter=1)


def test_parameters_cannot_be_changed_later(metric: Metric) -> None:
    with pytest.raises(ValidationError):
        metric.anything = 1  # type: ignore[attr-defined]
