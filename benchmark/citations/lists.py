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
from typing import NamedTuple

from benchmark.citations import acts
from benchmark.citations.names import Mention, annex_of_cgi, at, mention
from benchmark.citations.numbers import Number, number
from benchmark.citations.tokens import Token

SINGLE = frozenset({"article", "art"})
PLURAL = frozenset({"articles", "arts", "art"})
KEYWORDS = SINGLE | PLURAL
_ORDINALS = frozenset(
    "premier premiere premiers deuxieme second seconde troisieme quatrieme cinquieme sixieme "
    "septieme huitieme neuvieme dixieme onzieme douzieme dernier derniere avant "
    "deuxiemes troisiemes derniers".split()
)
_PARTS = frozenset(
    "alinea alineas al paragraphe paragraphes point points phrase phrases tiret titre titres "
    "chapitre chapitres section sections sous-section livre partie legislative reglementaire".split()
)
_ROMAN = frozenset("I II III IV V VI VII VIII IX X XI XII XIII XIV XV".split())
_LATIN = frozenset("bis ter quater quinquies sexies".split())
_JOINING = frozenset(
    "et ou de du des d l la le les au aux a ainsi que puis soit ni jusqu ci dessus dessous "
    "precite precites precitee susvise susvises notamment ceux celui respectivement".split()
)
_RANGE = frozenset({"a", "au", "jusqu", "l", "'", "article", "articles", "art", "."})
_LEADING = frozenset("du de la le l ' au aux dans issu issus d des".split())
_OPENING = frozenset({",", "(", "-", ":", "|"})
_THIS = frozenset("ce cet cette ladite ledit dudit meme present presente susdite ces".split())
_AFOREMENTIONED = frozenset("precite precites susvise susvises susmentionne".split())
_FOLLOWING = frozenset("s ss suiv suivant suivants suivantes".split())
_SUBJECT = frozenset({"le", "la", "les"})
_FAR = 40
"""Tokens between two numbers of one list, at most."""
_NEAR = 24
"""Tokens between a number and what says where it stands, at most."""


NO_ACT = (0, 0)


class Container(NamedTuple):
    """What a number is said to stand in: a code, or an act."""

    code: Mention | None
    act: tuple[int, int]
    """Its characters in the text; empty for a code."""
    next: int
    """Place of the token to go on with: an act is a reference of its own."""


@dataclass(slots=True)
class Item:
    """One number of a list."""

    number: Number
    group: int
    """Counts the words "article" of the list."""
    container: Container | None = None
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
    keyword = at(tokens, i).text in KEYWORDS
    if keyword:
        plural = at(tokens, i).text in PLURAL
        i = _behind_keyword(tokens, i + 1)
    first = number(tokens, i, announced=keyword)
    while first is not None:
        item = Item(first, group)
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
        return last.next
    group = found.items[-1].group
    for item in reversed(found.items):
        # The tax code's article 237 bis does not make L. 1 an article of it.
        alike = bool(item.number.prefix) == bool(last.prefix) or item.group == group
        if item.container or not alike:
            break
        item.container = held
        if item.is_first:
            break
    return held.next


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
            if not _is_point(tokens, i):
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
        tokens[i].raw == "," and (at(tokens, i + 1).text in _SUBJECT or at(tokens, i + 2).raw in "'’")
        for i in range(start, end)
    )


def _glue(tokens: Sequence[Token], i: int) -> int:
    """Return how many tokens of glue begin at `i`; 0 for none."""
    token = at(tokens, i)
    if token.raw in (",", "'", "’", "(", ")", ";", "/", "-", "°") or token.text in _JOINING:
        return 1
    if token.raw == ".":
        return at(tokens, i - 1).text in ("al", "art", "arts")
    return _is_point(tokens, i)


def _is_point(tokens: Sequence[Token], i: int) -> int:
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
    if token.raw in _ROMAN or token.text in _LATIN:
        # "II bis" and "I.-", but "D. 3" is a number.
        return 1
    if token.kind == "word" and len(token.raw) == 1 and after.raw == ")":
        return 2
    return 0


def points(tokens: Sequence[Token], i: int) -> int:
    """Return the place behind the parts of an article that stand behind its number, else `i`."""
    end, at_ = i, i
    while at_ - i < _NEAR:
        step = _is_point(tokens, at_)
        if step:
            at_ += step
            end = at_
        elif at(tokens, at_).raw in (",", "(", ")", "-", ".") or at(tokens, at_).text in _BETWEEN:
            if at(tokens, at_).raw == "." and at(tokens, at_ - 1).raw not in _ROMAN:
                break
            at_ += 1
        else:
            break
    return end + (end > i and at(tokens, end).raw == ")")


