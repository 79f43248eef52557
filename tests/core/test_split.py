from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.split import Sides, split
from benchmark.errors import DataError
from benchmark.records import Example
from benchmark.suite import SplitSpec

COUNTS = SplitSpec(train=10, validation=3, test=5)


def rows(count: int, group_size: int = 1, prefix: str = "") -> list[Example]:
    return [
        Example(id=f"{prefix}{n}", prompt=(), group=f"{prefix}g{n // group_size}")
        for n in range(count)
    ]


def ids(side: Sequence[Example]) -> list[str]:
    return [row.id for row in side]


def groups(side: Sequence[Example]) -> set[str]:
    return {row.group or row.id for row in side}


EXAMPLES = st.lists(
    st.builds(
        Example,
        id=st.text(min_size=1, max_size=4),
        prompt=st.just(()),
        group=st.sampled_from(["", *"abcdefghij"]),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda row: row.id,
)
SIZES = st.one_of(
    st.just(SplitSpec(train=0.6, validation=0.2, test=0.2)),
    st.just(SplitSpec(train=0, validation=0, test=1)),
    st.builds(
        SplitSpec, train=st.integers(0, 8), validation=st.integers(0, 4), test=st.integers(1, 4)
    ),
    st.builds(SplitSpec, train=st.integers(0, 8), validation=st.just(0.1), test=st.just(0.3)),
)


@given(EXAMPLES, SIZES, st.integers(0, 5), st.randoms(use_true_random=False))
def test_no_group_on_two_sides_and_no_order(
    examples: list[Example], spec: SplitSpec, seed: int, order: random.Random
) -> None:
    try:
        sides = split(examples, spec, seed)
    except DataError:
        return
    taken = [row for side in sides for row in side]
    assert len({row.id for row in taken}) == len(taken)
    assert {row.id for row in taken} <= {row.id for row in examples}
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not groups(sides[one]) & groups(sides[other])
    for name in ("train", "validation", "test"):
        size = getattr(spec, name)
        if isinstance(size, int):
            assert len(getattr(sides, name)) == size
    shuffled = list(examples)
    order.shuffle(shuffled)
    assert split(shuffled, spec, seed) == sides


@given(st.integers(0, 20), st.integers(1, 3))
def test_what_is_added_moves_rows_only_outward(added: int, group_size: int) -> None:
    before = split(rows(40, group_size), COUNTS, 1)
    after = split(rows(40, group_size) + rows(added, group_size, "new"), COUNTS, 1)
    rank = {"test": 0, "validation": 1, "train": 2, "": 3}

    def place(sides: Sides, name: str) -> int:
        return rank[next((side for side in sides._fields if name in ids(getattr(sides, side))), "")]

    # A row never goes from what is learned to what is tested, and no more rows leave a side
    # than came in before them.
    used = [row.id for side in before for row in side]
    assert all(place(after, name) >= place(before, name) for name in used)
    new = [row for side in after for row in side if row.id.startswith("new")]
    kept = set(ids(after.test)) & set(ids(before.test))
    assert len(kept) >= len(before.test) - len(new) - group_size


def test_a_row_at_the_end_of_a_big_set_moves_nothing() -> None:
    before = split(rows(1000), COUNTS, 42)
    unmoved = sum(
        split([*rows(1000), *rows(1, prefix=f"new{n}")], COUNTS, 42) == before for n in range(50)
    )
    # 18 of 1000 ranks are in use, so a new row is among them about once in 50 times.
    assert unmoved >= 45


def test_the_ranks_never_change() -> None:
    # Pinned: another order would silently give everybody another test set.
    # By `printf '42\ng%d' N | sha256sum`, sorted.
    sides = split(rows(12), SplitSpec(train=4, validation=2, test=3), 42)
    assert ids(sides.test) == ["7", "6", "3"]
    assert ids(sides.validation) == ["8", "10"]
    assert ids(sides.train) == ["1", "2", "4", "0"]


def test_counts_are_exact_and_cut_the_last_group() -> None:
    sides = split(rows(40, 4), COUNTS, 7)
    assert [len(side) for side in sides] == [10, 3, 5]
    assert [len(groups(side)) for side in sides] == [3, 1, 2]


def test_shares() -> None:
    sides = split(rows(1000), SplitSpec(train=0.9, validation=0.05, test=0.05), 42)
    assert [len(side) for side in sides] == [900, 50, 50]
    # Train takes what rounding leaves over, if the shares add up to 1.
    sides = split(rows(29), SplitSpec(train=0.9, validation=0.05, test=0.05), 42)
    assert [len(side) for side in sides] == [27, 1, 1]
    sides = split(rows(100), SplitSpec(train=0.5, validation=0.0, test=0.1), 42)
    assert [len(side) for side in sides] == [50, 0, 10]
    # Groups stay whole: the share is met to the nearest group above.
    sides = split(rows(100, 7), SplitSpec(train=0.5, validation=0.0, test=0.1), 42)
    assert len(sides.test) == 14


def test_a_count_beside_shares() -> None:
    sides = split(rows(100), SplitSpec(train=0.9, validation=0.05, test=20), 42)
    assert [len(side) for side in sides] == [75, 5, 20]


def test_limit_cuts_the_test_side_only() -> None:
    whole = split(rows(40), COUNTS, 3)
    cut = split(rows(40), COUNTS, 3, limit=2)
    assert cut == whole._replace(test=whole.test[:2])
    assert split(rows(40), COUNTS, 3, limit=100) == whole


def test_seeds() -> None:
    assert split(rows(40), COUNTS, 1) != split(rows(40), COUNTS, 2)
    own = COUNTS.model_copy(update={"seed": 1})
    assert split(rows(40), own, 2) == split(rows(40), COUNTS, 1)
    zero = COUNTS.model_copy(update={"seed": 0})
    assert split(rows(40), zero, 2) == split(rows(40), COUNTS, 0)


def marked(side: Any, *names: str, group: str = "") -> list[Example]:
    return [Example(id=name, prompt=(), split=side, group=group) for name in names]


def test_rows_keep_their_own_side() -> None:
    examples = [*marked("test", "a", "b", "c"), *rows(20)]
    sides = split(examples, SplitSpec(train=0.9, validation=0.05, test=0.05), 42)
    assert sorted(ids(sides.test)) == ["a", "b", "c"]  # a side with such rows takes no others
    assert len(sides.validation) == 1 and len(sides.train) == 19
    counted = split(examples, SplitSpec(train=5, validation=2, test=2), 42)
    assert counted.test == sides.test[:2]
    with pytest.raises(DataError, match=r"split\.test: asks for 4 rows, but only 3"):
        split(examples, SplitSpec(train=5, validation=2, test=4), 42)


def test_a_group_follows_its_marked_row() -> None:
    examples = [*marked("test", "a", group="g"), *marked(None, "b", group="g"), *rows(20)]
    assert sorted(ids(split(examples, SplitSpec(), 42).test)) == ["a", "b"]


def test_a_group_on_two_sides_of_its_own() -> None:
    examples = [*marked("test", "a", group="art. é"), *marked("train", "b", group="art. é")]
    with pytest.raises(DataError, match=r"group 'art\. é' is on two sides \(test, train\)"):
        split(examples, COUNTS, 42)


@pytest.mark.parametrize(
    ("count", "spec", "says"),
    [
        (0, COUNTS, "asks for 5 rows, but only 0"),
        (4, COUNTS, r"split\.test: asks for 5 rows, but only 4 are there for the test side; lower"),
        (17, COUNTS, r"split\.train: asks for 10 rows, but only 9"),
        (5, SplitSpec(train=0.9, validation=0.05, test=0.05), "the test side is empty.* 5 rows"),
        (5, SplitSpec(train=1, validation=1, test=0), "the test side is empty"),
        (0, SplitSpec(), "the test side is empty"),
    ],
)
def test_too_few_rows(count: int, spec: SplitSpec, says: str) -> None:
    with pytest.raises(DataError, match=says):
        split(rows(count), spec, 42)


def test_train_may_be_empty() -> None:
    sides = split(rows(5), SplitSpec(train=0, validation=0, test=5), 42)
    assert [len(side) for side in sides] == [0, 0, 5]


def test_an_id_twice() -> None:
    with pytest.raises(DataError, match="two rows have the id '0'"):
        split([*rows(3), *rows(1)], COUNTS, 42)


def test_odd_names() -> None:
    examples = [Example(id=name, prompt=()) for name in ("\x00", "é", "a\nb", "\ud800", "日本")]
    assert len(split(examples, SplitSpec(train=2, validation=0, test=3), 1).test) == 3
