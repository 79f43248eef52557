import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.metrics.text import (
    Pieces,
    cut,
    encodable,
    normalised,
    piece_words,
    porter,
    snowball,
    words,
)


@pytest.mark.parametrize(
    "text",
    ["L. 4121-1", "L4121-1", "L.4121-1", "l 4121-1", "L. 4121-1", "L.4121–1", "L. 4121‑1"],
)
def test_an_article_number_is_one_word_however_written(text: str) -> None:
    assert words(text) == ["l4121-1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("R*123-4 R. * 123-4", ["r123-4", "r123-4"]),
        ("LO111-3 L.O. 111-3", ["lo111-3", "lo111-3"]),
        ("A9-9 et A. 123-4", ["a9-9", "et", "a123-4"]),
        ("il a 12 ans", ["il", "a", "12", "ans"]),
        ("articles L. 1 à L. 5", ["articles", "l1", "à", "l5"]),
        ("article 4121-1 bis", ["article", "4121-1", "bis"]),
        ("l’employeur, d'Évry ; celui-ci", ["l", "employeur", "d", "évry", "celui", "ci"]),
        ("L'ÉTÉ dès 2024_x", ["l", "été", "dès", "2024", "x"]),
        ("sécu\u00adrité", ["sécurité"]),
        ("r2d2 1er", ["r2d2", "1er"]),
        ("שלום, عالم", ["שלום", "عالم"]),
        ("\x00 \ud800 … !", []),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text(alphabet="aéèêçœL'’ .-*0123456789"))
def test_words_do_not_depend_on_composition_or_case(text: str) -> None:
    expected = words(text)
    assert words(unicodedata.normalize("NFD", text)) == expected
    assert words(text.upper()) == words(text.upper().lower())
    assert all(word and not word.isspace() for word in expected)


@given(st.text(max_size=25))
def test_normalised_is_unicodes_own_form(text: str) -> None:
    # unicodedata: the other implementation; 25 characters cannot hold a run that is cut.
    assert normalised("NFKC", text) == unicodedata.normalize("NFKC", text)


def test_a_run_of_marks_within_unicodes_bound_is_untouched() -> None:
    text = "e" + "\u0301\u0316" * 15
    assert normalised("NFC", text) == unicodedata.normalize("NFC", text)


def test_a_million_marks_do_not_hang() -> None:
    # unicodedata.normalize alone is quadratic here: it would take minutes.
    assert len(normalised("NFC", "e" + "\u0301\u0316" * 500_000)) > 1_000_000


def test_encodable() -> None:
    assert encodable("a\ud800b") == "a\ufffdb"
    assert encodable("aé😀\x00") == "aé😀\x00"


def test_stemmers_remember_and_agree_with_nltk() -> None:
    from nltk.stem.porter import PorterStemmer
    from nltk.stem.snowball import SnowballStemmer

    for word in ("travailleurs", "sécurité", "running", "décisions"):
        assert snowball("french").stem(word) == SnowballStemmer("french").stem(word)
        assert porter().stem(word) == PorterStemmer().stem(word)
    assert snowball("french") is snowball("french")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("articles L.\n4121-1 et R.  *\t123-4", ["articles", "l4121-1", "et", "r123-4"]),
        ("il a 12-3 ans, a. 12-3", ["il", "a", "12-3", "ans", "a12-3"]),
        ("L. O. 111-3 ; l'art. L. 5", ["lo111-3", "l", "art", "l5"]),
        ("(L. 4121-1), d'L. 2", ["l4121-1", "d", "l2"]),
        ("la 2e et le 3", ["la", "2e", "et", "le", "3"]),
        ("porte-monnaie aujourd’hui", ["porte", "monnaie", "aujourd", "hui"]),
    ],
)
def test_article_numbers_over_white_space(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text(alphabet="lrdaoLe 12.*-'\n", max_size=30))
def test_words_are_those_of_the_pattern_over_the_whole_text(text: str) -> None:
    # The same pattern, on the text as one piece: white space is one space in both.
    whole = " ".join(text.split())
    assert words(text) == list(piece_words(whole)[0])


@given(st.text(alphabet="lrda .12\n", max_size=30))
def test_lines_end_where_words_end(text: str) -> None:
    found, ends = cut(text, Pieces(piece_words))
    assert found == words(text)
    assert len(ends) == text.count("\n") + 1
    assert ends == sorted(ends)
    assert ends[-1] == len(found)


def test_pieces_are_kept_within_bounds() -> None:
    pieces = Pieces(piece_words, size=3)
    for piece in ("a", "b", "c", "d", "x" * 65, "L. 5"):
        assert pieces[piece] == piece_words(piece)
    assert list(pieces) == ["d", "L. 5"]
