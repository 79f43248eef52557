from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.split import Sides, split
from benchmark.errors import DataError
from benchmark.records import Example
from benchmark.suite import SplitSpec


class Wanted(SplitSpec):
    stratify: str | None = "code"
    method: str = "rank"


class Hashed(Wanted):
    stratify: str | None = None
    method: str = "hash"


SHARES = Wanted(train=0.6, validation=0.2, test=0.2)


def rows(values: str, group_size: int = 1, prefix: str = "") -> list[Example]:
    """Return `group_size` rows for each letter, the letter being their `code`."""
    return [
        Example(id=f"{prefix}{n}.{m}", prompt=(), group=f"{prefix}g{n}", meta={"code": value})
        for n, value in enumerate(values)
        for m in range(group_size)
    ]


def codes(side: Sequence[Example]) -> Counter[str | None]:
    return Counter(row.meta.get("code") for row in side)


def groups(side: Sequence[Example]) -> set[str]:
    return {row.group for row in side}


@st.composite
def examples(draw: st.DrawFn) -> list[Example]:
    """Groups of one to four rows; all rows of a group have one value, or none."""
    made = []
    for n in range(draw(st.integers(1, 60))):
        value = draw(st.sampled_from(["a", "a", "a", "b", "b", "c", "d", None]))
        meta = {"other": "x"} if value is None else {"code": value}
        size = draw(st.sampled_from([1, 1, 1, 2, 4]))
        made += [Example(id=f"{n}.{m}", prompt=(), group=f"g{n}", meta=meta) for m in range(size)]
    return made


SIZES = st.one_of(
    st.just(SHARES),
    st.just(Wanted(train=0.9, validation=0.05, test=0.05)),
    st.just(Wanted(train=0.3, validation=0.1, test=0.3)),
    st.builds(
        Wanted, train=st.integers(0, 8), validation=st.integers(0, 4), test=st.integers(1, 20)
    ),
)


@given(examples(), SIZES, st.integers(0, 3), st.randoms(use_true_random=False))
def test_each_value_has_its_part(
    made: list[Example], spec: Wanted, seed: int, order: random.Random
) -> None:
    try:
        sides = split(made, spec, seed)
    except DataError:
        return
    total, parts = len(made), codes(made)
    largest = max(Counter(row.group for row in made).values())
    size = spec.test if isinstance(spec.test, int) else round(spec.test * total)
    for value, count in parts.items():
        ideal = Fraction(size * count, total)
        assert abs(codes(sides.test)[value] - ideal) <= largest
    # What held without `stratify` still holds.
    for name in ("train", "validation", "test"):
        wanted = getattr(spec, name)
        if isinstance(wanted, int):
            assert len(getattr(sides, name)) == wanted
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not groups(sides[one]) & groups(sides[other])
    if spec is SHARES:
        assert sum(map(len, sides)) == total
    shuffled = list(made)
    order.shuffle(shuffled)
    assert split(shuffled, spec, seed) == sides


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 30), st.integers(0, 5))
def test_single_rows_are_dealt_to_the_nearest_row(a: int, b: int, c: int, seed: int) -> None:
    made = rows("a" * a * 3 + "b" * b * 3 + "c" * c * 3)
    spec = Wanted(train=0.6, validation=0.2, test=0.2)
    sides = split(made, spec, seed)
    for name in ("test", "validation"):
        side = getattr(sides, name)
        assert len(side) == round(0.2 * len(made))
        for value, count in codes(made).items():
            assert abs(codes(side)[value] - Fraction(len(side) * count, len(made))) < 1
    for value, count in codes(made).items():
        assert abs(codes(sides.train)[value] - Fraction(len(sides.train) * count, len(made))) < 2


def test_by_count_and_by_share() -> None:
    made = rows("a" * 600 + "b" * 300 + "c" * 100)
    sides = split(made, Wanted(train=500, validation=50, test=100), 42)
    assert codes(sides.test) == {"a": 60, "b": 30, "c": 10}
    assert codes(sides.validation) == {"a": 30, "b": 15, "c": 5}
    assert codes(sides.train) == {"a": 300, "b": 150, "c": 50}
    assert codes(split(made, SHARES, 42).test) == {"a": 120, "b": 60, "c": 20}


