"""Records into CSV and Parquet. Columns are known at the end only, so records are spooled."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmark.rows.cells import to_cells, to_json
from benchmark.rows.lines import LIMIT
from benchmark.rows.shapes import KEPT

Records = Iterable[dict[str, Any]]

BATCH = 1000
"""Rows of a Parquet row group; fewer where they are long."""
TURNS = (("role", "content"), ("from", "value"))
"""Fields of the turns that Parquet holds as such."""


def write_csv(records: Records, path: Path, delimiter: str) -> int:
    """Write CSV with a first line of names; returns the number of rows."""
    with _spooled(records, path) as spool:
        columns = list(spool.kinds)
        needed = any(KEPT in to_cells(record, columns) for record in spool.records())
        if any("\0" in name for name in columns):
            raise ValueError("a field's name holds a NUL, which CSV cannot")
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, delimiter=delimiter)
            header = table
            if re.search("[,;\t]", "".join(columns)):
                # Such a name must not mislead who looks for the delimiter.
                header = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
            header.writerow([*columns, KEPT] if needed else columns)
            for record in spool.records():
                cells = to_cells(record, columns)
                row = [cells[name] for name in columns]
                table.writerow([*row, cells.get(KEPT, "")] if needed else row)
    return spool.count


def write_parquet(records: Records, path: Path) -> int:
    """Write Parquet: texts, numbers, turns and lists of texts as such, all else as JSON."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _spooled(records, path) as spool:
        types = {name: _column(kinds) for name, kinds in spool.kinds.items()}
        schema = pa.schema([(name, _arrow(kind)) for name, kind in types.items()])
        if spool.kept or "json" in types.values():
            schema = schema.append(pa.field(KEPT, pa.string()))
        with pq.ParquetWriter(path, schema, compression="zstd") as table:
            for batch in spool.batches():
                rows = [_values(record, types) for record in batch]
                table.write_table(pa.Table.from_pylist(rows, schema=schema))
    return spool.count


class _Spool:
    """Records on disk, and the kinds of value that each field has."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.kept = False
        """Whether any record has a `_bench`."""
        self.kinds: dict[str, set[str]] = {}

    def fill(self, records: Records) -> None:
        with self.path.open("w", encoding="utf-8", newline="\n") as file:
            for record in records:
                file.write(to_json(record) + "\n")
                self.count += 1
                self.kept = self.kept or KEPT in record
                for name, value in record.items():
                    if name != KEPT:
                        self.kinds.setdefault(name, set()).add(_kind(value))

    def records(self) -> Iterator[dict[str, Any]]:
        with self.path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                yield json.loads(line)

    def batches(self) -> Iterator[list[dict[str, Any]]]:
        batch: list[dict[str, Any]] = []
        size = 0
        with self.path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                batch.append(json.loads(line))
                size += len(line)
                if len(batch) == BATCH or size > LIMIT:
                    yield batch
                    batch, size = [], 0
        if batch:
            yield batch


@contextmanager
def _spooled(records: Records, path: Path) -> Iterator[_Spool]:
    spool = _Spool(path.with_name(path.name + ".spool"))
    try:
        spool.fill(records)
        yield spool
    finally:
        spool.path.unlink(missing_ok=True)


def _kind(value: Any) -> str:
    plain = {bool: "bool", str: "text", float: "float"}.get(type(value))
    if plain:
        return plain
    if isinstance(value, int):
        return "int" if -(2**63) <= value < 2**63 else "json"
    return _list_kind(value) if isinstance(value, list) else "json"


def _list_kind(value: list[Any]) -> str:
    if not value:
        return "empty"
    if all(isinstance(item, str) for item in value):
        return "texts"
    for names in TURNS:
        if all(isinstance(item, dict) and tuple(item) == names for item in value):
            if all(isinstance(text, str) for item in value for text in item.values()):
                return ",".join(names)
    return "json"


def _column(kinds: set[str]) -> str:
    """Return the one kind of a column; "json" where there are several."""
    lists = {"texts", *(",".join(names) for names in TURNS)}
    known = kinds - {"empty"}
    if not known:
        return "texts"
    if len(known) > 1 or (known != kinds and not known <= lists):
        return "json"
    return next(iter(known))


def _arrow(kind: str) -> Any:
    import pyarrow as pa

    plain = {"bool": pa.bool_(), "int": pa.int64(), "float": pa.float64()}
    if kind in plain:
        return plain[kind]
    if kind == "texts":
        return pa.list_(pa.string())
    if "," in kind:
        return pa.list_(pa.struct([(name, pa.string()) for name in kind.split(",")]))
    return pa.string()


def _values(record: dict[str, Any], types: dict[str, str]) -> dict[str, Any]:
    kept = dict(record.get(KEPT, {}))
    values = {name: value for name, value in record.items() if name != KEPT}
    as_json = [
        name
        for name, value in values.items()
        if types[name] == "json" and not isinstance(value, str)
    ]
    kept |= {"json": as_json} if as_json else {}
    values |= {name: to_json(values[name]) for name in as_json}
    return values | {KEPT: to_json(kept) if kept else None}
