"""What behind a number says where it stands: a code, another mention of one, a law.

::

    container = [points] ["du" | "de la" | "," | "(" | ...] which
    which     = code | "même code" | "présent code" | act
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from benchmark.citations import acts
from benchmark.citations.names import Mention, annex_of_cgi, at, mention
from benchmark.citations.parts import points
from benchmark.citations.tokens import Token

SINGLE = frozenset({"article", "art"})
PLURAL = frozenset({"articles", "arts", "art"})
KEYWORDS = SINGLE | PLURAL
_LEADING = frozenset("du de la le l ' au aux dans issu issus d des".split())
_OPENING = frozenset({",", "(", "-", ":", "|"})
_THIS = frozenset("ce cet cette ladite ledit dudit meme present presente susdite ces".split())
_AFOREMENTIONED = frozenset("precite precites susvise susvises susmentionne".split())
FORMER = frozenset("ancien anciens ancienne anc".split())
"""What says that a number is of an earlier numbering, or of a code that is gone."""
_FOLLOWING = frozenset("s ss suiv suivant suivants suivantes".split())
NO_ACT = (0, 0)


class Container(NamedTuple):
    """What a number is said to stand in: a code, or an act."""

    code: Mention | None
    act: tuple[int, int]
    """Its characters in the text; empty for a code."""
    next: int
    """Place of the token to go on with: an act is a reference of its own."""


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
        elif token.text not in _AFOREMENTIONED and (token.text not in FORMER or mention(tokens, i)):
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
        if behind.text in KEYWORDS or "le" in [t.text for t in tokens[start:i]]:
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