_BETWEEN = frozenset({"et", "a", "ou", "au", "du", "de", "l", "'"})


def container(tokens: Sequence[Token], i: int, prefixed: bool) -> Container | None:
    """Return what stands behind a number (and its points) and says where it stands."""
    i = _and_following(tokens, i)
    for start in dict.fromkeys((points(tokens, i), i)):
        found = _container(tokens, start, prefixed)
        if found:
            return found
    return None


def _and_following(tokens: Sequence[Token], i: int) -> int:
    """Step over "et suivants", "et s."."""
    if at(tokens, i).text != "et" or at(tokens, i + 1).text not in _FOLLOWING:
        return i
    return i + 2 + (at(tokens, i + 2).raw == "." and at(tokens, i + 1).text in ("s", "ss", "suiv"))


def _container(tokens: Sequence[Token], i: int, prefixed: bool) -> Container | None:
    start, opened, led = i, False, False
    while i - start < 5:
        token = at(tokens, i)
        if token.text in _LEADING:
            led = True
        elif token.raw in (")", *_OPENING) or token.text in _OPENING:
            if led:
                return None
            opened = True
        elif token.text not in _AFOREMENTIONED:
            break
        i += 1
    if opened and led and at(tokens, i - 1).text not in ("du", "de", "l", "'", "la"):
        return None
    return _code(tokens, start, i, opened=opened, led=led) or _act(
        tokens, start, i, loose=not prefixed, led=led
    )


def _code(
    tokens: Sequence[Token], start: int, i: int, *, opened: bool, led: bool
) -> Container | None:
    annex = annex_of_cgi(tokens, i)
    if annex:
        return Container(annex, NO_ACT, annex.end)
    this = i
    while at(tokens, this).text in _THIS and this - i < 3:
        this += 1
    if this > i and at(tokens, this).text in ("code", "livre"):
        said = {token.text for token in tokens[i:this]}
        pointed = _pointed(tokens, this, said)
        return Container(pointed, NO_ACT, pointed.end)
    found = mention(tokens, i)
    if found is None or (found.points == "same" and not led and not opened):
        return None
    if found.points in ("same", "unknown") and not led and at(tokens, i).text == "code":
        return None
    if opened:
        # "art. L. 1, code rural, art. L. 2": which of the two? The word "article" tells.
        behind = at(tokens, found.end + (at(tokens, found.end).raw in (",", ":", "-")))
        said = [token.text for token in tokens[start:i]]
        if behind.text in KEYWORDS or ("le" in said):
            return None
    return Container(found, NO_ACT, found.end)


def _pointed(tokens: Sequence[Token], i: int, said: set[str]) -> Mention:
    """Return what "ce même code", "présent code", "ledit code du travail" stand for."""
    named = mention(tokens, i)
    if named and named.points == "title":
        return named
    if at(tokens, i).text == "livre":
        return Mention("book", "", i + 1)
    return Mention("present" if said & {"present", "presente"} else "same", "", i + 1)


def _act(
    tokens: Sequence[Token], start: int, i: int, *, loose: bool, led: bool
) -> Container | None:
    """Read "de la loi n° 89-462", "du présent arrêté", "de la convention collective"."""
    first = i
    while at(tokens, i).text in _THIS and i - first < 3:
        i += 1
    if not acts.contains(tokens, i):
        return None
    found = acts.act(tokens, i)
    if found is None and not (led and (loose or i > first)):
        return None
    if not led and not loose:
        return None
    end = found.next if found else i + 1
    return Container(None, (tokens[i].start, tokens[end - 1].end), i if found else end)


def point_before(tokens: Sequence[Token], i: int) -> tuple[int, int] | None:
    """Return where "3° du II" stands before "de l'article": (first token, token behind)."""
    start, first, last = i, 0, 0
    while start > 0 and i - start < _NEAR:
        start -= 1
        token = at(tokens, start)
        size = _is_point(tokens, start)
        if size:
            first, last = start, last or start + size
        elif token.text not in _BETWEEN and token.raw not in (",", "’") and token.text != "°":
            break
    return (first, last) if last else None
