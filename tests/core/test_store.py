"""The store: nothing half-written, torn lines dropped, one process a run folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.store import Cache, RunFolder, append_line, read_lines
from benchmark.errors import StoreError
from benchmark.files import write_text
from benchmark.records import Message


def test_lines_come_back(tmp_path):
    rows = [[0, "é\u2028\x00"], {"a": None}, "x"]
    for row in rows:
        append_line(tmp_path / "rows", row)
    assert read_lines(tmp_path / "rows") == rows
    assert read_lines(tmp_path / "absent") == []


@given(cut=st.integers(min_value=0, max_value=60))
def test_a_file_cut_anywhere_keeps_its_whole_lines_and_can_grow(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("cut") / "rows"
    rows = [{"n": n, "text": "été"} for n in range(3)]
    for row in rows:
        append_line(path, row)
    ends = [at + 1 for at, byte in enumerate(path.read_bytes()) if byte == ord("\n")]
    os.truncate(path, min(cut, ends[-1]))
    whole = sum(end <= cut for end in ends)
    assert read_lines(path) == rows[:whole]
    append_line(path, "next")
    assert read_lines(path) == [*rows[:whole], "next"]


def test_a_broken_line_in_the_middle_is_an_error(tmp_path):
    (tmp_path / "rows").write_text('{"n": 1}\n{"n": \n{"n": 3}\n')
    with pytest.raises(ValueError):
        read_lines(tmp_path / "rows")


def test_write_text_replaces_whole_and_leaves_no_scratch(tmp_path):
    path = tmp_path / "a.json"
    write_text(path, "old")
    write_text(path, "new é \ud800")
    assert path.read_text(encoding="utf-8") == "new é \\ud800"
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_cached_folder_appears_whole_or_not_at_all(tmp_path):
    cache = Cache(tmp_path)
    with pytest.raises(KeyboardInterrupt), cache.folder("adapters", "k") as scratch:
        (scratch / "half").write_text("x")
        raise KeyboardInterrupt
    assert list((tmp_path / "adapters").iterdir()) == []
    with cache.folder("adapters", "k") as scratch:
        (scratch / "whole").write_text("x")
    assert (tmp_path / "adapters" / "k" / "whole").is_file()


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write the cache.*set BENCH_CACHE"):
        Cache(tmp_path / "file").path("adapters", "k")


def test_the_same_fingerprint_has_the_same_folder(tmp_path):
    with RunFolder.opened(tmp_path, "suite", "a" * 32) as first:
        pass
    with RunFolder.opened(tmp_path, "suite", "a" * 32) as again:
        pass
    with RunFolder.opened(tmp_path, "suite", "b" * 32) as other:
        pass
    assert first.path == again.path != other.path


def test_a_reports_folder_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "reports").write_text("")
    with (
        pytest.raises(StoreError, match=r"cannot write the reports folder.*--reports DIR"),
        RunFolder.opened(tmp_path / "reports", "suite", "a" * 32),
    ):
        pass


def test_latest_moves(tmp_path):
    for fingerprint in ("a" * 32, "b" * 32):
        with RunFolder.opened(tmp_path, "suite", fingerprint) as folder:
            folder.point_latest()
    assert (tmp_path / "suite" / "latest").resolve() == folder.path.resolve()


def test_rows_of_a_run_folder(tmp_path):
    folder = RunFolder(tmp_path)
    rows = [Message(role="user", content="é\n"), Message(role="system", content="")]
    folder.write_rows("deep/rows.jsonl", rows)
    assert folder.read_rows("deep/rows.jsonl", Message) == rows
    with pytest.raises(StoreError, match="missing; run the suite again"):
        folder.read_rows("none.jsonl", Message)
    (tmp_path / "bad.jsonl").write_text(json.dumps({"role": "user", "content": "x", "new": 1}))
    with pytest.raises(StoreError, match="cannot be read by this version"):
        folder.read_rows("bad.jsonl", Message)


HOLD = """
import sys, time
from pathlib import Path
from benchmark.core.store import RunFolder
with RunFolder.opened(Path(sys.argv[1]), "suite", "a" * 32):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path, end):
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    try:
        assert child.stdout is not None and child.stdout.readline() == "held\n"
        with (
            pytest.raises(StoreError, match="another bench is running"),
            RunFolder.opened(tmp_path, "suite", "a" * 32),
        ):
            pass
    finally:
        child.send_signal(end)
        child.wait()
        child.stdout.close()
    with RunFolder.opened(tmp_path, "suite", "a" * 32):
        pass
