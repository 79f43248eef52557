"""A user's own rows as examples: names of columns, what is missing, what is there twice."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from benchmark.errors import DataError
from benchmark.keys import canonical
from benchmark.plugins import Loaded
from benchmark.records import Example, Message, Split
from benchmark.registry import did_you_mean
from benchmark.rows.faults import BadRow, Faults, RowError, kind_of, shown
from benchmark.rows.json_text import Found
from benchmark.rows.layouts import FIELDS
from benchmark.rows.readers import RowMaker
from benchmark.rows.row import Format, Place, Row
from benchmark.rows.shapes import KEPT, NAMES

TEXTS = (
    *("prompt", "completion", "reference", "instruction", "output"),
    *("chosen", "rejected", "text"),
)
"""Fields that are not blank in a row that can be learned or asked."""
ANSWERS = ("completion", "output", "reference", "references", "chosen")


@dataclass(frozen=True)
class Columns:
    """What a user's fields are called, and how strictly they are read.

    Attributes:
        format: Of the rows; None: each is recognised.
        fields: Field of the format -> the user's name of it.
        needed: The user's names that every row must have.
        strict: Whether a field that no format knows is an error; else it goes to `meta`.
    """

    format: Format | None = None
    fields: dict[str, str] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    strict: bool = False

    def renamed(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a record under the format's names.

        Raises:
            RowError: A field is missing, or two would have one name.
        """
        if not self.fields:
            return record
        for name in self.needed:
            if name not in record:
                has = ", ".join(map(shown, list(record)[:8]))
                hint = did_you_mean(name, list(record)[:50]) or f"it has {has}"
                raise RowError(f"has no field {name!r}; {hint}")
        names = {theirs: ours for ours, theirs in self.fields.items()}
        both = next((n for n, v in self.fields.items() if n in record and n not in names), None)
        if both is not None and self.fields[both] in record:
            raise RowError(f"has both {both!r} and {self.fields[both]!r}, which `fields` calls so")
        return {names.get(name, name): value for name, value in record.items()}


class Examples:
    """Collects examples over all files of a data set, and what was wrong with the others."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._rows = RowMaker(columns.format, mixed=columns.strict)
        self._faults = Faults()
        self._dropped: Counter[str] = Counter()
        self._examples: dict[str, Example] = {}
        self._sides: dict[str, Split] = {}
        """Group of a row of a side's own file -> that side."""

    def read(self, records: Iterable[Found], side: Split | None) -> None:
        """Take all records of one file; `side` is the one that the file stands for."""
        for found in records:
            if isinstance(found, BadRow):
                self._faults.add(found)
                continue
            place, record = found
            try:
                self._add(place, self._columns.renamed(record), side)
            except RowError as error:
                self._faults.add(BadRow(place=place, reason=str(error)))

    def loaded(self, where: str, sources: dict[str, str]) -> Loaded:
        """Return everything.

        Raises:
            DataError: Rows are broken (the first 20 are named), or there are none.
        """
        if self._faults.count:
            raise self._faults.error()
        if not self._examples:
            raise DataError("has no rows", where=where)
        return Loaded(tuple(self._examples.values()), dict(self._dropped), sources)

    def _add(self, place: Place, record: dict[str, Any], side: Split | None) -> None:
        row = self._rows.row((place, record))
        if isinstance(row, BadRow):
            self._faults.add(row)
            return
        example = to_example(row, record, side, self._columns.strict)
        other = self._sides.get(example.group)
        if example.id in self._examples:
            self._dropped["same row twice"] += 1
        elif other is not None and other != (side or example.split):
            self._dropped[f"same question or group as in the {other} file"] += 1
        else:
            self._examples[example.id] = example
            if side is not None:
                self._sides[example.group] = side


