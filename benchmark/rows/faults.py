"""What can be wrong with a row, and how many such faults become one error."""

from __future__ import annotations

import json
import re
from typing import Any

from benchmark.errors import DataError, Problem
from benchmark.records import Record
from benchmark.rows.row import Place

SHOWN = 20
"""Broken rows that one error names; there may be thousands."""

_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class RowError(ValueError):
    """What is wrong with a row, in one clause."""


class BadRow(Record):
    """A row that cannot be used: where it stands, and why."""

    place: Place
    reason: str
    """One clause."""


class Faults:
    """Counts broken rows and keeps the first of them."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[BadRow] = []

    def add(self, bad: BadRow) -> None:
        """Take note of one."""
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(bad)

    def error(self) -> DataError:
        """Return one error that names the first broken rows and counts the others."""
        problems = [Problem(str(bad.place), bad.reason) for bad in self.first]
        if self.count > len(problems):
            problems.append(Problem("", f"and {self.count - len(problems)} more"))
        error = DataError("\n".join(map(str, problems)))
        error.problems = tuple(problems)  # the command line shows them one by one
        return error


def kind_of(value: Any) -> str:
    """Return what a JSON value is, in words: "a text", "nothing", ..."""
    if value is None:
        return "nothing"
    names = {str: "a text", bool: "a truth value", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")


def shown(name: str) -> str:
    """Return a field's name for a message: on one line, and not without end."""
    return name[:40] if name.isprintable() else repr(name[:40])


def refuse_surrogates(text: str, value: Any) -> None:
    """Raise RowError when a JSON value, written as `text`, holds half a character."""
    if _ESCAPED.search(text) and _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
        raise RowError("holds half a character (a lone surrogate); it cannot be written as text")


def parse_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object. Raises RowError on a field that is there twice."""
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RowError(f"has the field {twice[:60]!r} twice")
    return value


def refuse_constant(name: str) -> Any:
    """Raise RowError: Python would read NaN and Infinity, and no other reader would."""
    raise RowError(f"holds {name}, which is no JSON value; write null")
