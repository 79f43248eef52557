from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmark.errors import DataError
from benchmark.rows.faults import BadRow
from benchmark.rows.lines import LIMIT
from benchmark.rows.readers import read_all, read_rows
from benchmark.rows.row import Row

GOOD = '{"prompt": "Où ?", "completion": "Là."}'
ROW = {"prompt": "Où ?", "completion": "Là."}


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def answers(path: Path) -> list[str]:
    return [row.answer for row in read_all(path)]


def places(path: Path) -> list[str]:
    """Return ":line" of each row, ":line: reason" of each broken one."""
    found = []
    for row in read_rows(path):
        place = str(row.place).removeprefix(str(path))
        found.append(f"{place}: {row.reason}" if isinstance(row, BadRow) else place)
    return found


# --- formats ----------------------------------------------------------------------------------


def test_json_lines(tmp_path: Path) -> None:
    text = f"{GOOD}\r\n\r\n   \n{GOOD}"
    assert places(put(tmp_path, "a.jsonl", text)) == [":1", ":4"]
    assert places(put(tmp_path, "a.NDJSON", text)) == [":1", ":4"]


@pytest.mark.parametrize(
    "text",
    [
        f"[{GOOD}, {GOOD}]",
        f" \n[\n{GOOD}\n,{GOOD}\n]\n\n",
        f'{{"version": 1, "tags": ["a", {{}}], "data": [{GOOD}, {GOOD}], "more": {{"x": []}}}}',
        f'{{\n "data": [{GOOD},\n{GOOD}]\n}}',
        f"{GOOD}\n{GOOD}\n",  # JSON Lines under the wrong name
    ],
)
def test_json(tmp_path: Path, text: str) -> None:
    assert answers(put(tmp_path, "a.json", text)) == ["Là.", "Là."]


def test_json_of_one_row_and_of_none(tmp_path: Path) -> None:
    assert answers(put(tmp_path, "a.json", GOOD)) == ["Là."]
    assert answers(put(tmp_path, "b.json", "[]")) == []
    assert answers(put(tmp_path, "c.json", " \n")) == []


def test_lines_of_json_objects(tmp_path: Path) -> None:
    rows = json.dumps([ROW, ROW, {"prompt": "?", "completion": "1\n2"}], indent=2)
    assert places(put(tmp_path, "a.json", rows)) == [":2", ":6", ":10"]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_csv(tmp_path: Path, mark: str) -> None:
    rows = [
        ["instruction", "input", "output", "source"],
        ["Résume.", "", '"deux\nlignes"', "a,b"],
        [],
        ["Dis", "x", "y", ""],
    ]
    text = "\r\n".join(
        mark.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows
    )
    path = put(tmp_path, "a.csv", text)
    first, second = read_all(path)
    assert (first.question, first.input, first.answer) == ("Résume.", "", '"deux\nlignes"')
    assert first.extra == {"source": "a,b"}
    assert (str(first.place), str(second.place)) == (f"{path}:2", f"{path}:5")


def test_csv_with_json_cells_and_empty_names(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    cell = json.dumps(turns).replace('"', '""')
    (row,) = read_all(put(tmp_path, "a.csv", f'id,split,messages\n,,"{cell}"\n'))
    assert (row.id, row.split, row.answer, row.extra) == (None, None, "a", {})


def test_tsv(tmp_path: Path) -> None:
    assert answers(put(tmp_path, "a.tsv", "prompt\tcompletion\na,b\tc;d\n")) == ["c;d"]


def test_csv_cells_may_be_long(tmp_path: Path) -> None:
    # The csv module's own limit is 131,072 characters; articles of law can be longer.
    assert answers(put(tmp_path, "a.csv", f"prompt,completion\nq,{'a' * 200_000}\n")) == [
        "a" * 200_000
    ]


def test_parquet(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": 1, "messages": [{"role": "user", "content": "q"}], "n": 0.5, "when": None},
        {"id": 2, "messages": [{"role": "user", "content": "r"}], "n": float("nan"), "when": None},
    ]
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=1)
    first, second = read_all(tmp_path / "a.parquet")
    assert (first.id, first.question, first.extra["n"]) == ("1", "q", 0.5)
    assert str(second.place) == f"{tmp_path}/a.parquet:2"
    assert not {"n", "when"} & set(second.extra)


