"""Lists of article numbers, and what behind them says where they stand.

::

    list      = "article" number {glue number} [points] [container]
    glue      = "," | "et" | "ou" | "à" | "à l'article" | "au 3° du II de l'article" | ...
    points    = ", I, 2°" | "(II, 3°)" | ", alinéa 2" | ...
    container = ["du" | "de la" | "," | "(" | ...] (code | "même code" | "présent code" | act)

A container holds for the numbers before it that have none, back to the word "article" of its own
list; `articles L. 1, L. 2 et L. 3 du code rural` names its code once for three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmark.citations.containers import FORMER, KEYWORDS, PLURAL, Container, container
from benchmark.citations.names import at
from benchmark.citations.numbers import Number, number
from benchmark.citations.parts import part_at, points
from benchmark.citations.tokens import Token

_JOINING = frozenset(
    "et ou de du des d l la le les au aux a ainsi que puis soit ni jusqu ci dessus dessous "
    "precite precites precitee susvise susvises notamment ceux celui respectivement".split()
)
_RANGE = frozenset({"a", "au", "jusqu", "l", "'", "article", "articles", "art", "."})
_SUBJECT = frozenset({"le", "la", "les"})
_FAR = 40
"""Tokens between two numbers of one list, at most."""


@dataclass(slots=True)
class Item:
    """One number of a list."""

    number: Number
    group: int
    """Counts the words "article" of the list."""
    container: Container | None = None
    is_former: bool = False
    """"Ancien article", or an article "de l'ancien code"."""
    is_first: bool = False
    """Another thing is spoken of from here on: "..., l'article L. 2 du code rural"."""
    to_next: bool = False
    """A range: the next number is its end."""
    point: tuple[int, int] | None = None
    """Places of the tokens behind it that tell a part of the article, the end excluded."""


@dataclass(slots=True)
class List_:
    """A run of numbers with only glue between them."""

    items: list[Item] = field(default_factory=list)
    next: int = 0
    """Place of the token behind the last number or container."""


def read_list(tokens: Sequence[Token], i: int) -> List_ | None:
    """Return the list that begins at token `i`, with the word "article" or a number itself."""
    found, group, plural = List_(), 0, False
    before = at(tokens, i - 1)
    is_former = before.text in FORMER or (before.raw == "." and at(tokens, i - 2).text == "anc")
    keyword = at(tokens, i).text in KEYWORDS
    if keyword:
        plural = at(tokens, i).text in PLURAL
        i = _behind_keyword(tokens, i + 1)
    first = number(tokens, i, announced=keyword)
    while first is not None:
        item = Item(first, group, is_former=is_former and not group)
        if found.items:
            item_before = found.items[-1]
            item_before.to_next = _is_range(tokens, item_before.number.next, i)
            item.is_first = _is_subject(tokens, item_before.number.next, i)
        found.items.append(item)
        i = _contain(tokens, found, first)
        found.next = i
        i, first, group, plural = _next(tokens, i, item, group, plural)
    return found if found.items else None


def _contain(tokens: Sequence[Token], found: List_, last: Number) -> int:
    """Give the open numbers of the last one's group their container, and return what is next."""
    held = container(tokens, last.next, bool(last.prefix))
    end = points(tokens, last.next)
    if end > last.next:
        found.items[-1].point = (last.next, end)
    if held is None:
        found.items[-1].is_former |= at(tokens, last.next).text in FORMER
        return last.next
    group = found.items[-1].group
    for item in reversed(found.items):
        # The tax code's article 237 bis does not make L. 1 an article of it.
        alike = bool(item.number.prefix) == bool(last.prefix) or item.group == group
        if item.container or not alike:
            break
        item.container = held
        item.is_former |= _is_former(tokens, last.next, held.next)
        if item.is_first:
            break
    return held.next


def _is_former(tokens: Sequence[Token], start: int, end: int) -> bool:
    return any(at(tokens, i).text in FORMER for i in range(start, min(end, start + 6)))


def _next(
    tokens: Sequence[Token], i: int, item: Item, group: int, plural: bool
) -> tuple[int, Number | None, int, bool]:
    """Walk over glue to the next number of the list; None if there is none."""
    start, fresh = i, False
    while i - start < _FAR:
        prefix = "" if fresh else item.number.prefix
        may_be_plain = fresh or prefix or plural
        token = at(tokens, i)
        if i > start and (token.kind == "word" or may_be_plain):
            if not part_at(tokens, i):
                found = number(tokens, i, announced=True, prefix=prefix)
                if found and (found.prefix or fresh or (not prefix and plural) or prefix):
                    return i, found, group, plural
        if token.text in KEYWORDS:
            plural, fresh, group = token.text in PLURAL, True, group + 1
            i = _behind_keyword(tokens, i + 1)
            continue
        step = _glue(tokens, i)
        if not step:
            break
        i += step
    return i, None, group, plural


def _behind_keyword(tokens: Sequence[Token], i: int) -> int:
    """Step over what may stand between "article" and its number: "art. n° ", "articles : "."""
    i += at(tokens, i).raw == "." and at(tokens, i - 1).text in ("art", "arts")
    i += at(tokens, i).raw == ":"
    if at(tokens, i).text in ("n", "no", "numero", "numeros", "nos"):
        i += 1 + (at(tokens, i + 1).text in ("°", "."))
    return i


def _is_range(tokens: Sequence[Token], start: int, end: int) -> bool:
    between = tokens[start:end]
    words = {token.text for token in between}
    return 0 < len(between) <= 6 and words <= _RANGE and bool(words & {"a", "au"})


def _is_subject(tokens: Sequence[Token], start: int, end: int) -> bool:
    """Tell whether glue is ", l'article" or ", le II de l'article": the list has ended."""
    return any(
        tokens[i].raw == ","
        and (at(tokens, i + 1).text in _SUBJECT or at(tokens, i + 2).raw in "'’")
        for i in range(start, end)
    )


def _glue(tokens: Sequence[Token], i: int) -> int:
    """Return how many tokens of glue begin at `i`; 0 for none."""
    token = at(tokens, i)
    if token.raw in (",", "'", "’", "(", ")", ";", "/", "-", "°") or token.text in _JOINING:
        return 1
    if token.raw == ".":
        return at(tokens, i - 1).text in ("al", "art", "arts")
    return part_at(tokens, i)
