"""Rows as CSV and Parquet files: streamed, and there whole or not at all."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmark.errors import StoreError
from benchmark.files import replacing
from benchmark.reporters.cells import encodable, guarded

Row = Mapping[str, Any]
_BATCH = 5_000
"""Rows that are in memory at a time."""


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> Path:
    """Write rows as CSV: UTF-8, commas, a head; texts are guarded (see `cells`).

    Numbers are written so that they read back equal; None, and what a row lacks, is an empty cell.

    Raises:
        StoreError: The file cannot be written.
    """
    with _written(path) as scratch, scratch.open("x", encoding="utf-8", newline="") as file:
        table = csv.writer(file)  # RFC 4180; with "\n" for line ends it would not quote "\r"
        table.writerow([guarded(name) for name in columns])
        for row in rows:
            table.writerow([_cell(row.get(name)) for name in columns])
    return path


def write_parquet(path: Path, columns: Mapping[str, str], rows: Iterable[Row]) -> Path:
    """Write rows as Parquet; texts are as they are, but for lone surrogates, which become "\ufffd".

    Args:
        path: The file.
        columns: Name -> "string", "float", "int" or "bool".
        rows: The rows; what one lacks is null.

    Raises:
        StoreError: The file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"string": pa.string(), "float": pa.float64(), "int": pa.int64(), "bool": pa.bool_()}
    schema = pa.schema([(encodable(name), types[kind]) for name, kind in columns.items()])
    with _written(path) as scratch, pq.ParquetWriter(scratch, schema) as file:
        for some in _batches(rows):
            arrays = [
                pa.array([_value(row.get(name)) for row in some], type=types[kind])
                for name, kind in columns.items()
            ]
            file.write_table(pa.Table.from_arrays(arrays, schema=schema))
    return path


@contextmanager
def _written(path: Path) -> Iterator[Path]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as scratch:
            yield scratch
    except OSError as error:
        raise StoreError(
            f"cannot write the table: {error.strerror or error}",
            where=str(path),
            hint="free space or choose another place",
        ) from error


def _cell(value: Any) -> Any:
    return guarded(value) if isinstance(value, str) else value


def _value(value: Any) -> Any:
    return encodable(value) if isinstance(value, str) else value


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    some: list[Row] = []
    for row in rows:
        some.append(row)
        if len(some) == _BATCH:
            yield some
            some = []
    if some:
        yield some
