"""Rows out of files: JSON Lines, JSON, CSV, TSV, Parquet, or a folder of them; always streamed.

Text is UTF-8 or, with a byte order mark, UTF-16. A row that cannot be used becomes a `BadRow`
with its place and reason, and reading goes on; a file that cannot be read on raises DataError.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal, get_args

from benchmark.errors import DataError
from benchmark.registry import did_you_mean
from benchmark.rows.faults import BadRow, Faults, RowError
from benchmark.rows.json_text import Found, json_lines, json_list, record_of
from benchmark.rows.lines import lines, open_text
from benchmark.rows.row import Format, Place, Row
from benchmark.rows.shapes import SIGNS, recognise, to_row
from benchmark.rows.tables import csv_rows, parquet_rows

Kind = Literal["jsonl", "json", "csv", "tsv", "parquet"]
KINDS: dict[str, Kind] = {".ndjson": "jsonl", **{f".{kind}": kind for kind in get_args(Kind)}}
"""A file's suffix -> how it is read."""


def read_rows(path: str | Path, *, format: Format | None = None) -> Iterator[Row | BadRow]:
    """Read a file, or the files of a folder in the order of their names.

    A record that stands alone in its fault is given as a `BadRow`; so is one whose id was
    there before. Memory holds one row, and a hash of each id.

    Args:
        path: A file or a folder.
        format: What the rows are; default: what each file's first row is recognised as.

    Raises:
        DataError: A file is not there, is no text, cannot be read on, or mixes formats while
            `format` is not given.
    """
    rows = RowMaker(format)
    for found in read_records(Path(path)):
        yield rows.row(found)


def read_all(path: str | Path, *, format: Format | None = None) -> list[Row]:
    """Read all rows into memory.

    Raises:
        DataError: As `read_rows`, or rows are broken: names the first 20 and counts the others.
    """
    return list(unbroken(read_rows(path, format=format)))


def unbroken(found: Iterable[Row | BadRow]) -> Iterator[Row]:
    """Give the rows; once all are read, raise DataError if any of them was broken."""
    faults = Faults()
    for row in found:
        if isinstance(row, BadRow):
            faults.add(row)
        else:
            yield row
    if faults.count:
        raise faults.error()


class RowMaker:
    """Turns records into rows, and remembers what one record cannot tell: formats and ids.

    Args:
        format: What the records are; None: each is recognised.
        mixed: Whether records of one file may differ in format.
    """

    def __init__(self, format: Format | None = None, *, mixed: bool = False) -> None:
        self._format = format
        self._mixed = mixed or format is not None
        self._first: tuple[Format, Place] | None = None
        self._files: list[str] = []
        self._seen: dict[int, tuple[int, int]] = {}
        """Hash of an id -> number of its file in `_files`, and line."""

    def row(self, found: Found) -> Row | BadRow:
        """Return a row, or what is wrong with it.

        Raises:
            DataError: It has another format than the first row of its file.
        """
        if isinstance(found, BadRow):
            return found
        place, record = found
        try:
            form = self._format or recognise(record)
            self._agree(form, place)
            row = to_row(record, form, place)
            self._once(row, place)
        except RowError as error:
            return BadRow(place=place, reason=str(error))
        return row

    def _agree(self, form: Format, place: Place) -> None:
        if self._mixed:
            return
        if self._first is None or self._first[1].file != place.file:
            self._first = (form, place)
        elif self._first[0] != form:
            raise DataError(
                f"is {form}, but {self._first[1]} is {self._first[0]}",
                where=str(place),
                hint="keep one format a file, or name the format",
            )

    def _once(self, row: Row, place: Place) -> None:
        if row.id is None:
            return
        if not self._files or self._files[-1] != place.file:
            self._files.append(place.file)
        # 64 bits of each id: a million ids cost megabytes, whatever their length.
        here = (len(self._files) - 1, place.line)
        file, line = self._seen.setdefault(hash(row.id), here)
        if (file, line) != here:
            raise RowError(f"id {row.id[:80]!r} is taken by {self._files[file]}:{line}")


def read_records(path: Path, label: str = "", kind: Kind | None = None) -> Iterator[Found]:
    """Read records of any fields, with their places.

    Args:
        path: A file or a folder.
        label: What messages call it; default: the path.
        kind: How files are read; default: by their suffix.

    Raises:
        DataError: A file is not there or cannot be read on.
    """
    label = label or str(path)
    if path.is_dir() and kind is None:
        for file in _known(path, label):
            yield from _read_file(file, f"{label.rstrip('/')}/{file.name}", _kind(file, label))
    else:
        yield from _read_file(path, label, kind or _kind(path, label))


def _known(folder: Path, label: str) -> list[Path]:
    try:
        files = [
            file
            for file in sorted(folder.iterdir())
            if file.suffix.lower() in KINDS and file.is_file() and not file.name.startswith(".")
        ]
    except OSError as error:
        raise DataError(f"cannot read it: {error.strerror or error}", where=label) from error
    if not files:
        raise DataError(f"the folder holds no file of {', '.join(KINDS)}", where=label)
    return files


def _kind(path: Path, label: str) -> Kind:
    suffix = path.suffix.lower()
    if suffix in KINDS:
        return KINDS[suffix]
    if not path.exists():
        raise DataError("no such file or folder", where=label)
    hint = did_you_mean(suffix, list(KINDS)) or f"known: {', '.join(KINDS)}"
    raise DataError(f"unknown kind of file {suffix!r}", where=label, hint=hint)


def _read_file(path: Path, label: str, kind: Kind) -> Iterator[Found]:
    if kind == "parquet":
        yield from parquet_rows(path, label)
        return
    if kind == "json":
        kind = "jsonl" if _is_lines(path, label) else "json"
    with closing(open_text(path, label)) as file:
        if kind == "jsonl":
            yield from json_lines(file, label)
        elif kind == "json":
            yield from json_list(file, label)
        else:
            yield from csv_rows(file, label, "\t" if kind == "tsv" else "")


def _is_lines(path: Path, label: str) -> bool:
    """Tell whether a `.json` file holds JSON Lines, as many do: its first line is an object."""
    with closing(open_text(path, label)) as file:
        filled = (line for line in lines(file, label) if line.content.strip() or line.too_long)
        first = next(filled, None)
        if first is None or not first.content.lstrip().startswith(b"{"):
            return False
        try:
            record = record_of(first.content.decode())
        except RowError:
            return False
        more = next(filled, None) is not None
        return more or any(name in record for name in (*SIGNS, "text"))
