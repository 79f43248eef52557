"""Hamming, TF-IDF, length and repetition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_helpers import ANSWERS, REFERENCES, example, examples

from benchmark.metrics.hamming import Hamming
from benchmark.metrics.length import Length
from benchmark.metrics.levenshtein import Levenshtein
from benchmark.metrics.repetition import Repetition
from benchmark.metrics.tfidf import TfIdf
from benchmark.metrics.tokens import Lexicon, read


@given(st.text(max_size=8), st.text(max_size=8))
def test_hamming(text: str, reference: str) -> None:
    differ = sum(one != other for one, other in zip(text, reference, strict=False))
    differ += abs(len(text) - len(reference))
    longer = max(len(text), len(reference))
    stats = Hamming().stats([example(reference)], [text])[0]
    assert stats[:2].tolist() == [differ, 1 - differ / longer if longer else 1]


def test_very_long_texts_cost_no_less_than_their_edits(monkeypatch: pytest.MonkeyPatch) -> None:
    text, reference = "abcdefghij", "xabcdefghij"
    exact = Levenshtein().stats([example(reference)], [text])[0]
    monkeypatch.setattr("benchmark.metrics.pieces.PIECE", 4)
    pieces = Levenshtein().stats([example(reference), example(text)], [text, text])
    assert exact[0] == 1 < pieces[0, 0] <= 11
    assert pieces[1].tolist() == [0, 1, 1]


# --- TF-IDF -----------------------------------------------------------------------------------

DOCUMENTS = ("chat noir chat", "chien noir", "oiseau rouge vole", "chien rouge")
TEXTS = ("chat noir", "le chien rouge", "oiseau", "poisson")


def test_tfidf_equals_scikit_learn() -> None:
    # scikit-learn 1.9.1: v = TfidfVectorizer(token_pattern=r"\w+").fit([*DOCUMENTS, *TEXTS]) with
    # v.idf_ set to that of DOCUMENTS alone, then the products of rows of the two transforms.
    stats = TfIdf().stats(examples(DOCUMENTS), list(TEXTS))
    assert stats[:, 0].tolist() == pytest.approx(SKLEARN, abs=1e-6)


SKLEARN = [0.95763166, 0.31676411, 0.61761437, 0.0]


def test_tfidf_weights_come_from_the_whole_test_set() -> None:
    whole = TfIdf().fitted(examples(REFERENCES))
    some = whole.stats(examples(REFERENCES[:1]), [ANSWERS[0]])
    assert some.tolist() == whole.stats(examples(REFERENCES), list(ANSWERS))[:1].tolist()
    other = TfIdf().fitted(examples(REFERENCES[:2]))
    assert other.stats(examples(REFERENCES[:1]), [ANSWERS[0]]).tolist() != some.tolist()


def test_tfidf_key_holds_the_set_and_nothing_else() -> None:
    whole = TfIdf().fitted(examples(REFERENCES))
    assert whole.key == TfIdf().fitted(examples(REFERENCES[::-1] * 2)).key
    assert whole.key != TfIdf().fitted(examples(REFERENCES[:3])).key != TfIdf().key
    assert whole.signature == TfIdf().signature


def test_tfidf_stems() -> None:
    set_ = examples(["les travailleurs", "le juge"])
    assert TfIdf().fitted(set_).stats(set_[:1], ["travailleur"])[0, 0] == 0
    assert TfIdf(stemmer=True).fitted(set_).stats(set_[:1], ["travailleur"])[0, 0] > 0.5


# --- length and repetition --------------------------------------------------------------------


def test_length() -> None:
    metric = Length()
    asked = [example("un deux", "un deux trois quatre"), example(), example("…")]
    stats = metric.stats(asked, ["a b c d e", "L. 4121-1", ""])
    assert stats.tolist() == [[1, 5, 9, 5, 4], [1, 1, 9, 0, 0], [1, 0, 0, 0, 0]]
    assert metric.values(stats.sum(axis=0)).tolist() == pytest.approx([2, 6, 5 / 4])
    assert np.isnan(metric.values(stats[2])[2])
    assert {info.higher_is_better for info in metric.infos()} == {None}


@pytest.mark.parametrize(
    ("text", "words", "chars"),
    [
        ("", 0, 0),
        ("un deux trois quatre cinq", 0, 0),
        ("non " * 100, 1 - 1 / 97, 1 - 3 / 293),
        ("…" * 1000, 0, 1 - 1 / 993),
        ("a b c d a b c d", 1 - 4 / 5, 0),
    ],
)
def test_repetition(text: str, words: float, chars: float) -> None:
    stats = Repetition().stats([example()], [text])[0]
    assert stats.tolist() == pytest.approx([words, chars, 1])


def test_a_loop_shows_and_prose_does_not() -> None:
    loop, prose = Repetition().stats([example()] * 2, ["Le juge dit non. " * 50, REFERENCES[0]])
    assert min(loop[:2]) > 0.9
    assert max(prose[:2]) < 0.1


# --- texts as numbers -------------------------------------------------------------------------


def test_texts_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.metrics.tokens.MAX_BYTES", 40_000)
    lexicon = Lexicon()
    first = lexicon.read("words", REFERENCES[0])
    assert lexicon.read("words", REFERENCES[0]) is first
    for number in range(200):
        lexicon.read("words", f"{REFERENCES[1]} {number}")
    assert lexicon._bytes <= 40_000
    assert lexicon.read("words", REFERENCES[0]) is not first
    assert lexicon.read("words", REFERENCES[0]) == first


def test_numbering_starts_anew_and_no_number_of_a_metric_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    metric = TfIdf().fitted(examples(REFERENCES))
    before = metric.stats(examples(REFERENCES), list(ANSWERS))
    lexicon, _ = read("words", REFERENCES)
    monkeypatch.setattr("benchmark.metrics.tokens.MAX_WORDS", 0)
    assert read("words", REFERENCES)[0] is not lexicon
    np.testing.assert_array_equal(metric.stats(examples(REFERENCES), list(ANSWERS)), before)
