"""Terms, BM25 and the order of what it finds."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.retrieval.search import Bm25, best
from benchmark.retrieval.tokens import terms

TEXTS = [
    "Le lecteur rend les livres avant la fin du mois.",
    "La bibliothèque prête trois livres à chaque lecteur. Les livres rares restent sur place.",
    "Article L. 12-3 : le prêt d'un livre rare demande l'accord du conservateur.",
    "Le retard donne lieu à une amende.",
]


@pytest.mark.parametrize(
    "written", ["L. 4121-1", "L4121-1", "L 4121-1", "l.4121–1", "L. 4121‑1", "L.4121-1"]
)
def test_an_article_number_is_one_term_however_it_is_written(written: str) -> None:
    assert terms(f"l'article {written} du code") == ["articl", "l4121-1", "cod"]


@given(
    st.sampled_from("LRDlrd"),
    st.sampled_from(["", ".", ". ", " ", ".\u00a0", "*", ". * "]),
    st.integers(1, 9999),
    st.lists(st.integers(1, 99), min_size=1, max_size=3),
    st.sampled_from("-‐‑–"),
)
def test_all_spellings_of_a_number_are_one(
    letter: str, between: str, first: int, rest: list[int], dash: str
) -> None:
    number = dash.join(map(str, [first, *rest]))
    plain = "-".join(map(str, [first, *rest]))
    assert terms(f"Que dit {letter}{between}{number} ?")[-1] == f"{letter.lower()}{plain}"


def test_stems_accents_and_function_words() -> None:
    assert terms("DÉCRET décrets Décret DECRET") == ["decret"] * 4
    assert terms("L'ÉTAT, l'Etat") == ["etat"] * 2
    assert terms("in plain English, what does it say") == ["plain", "english", "say"]
    assert terms("le but de l'an") == ["but", "an"]  # an aim and a year, in French
    assert terms("… — « » !") == []


def lucene(question: str, texts: list[str], k1: float, b: float) -> list[float]:
    """Score by the formula of Lucene's BM25, as Kamphuis et al. 2020 print it."""
    cut = [terms(text) for text in texts]
    mean = sum(map(len, cut)) / len(cut)
    scores = []
    for words in cut:
        counts, score = Counter(words), 0.0
        for term in terms(question):
            df = sum(term in other for other in cut)
            idf = math.log(1 + (len(cut) - df + 0.5) / (df + 0.5))
            tf = counts[term]
            score += idf * tf / (tf + k1 * (1 - b + b * len(words) / mean))
        scores.append(score)
    return scores


@pytest.mark.parametrize(
    "question",
    ["Combien de livres le lecteur peut-il prêter ?", "livres livres rares", "Que dit L12-3 ?"],
)
def test_scores_are_those_of_lucenes_formula(question: str) -> None:
    (found,) = Bm25(TEXTS).scores([question])
    assert found == pytest.approx(lucene(question, TEXTS, 1.5, 0.75), abs=1e-9)
    assert max(found) > 0


def test_a_question_that_names_an_article_finds_it() -> None:
    (found,) = Bm25(TEXTS).scores(["Résume l'article L12-3."])
    assert best(found, list("abcd"), 1)[0].at == 2


def test_nothing_in_common_scores_nothing() -> None:
    search = Bm25(TEXTS)
    for question in ("zèbre", "", "le la les"):
        (found,) = search.scores([question])
        assert not found.any()
        assert best(found, list("abcd"), 2, floor=search.floor) == []
    (found,) = Bm25(["…", ""]).scores(["livre"])  # texts without a single term
    assert list(found) == [0.0, 0.0]


scores = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=12)


@given(scores, st.integers(1, 15), st.sets(st.integers(0, 11)), st.randoms())
def test_the_best_come_in_rank_order_and_ties_by_name(found, k, without, random) -> None:
    names = [f"{at:02}" for at in range(len(found))]
    random.shuffle(names)
    without = {at for at in without if at < len(found)}
    ranked = best(np.array(found), names, k, without=without)
    order = [(-one.score, names[one.at]) for one in ranked]
    assert order == sorted(order)
    assert not {one.at for one in ranked} & without
    assert len(ranked) == min(k, len(found) - len(without))
    everything = sorted((-found[at], names[at]) for at in range(len(found)) if at not in without)
    assert order == everything[:k]


@given(scores)
def test_only_what_is_above_the_floor(found) -> None:
    ranked = best(np.array(found), [str(at) for at in range(len(found))], 20, floor=0.0)
    assert sorted(one.score for one in ranked) == sorted(score for score in found if score > 0)


def test_a_difference_in_the_last_digits_is_a_tie() -> None:
    ranked = best(np.array([0.1 + 0.2, 0.3]), ["b", "a"], 2)
    assert [one.at for one in ranked] == [1, 0]
