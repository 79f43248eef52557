from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_helpers import ANSWERS, REFERENCES, example
from nltk.stem.snowball import SnowballStemmer
from nltk.translate.meteor_score import meteor_score

from benchmark.metrics.meteor import Meteor
from benchmark.metrics.text import Language, words

PAIRS = list(zip(ANSWERS, REFERENCES, strict=True))
WORDS = ["le", "les", "juge", "juges", "décision", "décisions", "annule", "annulée", "running"]
SENTENCE = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


class NoSynonyms:
    def synsets(self, word: str) -> list[Any]:
        return []


def theirs(text: str, *references: str, language: str = "french") -> float:
    """Return nltk's own number, with its own stemmer and its defaults for everything else."""
    return float(
        meteor_score(
            [words(reference) for reference in references],
            words(text),
            stemmer=SnowballStemmer(language),
            wordnet=NoSynonyms(),
        )
    )


def ours(text: str, *references: str, language: Language = "french") -> float:
    return float(Meteor(language=language).stats([example(*references)], [text])[0, 0])


@given(SENTENCE, st.lists(SENTENCE, min_size=1, max_size=3))
def test_equals_nltk(text: str, references: list[str]) -> None:
    assert ours(text, *references) == pytest.approx(theirs(text, *references), abs=1e-12)


@pytest.mark.parametrize("language", ["french", "english", "german", "italian", "spanish"])
@pytest.mark.parametrize(("answer", "reference"), PAIRS)
def test_every_language_equals_nltk(language: Language, answer: str, reference: str) -> None:
    expected = theirs(answer, reference, language=language)
    assert 0 < expected < 1
    assert ours(answer, reference, language=language) == pytest.approx(expected, abs=1e-12)


def test_stems_are_of_the_language() -> None:
    assert (
        ours("nationales", "nationaux") > 0 == ours("nationales", "nationaux", language="english")
    )
    assert ours("running", "runs", language="english") > 0 == ours("running", "runs")


@given(SENTENCE)
def test_a_text_against_itself(text: str) -> None:
    m = len(words(text))
    assert ours(text, text) == pytest.approx(1 - 0.5 / m**3 if m else 0)


def test_no_words_score_0() -> None:
    assert ours("", "le juge") == ours("le juge", "…") == ours("", "") == 0


def test_a_million_characters_of_words_that_match_nothing() -> None:
    assert ours("mot " * 250_000, "le juge annule") == 0


def test_signature_tells_that_there_are_no_synonyms() -> None:
    signature = Meteor(language="english").signature
    assert "|language:english|stemmer:snowball|synonyms:no|" in signature
