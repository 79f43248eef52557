from array import array
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.metrics.grams import Unit, different, shared

SMALL = st.lists(st.integers(0, 3), max_size=12)
WIDE = st.lists(st.integers(0, 2**32 - 1), max_size=12)
TEXT = st.one_of(SMALL, WIDE).map(lambda numbers: array("I", numbers))
UNITS = st.lists(st.tuples(TEXT, st.lists(TEXT, max_size=3)), max_size=5)


def counted(text: array, n: int) -> Counter[tuple[int, ...]]:
    return Counter(tuple(text[at : at + n]) for at in range(len(text) - n + 1))


@pytest.fixture(params=[1 << 16, 8], ids=["one part", "many parts"], autouse=True)
def _parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.metrics.grams.PART", request.param)


@given(st.lists(st.tuples(SMALL, st.lists(SMALL, max_size=3)), max_size=5), st.integers(1, 6))
def test_shared_equals_counters(units: list[tuple[list[int], list[list[int]]]], order: int) -> None:
    check_shared([(array("I", one), [array("I", x) for x in more]) for one, more in units], order)


@given(st.randoms(use_true_random=False))
@settings(max_examples=5)
def test_more_symbols_than_one_number_holds(random: Random) -> None:
    text = array("I", random.sample(range(10**6), k=2000))
    check_shared([(text, [text[5:], text[::-1]])], 6)


def check_shared(units: list[tuple[array, list[array]]], order: int) -> None:
    found = shared([Unit(text, others) for text, others in units], order)
    assert found.shape == (len(units), order)
    for row, (text, others) in zip(found, units, strict=True):
        for n in range(1, order + 1):
            most: Counter[tuple[int, ...]] = Counter()
            for other in others:
                most |= counted(other, n)
            assert row[n - 1] == (counted(text, n) & most).total()


@given(st.lists(TEXT, max_size=5), st.integers(1, 6))
def test_different_equals_sets(texts: list[array], n: int) -> None:
    # dtype: numbers up to 2**32 - 1 would need a table of that size, which no text asks for.
    small = [array("I", [number % 1000 for number in text]) for text in texts]
    assert different(small, n).tolist() == [len(counted(text, n)) for text in small]
