"""Rows of one's own in files of any known format, with columns of any name.

JSON Lines, JSON, CSV, TSV, Parquet, or a folder of such files. The formats are those of
`jsonl`; fields that no format knows are kept, and a report may slice by them.
"""

from __future__ import annotations

from pydantic import model_validator

from benchmark.datasets.jsonl import JsonLines
from benchmark.datasets.own_rows import Columns
from benchmark.registry import did_you_mean
from benchmark.rows.layouts import FIELDS
from benchmark.rows.readers import Kind
from benchmark.rows.row import Format
from benchmark.rows.shapes import NAMES


class Files(JsonLines):
    """Rows of files: JSON Lines, JSON, CSV, Parquet, or a folder of them."""

    format: Format | None = None
    """What the rows are; default: recognised by their fields, one format a file."""
    fields: dict[str, str] = {}  # noqa: RUF012 (pydantic copies it)
    """What your columns are called: `fields: {prompt: question, completion: answer}`."""
    group: str | None = None
    """The column whose equal values keep rows on one side of the split."""
    references: str | None = None
    """The column with further right answers."""

    @model_validator(mode="after")
    def _names(self) -> Files:
        columns(self.format, self.fields, self.group, self.references)
        return self

    def _columns(self) -> Columns:
        return columns(self.format, self.fields, self.group, self.references)

    def _kind(self) -> Kind | None:
        return None


def columns(
    form: Format | None, fields: dict[str, str], group: str | None, references: str | None
) -> Columns:
    """Return how columns are read.

    Raises:
        ValueError: A name means nothing, or two columns would have one name.
    """
    known = sorted({*NAMES, "meta", *(FIELDS[form] if form else set().union(*FIELDS.values()))})
    for name in fields:
        if name not in known:
            hint = did_you_mean(name, known) or f"known: {', '.join(known)}"
            raise ValueError(f"`fields` names what no format has, {name!r}; {hint}")
    given = {"group": group, "references": references}
    more = {name: column for name, column in given.items() if column is not None}
    twice = next((name for name in more if name in fields), None)
    if twice:
        raise ValueError(f"`{twice}` is given twice, also under `fields`")
    named = fields | more
    if len(set(named.values())) < len(named):
        raise ValueError("two of the fields are read from one column")
    return Columns(form, named, needed=(group,) if group else ())
