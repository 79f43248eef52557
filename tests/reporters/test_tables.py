"""CSV and Parquet files: hostile cells, and what is left when a writer fails."""

from __future__ import annotations

import csv

import pandas as pd
import pytest
from payloads import ALL, PAYLOADS

from benchmark.errors import BenchError
from benchmark.reporters.cells import encodable, guarded
from benchmark.reporters.tables import write_csv, write_parquet


@pytest.mark.parametrize("text", [*PAYLOADS.values(), ALL], ids=[*PAYLOADS, "all"])
def test_hostile_rows_in_tables(tmp_path, text):
    columns = {"id": "string", f"meta.{text}": "string", "value": "float", "n": "int", "is": "bool"}
    hostile = [{"id": text, f"meta.{text}": text, "value": -0.1, "n": -3, "is": True}, {"id": "x"}]
    path = write_csv(tmp_path / "x.csv", list(columns), hostile)
    content = path.read_bytes()
    assert b"\x00" not in content
    assert b"\x1b" not in content
    with path.open(encoding="utf-8", newline="") as file:
        head, first, second = list(csv.reader(file))
    assert head == ["id", guarded(f"meta.{text}"), "value", "n", "is"]
    assert first == [guarded(text), guarded(text), "-0.1", "-3", "True"]
    assert second == ["x", "", "", "", ""]
    row, _ = pd.read_csv(path, keep_default_na=False, na_values={"value": [""]}).itertuples(
        index=False
    )
    assert (row[2], str(row[3])) == (-0.1, "-3")
    if "\r" not in text:  # pandas' own reader makes "\n" of it
        assert row[0] == guarded(text)
    write_parquet(tmp_path / "x.parquet", columns, hostile)
    back = pd.read_parquet(tmp_path / "x.parquet")
    assert back.iloc[0].tolist()[:4] == [encodable(text), encodable(text), -0.1, -3]
    assert back.iloc[1, 1:].isna().all()


def test_a_table_that_fails_leaves_the_old_one(tmp_path):
    path = write_csv(tmp_path / "x.csv", ["a"], [{"a": 1}])

    def broken():
        yield {"a": 2}
        raise BenchError("no more")

    with pytest.raises(BenchError):
        write_csv(path, ["a"], broken())
    with pytest.raises(BenchError):
        write_parquet(path, {"a": "int"}, broken())
    assert path.read_text(encoding="utf-8") == "a\n1\n"
    assert [one.name for one in tmp_path.iterdir()] == ["x.csv"]
