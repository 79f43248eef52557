"""One article number: `L. 4121-1`, `R.* 123-4`, `LO 111-3`, `L. 233-3 A`, `199 undecies A`, `1er`.

::

    number   = [prefix ["." | "-"]] digits {"-" digits} [latin] [letters [latin]]
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
    if (prefix and "-" not in first.text) or _is_no_article(tokens, i):
        return None
    return _tail(tokens, i, prefix)._replace(start=first.start)


def _is_no_article(tokens: Sequence[Token], i: int) -> bool:
    """Tell whether digits are "1°" of a list, or "3.1" of a contract, a treaty, a standard."""
    digits, mark, decimals = (at(tokens, i + step) for step in range(3))
    is_decimal = decimals.kind == "number" and decimals.start - digits.end == 1
    return (mark.text == "°" and "-" not in digits.text) or (mark.raw == "." and is_decimal)


def _prefixed(tokens: Sequence[Token], i: int, announced: bool) -> Number | None:
    letter = at(tokens, i)
    capital, i = _letter(tokens, i)
    if capital not in PREFIXES or (letter.raw != letter.raw.upper() and not announced):
        return None
    dot = at(tokens, i).raw == "." or (announced and _is_glued_dash(tokens, i))
    digits = at(tokens, i + dot)
    is_point = at(tokens, i + dot + 1).text == "°" and "-" not in digits.text
    if digits.kind != "number" or is_point:
        return None
    if letter.raw != letter.raw.upper() and not (dot or digits.start == letter.end):
        return None  # "l'article d 3": no
    hyphened = "-" in digits.text
    if not announced and not hyphened and not (dot and len(digits.text) > 1 and capital != "A"):
        return None
    if not announced and not dot and len(digits.text.partition("-")[0]) < 3:
        return None  # "A4-2", "R2-D2"
    return _tail(tokens, i + dot, capital)._replace(start=letter.start)


def _letter(tokens: Sequence[Token], i: int) -> tuple[str, int]:
    """Return the prefix at a token, "L.O." put together, and the place behind it."""
    letter = at(tokens, i).raw.upper()
    dot, second = at(tokens, i + 1), at(tokens, i + 2)
    if dot.raw == "." and second.raw == "O" and second.start == dot.end:
        return letter + "O", i + 3
    return letter, i + 1


def _is_glued_dash(tokens: Sequence[Token], i: int) -> bool:
    before, dash, after = (at(tokens, i + step) for step in (-1, 0, 1))
    return dash.text == "-" and before.end == dash.start and dash.end == after.start


def _tail(tokens: Sequence[Token], i: int, prefix: str) -> Number:
    """Read digits and what belongs to them behind them."""
    digits = tokens[i]
    if at(tokens, i + 1).text == "°" and at(tokens, i + 1).start == digits.end:
        # "L. 6313-1-3°" is the point 3° of L. 6313-1.
        whole = digits.text.rpartition("-")[0]
        end = digits.start + len(whole)
        return Number(normal_number(f"{prefix}{whole}"), prefix, 0, end, i + 1)
    parts, end, i = [prefix, digits.text], digits.end, i + 1
    if prefix and "-" not in digits.text and _spaced_hyphen(tokens, i):
        parts.append(f"-{tokens[i + 1].text}")
        end, i = tokens[i + 1].end, i + 2
    word = at(tokens, i)
    if word.text in ("er", "ier") and word.start == end and digits.text == "1":
        return Number(normal_number(f"{prefix}1"), prefix, 0, word.end, i + 1)
    end, i = _latin(tokens, i, end, parts)
    i += _is_glued_dash(tokens, i) and bool(_LETTERS.fullmatch(at(tokens, i + 1).raw))
    if _is_letter(tokens, i, end):
        letter = at(tokens, i)
        parts.append(f" {letter.raw}")
        end, i = _latin(tokens, i + 1, letter.end, parts)
    return Number(normal_number("".join(parts)), prefix, 0, end, i)


def _latin(tokens: Sequence[Token], i: int, end: int, parts: list[str]) -> tuple[int, int]:
    """Take "bis" and the like into `parts`; return the number's end and the next place."""
    word = at(tokens, i)
    if word.kind != "word" or not _LATIN.fullmatch(word.text):
        return end, i
    parts.append(word.text)
    return word.end, i + 1


def _spaced_hyphen(tokens: Sequence[Token], i: int) -> bool:
    """Tell whether "L. 4121 - 1" goes on here: a hyphen with a short number behind it."""
    dash, digits, after = (at(tokens, i + step) for step in range(3))
    short = digits.kind == "number" and len(digits.text.partition("-")[0]) <= 3
    return dash.text == "-" and short and digits.start - dash.end <= 1 and after.text != "°"


def _is_letter(tokens: Sequence[Token], i: int, end: int) -> bool:
    letters = at(tokens, i)
    if not _LETTERS.fullmatch(letters.raw) or letters.raw in _NOT_LETTERS:
        return False
    if letters.start - end > 2:
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
