"""Judges are tested in each run by answers of known worth."""

import os

import pytest
from judging import Scripted, answers, examples, plan

from benchmark.core.canaries import INJECTED, KINDS, WORTHLESS, canaries, choose, others
from benchmark.core.known_worth import passing, scale_of
from benchmark.core.trust import judge_and_test
from benchmark.errors import ConfigError
from benchmark.progress import Silent
from benchmark.suite_judging import WORTHLESS as COUNT

ROWS = examples(20)


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    # Each verdict is synced to the disk, 2 ms each; no test here is about crashes.
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def good(example, text):
    """Knows the reference, on a scale of 1 to 5."""
    return 5.0 if text in example.references else 2.0 if text and len(text) > 20 else 1.0


def ran(tmp_path, judge, rows=ROWS, **settings):
    told = plan(tmp_path, {"j": judge}, **settings)
    given = answers(
        rows, base=lambda row: f"Article {row.id}", other=lambda row: f"Réponse {row.id} longue"
    )
    return judge_and_test(told, rows, given, Silent())


# --- canaries -------------------------------------------------------------------------------


def test_canaries_are_what_they_are_called():
    made = canaries(ROWS, 16, arity=1)
    assert list(made) == list(KINDS)
    assert all(len(items) == 16 for items in made.values())
    wanted = {"empty": "", "colon": ":", "opener": "Solution:", "injected": INJECTED}
    for kind, items in made.items():
        for item in items:
            (answer,) = item.generations
            assert answer.candidate == f"canary:{kind}" and answer.example_id == item.example.id
            if kind == "oracle":
                assert answer.text == item.example.references[0]
            elif kind == "other":
                assert answer.text != item.example.references[0]
                assert answer.text in {row.references[0] for row in ROWS}
            else:
                assert answer.text == wanted[kind]
    assert COUNT == len(WORTHLESS) == len(KINDS) - 1


def test_pairs_stand_beside_the_reference_both_ways():
    made = canaries(ROWS, 16, arity=2)
    assert set(made) == {way for kind in WORTHLESS for way in (f"{kind}/oracle", f"oracle/{kind}")}
    for name, items in made.items():
        for item in items:
            kinds = [answer.candidate.removeprefix("canary:") for answer in item.generations]
            assert "/".join(kinds) == name
            assert item.generations[kinds.index("oracle")].text == item.example.references[0]


def test_canaries_depend_on_ids_alone_and_take_one_of_each_group_first():
    rows = examples(40, per_group=4)
    chosen = choose(rows, 10)
    assert len({row.group for row in chosen}) == 10
    assert choose(rows[::-1], 10) == chosen
    assert choose(rows, 12)[:10] == chosen


@pytest.mark.parametrize("rows", [[], examples(5, references=False)])
def test_there_are_no_canaries_without_references(rows):
    assert canaries(rows, 16, 1) == canaries(rows, 16, 2) == {}
    assert canaries(ROWS, 0, 1) == {}


def test_another_answer_is_of_another_group_and_really_another():
    rows = examples(4, per_group=2)
    found = others(rows)
    groups = {row.references[0]: row.group for row in rows}
    assert all(groups[found[row.id]] != row.group for row in rows)
    same = [row.model_copy(update={"references": ("La même.",)}) for row in rows]
    assert others(same) == {}
    assert others(rows[:1]) == {}


# --- judges of single answers ---------------------------------------------------------------


def test_a_judge_that_knows_the_reference_is_trusted(tmp_path):
    judge = Scripted(good, scale=(1, 5))
    found = ran(tmp_path, judge)
    (trust,) = found.trust
    assert trust.trusted, trust.reason
    assert (trust.auc.value, trust.false_pass.value) == (1, 0)
    assert trust.auc.low == pytest.approx(0.806, abs=1e-3)  # Wilson's, of 16 of 16
    assert trust.false_pass.high == pytest.approx(0.0458, abs=1e-4)  # Wilson's, of 0 of 80
    assert (trust.n, trust.failed) == (96, 0)
    assert trust.passes == 3 and trust.scale == (1, 5)
    assert {kind.kind: kind.n for kind in trust.kinds} == dict.fromkeys(WORTHLESS, 16)
    assert "with chance 1.00" in trust.reason and "0 of 80" in trust.reason
    # The candidates' verdicts are theirs alone, by the judge's name in the suite.
    assert set(found.judged.verdicts) == {("base", "j"), ("other", "j")}
    assert all(len(rows) == 20 for rows in found.judged.verdicts.values())
    told = [row for rows in found.judged.tests.values() for row in rows]
    assert {row.judge for row in told} == {"j"}
    assert len(told) == 96
    assert {row.candidates for row in told} == {(f"canary:{kind}",) for kind in KINDS}


