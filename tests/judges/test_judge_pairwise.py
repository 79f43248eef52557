"""Two answers, both ways round."""

from __future__ import annotations

import pytest
from judge_helpers import item, judge, openai, says, verdict
from loopback import serve
from pydantic import ValidationError

from benchmark.plugins import JUDGES


def pairs(count):
    return [item(at, f"mienne {at}", f"autre {at}") for at in range(count)]


def the_longer(word):
    """Prefer the answer with this word, wherever it stands."""

    def text(prompt):
        first, second = prompt.split("<réponse A ")[1].split("<réponse B ")
        return verdict("A" if word in first else "B" if word in second else "égalité")

    return says(text)


@pytest.mark.parametrize(
    ("word", "value", "label"),
    [("mienne", 1, "candidate"), ("autre", 0, "baseline"), ("?", 0.5, "tie")],
)
def test_a_preference_that_both_orders_share(word, value, label):
    with serve(the_longer(word)) as server:
        rows = judge("pairwise", pairs(4), backend=openai(server))
        assert len(server.calls) == 8
    assert {(row.value, row.label) for row in rows} == {(value, label)}
    assert rows[0].candidates == ("c0", "c1")


@pytest.mark.parametrize(("place", "other"), [("A", "first"), ("B", "second")])
def test_a_judge_that_always_picks_one_place_gives_ties_and_says_so(place, other):
    found = JUDGES.load("pairwise")
    with serve(says(verdict(place))) as server:
        one = found(backend=openai(server))
        rows = judge("pairwise", pairs(32), backend=openai(server))
    assert {row.value for row in rows} == {0.5}
    (note,) = one.notes(rows)
    assert note.startswith("100% of the pairs are ties; in 100% the same place was preferred")
    assert f"{32} times the {other}" in note and "looks at the place" in note


def test_an_order_without_a_mark_is_no_preference():
    def text(prompt):
        return verdict("A") if "mienne" in prompt.split("<réponse B ")[0] else "hm"

    with serve(says(text)) as server:
        (row,) = judge("pairwise", pairs(1), backend=openai(server))
    assert (row.value, row.label) == (None, "unparseable")


def test_a_panel_names_sides_and_not_places():
    with serve(the_longer("mienne")) as server:
        panel = {"variants": ["plain", "facts"]}
        (row,) = judge("pairwise", pairs(1), backend=openai(server), panel=panel)
    assert (row.value, row.label) == (1, "candidate")


def test_its_rubric_has_two_places():
    with pytest.raises(ValidationError, match="marks A: 1, B: 0"):
        JUDGES.load("pairwise")(model="google_genai:x", rubric="quality-fr")
