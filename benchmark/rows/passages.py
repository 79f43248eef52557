"""A text as passages, so that what all texts share is told from what one text says.

Two short articles of one section have the code's name, the breadcrumb and the question's form
in common: most of their words, and nothing of what they teach. So passages (lines, and the
steps of a breadcrumb) that rows of several groups share, whatever the numbers in them, are set
aside as boilerplate before two texts are compared.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from sys import intern

from benchmark.rows.similar import folded, key_of, words

COMMON = 3
"""A passage is boilerplate when so many groups have it."""
HEADING_WORDS = 40
"""A longer passage is no heading, even if no full stop ends it."""

OFTEN = 150
"""Characters: shorter passages come often, and are remembered."""

_BREAK = re.compile(r"[\n\r\x0b\x0c\x85\u2028\u2029]+| > ")
_DIGITS = re.compile(r"\d+")
_SENTENCE = tuple('.;:!?…»"')


@dataclass(frozen=True, slots=True)
class Passage:
    """A line of a text, or a step of a breadcrumb.

    Attributes:
        key: Hash of its words, any number as 0.
        words: As texts are compared.
        heading: It is short and no punctuation ends it.
    """

    key: int
    words: tuple[str, ...]
    heading: bool


Text = tuple[Passage, ...]
"""A text, cut: every passage that has words, in order."""


def cut(text: str) -> Text:
    """Cut a text into passages."""
    pieces = _BREAK.split(text)
    found = (_known(piece) if len(piece) <= OFTEN else _passage(piece) for piece in pieces)
    return tuple(passage for passage in found if passage.words)


def _passage(piece: str) -> Passage:
    piece = folded(piece)
    of = tuple(map(intern, words(piece)))  # texts repeat their words: a third of the memory
    key = key_of(_DIGITS.sub("0", " ".join(of)))
    return Passage(key, of, len(of) <= HEADING_WORDS and not piece.endswith(_SENTENCE))


_known = lru_cache(maxsize=1 << 15)(_passage)


def keys_of(text: Text) -> frozenset[int]:
    """Return the passages' keys."""
    return frozenset(passage.key for passage in text)


def without(text: Text, keys: frozenset[int]) -> Text:
    """Return a text without some passages; whole, if nothing else is in it."""
    return tuple(passage for passage in text if passage.key not in keys) or text


def body(text: Text, common: frozenset[int]) -> Text:
    """Return what a text says: its sentences but the common ones; whole, if it has none."""
    heads = frozenset(passage.key for passage in text if passage.heading)
    return without(without(text, common), heads)


def words_of(passages: Iterable[Passage]) -> list[str]:
    """Return the words of passages, one after the other."""
    return list(chain.from_iterable(passage.words for passage in passages))


def boilerplate(texts: Sequence[Text], groups: Sequence[str]) -> frozenset[int]:
    """Return the keys of the passages that texts of three groups or more have.

    Args:
        texts: All texts.
        groups: Of each text; versions of one article are one group.
    """
    seen: defaultdict[int, set[str]] = defaultdict(set)
    for text, group in zip(texts, groups, strict=True):
        for key in keys_of(text):
            if len(seen[key]) < COMMON:
                seen[key].add(group)
    return frozenset(key for key, of in seen.items() if len(of) >= COMMON)
