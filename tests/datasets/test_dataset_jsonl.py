from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmark.datasets.jsonl import JsonLines
from benchmark.errors import DataError
from benchmark.plugins import Loaded
from benchmark.progress import Silent
from benchmark.records import Example


def write(path: Path, *rows: Any) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def load(folder: Path, *rows: Any) -> Loaded:
    return JsonLines(path=write(folder / "rows.jsonl", *rows)).load(Silent())


def one(folder: Path, row: Any) -> Example:
    (example,) = load(folder, row).examples
    return example


def turns(example: Example) -> list[tuple[str, str]]:
    return [(turn.role, turn.content) for turn in example.prompt]


def chat(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in pairs]


def test_chat(tmp_path: Path) -> None:
    said = [("system", "Réponds."), ("user", "Un ?"), ("assistant", "1"), ("user", "Deux ?")]
    example = one(tmp_path, {"messages": chat(*said, ("assistant", "2"))})
    assert turns(example) == said
    assert example.references == ("2",)
    example = one(tmp_path, {"messages": chat(*said), "references": ["2", "deux"]})
    assert turns(example) == said
    assert example.references == ("2", "deux")


def test_prompt(tmp_path: Path) -> None:
    for answer in ({"completion": "a"}, {"reference": "a"}, {"references": ["a"]}):
        example = one(tmp_path, {"prompt": "q", **answer})
        assert turns(example) == [("user", "q")]
        assert example.references == ("a",)
    example = one(tmp_path, {"prompt": chat(("system", "s"), ("user", "q")), "reference": "a"})
    assert turns(example) == [("system", "s"), ("user", "q")]


def test_alpaca(tmp_path: Path) -> None:
    example = one(tmp_path, {"instruction": "Résume.", "input": "Un texte.", "output": "Un."})
    assert turns(example) == [("user", "Résume.\n\nUn texte.")]
    assert example.references == ("Un.",)
    for nothing in ({}, {"input": ""}, {"input": None}):
        example = one(tmp_path, {"instruction": "Résume.", "output": "Un.", **nothing})
        assert turns(example) == [("user", "Résume.")]


def test_own_fields(tmp_path: Path) -> None:
    meta = {"a": "x", "b": 1, "c": True, "d": 0.5, "e": None}
    row = {"prompt": "q", "reference": "a", "id": 7, "group": "g", "split": "test", "meta": meta}
    example = one(tmp_path, row)
    assert (example.id, example.group, example.split) == ("7", "g", "test")
    assert example.meta == {"a": "x", "b": "1", "c": "true", "d": "0.5"}


def test_rows_without_an_id(tmp_path: Path) -> None:
    first, second, third = (
        {"prompt": "q", "reference": "a"},
        {"prompt": "q", "reference": "b"},
        {"prompt": "r", "reference": "a"},
    )
    loaded = load(tmp_path, first, second, third, first)
    assert loaded.dropped == {"same row twice": 1}
    assert len({row.id for row in loaded.examples}) == 3
    # What asks the same must not be learned and tested.
    assert [row.group == loaded.examples[0].group for row in loaded.examples] == [True, True, False]
    assert load(tmp_path, third, first).examples == (loaded.examples[2], loaded.examples[0])


