"""One article number: `L. 4121-1`, `R.* 123-4`, `LO 111-3`, `L. 233-3 A`, `199 undecies A`, `1er`.

::

    number   = [prefix ["."]] digits {"-" digits} [latin] [letters]
    prefix   = "L" | "R" | "D" | "A" | "LO" | "LP" | ...   (stars are noise to the tokeniser)
    latin    = "bis" | "ter" | ... | "duodecies"
    letters  = one to three capitals, standing apart: "A", "BA"
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from benchmark.articles import normal_number
from benchmark.citations.names import at
from benchmark.citations.tokens import Token

PREFIXES = frozenset({"L", "R", "D", "A", "LO", "LP", "RO", "DO"})
_LATIN = re.compile(
    r"bis|ter|quater|quinquies|sexies|septies|octies|nonies|(?:un|duo|ter|quater|quin|sex|sept|"
    r"octo|novo)?(?:decies|vicies|tricies|quadragies)|semel"
)
_LETTERS = re.compile(r"[A-Z]{1,2}")
_NOT_LETTERS = frozenset(
    "UE CE II III IV VI VII IX XI I V X CT CC CP DU DE LE LA ET OU EN AU".split()
)
"""Capitals that mean something else behind a number: points of an article, codes, words."""
_AFTER_A = frozenset("defaut compter partir cet cette ce la l titre moins".split())
"""Behind these an "A" is the preposition "à", written as a capital."""
FIRST = frozenset({"premier", "1er", "ier"})


class Number(NamedTuple):
    """An article number, where it stands, and the place of the token behind it."""

    normal: str
    prefix: str
    start: int
    end: int
    next: int


def number(tokens: Sequence[Token], i: int, *, announced: bool, prefix: str = "") -> Number | None:
    """Return the number that begins at token `i`, if one does.

    Args:
        tokens: Of the whole text.
        i: Where to look.
        announced: The word "article" stands before it, or another number of the same list. Else
            only what can be nothing but an article's number is taken: a prefix with a full stop
            or with hyphens.
        prefix: Of the number before it in a list, which `1221-2` may share: "" for none.
    """
    first = at(tokens, i)
    if first.kind == "word":
        if announced and not prefix and first.text in FIRST:
            return Number("1", "", first.start, first.end, i + 1)
        return _prefixed(tokens, i, announced)
    if first.kind != "number" or not announced:
        return None
    if prefix and "-" not in first.text:
        return None
    found = _tail(tokens, i, prefix)
    return found._replace(start=first.start)


def _prefixed(tokens: Sequence[Token], i: int, announced: bool) -> Number | None:
    letter = at(tokens, i)
    capital = letter.raw.upper()
    if capital not in PREFIXES or (letter.raw != capital and not announced):
        return None
    dot = at(tokens, i + 1).raw == "."
    digits = at(tokens, i + 1 + dot)
    if digits.kind != "number":
        return None
    glued = digits.start == letter.end
    if letter.raw != capital and not (dot or glued):
        return None  # "l'article d 3": no
    hyphened = "-" in digits.text
    if not announced and not hyphened and not (dot and len(digits.text) > 1 and capital != "A"):
        return None
    if not announced and not dot and len(digits.text.partition("-")[0]) < 3:
        return None  # "A4-2", "R2-D2"
    found = _tail(tokens, i + 1 + dot, capital)
    return found._replace(start=letter.start)


def _tail(tokens: Sequence[Token], i: int, prefix: str) -> Number:
    """Read digits and what belongs to them behind them."""
    digits = tokens[i]
    parts, end, i = [prefix, digits.text], digits.end, i + 1
    if prefix and "-" not in digits.text and _spaced_hyphen(tokens, i):
        parts.append(f"-{tokens[i + 1].text}")
        end, i = tokens[i + 1].end, i + 2
    word = at(tokens, i)
    if word.text in ("er", "ier") and word.start == end and digits.text == "1":
        return Number(normal_number(f"{prefix}1"), prefix, 0, word.end, i + 1)
    if word.kind == "word" and _LATIN.fullmatch(word.text):
        parts.append(word.text)
        end, i, word = word.end, i + 1, at(tokens, i + 1)
    if _is_letter(tokens, i, end):
        parts.append(f" {word.raw}")
        end, i = word.end, i + 1
    normal = normal_number("".join(parts))
    return Number(normal, prefix, 0, end, i)


def _spaced_hyphen(tokens: Sequence[Token], i: int) -> bool:
    """Tell whether "L. 4121 - 1" goes on here: a hyphen with a short number behind it."""
    dash, digits, after = (at(tokens, i + step) for step in range(3))
    short = digits.kind == "number" and len(digits.text.partition("-")[0]) <= 3
    return dash.text == "-" and short and digits.start - dash.end <= 1 and after.text != "°"


def _is_letter(tokens: Sequence[Token], i: int, end: int) -> bool:
    letters = at(tokens, i)
    if not _LETTERS.fullmatch(letters.raw) or letters.raw in _NOT_LETTERS:
        return False
    if letters.start - end > 1:
        return False
    after = at(tokens, i + 1)
    if letters.raw == "A" and after.text in _AFTER_A:
        return False
    dot = after.raw == "." and after.start == letters.end
    behind = at(tokens, i + 1 + dot)
    if letters.raw in PREFIXES and behind.kind == "number":
        return False  # "L. 1221-1 L. 1221-2"
    if letters.raw == "A" and behind.raw in PREFIXES:
        return False  # "ARTICLES L. 1 A L. 5"
    # A full stop behind it ends the sentence, or it is a short form: "1240 C. civ.".
    return not dot or behind.kind == "break" or (letters.raw != "C" and behind.raw[:1].isupper())
