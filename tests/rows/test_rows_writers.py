from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any, get_args

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_rows_shapes import anything, rows

from benchmark.errors import ConfigError, DataError, StoreError
from benchmark.records import Message
from benchmark.rows.readers import read_all
from benchmark.rows.row import Format, Row
from benchmark.rows.shapes import from_row, to_row
from benchmark.rows.writers import Counts, convert, write_rows

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
FORMATS: tuple[Format, ...] = get_args(Format)
SAID = (Message(role="user", content="Où ?"), Message(role="assistant", content="Là."))
ROW = Row(messages=SAID, id="7", format="chat", extra={"source": "é, à; ou\tlà\n.\r\n.\r."})


def plain(row: Row) -> dict[str, Any]:
    return row.model_dump(exclude={"format", "place", "id"})


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("form", FORMATS)
def test_every_kind_of_file_holds_every_format(tmp_path: Path, suffix: str, form: Format) -> None:
    path = tmp_path / f"a{suffix}"
    assert write_rows([ROW, ROW.model_copy(update={"id": "8"})], path, form) == 2
    found = read_all(path, format=form)
    assert [plain(row) for row in found] == [plain(ROW)] * 2
    assert [row.id for row in found] == ["7", "8"]
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_rows(tmp_path: Path, suffix: str) -> None:
    assert write_rows([], tmp_path / f"a{suffix}", "chat") == 0
    assert read_all(tmp_path / f"a{suffix}") == []


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(anything, max_size=3), st.sampled_from(FORMATS), st.sampled_from(SUFFIXES))
def test_records_through_files_of_every_kind(
    tmp_path: Path, cases: list[tuple[Format, dict[str, Any]]], to: Format, suffix: str
) -> None:
    cases = [(form, {**record, "id": str(n)}) for n, (form, record) in enumerate(cases)]
    given_rows = [to_row(record, form) for form, record in cases]
    path = tmp_path / f"a{suffix}"
    if suffix in (".csv", ".tsv") and any("\0" in name for _, r in cases for name in _columns(r)):
        return  # refused; see below
    write_rows(given_rows, path, to, overwrite=True)
    found = read_all(path, format=to)
    assert [from_row(row, form) for row, (form, _) in zip(found, cases, strict=True)] == [
        record for _, record in cases
    ]


def _columns(record: dict[str, Any]) -> list[str]:
    return [name for name in record if name != "_bench"]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(rows, max_size=3), st.sampled_from(FORMATS))
def test_any_rows_through_json_lines(tmp_path: Path, some: list[Row], to: Format) -> None:
    some = [row.model_copy(update={"id": str(n), "input": None}) for n, row in enumerate(some)]
    write_rows(some, tmp_path / "a.jsonl", to, overwrite=True)
    found = read_all(tmp_path / "a.jsonl", format=to)
    assert [(row.messages, row.text) for row in found] == [(row.messages, row.text) for row in some]


def test_csv_for_a_spreadsheet(tmp_path: Path) -> None:
    rows_ = [
        Row(messages=SAID, format="chat", extra={"n": 1}),
        Row(messages=SAID, format="chat", extra={"n": 2}),
    ]
    write_rows(rows_, tmp_path / "a.csv", "completion")
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.reader(file))
    assert table[0] == ["prompt", "completion", "n", "_bench"]
    assert table[1] == ["Où ?", "Là.", "1", '{"json": ["n"]}']
    # Without numbers, and with the same fields everywhere, there is nothing to note.
    write_rows([Row(messages=SAID, format="chat")], tmp_path / "b.csv", "completion")
    assert (tmp_path / "b.csv").read_text("utf-8") == "prompt,completion\nOù ?,Là.\n"


def test_parquet_has_columns_of_its_own_types(tmp_path: Path) -> None:
    extra = {"n": 1, "x": 0.5, "yes": True, "tags": ["a"], "meta": {"k": 1}}
    write_rows([Row(messages=SAID, format="chat", extra=extra)], tmp_path / "a.parquet", "chat")
    schema = pq.read_schema(tmp_path / "a.parquet")
    turn = schema.field("messages").type.value_type
    assert [field.name for field in turn] == ["role", "content"]
    kinds = {name: str(schema.field(name).type) for name in ("n", "x", "yes", "meta")}
    assert kinds == {"n": "int64", "x": "double", "yes": "bool", "meta": "string"}
    assert read_all(tmp_path / "a.parquet")[0].extra == extra


def test_convert(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    records = [{"instruction": "a", "output": "b"}, {"instruction": "a", "input": "", "output": ""}]
    source.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    assert convert(source, tmp_path / "b.parquet", "chat") == Counts(written=2, kept=1)
    convert(tmp_path / "b.parquet", tmp_path / "c.jsonl", "alpaca")
    lines = (tmp_path / "c.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == records
    # A file may be converted in place.
    convert(tmp_path / "c.jsonl", tmp_path / "c.jsonl", "completion", overwrite=True)
    assert [row.format for row in read_all(tmp_path / "c.jsonl")] == ["completion"] * 2


def test_convert_with_broken_rows(tmp_path: Path) -> None:
    source, target = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    source.write_text('{"text": "a"}\n{"text": \n{"text": "b"}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.jsonl:2: not JSON"):
        convert(source, target, "chat")
    assert not target.exists()
    counts = convert(source, target, "chat", skip_broken=True)
    assert counts == Counts(written=2, broken=1, kept=2)


def test_nothing_is_overwritten_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"a\.jsonl: is there already; overwrite it, or name"):
        write_rows([ROW], path, "chat")
    assert path.read_text("utf-8") == "mine"
    assert write_rows([ROW], path, "chat", overwrite=True) == 1
    assert read_all(path)[0].answer == "Là."


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failure_leaves_nothing_behind(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text("mine", encoding="utf-8")
    bad = Row(text="half a character: \ud800", format="text")
    with pytest.raises(DataError, match=r"row 2 cannot be written: .*surrogates not allowed"):
        write_rows([ROW, bad], path, "text", overwrite=True)
    with pytest.raises(DataError, match="row 1 cannot be written"):
        write_rows([ROW.model_copy(update={"extra": {"x": {1, 2}}})], path, "chat", overwrite=True)
    with pytest.raises(DataError, match="row 1 cannot be written: Out of range float"):
        write_rows([ROW.model_copy(update={"extra": {"x": 1e999}})], path, "chat", overwrite=True)
    assert os.listdir(tmp_path) == [path.name]
    assert path.read_text("utf-8") == "mine"


def test_names_that_mislead_a_csv_reader(tmp_path: Path) -> None:
    extra = {"a;b;c;d": "1", "\t\t\t\t": "2", "": "3", " id": "4"}
    write_rows([ROW.model_copy(update={"extra": extra})], tmp_path / "a.csv", "chat")
    assert read_all(tmp_path / "a.csv")[0].extra == extra
    with pytest.raises(DataError, match="row 1 cannot be written: a field's name holds"):
        write_rows([ROW.model_copy(update={"extra": {"\0": ""}})], tmp_path / "b.csv", "chat")


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown kind of file '.jsonlines'; did you mean"):
        write_rows([ROW], tmp_path / "a.jsonlines", "chat")
    (tmp_path / "b.json").mkdir()
    with pytest.raises(ConfigError, match="is a folder; name a file"):
        write_rows([ROW], tmp_path / "b.json", "chat", overwrite=True)
    (tmp_path / "c").write_text("a file", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot write it"):
        write_rows([ROW], tmp_path / "c" / "d.jsonl", "chat")
    assert write_rows([ROW], tmp_path / "new" / "folder" / "a.jsonl", "chat") == 1
