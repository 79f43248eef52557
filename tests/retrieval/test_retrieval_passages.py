"""Documents cut into passages, and passages fitted into a prompt."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from benchmark.records import Document
from benchmark.retrieval.passages import BETWEEN, cut, fit, passages

SENTENCES = (
    "Le lecteur présente sa carte. Le prêt dure trois semaines. Un retard de plus de dix jours "
    "suspend le droit d'emprunter, sauf accord du conservateur."
)
prose = st.text(st.sampled_from("ab é.\n?L'-1 "), max_size=400)


def pieces(text: str, size: int, title: str = "") -> list[str]:
    return [one.text for one in passages([Document(id="d", text=text, title=title)], size)]


def test_paragraphs_stay_whole_where_they_fit() -> None:
    text = "Premier alinéa, assez court.\n\nDeuxième alinéa, court aussi.\n \nTroisième alinéa."
    assert pieces(text, 65) == [
        "Premier alinéa, assez court.\n\nDeuxième alinéa, court aussi.",
        "Troisième alinéa.",
    ]


def test_a_long_paragraph_is_cut_between_sentences_then_words() -> None:
    assert pieces(SENTENCES, 80) == [
        "Le lecteur présente sa carte. Le prêt dure trois semaines.",
        "Un retard de plus de dix jours suspend le droit d'emprunter, sauf accord du",
        "conservateur.",
    ]


def test_an_abbreviation_ends_no_sentence() -> None:
    text = "Le prêt suit l'art. L. 12-3 du code des bibliothèques et rien de plus que cela."
    assert cut(text, 40) == "Le prêt suit l'art. L. 12-3 du code des"


def test_the_title_stands_above_every_passage() -> None:
    found = list(
        passages([Document(id="d", group="g", text=SENTENCES, title="**Code - Article 1**")], 100)
    )
    assert len(found) > 1
    assert all(one.text.startswith("**Code - Article 1**\n\n") for one in found)
    assert [one.id for one in found] == ["d", *(f"d#{n}" for n in range(2, len(found) + 1))]
    assert {(one.document, one.group) for one in found} == {("d", "g")}


@given(prose, prose, st.integers(50, 200))
def test_no_passage_is_too_long_and_no_letter_is_lost(text: str, title: str, size: int) -> None:
    found = pieces(text, size, title)
    assert all(0 < len(one) <= size for one in found)
    if not title.strip():
        assert "".join("".join(found).split()) == "".join(text.split())


def test_passages_that_do_not_fit_are_dropped_from_the_end() -> None:
    assert fit(["un deux", "trois", "quatre"], 16) == ("un deux\n\ntrois", 2, False)
    assert fit(["un", "x" * 50, "deux"], 16) == ("un", 1, False)  # never a later one instead
    assert fit([], 16) == ("", 0, False)


def test_only_a_passage_that_does_not_fit_alone_is_cut() -> None:
    assert fit([SENTENCES, "court"], 70) == (
        "Le lecteur présente sa carte. Le prêt dure trois semaines.",
        1,
        True,
    )
    assert fit(["anticonstitutionnellement"], 4) == ("anti", 1, True)


@given(st.lists(prose.map(str.strip).filter(bool), max_size=6), st.integers(1, 300))
def test_the_budget_is_never_exceeded(texts: list[str], max_chars: int) -> None:
    found = fit(texts, max_chars)
    assert len(found.text) <= max_chars
    assert found.shown <= len(texts)
    if found.is_cut:
        assert found.shown == 1 and texts[0].startswith(found.text)
    else:
        assert found.text == BETWEEN.join(texts[: found.shown])  # in rank order, whole
        more = BETWEEN.join(texts[: found.shown + 1])
        assert found.shown == len(texts) or len(more) > max_chars
