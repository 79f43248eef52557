"""From row numbers to findings: which rows, where they stand, in one sentence."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from benchmark.rows.row import Finding, Place, Row, Severity

SHOWN = 100
"""Row numbers in a finding."""
NAMED = 3
"""Rows named in a message."""


class Kind(NamedTuple):
    """One thing that can be wrong."""

    severity: Severity
    what: str
    """A clause that follows "3 rows: "."""
    hint: str
    """What to do."""


class Places:
    """Where every row stands, in eight bytes a row."""

    def __init__(self) -> None:
        self._lines = array("q")
        self._files: list[tuple[int, str]] = []
        """The first row of each run of rows of one file."""

    def add(self, row: Row) -> None:
        """Remember the next row's place."""
        place = row.place
        file = place.file if place else ""
        if not self._files or self._files[-1][1] != file:
            self._files.append((len(self._lines), file))
        self._lines.append(place.line if place else -1)

    def name(self, number: int) -> str:
        """Return "file:line", or "row N" (from 0) for a row that came without a place."""
        line = self._lines[number]
        if line < 0:
            return f"row {number}"
        file = next(file for first, file in reversed(self._files) if first <= number)
        return str(Place(file=file, line=line))

    def names(self, numbers: Sequence[int]) -> str:
        """Return the places of the first few rows."""
        named = ", ".join(self.name(number) for number in numbers[:NAMED])
        return f"{named}, ..." if len(numbers) > NAMED else named


class Tally:
    """The numbers of some rows: the first hundred, and how many there are."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self.rows: list[int] = []
        self.count = 0
        for number in numbers:
            self.add(number)

    def add(self, number: int) -> None:
        """Count one row."""
        self.count += 1
        if len(self.rows) < SHOWN:
            self.rows.append(number)


def found(check: str, kind: Kind, tally: Tally, places: Places, example: str = "") -> Finding:
    """Return a finding about some rows.

    Args:
        check: The check's name.
        kind: What is wrong with each of them.
        tally: The rows.
        places: Of all rows.
        example: Stands in place of the rows' names, where it says more.
    """
    rows = "1 row" if tally.count == 1 else f"{tally.count:,} rows"
    example = example or places.names(tally.rows)
    return Finding(
        check=check,
        severity=kind.severity,
        rows=tuple(tally.rows),
        count=tally.count,
        message=f"{rows}: {kind.what} ({example}); {kind.hint}",
    )
