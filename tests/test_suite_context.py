"""`few_shot:` and `retrieval:` of a candidate: what they mean, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from benchmark import load_suite, make_plan
from benchmark.errors import ConfigError
from benchmark.suite import CandidateSpec, FewShot, RetrievalSpec

SUITE = """\
suite: x
dataset: {use: jsonl, path: rows.jsonl}
backend: echo
candidates:
  base:
  rag:
    retrieval: {documents: %s}
baseline: base
metrics: {rouge: }
"""


def test_few_shot_shorthands() -> None:
    assert CandidateSpec.model_validate({"few_shot": 3}).few_shot == FewShot(k=3)
    assert FewShot().choose == "seed"
    fixed = FewShot.model_validate({"ids": ["a", "b", "c"]})
    assert (fixed.choose, fixed.k, fixed.ids) == ("fixed", 3, ("a", "b", "c"))


def test_retrieval_shorthand_and_a_layer_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.yaml").write_text(SUITE.replace("{documents: %s}", "corpus"), encoding="utf-8")
    legi = "dataset={use: legi}"
    assert load_suite("x.yaml", [legi]).candidates["rag"].retrieval == RetrievalSpec(
        documents="corpus"
    )
    more = load_suite("x.yaml", [legi, "candidates.rag.retrieval.k=1"]).candidates["rag"]
    assert more.retrieval == RetrievalSpec(documents="corpus", k=1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"choose": "fixed"}, "names no rows; list their ids"),
        ({"choose": "similarity", "ids": ["a"]}, "`ids` has no use with `choose: similarity`"),
        ({"ids": ["a", "b", "a"]}, "`ids` names 'a' twice"),
        ({"ids": ["a", "b"], "k": 3}, "`k` is 3, but `ids` names 2"),
        ({"choose": "similar"}, "seed"),
    ],
)
def test_few_shot_that_means_nothing(given: dict, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        FewShot.model_validate(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"documents": "corpsu"}, "did you mean 'corpus'"),
        ({"documents": "./nowhere.jsonl"}, "no such file or folder"),
        ({"documents": "hub:org/lois"}, "is a hub id; name a file or folder"),
        ({"method": "embedding"}, "names no encoder; give `model`"),
        ({"model": "hub:org/encoder"}, "`model` has no use with bm25"),
        ({"template": "{context}"}, "has no {question}; write it where the question goes"),
        ({"template": "{contexte} {context} {question}"}, "{contexte} that nothing fills"),
        ({"template": "{question} {questoin} {context}"}, "did you mean 'question'"),
        ({"k": 0}, "greater than or equal to 1"),
        ({"passage_chars": 10}, "greater than or equal to 50"),
    ],
)
def test_retrieval_that_cannot_be(given: dict, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        RetrievalSpec.model_validate(given)
    assert said in str(caught.value)


def test_what_looks_like_a_place_in_a_text_is_left_alone() -> None:
    spec = RetrievalSpec(template='{"textes": "{context}", "q": "{question}"} {x}')
    filled = spec.fill("le {question} de l'usager", "quoi {context} ?")
    assert filled == '{"textes": "le {question} de l\'usager", "q": "quoi {context} ?"} {x}'


def test_one_line_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_text('{"prompt": "?", "reference": "!"}\n', encoding="utf-8")
    Path("x.yaml").write_text(SUITE % "trian", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_suite("x.yaml")
    assert str(caught.value) == (
        "x.yaml:7: candidates.rag.retrieval.documents: no such file or folder: trian; "
        "did you mean 'train'?"
    )


def test_not_every_data_set_has_a_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_text('{"prompt": "?", "reference": "!"}\n', encoding="utf-8")
    Path("x.yaml").write_text(SUITE % "corpus", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        make_plan(load_suite("x.yaml"))
    assert str(caught.value) == (
        "x.yaml:7: candidates.rag.retrieval.documents: data set jsonl has no corpus of its own; "
        "name a file or folder of documents, or train"
    )
    legi = ["dataset={use: legi}", "candidates.rag.retrieval.documents=corpus"]
    make_plan(load_suite("x.yaml", legi))
