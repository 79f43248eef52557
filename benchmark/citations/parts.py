"""Parts of an article, before or behind its number: "3° du II de", ", I, 2°", "(alinéa 2)"."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.citations.names import at
from benchmark.citations.tokens import Token

NEAR = 24
"""Tokens between a number and what says where it stands, at most."""
_ORDINALS = frozenset(
    "premier premiere premiers deuxieme second seconde troisieme quatrieme cinquieme sixieme "
    "septieme huitieme neuvieme dixieme onzieme douzieme dernier derniere avant "
    "deuxiemes troisiemes derniers".split()
)
_PARTS = frozenset(
    "alinea alineas al paragraphe paragraphes point points phrase phrases tiret titre titres "
    "chapitre chapitres section sections livre partie legislative "
    "reglementaire".split()
)
ROMAN = frozenset("I II III IV V VI VII VIII IX X XI XII XIII XIV XV".split())
LATIN = frozenset("bis ter quater quinquies sexies".split())
_BETWEEN = frozenset({"et", "a", "ou", "au", "du", "de", "l", "'"})


def part_at(tokens: Sequence[Token], i: int) -> int:
    """Return how many tokens of a part of an article begin at `i`: "3°", "II", "alinéa 2", "b)"."""
    token, after = at(tokens, i), at(tokens, i + 1)
    if token.text in _PARTS or token.text in _ORDINALS or token.text == "§":
        dot = token.text == "al" and after.raw == "."
        counted = at(tokens, i + 1 + dot)
        return 1 + dot + (counted.kind == "number" and "-" not in counted.text)
    if token.kind == "number" and "-" not in token.text:
        if after.text == "°" or (after.text in ("er", "e", "eme") and after.start == token.end):
            return 2
        return int(after.text in _PARTS)
    if token.raw in ROMAN or token.text in LATIN:
        # "II bis" and "I.-", but "D. 3" is a number.
        return 1
    if token.kind == "word" and len(token.raw) == 1 and after.raw == ")":
        return 2
    return 0


def points(tokens: Sequence[Token], i: int) -> int:
    """Return the place behind the parts of an article that stand behind its number, else `i`."""
    end, at_ = i, i
    while at_ - i < NEAR:
        step = part_at(tokens, at_)
        if step:
            at_ += step
            end = at_
        elif at(tokens, at_).raw in (",", "(", ")", "-", ".") or at(tokens, at_).text in _BETWEEN:
            if at(tokens, at_).raw == "." and at(tokens, at_ - 1).raw not in ROMAN:
                break
            at_ += 1
        else:
            break
    return end + (end > i and at(tokens, end).raw == ")")


def point_before(tokens: Sequence[Token], i: int) -> tuple[int, int] | None:
    """Return where "3° du II" stands before "de l'article": (first token, token behind)."""
    start, first, last = i, 0, 0
    while start > 0 and i - start < NEAR:
        start -= 1
        token = at(tokens, start)
        size = part_at(tokens, start)
        if size:
            first, last = start, last or start + size
        elif token.text not in _BETWEEN and token.raw not in (",", "’") and token.text != "°":
            break
    return (first, last) if last else None