def test_byte_order_mark_windows_lines_blank_lines_and_odd_separators(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    text = '{"prompt": "é\u2028\u0085\x0c", "reference": "a"}'.replace("\x0c", "\\f")
    path.write_bytes(b"\xef\xbb\xbf" + f"{text}\r\n\r\n  \n{text.replace('é', 'è')}".encode())
    loaded = JsonLines(path=str(path)).load(Silent())
    assert [row.prompt[0].content for row in loaded.examples] == ["é\u2028\x85\f", "è\u2028\x85\f"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"prompt": "q"', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('[{"prompt": "q"}]', r"a list; write one object a line"),
        ("null", "not a JSON object but nothing"),
        ("3", "not a JSON object but a number"),
        ("{}", "has no question"),
        ('{"question": "q"}', "has no question"),
        ('{"prompt": "q", "messages": []}', "has both messages and prompt"),
        ('{"prompt": "q"}', "has no answer"),
        (
            '{"prompt": "q", "completion": "a", "reference": "a"}',
            "has both completion and reference",
        ),
        ('{"prompt": "q", "refrence": "a"}', "unknown field 'refrence'; did you mean 'reference'"),
        ('{"prompt": "q", "reference": "a", "source": 1}', "under `meta`"),
        ('{"prompt": " ", "reference": "a"}', "`prompt` is empty"),
        ('{"prompt": 3, "reference": "a"}', "`prompt` must be a text, not a number"),
        ('{"prompt": "q", "reference": null}', "`reference` must be a text, not nothing"),
        ('{"prompt": "q", "reference": ""}', "`reference` is empty"),
        ('{"prompt": "q", "references": []}', "at least one text"),
        ('{"prompt": "q", "references": ["a", 1]}', "must be a text, not a number"),
        ('{"prompt": [], "reference": "a"}', "must end with a turn of the user"),
        ('{"instruction": "q", "output": true}', "`output` must be a text, not a truth value"),
        ('{"instruction": "q", "input": 3, "output": "a"}', "`input` must be a text"),
        ('{"messages": []}', "has no answer"),
        ('{"messages": "hello"}', "turns must be a list, not a text"),
        ('{"messages": [{"role": "user", "content": "q"}]}', "has no answer"),
        (
            '{"messages": [{"role": "assistant", "content": "a"}]}',
            "must end with a turn of the user",
        ),
        ('{"messages": [{"role": "bot", "content": "a"}]}', "turn 1 needs a role of system"),
        ('{"messages": [{"role": "user", "content": null}]}', "turn 1 needs a role"),
        ('{"messages": [{"role": "user"}]}', "turn 1 must have `role` and `content`"),
        (
            '{"messages": [{"role":"user","content":"q"},{"role":"assistant","content":" "}]}',
            "the answer, is empty",
        ),
        ('{"prompt": "q", "reference": "a", "id": ""}', "`id` must be a text or a whole number"),
        ('{"prompt": "q", "reference": "a", "id": true}', "`id` must be"),
        ('{"prompt": "q", "reference": "a", "group": 0.5}', "`group` must be"),
        ('{"prompt": "q", "reference": "a", "split": "dev"}', "must be one of train, validation"),
        ('{"prompt": "q", "reference": "a", "meta": [1]}', "`meta` must be an object, not a list"),
        ('{"prompt": "q", "reference": "a", "meta": {"a": {}}}', r"`meta\.a` must be"),
        (r'{"prompt": "q\ud800", "reference": "a"}', "lone surrogate"),
        (r'{"prompt": "q", "reference": "a", "\uDFFF": 1}', "lone surrogate|unknown"),
    ],
)
def test_broken_rows(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"prompt": "q", "reference": "a"}}\n\n{line}\n', encoding="utf-8")
    with pytest.raises(DataError, match=rf"rows\.jsonl:3: .*({says})") as caught:
        JsonLines(path=str(path)).load(Silent())
    assert "\n" not in str(caught.value)
    str(caught.value).encode()  # it can be printed


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(
        b'{"prompt": "q", "reference": "a"}\n{"prompt": "caf\xe9", "reference": "a"}\n'
    )
    with pytest.raises(DataError, match=r"rows\.jsonl:2: not UTF-8 \(byte 16\); save"):
        JsonLines(path=str(path)).load(Silent())


def test_all_broken_rows_are_named_up_to_twenty(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load(tmp_path, *[{"prompt": "q"}] * 30)
    lines = str(caught.value).split("\n")
    assert len(lines) == 21 and lines[-1] == "and 10 more"
    assert [str(problem) for problem in caught.value.problems] == lines
    assert [f"rows.jsonl:{n}: has no answer" in line for n, line in enumerate(lines[:20], 1)] == [
        True
    ] * 20


def test_one_id_twice(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"rows\.jsonl:2: id '1' is taken by .*rows\.jsonl:1"):
        load(
            tmp_path,
            {"id": 1, "prompt": "q", "reference": "a"},
            {"id": "1", "prompt": "r", "reference": "a"},
        )


def test_no_rows(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no rows"):
        load(tmp_path)


def test_files_of_their_own_for_the_sides(tmp_path: Path) -> None:
    def row(question: str) -> dict[str, str]:
        return {"prompt": question, "reference": f"answer to {question}"}

    asked = JsonLines(
        path=write(tmp_path / "a.jsonl", row("1"), row("2"), {"prompt": "4", "reference": "x"}),
        validation_path=write(tmp_path / "b.jsonl", row("3")),
        test_path=write(tmp_path / "c.jsonl", row("4"), row("2")),
    )
    loaded = asked.load(Silent())
    found = {(row.prompt[0].content, row.split) for row in loaded.examples}
    assert found == {("1", None), ("3", "validation"), ("2", "test"), ("4", "test")}
    # Row 2 stands in both files; row 4 is asked in both, with another answer.
    assert loaded.dropped == {
        "same row twice": 1,
        "same question or group as in the test file": 1,
    }
    assert len(loaded.sources) == 3


def test_a_row_on_another_side_than_its_file(tmp_path: Path) -> None:
    row = {"prompt": "q", "reference": "a", "split": "train"}
    path = write(tmp_path / "a.jsonl", row)
    with pytest.raises(DataError, match="`split` is 'train' in the file of the test side"):
        JsonLines(path=path, test_path=path).load(Silent())


@pytest.mark.parametrize("path", ["not-there.jsonl", "org/name", "pip:six", ""])
def test_paths_that_are_none(path: str) -> None:
    with pytest.raises(ValidationError, match=r"no such file|hub id|pin a version|no package"):
        JsonLines(path=path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read it"):
        JsonLines(path=str(tmp_path)).load(Silent())


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=3))
def test_no_value_breaks_it(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    folder = tmp_path_factory.mktemp("rows")
    names = ("prompt", "reference", "id", "group", "split", "meta", "messages", "instruction")
    good = {"prompt": "q", "reference": "a"}
    for name in names:
        try:
            loaded = load(folder, {**good, name: value})
        except DataError as error:
            assert "rows.jsonl:1: " in str(error)
        else:
            assert [Example.model_validate_json(row.model_dump_json()) for row in loaded.examples]
