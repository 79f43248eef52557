import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_helpers import example

from benchmark.metrics.exact_match import ExactMatch
from benchmark.metrics.rouge import Rouge
from benchmark.metrics.text import words
from benchmark.metrics.token_f1 import TokenF1

WORDS = ["the", "The", "juge", "annule.", "l'été", "an", "a", "(oui)", "5", "\u00a0", "-"]
SENTENCE = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
ANY = st.one_of(SENTENCE, st.text(max_size=20))


def score(metric: TokenF1 | ExactMatch | Rouge, text: str, *references: str) -> float:
    return float(metric.stats([example(*references)], [text])[0, 0])


@pytest.mark.parametrize(
    ("text", "reference", "f1", "exact"),
    [
        # torchmetrics 1.9.0, functional.text.squad, divided by 100.
        ("The judge annuls.", "the judge annuls it", 0.8, 0),
        ("l'été, an 5", "L’été 5", 0.5, 0),
        ("a (oui) non", "Oui", 0.666667, 0),
        ("un juge annule", "the juge annule-t-il", 0.4, 0),
        ("x y x", "x x z", 0.666667, 0),
        ("Code du travail", "code du travail.", 1, 1),
        ("le juge", "la juge", 0.5, 0),
    ],
)
def test_compat_is_squads(text: str, reference: str, f1: float, exact: float) -> None:
    assert score(TokenF1(compat="squad"), text, reference) == pytest.approx(f1, abs=1e-6)
    assert score(ExactMatch(compat="squad"), text, reference) == exact


@given(ANY, ANY)
def test_exact_match_is_evaluates(text: str, reference: str) -> None:
    # evaluate's exact_match module, without its options: numpy's `predictions == references`.
    assert score(ExactMatch(compat="evaluate"), text, reference) == (text == reference)


@given(SENTENCE, SENTENCE)
def test_without_articles_left_out_it_is_rouge_1(text: str, reference: str) -> None:
    found = score(TokenF1(articles=()), text, reference)
    assert found == score(Rouge(), text, reference) or not (words(text) or words(reference))


@pytest.mark.parametrize(
    ("text", "reference", "expected"),
    [
        ("le juge", "la juge", 1),
        ("L'employeur doit", "un employeur", 2 / 3),
        ("article L. 4121-1", "l'article L4121-1", 1),
        ("", "", 1),
        ("le", "les", 1),
        ("", "juge", 0),
        ("été", "ete", 0),
    ],
)
def test_french(text: str, reference: str, expected: float) -> None:
    assert score(TokenF1(), text, reference) == pytest.approx(expected)


def test_signature_says_what_is_left_out() -> None:
    assert "|left_out:l,le,la,les,un,une,des,du|" in TokenF1().signature
    assert "|compat:squad|tok:white-space|left_out:a,an,the|" in TokenF1(compat="squad").signature