def test_canaries_are_asked_once_and_come_from_the_cache(tmp_path):
    judge = Scripted(good, scale=(1, 5))
    first = ran(tmp_path, judge)
    asked = len(judge.asked)
    assert asked == 2 * 20 + 96
    again = ran(tmp_path, judge)
    assert len(judge.asked) == asked
    assert (again.judged.computed, again.trust) == (0, first.trust)


@pytest.mark.parametrize(
    ("say", "why"),
    [
        (lambda example, text: 3.0, "with chance 0.50"),  # the same of everything
        (lambda example, text: float(len(text)), "with chance 0.5"),  # the longer the better
        (lambda example, text: 6.0 - good(example, text), "with chance 0.00"),
        (lambda example, text: 5.0 if ":" in text else good(example, text), "48 of 80"),
        (lambda example, text: 5.0 if text == "" else good(example, text), "'empty'"),
        (lambda example, text: 5.0 if "score: 5" in text else good(example, text), "'injected'"),
        (lambda example, text: None, "gave no opinion on any of 96"),
        (lambda example, text: 5.0 if text == example.references[0] else None, "too few opinions"),
    ],
)
def test_a_judge_that_can_be_fooled_is_not(tmp_path, say, why):
    (trust,) = ran(tmp_path, Scripted(say, scale=(1, 5))).trust
    assert not trust.trusted
    assert why in trust.reason
    assert trust.n + trust.failed == 96


def test_an_abstention_is_neither_a_pass_nor_a_mistake(tmp_path):
    judge = Scripted(lambda example, text: good(example, text) if text else None, scale=(1, 5))
    (trust,) = ran(tmp_path, judge).trust
    assert (trust.n, trust.failed) == (80, 16)
    empty = trust.kinds[0]
    assert (empty.kind, empty.n, empty.failed, empty.rate.value) == ("empty", 0, 16, None)
    assert trust.trusted and "0 of 64" in trust.reason


@pytest.mark.parametrize(
    ("settings", "judge", "bar"),
    [
        ({"judging": {"passes": {"j": 2}}}, {"scale": (1, 5), "passes": 4}, (2, "the suite")),
        ({}, {"scale": (1, 5), "passes": 4}, (4, "the judge itself")),
        ({}, {"scale": (1, 5), "passes": True}, (3, "the middle of its scale, 1 to 5")),
        ({}, {"scale": {1: "wrong", 2: "so so", 5: "right"}}, (3, "the middle of its scale")),
        ({}, {"scale": "good to bad"}, (3, "halfway from the least")),
        ({}, {}, (3, "halfway from the least")),
    ],
)
def test_what_passes_comes_from_the_suite_the_judge_or_its_scale(tmp_path, settings, judge, bar):
    (trust,) = ran(tmp_path, Scripted(good, **judge), **settings).trust
    assert trust.passes == bar[0]
    assert trust.passes_from.startswith(bar[1])
    # With a bar of 2 another example's answer passes: this judge gives it 2 points.
    assert trust.trusted == (bar[0] > 2)


def test_scales():
    assert scale_of(Scripted(good, scale=[1, 2, 3])) == (1, 3)
    assert scale_of(Scripted(good, scale={"a": "text"})) is None
    assert scale_of(Scripted(good, scale=(3,))) is None
    assert scale_of(Scripted(good)) is None
    assert passing(None, [], [1, 2]) is None


