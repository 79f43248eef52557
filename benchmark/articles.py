"""Articles of law: their numbers in one spelling, and where and when each one applies.

`ArticleIndex` answers what a metric asks of a citation: is there such an article, in which
code, and was it in force on a day? `datasets/article_index.py` builds it from the codes.

It knows the articles that stand in the codes when the source was made, with their earlier
versions. An article that had been repealed by then is in no code, and so not in the index.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from datetime import date
from functools import cached_property
from typing import Any, Literal, NamedTuple

from benchmark.keys import key, sha256_of_rows

FORMAT = 1
"""Version of what `pack` writes."""

Standing = Literal["in force", "not yet in force", "repealed", "unknown"]
"""Of a version or an article on a day. "repealed" is everything that is over: repealed, replaced,
moved, expired, annulled; "unknown" means that neither date nor state tells."""

NEVER_IN_FORCE = frozenset({"MODIFIE_MORT_NE", "ANNULE"})
"""Replaced before its first day, or annulled (which reaches back): whatever the dates say."""
NO_LONGER = frozenset({"ABROGE", "MODIFIE", "TRANSFERE", "PERIME", "DEPLACE", "DISJOINT"})
NOT_YET = frozenset({"VIGUEUR_DIFF"})

_IGNORED = re.compile(r"[\s.*\u200b\ufeff]+")
_DASHES = re.compile("[‐‑‒–—−]")
_LAST_LETTER = re.compile("-(?=[A-Z]$)")


def normal_number(text: str) -> str:
    """Return an article number in the one spelling that all spellings of it share.

    Dots, spaces, stars and case do not count: `L. 4121-1`, `L4121-1` and `l 4121‑1` are
    `L4121-1`, `R.* 123-4` is `R123-4`, `L1453-1 A` and `L1453-1-A` are `L1453-1A`.
    """
    upper = unicodedata.normalize("NFC", text).upper()
    dashed = _DASHES.sub("-", _IGNORED.sub("", upper)).replace("’", "'")
    # Again: marks that a space kept apart, or that a capital letter brings, find their order.
    return unicodedata.normalize("NFC", _LAST_LETTER.sub("", dashed))


class Version(NamedTuple):
    """One version of an article: it applies from `start` up to the day before `end`."""

    id: str
    state: str
    """As the source has it when it was made: VIGUEUR, MODIFIE, ABROGE_DIFF, ..."""
    start: date | None
    end: date | None
    """"For ever" is a day in the year 2999; None is not known."""

    def state_at(self, day: date) -> Standing:
        """Return how the version stands on a day: by its dates, by its state where one is missing.

        A state tells how things stood when the source was made, a date tells it for every
        day: a version that is "MODIFIE" today did apply before its end.
        """
        if self.state in NEVER_IN_FORCE:
            return "repealed"
        if self.start is None and self.end is None and not self.state:
            return "unknown"
        if self.end <= day if self.end is not None else self.state in NO_LONGER:
            return "repealed"
        future = self.start > day if self.start is not None else self.state in NOT_YET
        return "not yet in force" if future else "in force"


@dataclass(frozen=True, slots=True)
class Code:
    """One code of law.

    Attributes:
        id: Its LEGITEXT id in the source.
        cid: Its LEGITEXT id through all versions; often the same.
        name: Its short name in suites, such as "travail"; "" if it has none.
        title: "Code du travail".
        sha256: Of the source that its articles were read from.
    """

    id: str
    cid: str
    name: str
    title: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One article of the index.

    Attributes:
        code: Where it stands.
        num: Its number as the source writes it: "R*123-4", "L1453-1 A", "Annexe II".
        cid: Its id through all its versions.
        id: Of the version whose text the source stores.
        versions: All that are known, the stored one among them.
    """

    code: Code
    num: str
    cid: str
    id: str
    versions: tuple[Version, ...]

    def state_at(self, day: date) -> Standing:
        """Return how the article stands on a day.

        It is in force if one of its versions is. Between two versions that leave a gap it is
        "repealed", as after the last one; before the first one it is "not yet in force".
        """
        # What never came into force says nothing about the others' days.
        real = [version for version in self.versions if version.state not in NEVER_IN_FORCE]
        found = {version.state_at(day) for version in real or self.versions}
        order: tuple[Standing, ...] = ("in force", "unknown", "repealed", "not yet in force")
        return next((standing for standing in order if standing in found), "unknown")


class Packed(NamedTuple):
    """The articles of one code, as they are kept: each still a line of JSON."""

    code: Code
    numbers: list[str]
    """In the one spelling of `normal_number`."""
    cids: list[str]
    lines: list[str]


