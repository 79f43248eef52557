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
from benchmark.metrics.base import Fitted
from benchmark.models import LocalModel
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
SHARED_WORDS = Path(__file__).parents[1] / "metrics" / "shared_words"
NEEDED: dict[str, dict[str, Any]] = {
    # What has no default.
    "evaluate": {"path": str(SHARED_WORDS), "scores": ["shared_f1"]},
}
OTHER: dict[str, dict[str, Any]] = {
    # A value that differs from the default, for each parameter of the built-in metrics.
    "levenshtein": {},
    "hamming": {},
    "exact_match": {"normalise": False, "compat": "squad"},
    "token_f1": {"articles": (), "compat": "squad"},
    "bleu": {"tokenize": "intl", "lowercase": True, "compat": "evaluate"},
    "chrf": {"char_order": 4, "word_order": 2, "beta": 1, "lowercase": True},
    "rouge": {"compat": "rouge_score", "stemmer": True},
    "meteor": {"language": "english", "compat": "nltk"},
    "tfidf": {"stemmer": True},
    "length": {},
    "repetition": {"n": 3, "n_chars": 10},
    "bertscore": {
        "model": "pip:x==1/y",
        "layer": 1,
        "max_length": 64,
        "idf": True,
        "baseline": [0.1, 0.2, 0.3],
    },
    "embedding": {"model": "pip:x==1/y", "max_length": 64},
    "evaluate": {
        "path": str(SHARED_WORDS / "shared_words.py"),
        "config": "a",
        "scores": ["missed"],
        "higher_is_better": False,
        "options": {"weight": 2.0},
        "revision": "main",
        "trust": True,
    },
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


def build(name: str, **parameters: Any) -> Any:
    return METRICS.load(name)(**{**NEEDED.get(name, {}), **parameters})


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tiny encoder that takes BERTScore's defaults."""
    return build_encoder(tmp_path_factory.mktemp("encoder"), layers=6, positions=512)


OF_THE_MODEL = {"perplexity"}
"""What these say comes from the model and not from a text: core/test_likelihood.py."""


@pytest.fixture(params=[name for name in METRICS.builtin if name not in OF_THE_MODEL])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def metric(name: str, encoder: Path, monkeypatch: pytest.MonkeyPatch) -> Metric:
    """Return a metric with its defaults; only the encoder's weights are small."""
    small = LocalModel(encoder, "0" * 64, "tiny")
    monkeypatch.setattr("benchmark.models.local_model", lambda *_args, **_kw: small)
    monkeypatch.setattr("benchmark.metrics.citations._loaded", lambda *_args: ArticleIndex())
    built: Metric = build(name)
    return built.fitted(examples(REFERENCES)) if isinstance(built, Fitted) else built


def signs(metric: Metric) -> np.ndarray[Any, Any]:
    """Return 1 for each number where higher is better, -1 where lower, 0 where neither."""
    return np.array([{True: 1, False: -1, None: 0}[one.higher_is_better] for one in metric.infos()])


ALONE = {"length", "repetition"}
"""Metrics that look at the answer for itself: no reference is needed, and none is better."""
UNDEFINED = {"length_ratio"}
"""Numbers that have no value where no reference has a word."""


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


def test_nothing_scored_is_not_a_number(name: str, metric: Metric) -> None:
    stats = metric.stats([example(), example()], ["Article 1", ""])
    assert stats.any() == (name in ALONE) or not all(bound(metric))
    nothing = np.zeros(stats.shape[1])
    total = metric.values(stats.sum(axis=0) if name not in ALONE else nothing)
    assert np.isnan(total)[bound(metric)].all()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_answers(name: str, metric: Metric, text: str) -> None:
    stats = metric.stats([example(REFERENCES[0]), example(REFERENCES[1])], [text, ANSWERS[1]])
    assert np.isfinite(stats).all()
    assert np.isfinite(metric.values(stats)).all() or name in SOME


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_references(name: str, metric: Metric, text: str) -> None:
    stats = metric.stats([example(text), example(text, REFERENCES[1])], [ANSWERS[0], ANSWERS[1]])
    assert np.isfinite(stats).all()
    for info, values in zip(metric.infos(), metric.values(stats).T, strict=True):
        assert np.isfinite(values).all() or info.name in UNDEFINED or name in SOME
        assert np.isfinite(values[1]) or name in SOME


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_answers_to_hostile_references(metric: Metric, text: str) -> None:
    # Both long: what is quadratic would show here, as minutes.
    other = text[len(text) // 3 :] + text[: len(text) // 3]
    stats = metric.stats([example(text)], [other])
    assert np.isfinite(stats).all()


def test_the_oracle_is_no_worse_than_any_other_answer(name: str, metric: Metric) -> None:
    def values(texts: tuple[str, ...]) -> np.ndarray[Any, Any]:
        return metric.values(metric.stats(examples(REFERENCES), list(texts)).sum(axis=0))

    sign = signs(metric)
    oracle = sign * values(REFERENCES)
    assert (oracle >= sign * values(ANSWERS))[bound(metric)].all()
    shuffled = REFERENCES[1:] + REFERENCES[:1]
    assert (oracle > sign * values(shuffled))[bound(metric)].all() or name in ALONE


def test_several_references_are_no_worse_than_one(name: str, metric: Metric) -> None:
    sign = signs(metric)
    several = metric.values(metric.stats([example(*REFERENCES)], [REFERENCES[2]]))[0]
    one = metric.values(metric.stats([example(REFERENCES[2])], [REFERENCES[2]]))[0]
    other = metric.values(metric.stats([example(REFERENCES[0])], [REFERENCES[2]]))[0]
    np.testing.assert_allclose(several, one, atol=1e-5)
    assert (sign * several > sign * other)[bound(metric)].all() or name in ALONE


def test_signature_is_one_line_of_text(metric: Metric) -> None:
    assert json.loads(json.dumps(metric.signature)) == metric.signature
    assert metric.signature.isprintable()
    assert "|code:" in metric.signature


def test_same_parameters_same_key(name: str) -> None:
    cls = METRICS.load(name)
    defaults = {field: default for field, _, default in parameters(cls)}
    again = build(name, **{**defaults, **NEEDED.get(name, {})})
    assert build(name).key == again.key
    assert build(name).signature == again.signature


def test_another_parameter_is_another_key(name: str) -> None:
    cls = METRICS.load(name)
    assert set(OTHER[name]) == {field for field, _, _ in parameters(cls)}, "add it to OTHER"
    others = [build(name, **{field: value}) for field, value in OTHER[name].items()]
    assert len({one.key for one in (build(name), *others)}) == len(OTHER[name]) + 1
    for field, value in OTHER[name].items():
        if field == "compat":  # whose numbers they are is said beside them
            assert f"|compat:{value}|" in build(name, compat=value).signature


def test_keys_of_different_metrics_differ() -> None:
    keys = {build(name).key for name in METRICS.builtin}
    assert len(keys) == len(METRICS.builtin)


def test_names_of_all_numbers_differ() -> None:
    names = [info.name for one in METRICS.builtin for info in build(one).infos()]
    assert len(names) == len(set(names))


def test_unknown_parameter_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="no_such_parameter"):
        build(name, no_such_parameter=1)


def test_parameters_cannot_be_changed_later(metric: Metric) -> None:
    with pytest.raises(ValidationError):
        metric.anything = 1  # type: ignore[attr-defined]
