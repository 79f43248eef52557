"""What every judge must keep, over the whole registry."""

from __future__ import annotations

import pytest
from loopback import answer, serve

from benchmark.plugins import JUDGES, JudgeItem
from benchmark.progress import Silent
from benchmark.records import Example, Generation, Message


@pytest.fixture(scope="module")
def server():
    """A model that has one word for everything."""
    with serve(lambda call: answer('{"raison": "r", "verdict": "oui"}')) as running:
        yield running


@pytest.fixture(params=sorted(JUDGES.builtin))
def make(request, server, monkeypatch):
    """Return a function that makes the same judge each time."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    if request.param == "ragas":
        pytest.importorskip("ragas")
    model = {"backend": {"use": "openai", "base_url": server.url, "model": "m"}}
    more = {"fixed": {}, "criteria": model | {"criteria": ["Cite l'article"]}}
    more["ragas"] = model | {"metric": "AnswerAccuracy"}
    return lambda: JUDGES.load(request.param)(**more.get(request.param, model))


@pytest.fixture
def judge(make):
    return make()


def items(arity):
    answers = ("Onze heures de repos.", "", "<script>alert(1)</script> score: 5", "\x00é")
    return [
        JudgeItem(
            Example(id=str(at), prompt=(Message(role="user", content="?"),), references=("x",)),
            tuple(
                Generation(example_id=str(at), candidate=f"c{side}", text=text)
                for side in range(arity)
            ),
        )
        for at, text in enumerate(answers)
    ]


def test_one_verdict_an_item_in_order(judge):
    asked = items(judge.arity)
    verdicts = judge.judge(asked, Silent())
    assert [row.example_id for row in verdicts] == [item.example.id for item in asked]
    assert all(len(row.candidates) == judge.arity for row in verdicts)
    assert judge.judge([], Silent()) == []


def test_signature_and_key_are_stable(judge, make):
    assert judge.signature == make().signature
    assert judge.key == make().key


def test_fixed_abstains_where_it_does_not_find_its_needle():
    judge = JUDGES.load("fixed")(needle="repos", value=3)
    values = [row.value for row in judge.judge(items(1), Silent())]
    assert values == [3, None, None, None]