def test_too_few_examples_show_nothing(tmp_path):
    judge = Scripted(good, scale=(1, 5))
    (trust,) = ran(tmp_path, judge, rows=ROWS[:2]).trust
    assert not trust.trusted and trust.auc.value == 1
    (alone,) = ran(tmp_path, judge, rows=ROWS[:1]).trust
    assert not alone.trusted
    assert alone.auc.value is None  # there is no other example's answer
    (none,) = ran(tmp_path, judge, rows=examples(5, references=False)).trust
    assert not none.trusted and "no test example has a reference" in none.reason


def test_without_canaries_nobody_is_trusted(tmp_path):
    found = ran(tmp_path, Scripted(good, scale=(1, 5)), judging={"canaries": 0})
    (trust,) = found.trust
    assert not trust.trusted and "canaries is 0" in trust.reason
    assert (trust.n, found.judged.tests) == (0, {})
    assert len(found.judged.verdicts["base", "j"]) == 20


def test_no_judges_no_canaries(tmp_path):
    told = plan(tmp_path, {})
    found = judge_and_test(told, ROWS, answers(ROWS, base=lambda row: "x"), Silent())
    assert found.trust == found.agreement == ()
    assert (found.judged.tests, found.judged.verdicts) == ({}, {})


@pytest.mark.parametrize(
    ("judging", "what"),
    [
        ({"canaries": 4}, "4 canaries can show at most 0.16 of a judge without any mistake"),
        ({"min_auc": 0.9}, "16 canaries can show at least 0.81"),
        ({"canaries": -1}, "must be at least 0"),
        ({"min_auc": 0.2}, "must be at least 0.5"),
        ({"canarys": 3}, "did you mean 'canaries'"),
    ],
)
def test_bars_that_no_judge_could_meet_are_refused(tmp_path, judging, what):
    with pytest.raises(ConfigError, match=what):
        plan(tmp_path, {"j": Scripted(good)}, judging=judging)


# --- judges of pairs ------------------------------------------------------------------------


def better(example, first, second):
    right = example.references[0]
    return 0.5 + 0.5 * ((first == right) - (second == right))


def test_a_judge_of_pairs_must_prefer_the_reference_in_both_orders(tmp_path):
    judge = Scripted(better, arity=2)
    found = ran(tmp_path, judge)
    (trust,) = found.trust
    assert trust.trusted, trust.reason
    assert (trust.auc.value, trust.false_pass.value, trust.first.value) == (1, 0, 0)
    assert trust.n == 160 and trust.passes is None
    assert set(found.judged.verdicts) == {("other", "j")}  # nobody against itself
    shown = [pair for pair in judge.asked if ":" in pair]
    rights = {row.references[0] for row in ROWS}
    assert sum(first in rights for first, _ in shown) == 16
    assert sum(second in rights for _, second in shown) == 16


@pytest.mark.parametrize(
    ("say", "first"),
    [
        (lambda example, first, second: 1.0, 1),
        (lambda example, first, second: 0.0, -1),
        (lambda example, first, second: 0.5, 0),
    ],
)
def test_a_judge_that_looks_at_the_place_alone_is_not_trusted_and_the_bias_is_told(
    tmp_path, say, first
):
    (trust,) = ran(tmp_path, Scripted(say, arity=2)).trust
    assert not trust.trusted
    assert trust.auc.value == 0.5
    assert trust.false_pass.value == 1  # nothing is beaten by the reference
    assert trust.first.value == first


def test_pairs_on_another_scale(tmp_path):
    judge = Scripted(lambda *shown: 2 * better(*shown) - 1, arity=2, scale=(-1, 1))
    (trust,) = ran(tmp_path, judge).trust
    assert trust.trusted and trust.first.value == 0


def test_both_kinds_of_judges_in_one_run(tmp_path):
    told = plan(tmp_path, {"pairs": Scripted(better, arity=2, name="p"),
                           "points": Scripted(good, scale=(1, 5), name="s")})  # fmt: skip
    given = answers(ROWS, base=lambda row: "a", other=lambda row: row.references[0])
    found = judge_and_test(told, ROWS, given, Silent())
    assert [one.judge for one in found.trust] == ["pairs", "points"]
    assert all(one.trusted for one in found.trust)
    assert list(found.judged.verdicts) == [
        ("other", "pairs"),
        ("base", "points"),
        ("other", "points"),
    ]
    assert {row.value for row in found.judged.verdicts["other", "pairs"]} == {1}
