"""Cleans rows by named rules, each on or off by itself; nothing goes without a reason.

Repairs come first, so that the rules that drop see the repaired row. Rules look at the row and
at what was kept before it: of equal rows, the first stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from benchmark.records import Record
from benchmark.rows.damage import damages, mended
from benchmark.rows.findings import Places
from benchmark.rows.repairs import rewritten, tidied
from benchmark.rows.row import Row
from benchmark.rows.similar import SEED, SLOTS
from benchmark.rows.view import View


class Rules(Record):
    """Which rules are on, and their numbers. The defaults are the practical guides'."""

    encoding_damage: bool = True
    """Undo mojibake, remove control characters; drop the row where letters are lost."""
    whitespace: bool = True
    """Remove blanks at the ends, before line ends and beyond one empty line; CRLF becomes LF."""
    no_user_or_assistant: bool = True
    """Drop conversations without a user's turn or an answer, and empty texts."""
    short_answer: bool = True
    """Drop answers of fewer than `min_words` words."""
    min_words: int = Field(default=10, ge=1)
    exact_duplicate: bool = True
    """Drop rows with the prompt and the answer (or the text) of an earlier one."""
    duplicate_prompt: bool = True
    """Drop rows with the prompt of an earlier one, whatever the answer; preferences stay, as
    several pairs of answers to one question are usual."""
    near_duplicate: bool = False
    """Drop rows that are nearly an earlier one; takes about 2 KB of memory for each row kept."""
    similarity: float = Field(default=0.8, gt=0, le=1)
    """Jaccard similarity of word 5-grams from which two rows are nearly the same."""


BANDS = 32
"""Of the index of near duplicates: finds 99.99 % of the pairs at 0.8."""

DEFAULT = Rules()


@dataclass(frozen=True, slots=True)
class Kept:
    """A row that stays.

    Attributes:
        row: As it is now.
        repairs: What was repaired, in words; empty for a row that is as it was.
    """

    row: Row
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that goes.

    Attributes:
        row: As it was read.
        rule: The name of the rule.
        reason: What is wrong with it, in words.
    """

    row: Row
    rule: str
    reason: str


def clean(rows: Iterable[Row], rules: Rules = DEFAULT) -> Iterator[Kept | Dropped]:
    """Give every row again, in order, as kept (and perhaps repaired) or as dropped.

    Args:
        rows: Read once, in a stream.
        rules: Which rules are on.
    """
    places = Places()
    drop = [rule for name, rule in _dropping(rules, places).items() if getattr(rules, name)]
    for number, row in enumerate(rows):
        places.add(row)
        fixed, repairs = _repaired(row, rules)
        view = View(number, fixed)
        hit = next((hit for rule in drop if (hit := rule(view))), None)
        if hit:
            yield Dropped(row, *hit)
            continue
        for rule in drop:
            if isinstance(rule, _Seen | _Near):
                rule.keep(view)
        yield Kept(fixed, repairs)


Hit = tuple[str, str]
"""A rule's name and the reason."""


def _repaired(row: Row, rules: Rules) -> tuple[Row, tuple[str, ...]]:
    repairs = []
    fixes: dict[str, Callable[[str], str]] = {}
    if rules.encoding_damage:
        fixes["repaired the encoding"] = mended
    if rules.whitespace:
        fixes["removed white space"] = tidied
    for what, fix in fixes.items():
        fixed = rewritten(row, fix)
        if fixed is not row:
            repairs.append(what)
        row = fixed
    return row, tuple(repairs)


def _dropping(rules: Rules, places: Places) -> dict[str, Callable[[View], Hit | None]]:
    """Return the rules that drop, in the order in which they are asked."""
    return {
        "encoding_damage": _damaged,
        "no_user_or_assistant": _incomplete,
        "short_answer": lambda view: _short(view, rules.min_words),
        "exact_duplicate": _Seen(
            "exact_duplicate",
            "the same prompt and answer as",
            lambda view: view.row_key,
            places,
        ),
        "duplicate_prompt": _Seen(
            "duplicate_prompt",
            "the same prompt as",
            lambda view: view.prompt_key if view.prompt.strip() and not _pair(view) else None,
            places,
        ),
        "near_duplicate": _Near(rules.similarity, places),
    }


def _damaged(view: View) -> Hit | None:
    kinds = damages(view.everything)
    return ("encoding_damage", f"cannot be repaired: {', '.join(kinds)}") if kinds else None


def _incomplete(view: View) -> Hit | None:
    row = view.row
    lacks = []
    if row.messages:
        if not row.question.strip():
            lacks.append("no user turn")
        if not row.answer.strip():
            lacks.append("no answer")
    elif not (row.text or "").strip():
        lacks.append("no text")
    return ("no_user_or_assistant", " and ".join(lacks)) if lacks else None


def _short(view: View, least: int) -> Hit | None:
    count = len(view.answer.split())
    reason = f"the answer has {count} word{'' if count == 1 else 's'}, fewer than {least}"
    return ("short_answer", reason) if count < least else None


def _pair(view: View) -> bool:
    return view.row.rejected is not None


class _Seen:
    """Drops a row whose key one has that was kept."""

    def __init__(
        self, rule: str, reason: str, key: Callable[[View], int | None], places: Places
    ) -> None:
        self._rule, self._reason, self._key, self._places = rule, reason, key, places
        self._first: dict[int, int] = {}

    def __call__(self, view: View) -> Hit | None:
        key = self._key(view)
        first = None if key is None else self._first.get(key)
        return None if first is None else (self._rule, self._says(first))

    def keep(self, view: View) -> None:
        """Remember a row."""
        key = self._key(view)
        if key is not None:
            self._first[key] = view.number

    def _says(self, first: int) -> str:
        return f"{self._reason} {self._places.name(first)}"


class _Near:
    """Drops a row that is nearly one that was kept."""

    def __init__(self, similarity: float, places: Places) -> None:
        self._similarity, self._places = similarity, places
        self._kept: Any = None
        self._sketch: Any = None
        """Of the row that was asked about last, which is the one that is kept next."""

    def __call__(self, view: View) -> Hit | None:
        self._sketch = sketch = _sketch(view)
        like = self._kept.get_duplicates(sketch) if sketch and self._kept else ()
        if not like:
            return None
        first = self._places.name(min(map(int, like)))
        return "near_duplicate", f"nearly the same prompt and answer as {first}"

    def keep(self, view: View) -> None:
        """Remember a row."""
        from rensa import RMinHashDeduplicator

        if self._kept is None:
            self._kept = RMinHashDeduplicator(self._similarity, SLOTS, True, BANDS, SEED)
        if self._sketch:
            self._kept.add(str(view.number), self._sketch)


def _sketch(view: View) -> Any:
    """Return the row's MinHash; None for a row without words."""
    from rensa import RMinHash

    shingles = view.row_shingles
    if not shingles:
        return None
    sketch = RMinHash(SLOTS, SEED)
    sketch.update(shingles)  # `from_token_sets` would wake all cores for each row
    return sketch
