import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_helpers import example

from benchmark.metrics.citation import CitationAccuracy, cited

PIECES = ["Article ", "article ", "ARTICLE", " ", "L", "r", "D", "A", "4121", "1", "-", ". ", "x"]
TEXT = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


def naive(text: str) -> set[str]:
    """Return the numbers by walking through the text, without any pattern."""
    lower, found, at = text.lower(), set(), 0
    while (at := lower.find("article ", at)) >= 0:
        start = at + len("article ")
        digits = start + (lower[start : start + 1] in ("l", "r", "d"))
        end = digits
        while end < len(lower) and (
            lower[end] in "0123456789" or (lower[end] == "-" and end > digits)
        ):
            end += 1
        if end > digits:
            found.add(lower[start:end])
        at = max(end, start) if end > digits else at + 1
    return found


def score(text: str, *references: str) -> float:
    return float(CitationAccuracy().stats([example(*references)], [text])[0, 0])


@given(TEXT, TEXT)
def test_equals_the_naive_sets(text: str, reference: str) -> None:
    assert {number.removeprefix("article ") for number in cited(text)} == naive(text)
    assert score(text, reference) == float(bool(naive(text) & naive(reference)))


@pytest.mark.parametrize(
    ("text", "reference", "expected"),
    [
        ("Selon l'article l4121-1,", "Article L4121-1 du code", 1),
        ("Article L4121-1 et Article R5", "Article R5", 1),
        ("Article L4121-2", "Article L4121-1", 0),
        ("Article L4121", "Article L4121-1", 0),
        # The original's blind spots, kept.
        ("Article L. 4121-1", "Article L. 4121-1", 0),
        ("articles L1 et L2", "article L2", 0),
        ("aucun numéro", "aucun numéro", 0),
        ("", "Article 1", 0),
    ],
)
def test_known(text: str, reference: str, expected: float) -> None:
    assert score(text, reference) == expected


def test_any_reference_is_enough() -> None:
    assert score("Article 2", "Article 1", "Article 2") == 1


def test_an_echo_of_the_prompt_scores_1() -> None:
    assert score("Que dit l'Article L4121-1 ?", "L'Article L4121-1 dit que…") == 1
