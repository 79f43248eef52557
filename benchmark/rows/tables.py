"""CSV, TSV and Parquet as rows, in bounded memory."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from benchmark.errors import DataError
from benchmark.rows.cells import from_cells, from_values
from benchmark.rows.faults import BadRow, RowError
from benchmark.rows.json_text import Found
from benchmark.rows.lines import CHUNK, LIMIT, lines
from benchmark.rows.row import Place

DELIMITERS = (",", ";", "\t")
BATCH = 256
"""Rows of Parquet that are in memory at once; fewer where they are long."""


def csv_rows(file: BinaryIO, label: str, delimiter: str = "") -> Iterator[Found]:
    """Read CSV whose first line names the columns.

    Args:
        file: UTF-8 bytes.
        label: The file's name, for messages.
        delimiter: Default: the one of `, ; tab` that parts the first line into most cells.

    Raises:
        DataError: The columns' names are broken, or a quoted cell is never closed.
    """
    csv.field_size_limit(max(csv.field_size_limit(), LIMIT))
    text = _Texts(file, label)
    first = next((line for line in text if line.strip()), "")
    delimiter = delimiter or max(DELIMITERS, key=lambda mark: len(_split(first, mark)))
    before = text.number - 1
    table = csv.reader(_chain(first, text), delimiter=delimiter, strict=True)
    header: list[str] = []
    while True:
        place = Place(file=label, line=before + table.line_num + 1)
        try:
            cells = next(table, None)
        except csv.Error as error:
            if _open(error):
                what = "a quoted cell that begins in this row is never closed"
                raise DataError(what, where=str(place)) from error
            if not header:
                raise DataError(f"not CSV: {_what(error)}", where=str(place)) from error
            yield BadRow(place=place, reason=f"not CSV: {_what(error)}")
            continue
        if cells is None:
            return
        if not header:
            header = _header(cells, place)
        elif cells:
            yield _row(header, cells, place)


def parquet_rows(path: Path, label: str) -> Iterator[Found]:
    """Read Parquet, some rows at a time. A place's line is the row's number.

    Raises:
        DataError: The file cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=CHUNK) as table:
            for batch in table.iter_batches(batch_size=_batch(table.metadata)):
                for values in batch.to_pylist():
                    number += 1
                    yield typed_row(values, Place(file=label, line=number))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        what = str(error).strip().partition("\n")[0] or type(error).__name__
        after = f" after row {number}" if number else ""
        raise DataError(f"cannot read it as Parquet{after}: {what}", where=label) from error


def _batch(metadata: Any) -> int:
    """Return how many rows make about `LIMIT` bytes, at most `BATCH`."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    longest = max((group.total_byte_size / max(1, group.num_rows) for group in groups), default=0)
    return max(1, min(BATCH, int(LIMIT / max(1, longest))))


def typed_row(values: dict[str, Any], place: Place) -> Found:
    """Return the record of a row of a typed table; an empty cell is no field."""
    try:
        return place, from_values({name: _plain(value, name) for name, value in values.items()})
    except RowError as error:
        return BadRow(place=place, reason=str(error))


class _Texts:
    """The lines of a file as texts with their ends; knows the number of the last."""

    def __init__(self, file: BinaryIO, label: str) -> None:
        self.number = 0
        # A quoted cell may hold ends of lines, of either kind.
        self._lines = lines(file, label, ends=True)
        self._label = label

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number = line.number
        if line.too_long:
            # A row may span lines, so nobody knows where the next one begins.
            raise DataError(line.fault, where=f"{self._label}:{line.number}")
        return line.content.decode()


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _what(error: csv.Error) -> str:
    if "new-line character" in str(error):
        return "a carriage return outside quotes; save the file with common ends of lines"
    return str(error)


def _open(error: csv.Error) -> bool:
    return "unexpected end of data" in str(error) or "field limit" in str(error)


def _header(cells: list[str], place: Place) -> list[str]:
    twice = next((name for name in cells if cells.count(name) > 1), None)
    if twice is not None:
        what = f"two columns are called {twice[:40]!r}" if twice else "two columns have no name"
        raise DataError(what, where=str(place), hint="give each column its own name")
    return cells


def _row(header: list[str], cells: list[str], place: Place) -> Found:
    if len(cells) != len(header):
        hint = "; quote cells that hold the delimiter" if len(cells) > len(header) else ""
        reason = f"has {len(cells)} cells, the first line has {len(header)}{hint}"
        return BadRow(place=place, reason=reason)
    try:
        return place, from_cells(dict(zip(header, cells, strict=True)))
    except RowError as error:
        return BadRow(place=place, reason=str(error))


def _plain(value: Any, name: str) -> Any:
    """Return a Parquet value as JSON has it: days and times as texts, NaN as no value."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if math.isinf(value):
            raise RowError(f"the cell of {name[:40]!r} is infinite")
        return None if math.isnan(value) else value
    if isinstance(value, list | tuple):
        return [_plain(item, name) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item, name) for key, item in value.items()}
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise RowError(f"the cell of {name[:40]!r} is neither text, number, time nor list of such")
