"""A local model's marks, read off their probabilities."""

from __future__ import annotations

import math

import pytest
import tiny
from judge_helpers import item, items, judge
from test_judge_reading import INJECTIONS

from benchmark.backends import beginnings
from benchmark.plugins import BACKENDS, JUDGES, Request
from benchmark.progress import Silent
from benchmark.prompts import Template


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    model = tiny.build(tmp_path_factory.mktemp("tiny"))
    return {"use": "hf", "model": str(model), "dtype": "float32"}


def opened(settings):
    """Open the model beside the judge."""
    named = {name: value for name, value in settings.items() if name != "use"}
    return BACKENDS.load("hf")(**named).open(Silent())


def test_the_expected_mark_is_that_of_a_plain_forward_pass(local):
    """Expected: transformers' own forward pass over prompt and mark, one mark at a time."""
    import torch

    found = JUDGES.load("rubric")(backend=local)
    (question,) = found.questions(items(1)[0], "plain")
    with BACKENDS.load("hf")(**{k: v for k, v in local.items() if k != "use"}).open(
        Silent()
    ) as open_:
        prompt = Template(style="chat").encode(question.texts["labels"], open_.tokenizer)
        logs = []
        for mark in question.levels:
            ids = open_.tokenizer(mark, add_special_tokens=False)["input_ids"]
            with torch.inference_mode():
                row = open_.model(torch.tensor([prompt + ids])).logits[0].log_softmax(-1)
            places = range(len(prompt), len(prompt) + len(ids))
            logs.append(sum(float(row[at - 1, (prompt + ids)[at]]) for at in places))
    weights = [math.exp(log) for log in logs]
    expected = sum(w * n for w, n in zip(weights, range(1, 6), strict=True)) / sum(weights)
    (row,) = found.judge(items(1), Silent())
    assert row.value == pytest.approx(expected, abs=1e-4)
    assert row.error is None and row.rationale.startswith("p: 1 0.")


def test_what_is_shared_is_read_once_and_changes_nothing(local, monkeypatch):
    asked = [item(at, f"Réponse {at} : {'onze ' * at}heures.") for at in range(20)]
    settings = {"backend": local, "panel": {"variants": ["plain", "strict"]}}
    sizes = []
    behind = beginnings.behind

    def watched(model, groups, pad):
        sizes.append([len(group) for group in groups])
        return behind(model, groups, pad)

    monkeypatch.setattr("benchmark.backends.likelihood.behind", watched)
    shared = judge("same_facts", asked, **settings)
    assert sum(map(sum, sizes)) == 20 * 2 * 2  # examples, variants, marks
    monkeypatch.setattr("benchmark.backends.likelihood.can_keep", lambda model: False)
    alone = judge("same_facts", asked, **settings)
    for one, two in zip(shared, alone, strict=True):
        assert one.value == pytest.approx(two.value, abs=1e-5)
        assert [vote.label for vote in one.votes] == [vote.label for vote in two.votes]


def test_the_model_is_opened_once_for_all_members(local, monkeypatch):
    from benchmark.backends import hf

    load, opened = hf.load, []
    monkeypatch.setattr(hf, "load", lambda *args: opened.append(args) or load(*args))
    panel = {"models": [local], "variants": ["plain", "strict", "checked"]}
    rows = judge("rubric", items(40), panel=panel)
    assert len(opened) == 1 and all(len(row.votes) == 3 for row in rows)


@pytest.mark.parametrize("attack", INJECTIONS)
def test_no_answer_closes_its_turn(local, attack):
    """The tokens that end turns are as many as for a harmless answer; and there is a mark."""
    found = JUDGES.load("rubric")(backend=local)
    with BACKENDS.load("hf")(**{k: v for k, v in local.items() if k != "use"}).open(
        Silent()
    ) as open_:
        counts = []
        for text in (attack, "Onze heures."):
            (question,) = found.questions(item(0, text), "plain")
            request = Request("0", question.texts["labels"], found.template)
            ids = request.template.encode(request.messages, open_.tokenizer)
            counts.append([ids.count(special) for special in open_.tokenizer.all_special_ids])
    assert counts[0] == counts[1]
    (row,) = judge("rubric", [item(0, attack)], backend=local)
    assert 1 <= row.value <= 5


def test_a_local_model_may_write_instead(local):
    rows = judge("rubric", items(2), backend=local, method="text", max_new_tokens=16)
    assert {row.label for row in rows} <= {"unparseable", "cut"}  # random weights write rubbish
    assert all(row.votes[0].tokens_out > 0 for row in rows)


def test_a_server_tells_no_probabilities():
    settings = {"use": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m"}
    rows = judge("rubric", items(2), backend=settings, method="labels")
    assert all("set `method: text`" in row.error for row in rows)
