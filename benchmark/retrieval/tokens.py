"""French text as search terms."""

from __future__ import annotations

import unicodedata

from benchmark.metrics.text import snowball, words


def terms(text: str) -> list[str]:
    """Cut a text into what BM25 counts.

    Words as ROUGE's French tokenizer cuts them (any script, elisions apart), so that an article
    number is one term however it is written: `L. 4121-1`, `L 4121-1` and `L4121-1` are all
    `l4121-1`. Other words are stemmed by Snowball's French rules, then lose their accents: the
    stemmer needs them, but `ÉTAT` is often written `ETAT`. The price is that a few pairs such
    as `dû` and `du` are one.
    """
    stem = snowball("french").stem
    return [word if any(map(str.isdigit, word)) else _plain(stem(word)) for word in words(text)]


def _plain(word: str) -> str:
    parts = unicodedata.normalize("NFD", word)
    # A mark on its own is no accent; a word is never left empty.
    return "".join(char for char in parts if not unicodedata.combining(char)) or word
