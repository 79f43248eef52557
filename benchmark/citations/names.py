"""Which code a run of tokens names: by title, by short form, or by pointing at another one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal, NamedTuple

from benchmark.citations.codes import CGI, known_codes
from benchmark.citations.tokens import END, Token, tokenise

Points = Literal["title", "short", "same", "book", "present", "unknown"]

_SKIPPED = frozenset("' . , - ( ) de du des d la le les l et ou pour au aux".split())
"""What does not count in a title: "code du commerce" is the Code de commerce."""
_SKIPS = 4
"""Tokens in a row that may not count."""
_SAME = frozenset({"meme", "dit", "susdit", "susvise", "precite", "susmentionne", "dernier"})
_SAME_AFTER = frozenset({"precite", "susvise", "susmentionne"})
_ROMAN = {
    "i": "I",
    "ii": "II",
    "iii": "III",
    "iv": "IV",
    "1": "I",
    "2": "II",
    "3": "III",
    "4": "IV",
}
_LINKING = frozenset({"de", "du", "des", "d", "la", "le", "les", "l", "et"})
_FOREIGN_WORDS = 8
"""Tokens of the title of an unknown code that are looked at."""


class Mention(NamedTuple):
    """A code that is named, or pointed at."""

    points: Points
    """"same", "book" ("du même livre") and "present" point at another one, and have no title."""
    title: str
    end: int
    """Place of the token behind it."""


def at(tokens: Sequence[Token], i: int) -> Token:
    """Return a token; `END` outside of the text."""
    return tokens[i] if 0 <= i < len(tokens) else END


def mention(tokens: Sequence[Token], i: int) -> Mention | None:
    """Return the code that is named from token `i` on, its article ("du", "le") excluded."""
    first = at(tokens, i)
    if first.kind != "word":
        return None
    if first.raw in _capitals():
        return _with_annex(tokens, Mention("short", _capitals()[first.raw], i + 1))
    found = _longest(tokens, i)
    if found:
        return _with_annex(tokens, found)
    return _pointing(tokens, i) or _unknown(tokens, i)


def _longest(tokens: Sequence[Token], i: int) -> Mention | None:
    """Walk down the tree of titles as far as the tokens go; the last title met is the one."""
    node, found, skips = _tree(), None, 0
    while skips <= _SKIPS:
        token = at(tokens, i)
        i += 1
        if token.text in node:
            node, skips = node[token.text], 0
        elif token.text in _SKIPPED and node is not _tree():
            skips += 1
            continue
        else:
            break
        if "" in node:
            short, title = node[""]
            # The full stop of "C. trav." belongs to it, a sentence's end behind a title does not.
            closed = at(tokens, i).raw == ("." if short else ")") and (short or "(" in title)
            found = Mention("short" if short else "title", title, i + closed)
    return found


def _with_annex(tokens: Sequence[Token], found: Mention) -> Mention:
    """Read "code général des impôts, annexe II" to its end."""
    if found.title != CGI:
        return found
    i = found.end + (at(tokens, found.end).text == ",")
    number = _ROMAN.get(at(tokens, i + 1).text)
    if at(tokens, i).text != "annexe" or not number:
        return found
    return Mention(found.points, f"{CGI}, annexe {number}", i + 2)


def annex_of_cgi(tokens: Sequence[Token], i: int) -> Mention | None:
    """Return the code that "annexe II au code général des impôts" is, from "annexe" on."""
    number = _ROMAN.get(at(tokens, i + 1).text)
    if at(tokens, i).text != "annexe" or not number:
        return None
    found = mention(tokens, i + 3) if at(tokens, i + 2).text in ("au", "du") else None
    if found is None or not found.title == CGI:
        return None
    return Mention("title", f"{CGI}, annexe {number}", found.end)


def _pointing(tokens: Sequence[Token], i: int) -> Mention | None:
    """Read "même code", "présent code", "code précité", "code"; what is before is the caller's."""
    start = i
    while i - start < 3 and at(tokens, i).text in _SAME | {"present"}:
        i += 1
    if at(tokens, i).text != "code":
        return None
    words = [token.text for token in tokens[start:i]]
    if "present" in words:
        return Mention("present", "", i + 1)
    if words or at(tokens, i + 1).text in _SAME_AFTER:
        return Mention("same", "", i + 1 + (not words))
    return None


def _unknown(tokens: Sequence[Token], i: int) -> Mention | None:
    """Read a code that the table does not have: "code des obligations"."""
    if at(tokens, i).text != "code":
        return None
    end = i + 1
    while at(tokens, end).text in _LINKING or (at(tokens, end).text == "'" and end > i + 1):
        end += 1
        if end - i > _FOREIGN_WORDS:
            return None
    if at(tokens, end).kind != "word" or end == i + 1:
        return Mention("same", "", i + 1)  # "l'article L. 1 du code": the one that is spoken of
    words = [token.raw for token in tokens[i : end + 1]]
    title = " ".join(words).replace(" ' ", "'").replace(" ’ ", "'")
    return Mention("unknown", title, end + 1)


@cache
def _capitals() -> dict[str, str]:
    """Return short forms in capitals, which are one word: "CSS"."""
    return {
        name: code.title
        for code in known_codes()
        for name in code.names
        if (" " not in name and name.upper() == name) or name == "CoMoFi"
    }


@cache
def _tree() -> dict[str, Any]:
    """Return the titles as a tree of words; a title ends where there is a key ""."""
    root: dict[str, Any] = {}
    for code in known_codes():
        for name in code.names:
            if " " not in name:
                continue
            short = name.startswith("C. ")
            _plant(root, name, (short, code.title))
            if name.startswith("C. "):
                _plant(root, "Code " + name[3:], (short, code.title))
    return root


def _plant(root: dict[str, Any], name: str, value: tuple[bool, str]) -> None:
    node = root
    for token in tokenise(name):
        if token.text not in _SKIPPED:
            node = node.setdefault(token.text, {})
    node.setdefault("", value)
