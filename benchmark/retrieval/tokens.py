"""French text as search terms."""

from __future__ import annotations

import unicodedata
from functools import cache

from benchmark.metrics.text import snowball, words

FRENCH_NOUNS = {"an", "but"}
"""English function words that mean something in French: a year, an aim."""


def terms(text: str) -> list[str]:
    """Cut a text into what BM25 counts.

    Words as ROUGE's French tokenizer cuts them (any script, elisions apart), so that an article
    number is one term however it is written: `L. 4121-1`, `L 4121-1` and `L4121-1` are all
    `l4121-1`. Function words of French and of English go: questions on French law come in both,
    and the "in" of "in plain English" is so rare in a French code that it would weigh as much
    as the article's number. Other words are stemmed by Snowball's French rules, then lose their
    accents: the stemmer needs them, but `ÉTAT` is often written `ETAT`. The price is that a few
    pairs such as `sûr` and `sur` are one.
    """
    stem, stop = snowball("french").stem, _function_words()
    return [
        word if any(map(str.isdigit, word)) else _plain(stem(word))
        for word in words(text)
        if word not in stop
    ]


@cache
def _function_words() -> frozenset[str]:
    from bm25s import stopwords

    both = {*stopwords.STOPWORDS_FRENCH, *stopwords.STOPWORDS_EN_PLUS}
    return frozenset(both - FRENCH_NOUNS)


def _plain(word: str) -> str:
    parts = unicodedata.normalize("NFD", word)
    # A mark on its own is no accent; a word is never left empty.
    return "".join(char for char in parts if not unicodedata.combining(char)) or word
