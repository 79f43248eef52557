"""Which solved examples stand before a question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import DataError
from benchmark.records import Example, Message
from benchmark.retrieval.few_shot import shots, similar
from benchmark.suite import FewShot


def row(name: str, question: str, group: str = "", answer: str = "") -> Example:
    return Example(
        id=name,
        prompt=(Message(role="user", content=question),),
        references=(answer or f"réponse {name}",),
        group=group,
    )


TRAIN = [
    row("a", "Quelle est la durée du prêt d'un livre ?", "g1"),
    row("b", "Quelle amende pour un retard ?", "g2"),
    row("c", "Qui peut emprunter un livre rare ?", "g3"),
    row("d", "Où consulter les journaux ?", "g4"),
]


def asked(found: tuple[Message, ...]) -> list[str]:
    return [turn.content for turn in found if turn.role == "user"]


def test_the_most_similar_question_comes_last() -> None:
    test = [row("t", "Quelle est la durée du prêt d'un livre rare ?", "g9")]
    (found,) = shots(TRAIN, test, FewShot(k=2, choose="similarity"), seed=0)
    assert asked(found) == [TRAIN[2].question, TRAIN[0].question]
    assert [turn.role for turn in found] == ["user", "assistant"] * 2
    assert found[1].content == "réponse c"


def test_ties_go_by_id_whatever_the_order_of_the_rows() -> None:
    test = [row("t", "zèbre")]
    spec = FewShot(k=3, choose="similarity")
    for train in (TRAIN, TRAIN[::-1]):
        (found,) = shots(train, test, spec, seed=0)
        assert asked(found) == [TRAIN[at].question for at in (2, 1, 0)]


questions = st.lists(
    st.tuples(st.sampled_from(["livre", "prêt", "amende", "carte"]), st.sampled_from("ghi")),
    min_size=6,
    max_size=12,
)


@given(questions, questions, st.integers(1, 2))
def test_never_one_of_the_questions_own_group(train, test, k) -> None:
    rows = [row(f"r{at}", text, group) for at, (text, group) in enumerate(train)]
    rows += [row(f"x{at}", "livre", "x") for at in range(k)]
    tests = [row(f"t{at}", text, group) for at, (text, group) in enumerate(test)]
    found = similar(rows, tests, k)
    assert len(found) == len(tests)
    for example, chosen in zip(tests, found, strict=True):
        assert len({one.id for one in chosen}) == k
        assert example.group not in {one.group for one in chosen}


def test_rows_without_a_group_are_nobodys_kin() -> None:
    train = [row("a", "livre"), row("b", "livre")]
    (found,) = similar(train, [row("t", "livre")], 2)
    assert [one.id for one in found] == ["b", "a"]


def test_too_few_rows_of_other_groups() -> None:
    with pytest.raises(DataError, match="only 1 train rows are of another group than t"):
        similar([row("a", "x", "g"), row("b", "x", "h")], [row("t", "x", "g")], 2)


def test_long_answers_are_not_shown() -> None:
    train = [*TRAIN, row("long", "Quelle amende ?", "g5", "mot " * 50)]
    spec = FewShot(k=1, choose="similarity", max_chars=20)
    (found,) = shots(train, [row("t", "Quelle amende ?")], spec, seed=0)
    assert asked(found) == [TRAIN[1].question]


def test_fixed_rows_come_in_the_order_of_their_ids() -> None:
    tests = [row("t", "?"), row("u", "?")]
    found = shots(TRAIN, tests, FewShot.model_validate({"ids": ["d", "a"]}), seed=0)
    assert found[0] == found[1]
    assert asked(found[0]) == [TRAIN[3].question, TRAIN[0].question]


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (["a", "t"], "few_shot.ids: 't' is a test example, whose answer must not be shown; name"),
        (["train-1"], "few_shot.ids: no train row has the id 'train-1'; did you mean 'train-11'?"),
        (["long"], "the answer of 'long' has 200 characters, more than 100; raise few_shot.max"),
    ],
)
def test_ids_that_cannot_be_shown(ids: list[str], said: str) -> None:
    train = [*TRAIN, row("train-11", "?"), row("long", "?", "g", "mot " * 50)]
    spec = FewShot.model_validate({"ids": ids, "max_chars": 100})
    with pytest.raises(DataError) as caught:
        shots(train, [row("t", "?")], spec, seed=0)
    assert said in str(caught.value)
