"""The walk through a text: every reference to law, with its place and the code it is resolved to.

Which code a number belongs to, the first rule that says something wins:

1. what stands behind it: a code, "du même code" (the last one named), "du présent code" (the
   caller's), a law or the like; a code named once for a list holds for all of it (`lists.py`);
2. what stands right before: "Code du travail, art. L. 1221-1";
3. the caller's code, for a text that is about one;
4. the last one named.

Rules 3 and 4 are assumptions (`Citation.named` is False), which a verifier treats with care.
Each token is looked at a bounded number of times: time grows with the text and no faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from benchmark.citations import acts
from benchmark.citations.annexes import Annex, read_annex
from benchmark.citations.codes import title_of
from benchmark.citations.lists import KEYWORDS, Container, Item, point_before, read_list
from benchmark.citations.names import Mention, at, mention
from benchmark.citations.numbers import PREFIXES
from benchmark.citations.tokens import Token, tokenise

Kind = Literal["article", "annex", "act"]

_BEFORE = frozenset({",", ":", "(", "-", ">", "|", "/", "→"})
_BEFORE_WORDS = frozenset(
    "en dans a aux son ses leur sous notamment v voir not spec specialement art article articles "
    "prevoit dispose enonce precise impose prevues prevus mentionnees visees figurant l les '".split()
)
_ASKING = _BEFORE_WORDS - frozenset("l les ' art article articles".split())
"""Without one of these, "le code rural, l'article L. 1" names two things."""
_NEAR = 6
"""Tokens between a code and a number behind it, at most."""


@dataclass(frozen=True, slots=True)
class Citation:
    """One reference to law.

    Attributes:
        text: As it stands in the text: `source[start:end]`.
        start: Place of its first character.
        end: Place behind its last.
        kind: An article, an annex or table of a code, or an act (a law, a decree, an EU act).
        number: In the spelling of `articles.normal_number`; "" for an act.
        code: Title of the code it is resolved to; "" where nothing tells, or for an act's article.
        named: Whether the text says the code; else it is the caller's, or the last one named.
        last: The last code that the text names before it, where that is not `code`; "" if none.
        until: Last number of the range "L. 1 à L. 5" that this one begins; "" if it begins none.
        point: The part of the article that is meant, as written: "3° du II"; "" if none is.
        act: The law or the like that an article is of, as written.
    """

    text: str
    start: int
    end: int
    kind: Kind
    number: str
    code: str = ""
    named: bool = False
    last: str = ""
    until: str = ""
    point: str = ""
    act: str = ""


class _Named(NamedTuple):
    """A code named outside of a list: where its mention ends."""

    mention: Mention
    start: int


def extract(text: str, code: str = "") -> list[Citation]:
    """Return the references to law in a text, in their order; spans never overlap.

    Args:
        text: Any text.
        code: The code that the text is about, or is of, by title or short form: "présent code",
            and every number beside which no code is named.
    """
    return list(_Walk(text, title_of(code) if code else "").citations())


class _Walk:
    """One pass over the tokens."""

    def __init__(self, text: str, code: str) -> None:
        self.text, self.code = text, code
        self.tokens = tokenise(text)
        self.last = ""
        self.before: _Named | None = None
        """A code that was just named, and is no number's container."""

    def citations(self) -> Iterator[Citation]:
        i = 0
        while i < len(self.tokens):
            i = yield from self._at(i)

    def _at(self, i: int) -> Iterator[Citation]:  # type: ignore[misc]
        """Give what begins at token `i`, and return where to go on."""
        token = self.tokens[i]
        if token.kind != "word":
            return i + 1
        if token.text in KEYWORDS or token.raw in PREFIXES:
            found = read_list(self.tokens, i)
            if found:
                yield from self._articles(found.items, i)
                return found.next
        annex = read_annex(self.tokens, i)
        if annex:
            yield self._annex(annex, i)
            return annex.next
        act = acts.act(self.tokens, i)
        if act:
            yield Citation(self.text[act.start : act.end], act.start, act.end, "act", "")
            return act.next
        named = mention(self.tokens, i)
        if named and named.points in ("title", "short"):
            self.before = _Named(named, i)
            if named.points == "title":
                self.last = named.title
            return named.end
        return i + 1

    def _articles(self, items: Sequence[Item], i: int) -> Iterator[Citation]:
        before = self._named_before(i)
        point = point_before(self.tokens, i)
        for place, item in enumerate(items):
            found = self._resolve(item.container, before)
            number = item.number
            until = items[place + 1].number.normal if item.to_next else ""
            behind = "" if item.point is None else self._raw(*item.point)
            ahead = self._raw(*point) if point and place == 0 else ""
            yield Citation(
                self.text[number.start : number.end],
                number.start,
                number.end,
                "article",
                number.normal,
                **found,
                until=until,
                point=ahead or behind,
            )
        self.before = None

    def _annex(self, annex: Annex, i: int) -> Citation:
        found = self._resolve(annex.container, self._named_before(i))
        self.before = None
        span = self.text[annex.start : annex.end], annex.start, annex.end
        return Citation(*span, "annex", annex.number, **found)

    def _resolve(self, held: Container | None, before: str) -> dict[str, object]:
        """Return `code`, `named`, `last` and `act` of a citation, and note the code named."""
        last = self.last
        if held is None:
            code = before or self.code or last
            named = bool(before)
            self.last = before or last
        elif held.code is None:
            return {"act": self.text[slice(*held.act)]}
        else:
            # "Du même livre" is a code only where the Livre des procédures fiscales is one.
            book = last if last.startswith("Livre") else self.code
            pointed = {"same": last or self.code, "book": book, "present": self.code}
            code, named = pointed.get(held.code.points, held.code.title), True
            self.last = code or last
        return {"code": code, "named": named, "last": last if last != code else ""}

    def _named_before(self, i: int) -> str:
        """Return the code that is named right before token `i`, for what begins there."""
        if self.before is None:
            return ""
        named, between = self.before.mention, self.tokens[self.before.mention.end : i]
        words = {token.text for token in between}
        if len(between) > _NEAR or not words <= _BEFORE_WORDS | _BEFORE:
            return ""
        return named.title if not words & {"l", "les"} or words & _ASKING else ""

    def _raw(self, start: int, end: int) -> str:
        first, last = at(self.tokens, start), at(self.tokens, end - 1)
        return self.text[first.start : last.end].strip(" ,()")