class ArticleIndex:
    """The articles of some codes, found by number, by article and by version."""

    def __init__(self, *packed: Packed) -> None:
        """Take one or more codes, as `unpack` gives them. Raises ValueError: a code is twice."""
        self._lines: list[tuple[Code, str]] = []
        self._numbers: defaultdict[str, list[int]] = defaultdict(list)
        self._cids: defaultdict[str, list[int]] = defaultdict(list)
        for code, numbers, cids, lines in packed:
            for at, (number, cid) in enumerate(zip(numbers, cids, strict=True), len(self._lines)):
                self._numbers[number].append(at)
                self._cids[cid].append(at)
            self._lines += [(code, line) for line in lines]
        self.codes = tuple(part.code for part in packed)
        self._names = {_plain(name): code for code in self.codes for name in _names(code)}
        if len({code.id for code in self.codes}) < len(self.codes):
            raise ValueError("a code is there twice")

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Entry]:
        """Give all articles, in the order of the codes."""
        return (self._entry(at) for at in range(len(self._lines)))

    @property
    def digest(self) -> str:
        """Return a hash of what the index was made from, for keys and signatures."""
        return key(format=FORMAT, codes=[astuple(code) for code in self.codes])

    def code(self, name: str) -> Code | None:
        """Return the code with this short name, title (in any case) or id; None if not here."""
        return self._names.get(_plain(name))

    def find(self, number: str, code: Code | str | None = None) -> tuple[Entry, ...]:
        """Return the articles with a number, in any spelling; () if there is none.

        Several codes have an article of the same number, and one code may have several
        annexes called "Annexe I".

        Args:
            number: Such as "L. 4121-1".
            code: Only in this code; its short name, title or id will do.

        Raises:
            KeyError: `code` is not in the index; so an article in it is neither right nor wrong.
        """
        found = self._entries(self._numbers.get(normal_number(number), ()))
        if code is None:
            return found
        wanted = self.code(code) if isinstance(code, str) else code
        if wanted not in self.codes:
            known = ", ".join(known.title for known in self.codes)
            raise KeyError(f"no code {code!r} in the index; it has: {known}")
        return tuple(entry for entry in found if entry.code == wanted)

    def between(self, first: str, last: str, code: Code) -> list[str]:
        """Return the numbers of a range in the order of the code, both ends with it.

        [] where an end is no article of the code or there twice, or the last is before the first.
        """
        first_at, last_at = (
            [at for at in self._numbers.get(normal_number(end), ()) if self._lines[at][0] == code]
            for end in (first, last)
        )
        if len(first_at) != 1 or len(last_at) != 1:
            return []
        inside = range(first_at[0], last_at[0] + 1)
        return [normal_number(entry.num) for entry in self._entries(inside)]

    def by_cid(self, cid: str) -> tuple[Entry, ...]:
        """Return the article with this id through all versions; () if there is none."""
        return self._entries(self._cids.get(cid, ()))

    def by_version(self, version_id: str) -> tuple[Entry, ...]:
        """Return the article that has a version with this id; () if there is none."""
        return self._entries(self._versions.get(version_id, ()))

    @cached_property
    def _versions(self) -> dict[str, list[int]]:
        found: defaultdict[str, list[int]] = defaultdict(list)
        for at, entry in enumerate(self):
            for version_id in {version.id for version in entry.versions}:
                found[version_id].append(at)
        return dict(found)

    def _entries(self, places: Iterable[int]) -> tuple[Entry, ...]:
        return tuple(self._entry(at) for at in places)

    def _entry(self, at: int) -> Entry:
        # Read when it is asked for: a metric looks up hundreds, there are tens of thousands.
        code, line = self._lines[at]
        num, cid, stored, versions = json.loads(line)
        listed = tuple(Version(id, state, _day(a), _day(b)) for id, state, a, b in versions)
        return Entry(code, num, cid, stored, listed)


def pack(code: Code, entries: Iterable[Entry]) -> str:
    """Return the articles of one code as text, which `unpack` reads.

    The first line is a JSON object with what they are found by, each other line one article:
    `[num, cid, id, [[id, state, start, end], ...]]`. So loading reads one line.
    """
    found = list(entries)
    lines = [_dump([e.num, e.cid, e.id, [_packed(v) for v in e.versions]]) for e in found]
    head = {
        "format": FORMAT,
        "code": astuple(code),
        "sha256": sha256_of_rows(lines),
        "numbers": [normal_number(entry.num) for entry in found],
        "cids": [entry.cid for entry in found],
    }
    return "\n".join([_dump(head), *lines])


def unpack(text: str) -> Packed:
    """Read what `pack` wrote.

    Raises:
        ValueError: It is something else, of another version, or damaged.
    """
    first, *lines = text.split("\n")
    try:
        head = json.loads(first)
        if head["format"] != FORMAT:
            raise ValueError(f"format {head['format']!r}, not {FORMAT}")
        if head["sha256"] != sha256_of_rows(lines):
            raise ValueError("the articles were changed or cut")
        numbers, cids = head["numbers"], head["cids"]
        if not len(numbers) == len(cids) == len(lines):
            raise ValueError("numbers and articles do not fit")
        return Packed(Code(*head["code"]), numbers, cids, lines)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"is no article index: {error}") from error


def _packed(version: Version) -> list[str | None]:
    days = (version.start, version.end)
    return [version.id, version.state, *(None if day is None else str(day) for day in days)]


def _dump(value: Any) -> str:
    # ASCII, so that nothing that a source may hold (half a character) fails to be written.
    return json.dumps(value, separators=(",", ":"))


def _names(code: Code) -> Iterator[str]:
    return (name for name in (code.id, code.cid, code.name, code.title) if name)


def _plain(name: str) -> str:
    plain = unicodedata.normalize("NFC", " ".join(name.split())).casefold()
    return plain.replace("’", "'")


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
