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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from benchmark.citations import acts
from benchmark.citations.annexes import read_annex
from benchmark.citations.codes import title_of
from benchmark.citations.containers import KEYWORDS, Container
from benchmark.citations.lists import Item, read_list
from benchmark.citations.names import Mention, at, mention
from benchmark.citations.numbers import PREFIXES
from benchmark.citations.parts import point_before
from benchmark.citations.tokens import tokenise

Kind = Literal["article", "annex", "act"]

_BEFORE = frozenset({",", ":", "(", "-", ">", "|", "/", "→"})
_BEFORE_WORDS = frozenset(
    "en dans a aux son ses leur sous notamment v voir not spec specialement art article articles "
    "prevoit dispose enonce precise impose prevues prevus mentionnees visees figurant "
    "l les '".split()
)
_ASKING = _BEFORE_WORDS - frozenset("l les ' art article articles".split())
"""Without one of these, "le code rural, l'article L. 1" names two things."""
_SAME = frozenset({"meme", "dudit", "ledit", "audit"})
"""Before "article L. 1": the one that was spoken of, with the code that it had."""
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
        former: Whether the text says "ancien": an article of an earlier numbering.
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
    former: bool = False


class _Resolved(NamedTuple):
    """The fields of a citation that tell where its number stands."""

    code: str = ""
    named: bool = False
    last: str = ""
    act: str = ""


class _More(NamedTuple):
    """The other fields of a citation."""

    until: str = ""
    point: str = ""
    former: bool = False


_NOWHERE, _NO_MORE = _Resolved(), _More()


def extract(text: str, code: str = "") -> list[Citation]:
    """Return the references to law in a text, in their order; spans never overlap.

    Args:
        text: Any text.
        code: The code that the text is about, or is of, by title or short form: "présent code",
            and every number beside which no code is named.
    """
    return _Walk(text, title_of(code) if code else "").run()


class _Walk:
    """One pass over the tokens."""

    def __init__(self, text: str, code: str) -> None:
        self.text, self.code = text, code
        self.tokens = tokenise(text)
        self.found: list[Citation] = []
        self.last = ""
        self.places: dict[str, _Resolved] = {}
        """Where each number stood when it was last cited."""
        self.before: Mention | None = None
        """A code that was just named, and is no number's container."""

    def run(self) -> list[Citation]:
        """Return what there is, in order."""
        i = 0
        while i < len(self.tokens):
            i = self._at(i) if self.tokens[i].kind == "word" else i + 1
        return self.found

    def _at(self, i: int) -> int:
        """Take what begins at token `i`, and return where to go on."""
        token = self.tokens[i]
        if token.text in KEYWORDS or token.raw in PREFIXES:
            numbers = read_list(self.tokens, i)
            if numbers:
                self._articles(numbers.items, i)
                return numbers.next
        annex = read_annex(self.tokens, i)
        if annex:
            place = self._resolve(annex.container, self._named_before(i))
            self._add("annex", (annex.start, annex.end), annex.number, place)
            self.before = None
            return annex.next
        act = acts.act(self.tokens, i)
        if act:
            self._add("act", (act.start, act.end))
            return act.next
        named = mention(self.tokens, i)
        if named is None or named.points not in ("title", "short"):
            return i + 1
        self.before = named
        if named.points == "title":
            self.last = named.title
        return named.end

    def _articles(self, items: Sequence[Item], i: int) -> None:
        before, ahead = self._named_before(i), point_before(self.tokens, i)
        for place, item in enumerate(items):
            number, point = item.number, ahead if ahead and not place else item.point
            until = items[place + 1].number.normal if item.to_next else ""
            where = self._resolve(item.container, before)
            if not place and at(self.tokens, i - 1).text in _SAME and not item.container:
                where = self.places.get(number.normal, where)
            self.places[number.normal] = where
            self._add(
                "article",
                (number.start, number.end),
                number.normal,
                where,
                _More(until, self._raw(*point) if point else "", item.is_former),
            )
        self.before = None

    def _add(
        self,
        kind: Kind,
        span: tuple[int, int],
        number: str = "",
        place: _Resolved = _NOWHERE,
        more: _More = _NO_MORE,
    ) -> None:
        where = {**place._asdict(), **more._asdict()}
        self.found.append(Citation(self.text[slice(*span)], *span, kind, number, **where))

    def _resolve(self, held: Container | None, before: str) -> _Resolved:
        """Return where a number stands, and note the code that was named."""
        last = self.last
        if held is None:
            code, named = before or self.code or last, bool(before)
            self.last = before or last
        elif held.code is None:
            return _Resolved(act=self.text[slice(*held.act)])
        else:
            # "Du même livre" is a code only where the Livre des procédures fiscales is one.
            book = last if last.startswith("Livre") else self.code
            pointed = {"same": last or self.code, "book": book, "present": self.code}
            code, named = pointed.get(held.code.points, held.code.title), True
            self.last = code or last
        return _Resolved(code, named, last if last != code else "")

    def _named_before(self, i: int) -> str:
        """Return the code that is named right before token `i`, for what begins there."""
        if self.before is None:
            return ""
        between = self.tokens[self.before.end : i]
        words = {token.text for token in between}
        if len(between) > _NEAR or not words <= _BEFORE_WORDS | _BEFORE:
            return ""
        return self.before.title if not words & {"l", "les"} or words & _ASKING else ""

    def _raw(self, start: int, end: int) -> str:
        first, last = at(self.tokens, start), at(self.tokens, end - 1)
        return self.text[first.start : last.end].strip(" ,()")
