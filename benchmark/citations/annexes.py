"""Annexes and tables of a code: "annexe II à l'article R. 1-1", "tableau n° 57".

An annex counts only where an article or a code is named with it: every contract has annexes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from benchmark.articles import normal_number
from benchmark.citations.containers import NO_ACT, Container, container
from benchmark.citations.names import Mention, at
from benchmark.citations.numbers import number
from benchmark.citations.parts import LATIN, ROMAN
from benchmark.citations.tokens import Token

_DISEASES = (("des", "maladies", "professionnelles"), ("du", "regime", "general"))
"""The tables that these words tell are those of the Code de la sécurité sociale."""


class Annex(NamedTuple):
    """An annex or a table."""

    start: int
    end: int
    number: str
    container: Container | None
    next: int
    """Place of the token to go on with: the article that an annex is of is a citation itself."""


def read_annex(tokens: Sequence[Token], i: int) -> Annex | None:
    """Return the annex or table that begins at token `i`, if one does."""
    if at(tokens, i).text == "annexe":
        return _annex(tokens, i)
    return _table(tokens, i) if at(tokens, i).text == "tableau" else None


def _annex(tokens: Sequence[Token], i: int) -> Annex | None:
    first, end = at(tokens, i), i + 1
    label = at(tokens, end)
    if label.raw in ROMAN or (label.kind == "number" and "-" not in label.text):
        end += 1
    name = " ".join(["Annexe", *(token.raw for token in tokens[i + 1 : end])])
    to = [at(tokens, end + step).text for step in range(4)]
    if to[0] in ("a", "de") and to[1:] == ["l", "'", "article"]:
        of = number(tokens, end + 4, announced=True)
        if of is None:
            return None
        held = container(tokens, of.next, bool(of.prefix))
        full = normal_number(f"{name} à l'article {of.normal}")
        return Annex(first.start, tokens[end - 1].end, full, held, end)
    held = container(tokens, end, prefixed=True)
    if held is None or held.code is None:
        return None
    return Annex(first.start, tokens[end - 1].end, normal_number(name), held, held.next)


def _table(tokens: Sequence[Token], i: int) -> Annex | None:
    if at(tokens, i + 1).text != "n" or at(tokens, i + 2).text != "°":
        return None
    digits, end = at(tokens, i + 3), i + 4
    if digits.kind != "number":
        return None
    end += at(tokens, end).text in LATIN
    end += at(tokens, end).raw in ("A", "B", "C") and at(tokens, end + 1).raw != "."
    name = " ".join(["Tableau n°", *(token.raw for token in tokens[i + 3 : end])])
    held = container(tokens, end, prefixed=True)
    said = tuple(at(tokens, end + step).text for step in range(3))
    if held is None and said in _DISEASES:
        social = Mention("title", "Code de la sécurité sociale", end + 3)
        held = Container(social, NO_ACT, end + 3)
    start, stop = tokens[i].start, tokens[end - 1].end
    return Annex(start, stop, normal_number(name), held, held.next if held else end)