def test_many_values_of_one_row_each() -> None:
    # Rounding each value's part by itself would leave the test side empty.
    made = [Example(id=str(n), prompt=(), meta={"code": f"c{n}"}) for n in range(100)]
    assert [len(side) for side in split(made, SHARES, 42)] == [60, 20, 20]


def test_groups_stay_whole_and_counts_exact() -> None:
    made = rows("a" * 20 + "b" * 20, group_size=3)
    sides = split(made, Wanted(train=40, validation=10, test=20), 42)
    assert [len(side) for side in sides] == [40, 10, 20]
    assert codes(sides.test) in ({"a": 11, "b": 9}, {"a": 9, "b": 11})
    by_group = defaultdict(list)
    for row in split(made, SHARES, 42).test:
        by_group[row.group].append(row)
    assert {len(group) for group in by_group.values()} == {3}


def test_the_surplus_is_cut_from_the_group_that_came_last() -> None:
    # Found by search: cut from the group of the last rank, "a" would be 78/19 rows off.
    shape = zip("acbbaccaa", (1, 2, 3, 1, 1, 4, 3, 3, 1), strict=True)
    made = [
        Example(id=f"{n}.{m}", prompt=(), group=f"g{n}", meta={"code": value})
        for n, (value, size) in enumerate(shape)
        for m in range(size)
    ]
    test = split(made, Wanted(train=0, validation=0, test=13), 0).test
    assert len(test) == 13
    for value, count in codes(made).items():
        assert abs(codes(test)[value] - Fraction(13 * count, 19)) <= 4


@pytest.mark.parametrize("seed", range(8))
def test_a_group_of_several_values_counts_for_the_most_frequent(seed: int) -> None:
    made = rows("a" * 30)
    mixed = [
        Example(id=f"m{n}.{m}", prompt=(), group=f"m{n}", meta={"code": value})
        for n in range(30)
        for m, value in enumerate("bba")
    ]
    test = split([*made, *mixed], Wanted(train=0.5, validation=0.25, test=0.25), seed).test
    # A quarter of 30 groups of one row, and of 30 groups of three: 7.5 of each.
    of_a = [name for name in groups(test) if name.startswith("g")]
    assert 6 <= len(of_a) <= 9
    assert codes(test)["b"] == 2 * (len(groups(test)) - len(of_a))


def test_rows_that_name_their_side_are_not_dealt() -> None:
    own = [Example(id=f"t{n}", prompt=(), split="test", meta={"code": "a"}) for n in range(5)]
    made = [*own, *rows("a" * 30 + "b" * 10)]
    sides = split(made, Wanted(train=16, validation=8, test=5), 42)
    assert {row.id for row in sides.test} == {row.id for row in own}
    assert codes(sides.validation) == {"a": 6, "b": 2}
    assert codes(sides.train) == {"a": 12, "b": 4}


@given(st.text("abc", min_size=40, max_size=80), st.text("abc", max_size=10), st.integers(0, 3))
def test_what_is_added_moves_few(values: str, added: str, seed: int) -> None:
    spec = Wanted(train=0.5, validation=0.2, test=0.3)
    before = split(rows(values), spec, seed)
    after = split([*rows(values), *rows(added, prefix="new")], spec, seed)
    left = {row.id for row in before.test} - {row.id for row in after.test}
    # A value's part moves by less than a row for each row added, and is rounded once.
    assert len(left) <= len(added) + len(set(values))


def test_within_a_value_the_ranks_decide() -> None:
    made = rows("ab" * 50)
    sides = split(made, SHARES, 7)
    plain = split(made, SplitSpec(train=0, validation=0, test=100), 7).test
    for value in "ab":
        ranked = [row.id for row in plain if row.meta["code"] == value]
        dealt = [row.id for side in reversed(sides) for row in side if row.meta["code"] == value]
        assert dealt == ranked
    assert [row.id for row in plain if row in sides.test] == [row.id for row in sides.test]


