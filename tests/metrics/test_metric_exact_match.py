import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_helpers import example

from benchmark.metrics.exact_match import ExactMatch, plain


def score(text: str, *references: str, normalise: bool = True) -> float:
    return float(ExactMatch(normalise=normalise).stats([example(*references)], [text])[0, 0])


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("Oui.", "oui"),
        ("  L'article\n\tL1 ", "l'article l1"),
        ("« Été »", "e\u0301te\u0301"),
        ("Straße", "STRASSE"),
    ],
)
def test_normalised_alike(text: str, reference: str) -> None:
    assert score(text, reference) == 1
    assert score(text, reference, normalise=False) == 0


@pytest.mark.parametrize(
    ("text", "reference"),
    [("oui", "non"), ("5 €", "5"), ("ete", "été"), ("?", "!"), ("", "!"), ("a.b", "ab")],
)
def test_still_different(text: str, reference: str) -> None:
    assert score(text, reference) == 0


def test_any_reference_is_enough() -> None:
    assert score("oui", "non", "Oui !") == 1
    assert score("oui", "non", "Oui !", normalise=False) == 0


@given(st.text())
def test_a_text_matches_itself(text: str) -> None:
    assert score(text, text) == score(text, text, normalise=False) == 1


@given(st.text())
def test_normal_form_is_a_fixed_point(text: str) -> None:
    assert plain(plain(text)) == plain(text)


def test_share_over_examples() -> None:
    metric = ExactMatch()
    stats = metric.stats([example("a"), example("b"), example("c")], ["A", "b.", "x"])
    assert metric.values(stats.sum(axis=0)).tolist() == pytest.approx([2 / 3])


@given(
    st.text(alphabet="aAéÉß ’'.,!«\u0301\u00a0ﬁ\n"), st.text(alphabet="aAéÉß ’'.,!«\u0301\u00a0ﬁ\n")
)
def test_the_look_at_the_first_word_changes_nothing(text: str, reference: str) -> None:
    assert score(text, reference) == (plain(text) == plain(reference))
