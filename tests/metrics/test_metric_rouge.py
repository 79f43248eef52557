from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_helpers import ANSWERS, REFERENCES, example
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import Tokenizer

from benchmark.metrics.rouge import Rouge
from benchmark.metrics.text import words

NAMES = ["rouge1", "rouge2", "rougeL"]
PAIRS = list(zip(ANSWERS, REFERENCES, strict=True))
WORDS = ["le", "juge", "juges", "annule", "annulé", "société", "L. 12-3", "l'été", "running", "."]
SENTENCE = st.lists(st.sampled_from(WORDS), max_size=15).map(" ".join)


class UnicodeWords(Tokenizer):
    """Gives rouge_score our words, so that it checks the arithmetic on them."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


def ours(metric: Rouge, text: str, *references: str) -> list[float]:
    return [float(value) for value in metric.stats([example(*references)], [text])[0, :3]]


def theirs(scorer: RougeScorer, text: str, *references: str) -> list[float]:
    scores = scorer.score_multi(list(references), text)
    return [float(scores[name].fmeasure) for name in NAMES]


@given(SENTENCE, st.lists(SENTENCE, min_size=1, max_size=3), st.booleans())
def test_equals_rouge_score(text: str, references: list[str], stemmer: bool) -> None:
    scorer = RougeScorer(NAMES, use_stemmer=stemmer)
    metric = Rouge(tokenizer="rouge_score", stemmer=stemmer)
    assert ours(metric, text, *references) == pytest.approx(
        theirs(scorer, text, *references), abs=1e-9
    )


@given(SENTENCE, st.lists(SENTENCE, min_size=1, max_size=3))
def test_unicode_words_equal_rouge_score_on_the_same_words(
    text: str, references: list[str]
) -> None:
    scorer = RougeScorer(NAMES, tokenizer=UnicodeWords())
    assert ours(Rouge(), text, *references) == pytest.approx(
        theirs(scorer, text, *references), abs=1e-9
    )


@given(st.text(), st.text())
def test_equals_rouge_score_on_any_text(text: str, reference: str) -> None:
    metric = Rouge(tokenizer="rouge_score")
    scorer = RougeScorer(NAMES)
    assert ours(metric, text, reference) == pytest.approx(theirs(scorer, text, reference), abs=1e-9)


@given(st.randoms(use_true_random=False))
@settings(max_examples=10)
def test_texts_longer_than_a_machine_word_of_tokens(random: Random) -> None:
    text, reference = (" ".join(random.choices("abcdefgh", k=k)) for k in (150, 200))
    assert ours(Rouge(), text, reference) == pytest.approx(
        theirs(RougeScorer(NAMES), text, reference), abs=1e-9
    )


@pytest.mark.parametrize(("answer", "reference"), PAIRS)
def test_french_sentences(answer: str, reference: str) -> None:
    reference_tool = theirs(RougeScorer(NAMES), answer, reference)
    assert ours(Rouge(tokenizer="rouge_score"), answer, reference) == pytest.approx(reference_tool)
    assert 0 < ours(Rouge(), answer, reference)[2] < 1


def test_unicode_keeps_accents_apart_where_ascii_confuses_them() -> None:
    # rouge_score cuts both into "n", "d s", "t": it sees shared words where there is none.
    assert theirs(RougeScorer(NAMES), "nà dus ôté", "né dès été")[0] > 0.5
    assert ours(Rouge(), "nà dus ôté", "né dès été") == [0, 0, 0]


def test_french_stems() -> None:
    assert ours(Rouge(), "des travailleurs", "le travailleur")[0] == 0
    assert ours(Rouge(stemmer=True), "des travailleurs", "le travailleur")[0] == 0.5


@pytest.mark.parametrize("tokenizer", ["unicode", "rouge_score"])
@pytest.mark.parametrize("text", ["", "...", "\x00"])
def test_no_words_score_0(tokenizer: str, text: str) -> None:
    metric = Rouge.model_validate({"tokenizer": tokenizer})
    assert ours(metric, text, "un deux") == [0, 0, 0]
    assert ours(metric, "un deux", text) == [0, 0, 0]
    assert ours(metric, text, text) == [0, 0, 0]


@given(SENTENCE.filter(lambda text: len(words(text)) > 1))
def test_a_text_scores_1_against_itself(text: str) -> None:
    assert ours(Rouge(), text, text) == [1, 1, 1]


def test_tokenizer_and_stemmer_are_in_the_signature() -> None:
    assert "|tokenizer:unicode|stemmer:no|" in Rouge().signature
    assert (
        "|tokenizer:rouge_score|stemmer:yes|"
        in Rouge(tokenizer="rouge_score", stemmer=True).signature
    )
