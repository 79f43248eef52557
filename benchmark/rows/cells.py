"""Records in tables of texts: what a cell cannot say by itself is listed under `_bench`.

A CSV cell is a text, and always there. So the cell of a field that a record does not have is
empty, and `_bench` lists it under `absent`; a value that is no text is written as JSON, and
listed under `json`. A table that a person made has no `_bench`: its cells are texts, but empty
ones of `id`, `group`, `split` and of lists are not there, and lists are read as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from benchmark.rows.faults import RowError, refuse_surrogates
from benchmark.rows.json_text import STRICT
from benchmark.rows.shapes import KEPT, NAMES

STRUCTURED = frozenset({"messages", "conversations", "history", "references", "meta"})
"""Fields that are never texts: their cells are JSON."""
SKIPPED = STRUCTURED | set(NAMES)
"""Fields whose empty cell says that there is no such field."""


def to_cells(record: dict[str, Any], columns: Iterable[str]) -> dict[str, str]:
    """Return the cells of a record, by column, and under `_bench` what they cannot say.

    Raises:
        ValueError, TypeError: A value that JSON cannot hold.
    """
    kept = dict(record.get(KEPT, {}))
    cells: dict[str, str] = {}
    as_json, absent = [], []
    for name in columns:
        value = record.get(name)
        if name not in record:
            cells[name] = ""
            absent += [] if name in SKIPPED else [name]
        elif isinstance(value, str) and _stays(name, value):
            cells[name] = value
        else:
            cells[name] = to_json(value)
            as_json += [] if name in STRUCTURED and isinstance(value, list | dict) else [name]
    kept |= {"absent": absent} if absent else {}
    kept |= {"json": as_json} if as_json else {}
    return cells | ({KEPT: to_json(kept)} if kept else {})


def from_cells(cells: dict[str, str]) -> dict[str, Any]:
    """Return the record of a row of cells.

    Raises:
        RowError: A cell that must be JSON is not.
    """
    kept = _kept(cells.get(KEPT))
    record: dict[str, Any] = {}
    as_json, absent = _names(kept, "json"), _names(kept, "absent")
    for name, cell in cells.items():
        if name == KEPT or name in absent or (name in SKIPPED and not cell):
            continue
        structured = name in STRUCTURED and _looks_json(cell)
        record[name] = _json(cell, name) if name in as_json or structured else cell
    return record | ({KEPT: kept} if kept else {})


def from_values(values: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a row of a typed table (Parquet), whose empty cells are not there.

    Raises:
        RowError: A cell that must be JSON is not.
    """
    record = {name: value for name, value in values.items() if value is not None and name != KEPT}
    kept = _kept(values.get(KEPT))
    for name in _names(kept, "json"):
        record[name] = _json(record.get(name), name)
    return record | ({KEPT: kept} if kept else {})


def to_json(value: Any) -> str:
    """Return a value as JSON. Raises ValueError or TypeError on what JSON cannot hold."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _stays(name: str, text: str) -> bool:
    """Tell whether a text is read back as it is from a cell that is not listed."""
    if "\0" in text or (name in SKIPPED and not text):
        return False
    return not (name in STRUCTURED and _looks_json(text))


def _looks_json(cell: str) -> bool:
    return cell.lstrip().startswith(("[", "{"))


def _kept(cell: Any) -> dict[str, Any]:
    kept = _json(cell, KEPT) if cell else {}
    if not isinstance(kept, dict):
        raise RowError(f"`{KEPT}` is bench's own column, and bench did not write this one")
    return kept


def _json(cell: Any, name: str) -> Any:
    try:
        value = STRICT.decode(cell)
        refuse_surrogates(cell, value)
    except (ValueError, TypeError, RecursionError) as error:
        what = str(error).partition("\n")[0]
        raise RowError(f"the cell of {name[:40]!r} is not JSON: {what}") from error
    return value


def _names(kept: dict[str, Any], field: str) -> list[str]:
    names = kept.pop(field, [])
    if not isinstance(names, list):
        raise RowError(f"`{KEPT}` is broken; take it out")
    return names