def to_example(row: Row, record: dict[str, Any], side: Split | None, strict: bool) -> Example:
    """Return what can be learned from a row and asked by it.

    A row without an id is known by the hash of its content; one without a group shares it with
    the rows that ask the same. Plain text can be learned but not asked: it asks nothing, and
    stands on the train side unless it says otherwise.

    Raises:
        RowError: Question or answer is missing or blank, or the row is on two sides at once.
    """
    if strict:
        _known(row)
    _filled(record)
    if row.rejected is not None and not row.rejected.strip():
        raise RowError("the rejected answer is empty")
    prompt, references = _asked(row, record)
    asked = [turn.model_dump() for turn in prompt]
    split = _side(row, side)
    if row.text is not None:
        split = split or "train"
        asked = [{"role": "text", "content": row.text}]
        if split == "test":
            raise RowError("is plain text, which can be learned but not asked; test on questions")
    content: dict[str, Any] = {"prompt": asked, "references": references}
    if row.rejected is not None:  # one answer may be better than several
        content["rejected"] = row.rejected
    return Example(
        id=row.id or _hash(content),
        prompt=prompt,
        references=tuple(references),
        rejected=row.rejected,
        group=row.group or _hash(asked),
        split=split,
        meta=_meta(row.extra, strict),
    )


def _known(row: Row) -> None:
    allowed = sorted({*FIELDS[row.format], *NAMES, "meta"})
    for name in row.extra:
        if name not in ("meta", KEPT):
            hint = did_you_mean(name, allowed) or "put fields of your own under `meta`"
            raise RowError(f"unknown field {name[:40]!r}; {hint}")


def _filled(record: dict[str, Any]) -> None:
    if KEPT in record:
        return  # a row that was converted; what matters is checked below
    for name in TEXTS:
        if isinstance(record.get(name), str) and not record[name].strip():
            raise RowError(f"`{name}` is empty")


def _asked(row: Row, record: dict[str, Any]) -> tuple[tuple[Message, ...], list[str]]:
    if not all(text.strip() for text in row.references):
        raise RowError("`references` holds an empty text")
    if row.text is not None:
        if not row.text.strip():
            raise RowError("the text is empty")
        return (), [row.text]
    if not row.messages or row.messages[-1].role != "assistant":
        near = next((hint for name in list(record)[:50] if (hint := _near(name))), "")
        raise RowError(f"has no answer; {near or 'give one of: ' + _answers(row.format)}")
    if not row.answer.strip():
        raise RowError("the last turn, which is the answer, is empty")
    prompt = row.messages[:-1]
    if not prompt or prompt[-1].role != "user":
        raise RowError("the question must end with a turn of the user")
    return prompt, [row.answer, *row.references]


def _near(name: str) -> str:
    hint = "" if name in FIELDS["alpaca"] | FIELDS["chat"] | {*NAMES, "prompt"} else name
    return f"{name!r}: {found}" if hint and (found := did_you_mean(name, list(ANSWERS))) else ""


def _answers(form: Format) -> str:
    first = {"alpaca": "output", "chat": "a last turn of the assistant"}.get(form, "completion")
    return f"{first}, reference, references"


def _side(row: Row, side: Split | None) -> Split | None:
    if side is not None and row.split not in (None, side):
        raise RowError(f"`split` is {row.split!r} in the file of the {side} side")
    return row.split or side


def _meta(extra: dict[str, Any], strict: bool) -> dict[str, str]:
    """Return what a report may slice by: `meta`, and the user's own fields that are no lists."""
    meta = extra.get("meta")
    if not isinstance(meta, dict | None):
        raise RowError(f"`meta` must be an object, not {kind_of(meta)}")
    for name, item in (meta or {}).items():
        if not isinstance(item, str | int | float | bool | None):
            raise RowError(f"`meta.{shown(name)}` must be a text, a number or a truth value")
    own = {} if strict else {name: item for name, item in extra.items() if name != "meta"}
    return {
        name: item if isinstance(item, str) else json.dumps(item)
        for name, item in (own | (meta or {})).items()
        if isinstance(item, str | int | float | bool)
    }


def _hash(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:16]