@pytest.mark.parametrize("seed", range(3))
def test_one_value_for_all_changes_nothing(seed: int) -> None:
    made = rows("a" * 50, group_size=2)
    for sizes in ({"train": 0.6, "validation": 0.2, "test": 0.2}, {"train": 9, "test": 7}):
        assert split(made, Wanted(**sizes), seed) == split(made, SplitSpec(**sizes), seed)


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("cod", r"split\.stratify: no row has a field 'cod' in its `meta`; did you mean 'code'"),
        ("zzz", r"'zzz' in its `meta`; the fields are: code"),
    ],
)
def test_a_field_that_is_not_there(field: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        split(rows("ab" * 20), Wanted(stratify=field), 42)
    with pytest.raises(DataError, match="the fields are: none at all"):
        split([Example(id="1", prompt=())], Wanted(stratify=field), 42)


# --- method: hash ---------------------------------------------------------------------------


def place(sides: Sides) -> dict[str, str]:
    return {row.id: name for name in sides._fields for row in getattr(sides, name)}


@given(st.integers(1, 60), st.integers(0, 60), st.integers(1, 3), st.integers(0, 5))
def test_by_hash_nothing_ever_moves(count: int, added: int, size: int, seed: int) -> None:
    spec = Hashed(train=0.5, validation=0.2, test=0.3)
    made = rows("a" * count, size)
    more = [*made, *rows("a" * added, size, "new")]
    try:
        before, after = place(split(made, spec, seed)), place(split(more, spec, seed))
    except DataError:
        return
    assert {name: after[name] for name in before} == before
    assert len(before) == len(made) and len(after) == len(more)  # shares add up to 1


def test_by_hash_the_shares_hold_roughly() -> None:
    sides = split(rows("a" * 10_000), Hashed(train=0.5, validation=0.1, test=0.2), 42)
    # Five standard deviations of a binomial of 10,000 are at most 250.
    for side, expected in zip(sides, (5000, 1000, 2000), strict=True):
        assert abs(len(side) - expected) < 250
    assert groups(sides.test).isdisjoint(groups(sides.train))


def test_by_hash_a_larger_test_side_keeps_what_it_had() -> None:
    made = rows("a" * 1000, 2)
    small = split(made, Hashed(train=0.8, validation=0.1, test=0.1), 42)
    large = split(made, Hashed(train=0.7, validation=0.1, test=0.2), 42)
    assert groups(small.test) < groups(large.test)


def test_by_hash_the_places_never_change() -> None:
    # Pinned. By `printf '42\ng%d' N | sha256sum`: test below 0x80.., validation below 0x99..
    sides = split(rows("a" * 12), Hashed(train=0.4, validation=0.1, test=0.5), 42)
    assert groups(sides.test) == {"g6", "g7"}
    assert groups(sides.validation) == {"g3", "g8"}
    assert len(sides.train) == 8


def test_by_hash_sides_of_their_own() -> None:
    own = [Example(id=f"t{n}", prompt=(), split="test") for n in range(3)]
    sides = split([*own, *rows("a" * 50)], Hashed(train=0.8, validation=0.1, test=0.1), 42)
    assert {row.id for row in sides.test} == {"t0", "t1", "t2"}
    assert len(sides.train) + len(sides.validation) == 50


def test_by_hash_everything_may_be_tested() -> None:
    spec = Hashed(train=0.0, validation=0.0, test=1.0)
    assert [len(side) for side in split(rows("a" * 500), spec, 1)] == [0, 0, 500]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"test": 50}, r"split\.test: is the count 50, but `method: hash` meets shares only"),
        ({"train": 100}, r"split\.train: is the count 100"),
        ({"stratify": "code"}, r"split\.stratify: `method: hash` cannot stratify"),
        ({"train": 1.0, "validation": 0.0, "test": 0.0}, "test side is empty.*larger share"),
    ],
)
def test_by_hash_mistakes(asked: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        split(rows("ab" * 50), Hashed(**asked), 42)