def test_parquet_of_other_types(tmp_path: Path) -> None:
    import datetime as dt
    from decimal import Decimal

    table = pa.table(
        {
            "text": ["t", "u"],
            "day": [dt.date(2026, 1, 2), None],
            "price": [Decimal("1.50"), None],
            "raw": [None, b"\x00"],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    first, second = read_rows(tmp_path / "a.parquet")
    assert isinstance(first, Row) and first.extra == {"day": "2026-01-02", "price": "1.50"}
    assert isinstance(second, BadRow)
    assert second.reason == "the cell of 'raw' is neither text, number, time nor list of such"


def test_folder(tmp_path: Path) -> None:
    put(tmp_path, "b.csv", "prompt,completion\nq,csv\n")
    put(tmp_path, "a.jsonl", '{"messages": []}\n{"messages": []}')
    put(tmp_path, "README.md", "no rows")
    put(tmp_path, ".c.jsonl", "hidden")
    assert [str(row.place) for row in read_rows(tmp_path)] == [
        f"{tmp_path}/a.jsonl:1",
        f"{tmp_path}/a.jsonl:2",
        f"{tmp_path}/b.csv:2",
    ]


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
def test_encodings(tmp_path: Path, name: str, encode: Callable[[str], bytes]) -> None:
    rows = {
        "a.jsonl": f"{GOOD}\r\n{GOOD}\r\n",
        "a.json": f"[{GOOD},\r\n{GOOD}]",
        "a.csv": "prompt,completion\r\nOù ?,Là.\r\né,Là.",
    }
    assert answers(put(tmp_path, name, encode(rows[name]))) == ["Là.", "Là."]


def test_utf16_longer_than_a_buffer(tmp_path: Path) -> None:
    row = json.dumps({"text": "é𝄞" * 700_000}, ensure_ascii=False)
    first, second = read_all(put(tmp_path, "a.jsonl", f"{row}\n{row}\n".encode("utf-16")))
    assert first.text == second.text == "é𝄞" * 700_000


# --- deliberately broken ----------------------------------------------------------------------

CAFE = '{"prompt": "café", "completion": "x"}'.encode("latin-1")
ALPACA = '{"instruction": "a", "output": "b"}'

STOPS: dict[str, tuple[str, str | bytes, str]] = {
    # what is wrong: (name of the file, content, ":line: reason")
    "latin-1": ("a.jsonl", f"{GOOD}\n".encode() + CAFE, ":2: not UTF-8 (byte 16); save the file"),
    "latin-1 in JSON": (
        "a.json",
        b"[\n" + CAFE + b"]",
        ":2: not UTF-8 (byte 18 of the file); save",
    ),
    "latin-1 in CSV": ("a.csv", "prompt,completion\na,b\né,c".encode("latin-1"), ":3: not UTF-8"),
    "cut UTF-16": ("a.jsonl", f"{GOOD}\n{GOOD}".encode("utf-16")[:-1], ":2: not UTF-8"),
    "UTF-16 without mark": ("a.jsonl", GOOD.encode("utf-16-le"), ": is a binary file (NUL at"),
    "UTF-32": ("a.jsonl", GOOD.encode("utf-32"), ": is UTF-32; save the file as UTF-8"),
    "late NUL": ("a.jsonl", f"{GOOD}\n".encode() * 200 + b"\0", ":201: holds a NUL (byte 1)"),
    "gzip": ("a.jsonl", gzip.compress(GOOD.encode()), ": is compressed (gzip); unpack it first"),
    "Excel": ("a.csv", b"PK\x03\x04....", ": is a ZIP archive or an Excel sheet"),
    "Parquet by another name": ("a.json", b"PAR1....", ": is Parquet; name it .parquet"),
    "no Parquet": ("a.parquet", GOOD, ": cannot read it as Parquet: "),
    "two formats": (
        "a.jsonl",
        f"{GOOD}\n\n{ALPACA}\n",
        ":3: is alpaca, but {path}:1 is completion; keep one format a file, or name the format",
    ),
    "comma before ]": ("a.json", f"[{GOOD},\n{GOOD},\n]", ":3: not JSON: a comma before the clos"),
    "comma before }": (
        "a.json",
        f'[{GOOD},\n{{"prompt": "q",\n}}]',
        ":3: not JSON: a comma before the closing bracket",
    ),
    "no comma": ("a.json", f"[{GOOD}\n{GOOD}]", ":2: not JSON: expected , or ] after the object"),
    "cut JSON": ("a.json", f"[{GOOD},\n{GOOD[:-9]}", ":2: not JSON: Unterminated string"),
    "no end": ("a.json", f"[{GOOD},\n{GOOD}\n", ":3: not JSON: expected , or ] after the object"),
    "more after it": ("a.json", f"[{GOOD}]\n]", ":2: not JSON: there is more after the end"),
    "no list": ("a.json", '{\n"a": 1\n}', ":1: holds one object and no list of rows"),
    "two lists": (
        "a.json",
        f'{{"train": [{GOOD}],\n"test": [{GOOD}]}}',
        ":2: holds two lists of rows, 'train' and 'test'; keep one",
    ),
    "a text": ("a.json", '"text"', ":1: not JSON: a list of objects begins with ["),
    "a deep list": ("a.json", "[\n" + "[" * 200_000, ":2: not JSON: nested too deeply"),
    "huge object": (
        "a.json",
        f'[{GOOD},\n{{"text": "{"x" * LIMIT}"}}]',
        ":2: a value of more than 16,777,216 characters",
    ),
    "open quote": (
        "a.csv",
        'prompt,completion\na,b\n"c,d\ne,f\n',
        ":3: a quoted cell that begins in this row is never closed",
    ),
    "open quote and much after it": (
        "a.csv",
        'prompt,completion\na,b\n"c,d\n' + f"e,{'f' * 999}\n" * 20_000,
        ":3: a quoted cell that begins in this row is never closed",
    ),
    "long line of CSV": (
        "a.csv",
        f"prompt,completion\na,{'b' * LIMIT}\n",
        ":2: the line has 16,777,218 bytes, at most 16,777,216",
    ),
    "ends of lines of old": ("a.csv", "prompt,completion\ra,b\r", ":1: not CSV: a carriage return"),
    "two columns": ("a.csv", "prompt,prompt\n", ":1: two columns are called 'prompt'"),
    "no known suffix": ("a.xlsx", "", ": unknown kind of file '.xlsx'; known: "),
    "nearly a suffix": ("a.jsonlines", GOOD, ": unknown kind of file '.jsonlines'; did you mean"),
}


@pytest.mark.parametrize("what", STOPS)
def test_files_that_cannot_be_read_on(tmp_path: Path, what: str) -> None:
    name, content, says = STOPS[what]
    path = put(tmp_path, name, content)
    with pytest.raises(DataError) as caught:
        list(read_rows(path))
    assert str(caught.value).startswith(f"{path}{says.format(path=path)}")
    assert "\n" not in str(caught.value)


BROKEN: dict[str, tuple[str, str | bytes, str]] = {
    # what is wrong with one row: the rows around it are read
    "a cut line": ("a.jsonl", f"{GOOD}\n{GOOD[:-1]}\n{GOOD}", ":2: not JSON: Expecting ',' delim"),
    "a comma at the end": (
        "a.jsonl",
        f"{GOOD}\n{GOOD},\n{GOOD}",
        ":2: not JSON: a comma after the object; write one object a line (column 40)",
    ),
    "a comma before }": (
        "a.jsonl",
        f'{GOOD}\n{{"prompt": "q", }}\n{GOOD}',
        ":2: not JSON: a comma before the closing bracket",
    ),
    "single quotes": ("a.jsonl", f"{GOOD}\n{{'prompt': 'q'}}\n{GOOD}", ":2: not JSON: single quo"),
    "two on one line": ("a.jsonl", f"{GOOD}\n{GOOD}{GOOD}\n{GOOD}", ":2: not JSON: two objects on"),
    "NaN": (
        "a.jsonl",
        f'{GOOD}\n{{"prompt": "q", "n": NaN}}\n{GOOD}',
        ":2: holds NaN, which is no JSON value; write null",
    ),
    "a field twice": (
        "a.json",
        f'[{GOOD},\n{{"prompt": "q", "prompt": "r"}},\n{GOOD}]',
        ":2: has the field 'prompt' twice",
    ),
    "half a character": (
        "a.json",
        f'[{GOOD},\n{{"prompt": "\\udc80"}},\n{GOOD}]',
        ":2: holds half a character (a lone surrogate)",
    ),
    "no object": ("a.json", f"[{GOOD},\n3,\n{GOOD}]", ":2: not a JSON object but a number"),
    "a long line": (
        "a.jsonl",
        f"{GOOD}\n".encode() + b"x" * 52_428_800 + f"\n{GOOD}".encode(),
        ":2: the line has 52,428,800 bytes, at most 16,777,216 are read; write one row a line",
    ),
    "no known field": ("a.jsonl", f'{GOOD}\n{{"promt": 1}}\n{GOOD}', ":2: has no question"),
    "a wrong type": (
        "a.jsonl",
        f'{GOOD}\n{{"prompt": "q", "completion": 7}}\n{GOOD}',
        ":2: `completion` must be a text, not a number",
    ),
    "one cell too many": (
        "a.csv",
        "prompt,completion\nq,a\nq,a,b\nq,a\n",
        ":3: has 3 cells, the first line has 2; quote cells that hold the delimiter",
    ),
    "text behind a quote": ("a.csv", 'prompt,completion\nq,a\n"q"x,a\nq,a\n', ":3: not CSV: "),
    "an id twice": (
        "a.jsonl",
        '{"text": "a", "id": 1}\n{"text": "b", "id": "1"}\n{"text": "c", "id": 2}',
        ":2: id '1' is taken by {path}:1",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_rows_that_are_broken_do_not_stop_the_reading(tmp_path: Path, what: str) -> None:
    name, content, says = BROKEN[what]
    path = put(tmp_path, name, content)
    before, broken, after = read_rows(path)
    assert isinstance(before, Row) and isinstance(broken, BadRow) and isinstance(after, Row)
    assert f"{broken.place}: {broken.reason}".startswith(f"{path}{says.format(path=path)}")
    with pytest.raises(DataError) as caught:
        read_all(path)
    assert str(caught.value) == f"{broken.place}: {broken.reason}"
    str(caught.value).encode()


def test_all_broken_rows_are_named_up_to_twenty(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_all(put(tmp_path, "a.jsonl", "{\n" * 30))
    lines = str(caught.value).split("\n")
    assert len(lines) == 21 and lines[-1] == "and 10 more"
    assert lines == [str(problem) for problem in caught.value.problems]


def test_not_there(tmp_path: Path) -> None:
    for name in ("a.jsonl", "a.json", "a.csv", "a.parquet", "nothing"):
        with pytest.raises(DataError, match=r"[Nn]o such file"):
            read_all(tmp_path / name)
    with pytest.raises(DataError, match=r"the folder holds no file of \.ndjson, \.jsonl"):
        read_all(tmp_path)


def test_a_format_that_is_named_ends_the_guessing(tmp_path: Path) -> None:
    both = '{"prompt": "p", "instruction": "i", "output": "o"}'
    path = put(tmp_path, "a.jsonl", both)
    with pytest.raises(DataError, match="has both prompt and instruction"):
        read_all(path)
    (row,) = read_all(path, format="alpaca")
    assert (row.question, row.extra) == ("i", {"prompt": "p"})
    mixed = put(tmp_path, "b.jsonl", f"{GOOD}\n{both}")
    found = list(read_rows(mixed, format="alpaca"))
    assert isinstance(found[0], BadRow) and isinstance(found[1], Row)


def test_values_across_the_ends_of_the_buffer(tmp_path: Path) -> None:
    # A MiB is read at once: some value, escape, number or character stands across each end.
    rows = [{"text": f'é\\\n"{"x" * (n * 37 % 5000)}𝄞', "n": 10**12 + n} for n in range(1200)]
    for ascii_only in (True, False):
        text = json.dumps(rows, ensure_ascii=ascii_only)
        assert len(text) > 2 * 2**20
        found = read_all(put(tmp_path, "a.json", text))
        assert [(row.text, row.extra["n"]) for row in found] == [
            (row["text"], row["n"]) for row in rows
        ]


# --- memory -----------------------------------------------------------------------------------

# Linux's own peak: `getrusage` starts a new process with the peak of the one that started it.
MEASURE = """
import re, sys
from pathlib import Path
from benchmark.rows.readers import read_rows
def peak():
    status = Path("/proc/self/status").read_text()
    return int(re.search("VmHWM:\\s+(\\d+) kB", status)[1]) * 1024
list(read_rows(sys.argv[2]))
start = peak()
count = sum(len(row.text) for row in read_rows(sys.argv[1]))
print(count, peak() - start)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's own peak")
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.csv"])
def test_300_mb_are_read_in_little_memory(tmp_path: Path, name: str) -> None:
    size, count = 1_000_000, 300
    row = b'{"text": "' + b"x" * size + b'"}'
    begin, between, end = {
        "a.json": (b"[", b",\n", b"]"),
        "a.jsonl": (b"", b"\n", b""),
        "a.csv": (b"text\n", b"\n", b"\n"),
    }[name]
    row = b"x" * size if name == "a.csv" else row
    path = tmp_path / name
    with path.open("wb") as file:
        file.write(begin)
        for number in range(count):
            file.write((between if number else b"") + row)
        file.write(end)
    small = put(tmp_path, f"small{path.suffix}", begin + row + end)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path), str(small)],
        capture_output=True,
        text=True,
        check=True,
    )
    path.unlink()
    read, grown = map(int, done.stdout.split())
    assert read == size * count
    assert grown < 200 * 2**20
