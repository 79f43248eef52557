"""Augmentation with a backend whose answers are known: what is kept, dropped, cached, capped."""

from __future__ import annotations

from contextlib import contextmanager
from typing import ClassVar

from benchmark.core.augment import Wanted, augment
from benchmark.plugins import Plugin, Reply
from benchmark.progress import Silent
from benchmark.prompts import Template
from benchmark.records import Message
from benchmark.rows.row import Row
from benchmark.suite import Decoding

ASKED = []


class Scripted(Plugin):
    """Answers by a rule of the prompt's text, ten tokens each; two prompts a batch."""

    is_control: ClassVar[bool] = False
    script: dict[str, str] = {}  # noqa: RUF012 - a pydantic field

    def describe(self):
        return "scripted"

    def fingerprint(self, progress):
        return self.key

    @contextmanager
    def open(self, progress):
        yield self

    @contextmanager
    def adapted(self, adapter):
        yield

    def batches(self, requests, decoding):
        return [list(range(at, min(at + 2, len(requests)))) for at in range(0, len(requests), 2)]

    def generate(self, batch, decoding, tick):
        ASKED.extend(request.messages[-1].content for request in batch)
        found = []
        for request in batch:
            text = request.messages[-1].content
            reply = next((said for part, said in self.script.items() if part in text), None)
            found.append(Reply(reply, None if reply is not None else "down", tokens_out=10))
        return found


def row(name, question, answer, **more):
    turns = (
        Message(role="user", content=question),
        Message(role="assistant", content=answer),
    )
    return Row(id=name, messages=turns, format="chat", **more)


ROWS = [
    row("a", "Que dit l'article L1 ?", "Rien du tout."),
    row("b", "Que dit l'article L2 ?", "Onze heures."),
    row("t", "Que dit l'article L3 ?", "Secret.", split="test"),
    row("v", "Que dit l'article L4 ?", "Secret.", split="validation"),
]


def go(script, rows=ROWS, kind="paraphrase", n=1, budget=None, tokens=10):
    ASKED.clear()
    wanted = Wanted(kind, n, Decoding(max_new_tokens=tokens, temperature=1.0), budget)
    return augment(rows, wanted, Scripted(script=script), Template(), Silent())


def test_new_rows_say_where_they_come_from_and_stay_in_their_group():
    made = go({"L1": "« Quel est le contenu de l'article L1 ? »", "L2": "Et l'article L2 ?"})
    assert [r.question for r in made.rows] == [
        "Quel est le contenu de l'article L1 ?",
        "Et l'article L2 ?",
    ]
    first = made.rows[0]
    assert (first.answer, first.group, first.split) == ("Rien du tout.", "a", "train")
    assert first.extra["augmented"]["source"] == "a"
    assert "scripted" in first.extra["augmented"]["model"]
    assert len({r.id for r in made.rows}) == 2


def test_test_and_validation_rows_are_never_shown_to_the_model():
    made = go({"L": "Autre ?"})
    assert made.skipped == 2
    assert not [text for text in ASKED if "L3" in text or "L4" in text]


def test_what_is_not_new_or_not_the_same_question_is_dropped_with_its_reason():
    made = go({"L1": "que dit  l'article l1 ?", "L2": "Que dit l'article L9 ?"})
    assert made.rows == []
    assert made.dropped == {"not new": 1, "other numbers than the source": 1}
    given = go({"L1": "Est-ce que L1 dit rien du tout. ?", "L2": ""})
    assert given.dropped == {"gives its answer away": 1, "empty": 1}


def test_the_same_wording_twice_is_kept_once():
    made = go({"L1": "Et L1 ?", "L2": "Et L2 ?"}, n=3)
    assert [r.question for r in made.rows] == ["Et L1 ?", "Et L2 ?"]
    assert made.dropped == {"not new": 4}


def test_variations_bring_their_own_answer():
    script = {
        "L1": "Question: Que prévoit L1 ?\nAnswer: Un repos de douze heures.",
        "L2": "Bien sûr ! Voici :",
    }
    made = go(script, kind="variation")
    assert [(r.question, r.answer) for r in made.rows] == [
        ("Que prévoit L1 ?", "Un repos de douze heures.")
    ]
    assert made.dropped == {"not in the form that was asked for": 1}


def test_preferences_are_reworded_but_not_varied():
    rows = [row("a", "Que dit l'article L1 ?", "Rien du tout.", rejected="Tout.")]
    (made,) = go({"L1": "Et l'article L1 ?"}, rows=rows).rows
    assert (made.answer, made.rejected) == ("Rien du tout.", "Tout.")
    assert go({"L1": "Question: Q ?\nAnswer: R."}, rows=rows, kind="variation").skipped == 1


def test_a_budget_is_never_overshot_and_a_larger_one_goes_on():
    script = {"L1": "Et L1 ?", "L2": "Et L2 ?"}
    small = go(script, n=3, budget=25)  # a batch of two takes twenty; a second would not fit
    assert (small.tokens, small.unasked, len(ASKED)) == (20, 4, 2)
    large = go(script, n=3, budget=60)
    assert (large.tokens, large.unasked, len(ASKED)) == (60, 0, 4)  # the first two are kept
    assert go(script, n=3).tokens == 60 and ASKED == []


def test_failures_are_counted_and_tried_again():
    made = go({"L1": "Et L1 ?"})
    assert (len(made.rows), made.dropped) == (1, {"the model failed": 1})
    go({"L1": "Et L1 ?"})
    assert len(ASKED) == 2  # the batch with the failure was not kept


def test_nothing_to_ask():
    made = go({}, rows=ROWS[2:])
    assert (made.rows, made.skipped, ASKED) == ([], 2, [])
