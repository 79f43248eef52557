"""Recall, its intervals, and where it is not defined."""

from __future__ import annotations

import pytest

from benchmark.records import Found, Hit
from benchmark.retrieval.recall import recall
from benchmark.stats import wilson


def found(name: str, *gold: bool, shown: int = 9, has_gold: bool = True) -> Found:
    hits = tuple(
        Hit(id=str(at), score=1.0, is_gold=is_gold, is_shown=at < shown)
        for at, is_gold in enumerate(gold)
    )
    return Found(example_id=name, hits=hits, has_gold=has_gold, chars=0)


def test_by_hand() -> None:
    rows = [
        found("first", True, False),
        found("second", False, True),
        found("dropped", False, True, shown=1),
        found("missed", False, False),
        found("nothing"),
        found("undefined", False, has_gold=False),  # counts nowhere
    ]
    one = recall(rows, [row.example_id for row in rows])
    assert one.n == 5
    assert one.recall.value == pytest.approx(3 / 5)
    assert one.recall_at_1.value == pytest.approx(1 / 5)
    assert one.mrr.value == pytest.approx((1 + 1 / 2 + 1 / 2) / 5)
    assert one.in_prompt.value == pytest.approx(2 / 5)
    for rate in one[1:]:
        assert rate.low <= rate.value <= rate.high
        assert rate.low < rate.high


def test_where_all_are_alike_the_interval_still_has_a_width() -> None:
    rows = [found(str(at), True) for at in range(8)]
    one = recall(rows, [str(at) for at in range(8)])
    assert one.recall.value == 1.0 and one.recall.high == 1.0
    assert one.recall.low == pytest.approx(wilson(8, 8).low)


def test_not_defined_without_gold() -> None:
    one = recall([found("a", False, has_gold=False)], ["a"])
    assert (one.n, one.recall.value, one.mrr.low) == (0, None, None)
