"""Rows into files: JSON Lines, JSON, CSV, TSV, Parquet, by suffix; streamed, whole or not at all.

The new file stands beside its target under another name until it is complete.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import BenchError, ConfigError, DataError, StoreError
from benchmark.registry import did_you_mean
from benchmark.rows.cells import to_json
from benchmark.rows.faults import BadRow, Faults
from benchmark.rows.readers import KINDS, Kind, read_rows
from benchmark.rows.row import Format, Row
from benchmark.rows.shapes import KEPT, from_row
from benchmark.rows.tables_out import write_csv, write_parquet

Records = Iterable[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Counts:
    """What `convert` did.

    Attributes:
        written: Rows in the new file.
        broken: Rows left out because they could not be read.
        kept: Rows with a `_bench` field, because the format cannot say all of them.
    """

    written: int
    broken: int = 0
    kept: int = 0


def write_rows(
    rows: Iterable[Row], path: str | Path, format: Format, *, overwrite: bool = False
) -> int:
    """Write rows, and return how many.

    What the format cannot say goes to the field `_bench` (see `benchmark.rows.shapes`).

    Raises:
        ConfigError: The suffix is not known, or the file is there and `overwrite` is not set.
        DataError: A row holds what cannot be written as text.
        StoreError: The file cannot be written.
    """
    return _write((from_row(row, format) for row in rows), Path(path), overwrite)


def convert(
    source: str | Path,
    target: str | Path,
    to: Format,
    *,
    format: Format | None = None,
    overwrite: bool = False,
    skip_broken: bool = False,
) -> Counts:
    """Read rows of any format and write them in another.

    Args:
        source: A file or a folder.
        target: The new file.
        to: The new format.
        format: The source's; default: recognised.
        overwrite: Whether `target` may be there already.
        skip_broken: Whether broken rows are left out and counted, rather than an error.

    Raises:
        ConfigError: As `write_rows`.
        DataError: The source cannot be read; or rows are broken and `skip_broken` is not set.
        StoreError: The target cannot be written.
    """
    faults = Faults()
    kept = 0

    def records() -> Iterator[dict[str, Any]]:
        nonlocal kept
        for row in read_rows(source, format=format):
            if isinstance(row, BadRow):
                faults.add(row)
                continue
            record = from_row(row, to)
            kept += KEPT in record
            yield record
        if faults.count and not skip_broken:
            raise faults.error()

    written = _write(records(), Path(target), overwrite)
    return Counts(written, faults.count, kept)


def _write(records: Records, path: Path, overwrite: bool) -> int:
    kind = _kind(path)
    if path.is_dir():
        raise ConfigError("is a folder", where=str(path), hint="name a file")
    if path.exists() and not overwrite:
        raise ConfigError("is there already", where=str(path), hint="overwrite it, or name another")
    numbered = _Numbered(records)
    with _whole(path, numbered) as part:
        if kind == "parquet":
            return write_parquet(numbered, part)
        if kind in ("csv", "tsv"):
            return write_csv(numbered, part, "\t" if kind == "tsv" else ",")
        return _write_json(numbered, part, listed=kind == "json")


def _kind(path: Path) -> Kind:
    suffix = path.suffix.lower()
    if suffix not in KINDS:
        hint = did_you_mean(suffix, list(KINDS)) or f"known: {', '.join(KINDS)}"
        raise ConfigError(f"unknown kind of file {suffix!r}", where=str(path), hint=hint)
    return KINDS[suffix]


def _write_json(records: Records, path: Path, listed: bool) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("[" if listed else "")
        for record in records:
            between = ("\n" if count == 0 else ",\n") if listed else ""
            file.write(between + to_json(record) + ("" if listed else "\n"))
            count += 1
        file.write("\n]\n" if listed else "")
    return count


class _Numbered:
    """Knows how many records have gone by, for messages."""

    def __init__(self, records: Records) -> None:
        self.count = 0
        self._records = records

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for record in self._records:
            self.count += 1
            yield record


@contextmanager
def _whole(path: Path, records: _Numbered) -> Iterator[Path]:
    """Give a file to write to, which takes the place of `path` when all went well."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, path)
    except BenchError:
        raise
    except OSError as error:
        what = f"cannot write it: {error.strerror or error}"
        raise StoreError(what, where=str(path)) from error
    except (ValueError, TypeError, RecursionError) as error:
        first = str(error).partition("\n")[0]
        what = f"row {records.count} cannot be written: {first}"
        raise DataError(what, where=str(path)) from error
    finally:
        with suppress(OSError):
            part.unlink()
