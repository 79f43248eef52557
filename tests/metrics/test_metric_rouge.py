from array import array
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_helpers import ANSWERS, REFERENCES, example
from rouge_score.rouge_scorer import RougeScorer, _union_lcs
from rouge_score.tokenizers import Tokenizer

from benchmark.metrics.rouge import Rouge
from benchmark.metrics.subsequence import Summary, covered
from benchmark.metrics.text import words

NAMES = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
PAIRS = list(zip(ANSWERS, REFERENCES, strict=True))
WORDS = ["le", "juge", "juges", "annule", "annulé", "société", "L. 12-3", "l'été", "running", "."]
SENTENCE = st.lists(st.sampled_from(WORDS), max_size=15).map(" ".join)
LINES = st.lists(SENTENCE, max_size=5).map("\n".join)


class UnicodeWords(Tokenizer):
    """Gives rouge_score our words, so that it checks the arithmetic on them."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


def ours(metric: Rouge, text: str, *references: str) -> list[float]:
    return [float(value) for value in metric.stats([example(*references)], [text])[0, :4]]


def theirs(scorer: RougeScorer, text: str, *references: str) -> list[float]:
    scores = scorer.score_multi(list(references), text)
    return [float(scores[name].fmeasure) for name in NAMES]


@given(LINES, st.lists(LINES, min_size=1, max_size=3), st.booleans())
def test_equals_rouge_score(text: str, references: list[str], stemmer: bool) -> None:
    scorer = RougeScorer(NAMES, use_stemmer=stemmer)
    metric = Rouge(compat="rouge_score", stemmer=stemmer)
    assert ours(metric, text, *references) == pytest.approx(
        theirs(scorer, text, *references), abs=1e-9
    )


@given(LINES, st.lists(LINES, min_size=1, max_size=3))
def test_unicode_words_equal_rouge_score_on_the_same_words(
    text: str, references: list[str]
) -> None:
    scorer = RougeScorer(NAMES, tokenizer=UnicodeWords())
    assert ours(Rouge(), text, *references) == pytest.approx(
        theirs(scorer, text, *references), abs=1e-9
    )


@given(st.text(), st.text())
def test_equals_rouge_score_on_any_text(text: str, reference: str) -> None:
    metric = Rouge(compat="rouge_score")
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
    assert ours(Rouge(compat="rouge_score"), answer, reference) == pytest.approx(reference_tool)
    assert 0 < ours(Rouge(), answer, reference)[2] < 1


def test_unicode_keeps_accents_apart_where_ascii_confuses_them() -> None:
    # rouge_score cuts both into "n", "d s", "t": it sees shared words where there is none.
    assert theirs(RougeScorer(NAMES), "nà dus ôté", "né dès été")[0] > 0.5
    assert ours(Rouge(), "nà dus ôté", "né dès été") == [0, 0, 0, 0]


def test_french_stems() -> None:
    assert ours(Rouge(), "des travailleurs", "le travailleur")[0] == 0
    assert ours(Rouge(stemmer=True), "des travailleurs", "le travailleur")[0] == 0.5


@pytest.mark.parametrize("compat", [None, "rouge_score"])
@pytest.mark.parametrize("text", ["", "...", "\x00"])
def test_no_words_score_0(compat: str | None, text: str) -> None:
    metric = Rouge.model_validate({"compat": compat})
    assert ours(metric, text, "un deux") == [0, 0, 0, 0]
    assert ours(metric, "un deux", text) == [0, 0, 0, 0]
    assert ours(metric, text, text) == [0, 0, 0, 0]


@given(SENTENCE.filter(lambda text: len(words(text)) > 1))
def test_a_text_scores_1_against_itself(text: str) -> None:
    assert ours(Rouge(), text, text) == [1, 1, 1, 1]


def test_signature_says_whose_words_and_stems() -> None:
    assert "|compat:no|tok:unicode|stemmer:no|exact_to:32768|" in Rouge().signature
    assert "|stemmer:snowball-french|" in Rouge(stemmer=True).signature
    theirs_ = Rouge(compat="rouge_score", stemmer=True).signature
    assert "|compat:rouge_score|tok:rouge_score|stemmer:porter|" in theirs_


# --- line by line ---------------------------------------------------------------------------


def numbers(random: Random, lines: int, longest: int, words_: int) -> list[array]:
    """Return lines of random words, as numbers."""
    return [
        array("I", [random.randrange(words_) for _ in range(random.randint(1, longest))])
        for _ in range(lines)
    ]


@given(st.randoms(use_true_random=False), st.sampled_from([3, 64, 90]), st.sampled_from([2, 20]))
@settings(max_examples=60)
def test_covered_words_are_rouge_scores(random: Random, longest: int, words_: int) -> None:
    # Lines of up to 64 words take one way, longer ones another: both are held to the original.
    some = [
        Summary(
            numbers(random, random.randint(1, 4), longest, words_),
            numbers(random, random.randint(1, 4), longest, words_),
        )
        for _ in range(3)
    ]
    for one, found in zip(some, covered(some), strict=True):
        answers = [list(line) for line in one.answer]
        wanted = [word for line in one.reference for word in _union_lcs(list(line), answers)]
        assert sorted(found.tolist()) == sorted(wanted)


def test_too_many_lines_are_taken_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    text, reference = "a b\nc d", "c d\na b"
    assert ours(Rouge(), text, reference)[2:] == [0.5, 1.0]
    monkeypatch.setattr("benchmark.metrics.subsequence.MAX_STEPS", 7)
    assert ours(Rouge(), text, reference)[2:] == [0.5, 0.5]


def test_very_long_texts_are_never_flattered(monkeypatch: pytest.MonkeyPatch) -> None:
    text, reference = " ".join("abcdefgh"), " ".join("xabcdefgh")
    exact = ours(Rouge(), text, reference)[2]
    assert ours(Rouge(), text, text)[2] == 1
    monkeypatch.setattr("benchmark.metrics.pieces.PIECE", 3)
    assert 0 < ours(Rouge(), text, reference)[2] < exact
    assert ours(Rouge(), text, text)[2] == 1


def test_an_article_number_over_a_line_break_is_one_word() -> None:
    assert (
        ours(Rouge(), "selon l'article L.\n4121-1\nfin", "selon l'article L4121-1\nfin") == [1] * 4
    )
