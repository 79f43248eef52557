"""Votes to verdicts. Means and medians are those of `statistics`, by hand where few."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.judges.voting import Voting, disagree, tally
from benchmark.records import Vote

MARKS = {float(n): str(n) for n in range(1, 6)}


def votes(*values, label="unparseable", error="unparseable: nothing"):
    return [
        Vote(member=f"m{at}", value=value, label="" if value is not None else label,
             error=None if value is not None else error)
        for at, value in enumerate(values)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "rule", "ties", "expected"),
    [
        ((1, 2, 5), "mean", "abstain", 8 / 3),
        ((1, 2, 5), "median", "abstain", 2),
        ((1, 2, 4, 5), "median", "abstain", 3),
        ((1, 5, 5), "majority", "abstain", 5),
        ((1, 5), "majority", "abstain", None),
        ((1, 5), "majority", "lowest", 1),
        ((1, 5), "majority", "highest", 5),
        ((1, 5), "majority", "mean", 3),
        ((1, 1, 5, 5, 3), "majority", "highest", 5),
        ((4, None, 4), "mean", "abstain", 4),
        ((4, None, None), "mean", "abstain", None),
        ((None, None), "median", "abstain", None),
    ],
)
def test_the_rules(values, rule, ties, expected):
    found = tally(votes(*values), Voting(rule=rule, ties=ties), MARKS)
    assert found.value == (expected if expected is None else pytest.approx(expected))


def test_why_there_is_no_verdict():
    assert tally(votes(1, 5), Voting(rule="majority"), MARKS) == (None, "abstained", None)
    assert tally(votes(None, None), Voting(), MARKS)[1:] == ("unparseable", "unparseable: nothing")
    few = tally(votes(3, None, None), Voting(), MARKS)
    assert few.label == "no quorum" and "1 of 3 votes have a value, and 2 are needed" in few.error
    assert tally(votes(3, None, None), Voting(quorum=1 / 3), MARKS).value == 3
    assert tally(votes(3, 3, None), Voting(quorum=1.0), MARKS).value is None
    alone = tally(votes(None, label="abstained", error=None), Voting(), MARKS)
    assert alone == (None, "abstained", None)


def test_labels():
    assert tally(votes(2, 4), Voting(), MARKS).label == "3"
    assert tally(votes(2, 3), Voting(), MARKS).label == "2.5"


@given(st.lists(st.one_of(st.none(), st.integers(1, 5)), min_size=1, max_size=9))
def test_nothing_is_imputed(values):
    there = [value for value in values if value is not None]
    for rule in ("mean", "median", "majority"):
        voting = Voting(rule=rule, ties="mean", quorum=0.01)
        found = tally(votes(*values), voting, MARKS)
        if not there:
            assert found.value is None
            continue
        assert min(there) <= found.value <= max(there)
        if rule == "mean":
            assert found.value == pytest.approx(statistics.fmean(there))
        if rule == "median":
            assert found.value == statistics.median(there)
    assert tally(votes(*values), Voting(quorum=1.0), MARKS).value is None or None not in values


@pytest.mark.parametrize(
    ("pair", "apart", "expected"),
    [((3, 3), 0, False), ((3, 4), 0, True), ((3, 4), 1, False), ((3, None), 4, True),
     ((None, None), 4, True)],
)  # fmt: skip
def test_disagreement(pair, apart, expected):
    assert disagree(votes(*pair), Voting(apart=apart)) is expected
