"""The same, nearly the same, contained: keys, shingles, MinHash signatures."""

from __future__ import annotations

import random
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.metrics.distance import jaccard_distance
from nltk.util import ngrams

from benchmark.rows.similar import (
    Pair,
    Signatures,
    containment,
    folded,
    jaccard,
    key_of,
    shingles,
    words,
)

SOUND = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def text_of(rng: random.Random, count: int) -> list[str]:
    """Return so many random words."""
    return [f"mot{rng.randrange(100_000)}" for _ in range(count)]


# --- folding and keys -----------------------------------------------------------------------


@given(SOUND)
def test_unicode_forms_fold_alike(text: str) -> None:
    assert folded(unicodedata.normalize("NFD", text)) == folded(unicodedata.normalize("NFC", text))


@given(st.text(max_size=200))
def test_every_text_has_a_key(text: str) -> None:
    assert 0 <= key_of(folded(text)) < 1 << 64
    assert folded(f"  {text}\t\n") == folded(text)


def test_case_and_spaces_do_not_count_but_accents_do() -> None:
    assert folded("L'ÉTÉ\u00a0 Dernier\r\n") == "l'été dernier"
    assert key_of(folded("côte")) != key_of(folded("cote"))


def test_a_run_of_combining_marks_is_no_trap() -> None:
    # Composing 300,000 marks at once would take Python minutes.
    found = folded("e" + "\u0301\u0323" * 150_000)
    assert found.startswith("\u1eb9\u0323")
    assert 299_000 < len(found) <= 300_001


def test_half_a_character_is_no_trap() -> None:
    assert folded("a\ud800b") == "a\ufffdb"
    assert key_of(folded("\ud800")) == key_of(folded("\udfff"))


# --- shingles -------------------------------------------------------------------------------


@given(st.lists(st.sampled_from("abcd"), max_size=12), st.integers(1, 6))
def test_shingles_are_n_grams(of: list[str], size: int) -> None:
    expected = [" ".join(gram) for gram in ngrams(of, size)]  # nltk's
    assert shingles(of, size) == (expected if len(of) >= size else [" ".join(of)][: len(of)])


@given(st.sets(st.integers(0, 20)), st.sets(st.integers(0, 20)))
def test_jaccard_is_jaccard(left: set[int], right: set[int]) -> None:
    first, second = sorted(map(str, left)) * 2, sorted(map(str, right))
    expected = 1 - jaccard_distance(left, right) if left or right else 1.0  # nltk's
    assert jaccard(first, second) == pytest.approx(expected)


def test_containment_has_a_direction() -> None:
    part, whole = shingles("a b c d e f".split(), 3), shingles("x y a b c d e f z".split(), 3)
    assert containment(part, whole) == 1.0
    assert containment(whole, part) == pytest.approx(4 / 7)
    assert containment([], whole) == 0.0


def test_words_of_french() -> None:
    assert words(folded("L'article L. 4121-1, alinéa 2°.")) == "l article l 4121 1 alinéa 2".split()


# --- signatures -----------------------------------------------------------------------------


def test_estimates_are_close_to_jaccard() -> None:
    rng = random.Random(0)
    left, right = Signatures(), Signatures()
    exact = []
    for share in np.linspace(0.5, 0.95, 60):
        first = text_of(rng, 200)
        second = [word if rng.random() < share else "autre" + word for word in first]
        left.add([first])
        right.add([second])
        exact.append(jaccard(first, second))
    for number, expected in enumerate(exact):
        estimate = (left.matrix()[number] == right.matrix()[number]).mean()
        # Five standard errors of 128 slots.
        assert estimate == pytest.approx(expected, abs=5 * (expected * (1 - expected) / 128) ** 0.5)


def test_batches_do_not_matter() -> None:
    rng = random.Random(1)
    texts = [text_of(rng, rng.randrange(0, 30)) for _ in range(50)]
    whole, parts = Signatures(), Signatures()
    whole.add(texts)
    for text in texts:
        parts.add([text])
    assert len(whole) == len(parts) == 50
    assert (whole.matrix() == parts.matrix()).all()


def test_repeats_point_to_an_earlier_text() -> None:
    rng = random.Random(2)
    texts = [shingles(text_of(rng, 150)) for _ in range(300)]
    texts[250] = list(texts[10])
    changed = text_of(rng, 150)
    texts[20], texts[270] = shingles(changed), shingles([*changed[:70], "autre", *changed[71:]])
    texts[30] = texts[31] = []
    signatures = Signatures()
    signatures.add(texts)
    earlier = signatures.repeats(0.8)
    assert {int(at): int(earlier[at]) for at in np.flatnonzero(earlier >= 0)} == {250: 10, 270: 20}
    among = np.array([number for number in range(300) if number not in (10, 20)])
    assert (signatures.repeats(0.8, among) < 0).all()


def test_a_thousand_copies_take_no_thousand_squared() -> None:
    signatures = Signatures()
    signatures.add([shingles("un deux trois quatre cinq six".split())] * 20_000)
    earlier = signatures.repeats(0.8)
    assert earlier[0] == -1
    assert (earlier[1:] == 0).all()


def test_matches_are_those_of_comparing_all() -> None:
    rng = random.Random(3)
    stock = [text_of(rng, 40) for _ in range(100)]
    asked = [
        [word if rng.random() < 0.9 else "autre" for word in stock[number]] for number in (5, 50, 5)
    ]
    asked.append(text_of(rng, 40))
    asked.append([])
    left, right = Signatures(32), Signatures(32)
    left.add(asked)
    right.add(stock)
    found = {(pair.first, pair.second) for pair in left.matches(right, 0.5)}
    assert found == {(0, 5), (1, 50), (2, 5)}


def test_nothing_is_like_nothing() -> None:
    empty = Signatures()
    assert len(empty.repeats(0.8)) == 0
    assert empty.matches(Signatures(), 0.5) == []
    empty.add([])
    empty.add([[], []])
    assert (empty.repeats(0.0) == -1).all()
    assert empty.matches(empty, 0.0) == []


def test_the_most_similar_comes_first() -> None:
    asked, stock = Signatures(32), Signatures(32)
    base = [str(number) for number in range(100)]
    asked.add([base])
    stock.add([[*base[:80], *"abcdefghij"], base])
    first, second = asked.matches(stock, 0.5)
    assert first == Pair(0, 1, 1.0)
    assert second.second == 0
