from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from benchmark.core.split import split
from benchmark.datasets.files import Files
from benchmark.datasets.hub import Hub
from benchmark.datasets.jsonl import JsonLines
from benchmark.errors import DataError
from benchmark.plugins import Loaded
from benchmark.progress import Silent
from benchmark.rows.layouts import FIELDS
from benchmark.rows.readers import read_all
from benchmark.rows.row import Row
from benchmark.rows.writers import write_rows
from benchmark.suite import SplitSpec

ROWS = [{"prompt": f"Question {n} ?", "completion": f"Réponse {n}."} for n in range(6)]
SUFFIXES = (".jsonl", ".json", ".csv", ".tsv", ".parquet")


def put(path: Path, *rows: Any) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def load(folder: Path, *rows: Any, **parameters: Any) -> Loaded:
    return Files(path=put(folder / "a.jsonl", *rows), **parameters).load(Silent())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_kind_of_file_gives_the_same_examples(tmp_path: Path, suffix: str) -> None:
    lines = put(tmp_path / "rows.jsonl", *ROWS)
    expected = JsonLines(path=lines).load(Silent())
    write_rows(read_all(lines), tmp_path / f"b{suffix}", "completion")
    loaded = Files(path=str(tmp_path / f"b{suffix}")).load(Silent())
    assert loaded.examples == expected.examples
    assert [len(digest) for digest in loaded.sources.values()] == [64]


@pytest.mark.parametrize("form", ["alpaca", "completion", "chat", "preference"])
def test_a_converted_file_gives_the_same_examples(tmp_path: Path, form: Any) -> None:
    lines = put(tmp_path / "a.jsonl", *ROWS)
    write_rows(read_all(lines), tmp_path / "b.jsonl", form)
    first, second = (
        Files(path=str(tmp_path / name)).load(Silent()) for name in ("a.jsonl", "b.jsonl")
    )
    assert first.examples == second.examples


BEGIN = [{"role": "user", "content": "Où ?"}]
PAIR = {"prompt": "Où ?", "chosen": "Là.", "rejected": "Nulle part."}


def answered(text: str) -> list[dict[str, str]]:
    return [*BEGIN, {"role": "assistant", "content": text}]


@pytest.mark.parametrize(
    "row",
    [
        PAIR,
        {"prompt": BEGIN, "chosen": answered("Là.")[1:], "rejected": answered("Nulle part.")[1:]},
        {"chosen": answered("Là."), "rejected": answered("Nulle part.")},
    ],
)
def test_preferences(tmp_path: Path, row: dict[str, Any]) -> None:
    path = put(tmp_path / "train.jsonl", row)
    for plugin in (Files(path=path), JsonLines(path=path), Hub(name=str(tmp_path))):
        (example,) = plugin.load(Silent()).examples
        assert [turn.content for turn in example.prompt] == ["Où ?"]
        assert (example.references, example.rejected) == (("Là.",), "Nulle part.")


def test_preferences_are_one_row_by_both_answers(tmp_path: Path) -> None:
    loaded = load(tmp_path, PAIR, {**PAIR, "rejected": "Ici ?"}, PAIR)
    assert [row.rejected for row in loaded.examples] == ["Nulle part.", "Ici ?"]
    assert loaded.dropped == {"same row twice": 1}
    assert len({row.group for row in loaded.examples}) == 1


@pytest.mark.parametrize("form", ["alpaca", "chat", "text"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_preferences_through_another_format(tmp_path: Path, form: Any, suffix: str) -> None:
    lines = put(tmp_path / "a.jsonl", PAIR)
    write_rows(read_all(lines), tmp_path / f"b{suffix}", form)
    first, second = (
        Files(path=str(tmp_path / name)).load(Silent()) for name in ("a.jsonl", f"b{suffix}")
    )
    assert first.examples == second.examples


def test_preference_columns_of_other_names(tmp_path: Path) -> None:
    row = {"question": "Où ?", "better": "Là.", "worse": "Nulle part."}
    names = {"prompt": "question", "chosen": "better", "rejected": "worse"}
    (example,) = load(tmp_path, row, fields=names).examples
    assert (example.references, example.rejected) == (("Là.",), "Nulle part.")


def test_folder(tmp_path: Path) -> None:
    put(tmp_path / "b.jsonl", *ROWS[:2])
    put(tmp_path / "a.jsonl", *ROWS[1:4])
    loaded = Files(path=str(tmp_path)).load(Silent())
    assert [row.prompt[0].content[9] for row in loaded.examples] == ["1", "2", "3", "0"]
    assert loaded.dropped == {"same row twice": 1}


def test_columns_of_other_names(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "question;réponse;cid;thème;note\nOù ?;Là.;C1;lieu;\nQuand ?;Hier.;C1;temps;x\n", "utf-8"
    )
    (first, second) = (
        Files(
            path=str(tmp_path / "a.csv"),
            fields={"prompt": "question", "completion": "réponse"},
            group="cid",
        )
        .load(Silent())
        .examples
    )
    assert (first.prompt[0].content, first.references) == ("Où ?", ("Là.",))
    assert first.group == second.group == "C1"
    assert second.meta == {"thème": "temps", "note": "x"}


def test_references_column(tmp_path: Path) -> None:
    row = {"prompt": "q", "completion": "a", "others": ["b", "c"]}
    (example,) = load(tmp_path, row, references="others").examples
    assert example.references == ("a", "b", "c")


def test_two_columns_change_names(tmp_path: Path) -> None:
    row = {"prompt": "a", "completion": "q"}
    (example,) = load(
        tmp_path, row, fields={"prompt": "completion", "completion": "prompt"}
    ).examples
    assert (example.prompt[0].content, example.references) == ("q", ("a",))


def test_fields_of_ones_own_go_to_meta(tmp_path: Path) -> None:
    row = {**ROWS[0], "source": "x", "n": 3, "list": [1], "none": None, "meta": {"n": "4"}}
    (example,) = load(tmp_path, row).examples
    assert example.meta == {"source": "x", "n": "4"}
    # `jsonl` is for people who want a typing error to be an error.
    with pytest.raises(DataError, match="unknown field 'source'; put fields of your own"):
        JsonLines(path=put(tmp_path / "a.jsonl", row)).load(Silent())


def test_files_of_their_own_for_the_sides(tmp_path: Path) -> None:
    loaded = Files(
        path=put(tmp_path / "a.jsonl", *ROWS),
        validation_path=put(tmp_path / "b.json", ROWS[0]),
        test_path=put(tmp_path / "c.ndjson", ROWS[1]),
    ).load(Silent())
    assert [row.split for row in loaded.examples] == ["test", "validation", *[None] * 4]
    assert loaded.dropped == {"same row twice": 2}


def test_plain_text_is_learned_and_never_asked(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", {"text": "Un."}, {"text": "Deux.", "split": "validation"})
    asked = put(tmp_path / "b.jsonl", ROWS[0])
    loaded = Files(path=path, test_path=asked).load(Silent())
    assert [(row.prompt, row.references, row.split) for row in loaded.examples[1:]] == [
        ((), ("Un.",), "train"),
        ((), ("Deux.",), "validation"),
    ]
    sides = split(loaded.examples, SplitSpec(train=1.0, validation=0.0, test=0.0), 42)
    assert [len(side) for side in sides] == [1, 1, 1]
    with pytest.raises(DataError, match=r"a\.jsonl:1: is plain text, which can be learned but not"):
        Files(path=asked, test_path=path).load(Silent())


def test_formats_are_not_mixed_unless_named(tmp_path: Path) -> None:
    other = {"instruction": "i", "output": "o", "prompt": "p", "completion": "c"}
    with pytest.raises(DataError, match="has both prompt and instruction"):
        load(tmp_path, ROWS[0], other)
    loaded = load(tmp_path, ROWS[0], other, format="completion")
    assert [row.prompt[0].content for row in loaded.examples] == ["Question 0 ?", "p"]
    with pytest.raises(DataError, match=r"a\.jsonl:2: is text, but .*a\.jsonl:1 is completion"):
        load(tmp_path, ROWS[0], {"text": "t"})


@pytest.mark.parametrize(
    ("row", "parameters", "says"),
    [
        ({"prompt": "q"}, {}, "has no answer; give one of: completion, reference, references"),
        ({"prompt": "q", "refrences": ["a"]}, {}, "'refrences': did you mean 'references'?"),
        ({"prompt": "q", "completion": "\n"}, {}, "`completion` is empty"),
        ({"prompt": "q", "references": ["a", " "]}, {}, "`references` holds an empty text"),
        ({"text": " "}, {}, "`text` is empty"),
        ({**PAIR, "rejected": " "}, {}, "`rejected` is empty"),
        (
            {"chosen": answered("Là."), "rejected": answered(" ")},
            {},
            "the rejected answer is empty",
        ),
        ({"prompt": "q", "choosen": "a"}, {}, "'choosen': did you mean 'chosen'?"),
        ({"text": "", "_bench": {"as": {}}}, {}, "the text is empty"),
        ({"q": "x"}, {"group": "cod"}, "has no field 'cod'; it has q"),
        ({"code": "x"}, {"group": "cod"}, "has no field 'cod'; did you mean 'code'?"),
        (
            {"prompt": "p", "question": "q"},
            {"fields": {"prompt": "question"}},
            "has both 'prompt' and 'question', which `fields` calls so",
        ),
    ],
)
def test_rows_that_cannot_be_used(
    tmp_path: Path, row: dict[str, Any], parameters: dict[str, Any], says: str
) -> None:
    with pytest.raises(DataError) as caught:
        load(tmp_path, row, **parameters)
    assert str(caught.value).startswith(f"{tmp_path}/a.jsonl:1: ") and says in str(caught.value)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"fields": {"promt": "q"}}, "names what no format has, 'promt'; did you mean 'prompt'"),
        ({"fields": {"group": "a"}, "group": "b"}, "`group` is given twice, also under `fields`"),
        ({"fields": {"prompt": "a"}, "group": "a"}, "two of the fields are read from one column"),
        ({"format": "text", "fields": {"prompt": "a"}}, "names what no format has, 'prompt'"),
        ({"format": "aplaca"}, "Input should be 'alpaca'"),
    ],
)
def test_parameters_that_mean_nothing(
    tmp_path: Path, parameters: dict[str, Any], says: str
) -> None:
    for plugin in (
        lambda **more: Files(path=put(tmp_path / "a.jsonl", ROWS[0]), **more),
        lambda **more: Hub(name="org/data@main", **more),
    ):
        with pytest.raises(ValidationError, match=says):
            plugin(**parameters)


def test_every_field_of_a_format_may_have_another_name(tmp_path: Path) -> None:
    known = set().union(*FIELDS.values()) | {"id", "group", "split", "meta"}
    path = put(tmp_path / "a.jsonl", ROWS[0])
    made = Files(path=path, fields={name: f"my {name}" for name in known})
    assert made.load(Silent()).examples == Files(path=path).load(Silent()).examples


# --- hub --------------------------------------------------------------------------------------


@pytest.fixture
def local(tmp_path: Path) -> str:
    """Return a folder laid out like a data set on the hub."""
    folder = tmp_path / "hub" / "data"
    folder.mkdir(parents=True)
    turns = [
        Row.model_validate(
            {
                "messages": [
                    {"role": "user", "content": f"Question {n} ?"},
                    {"role": "assistant", "content": f"Réponse {n}."},
                ],
                "extra": {"source": "x", "n": n},
                "format": "chat",
            }
        )
        for n in range(6)
    ]
    write_rows(turns[:5], folder / "train-00000-of-00001.parquet", "chat")
    write_rows(turns[5:], folder / "test-00000-of-00001.parquet", "chat")
    return str(folder.parent)


def test_hub_folder(local: str) -> None:
    loaded = Hub(name=local, test_split="test").load(Silent())
    assert [row.split for row in loaded.examples] == ["test", *[None] * 5]
    assert loaded.examples[0].prompt[0].content == "Question 5 ?"
    assert loaded.examples[0].references == ("Réponse 5.",)
    assert loaded.examples[0].meta == {"source": "x", "n": "5"}
    assert set(loaded.sources) == {f"{local}[test]", f"{local}[train]"}
    assert Hub(name=local, test_split="test").load(Silent()) == loaded


def test_hub_part_of_a_split_and_columns(local: str) -> None:
    loaded = Hub(name=local, split="train[:2]", group="source").load(Silent())
    assert [row.group for row in loaded.examples] == ["x", "x"]


def test_hub_rows_that_are_broken(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    put(folder / "train.jsonl", ROWS[0], {"prompt": "q", "completion": " "})
    with pytest.raises(DataError, match=r"hub\[train\]:2: `completion` is empty"):
        Hub(name=str(folder)).load(Silent())


@pytest.mark.parametrize("parameters", [{"split": "dev"}, {"config": "nothing"}])
def test_hub_split_that_is_not_there(local: str, parameters: dict[str, str]) -> None:
    with pytest.raises(DataError, match=r"hub: cannot load the split '\w+': ") as caught:
        Hub(name=local, **parameters).load(Silent())
    assert "\n" not in str(caught.value)


def test_hub_folder_that_changed(local: str) -> None:
    first = Hub(name=local).load(Silent())
    rows = [row for row in read_all(f"{local}/data") if row.question != "Question 2 ?"]
    write_rows(rows, f"{local}/data/train-00000-of-00001.parquet", "chat", overwrite=True)
    again = Hub(name=local).load(Silent())
    assert (len(first.examples), len(again.examples)) == (5, 5)
    assert first.sources != again.sources


COMMIT = "0123456789abcdef0123456789abcdef01234567"
PROGRAM = """
import sys
from benchmark.datasets.hub import Hub
from benchmark.errors import FetchError
from benchmark.progress import Silent
for name in sys.argv[1:]:
    try:
        loaded = Hub(name=name).load(Silent())
    except FetchError as error:
        print("FetchError", error)
    else:
        print(*loaded.sources, len(loaded.examples))
"""


def test_hub_offline(tmp_path: Path) -> None:
    # The hub client's own cache; in a process of its own, which reads its place at import.
    cached = tmp_path / "hub" / "datasets--org--data"
    snapshot = cached / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(COMMIT, encoding="utf-8")
    (cached / "blobs").mkdir()
    put(cached / "blobs" / "x", *ROWS)
    (snapshot / "train.jsonl").symlink_to("../../blobs/x")
    names = ["org/data", f"org/data@{COMMIT}", "org/data@v2", "org/other"]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *names],
        env={**os.environ, "HF_HOME": str(tmp_path), "BENCH_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    found, pinned, revision, other = done.stdout.splitlines()
    assert found == pinned == f"org/data@{COMMIT}[train] 6"
    assert revision.startswith("FetchError org/data@v2: not fetched from the hub: ")
    assert other.startswith("FetchError org/other: not fetched from the hub: ")


@pytest.mark.parametrize("name", ["pip:six==1.17.0", "https://host/file", "./nowhere", ""])
def test_hub_names_that_are_none(name: str) -> None:
    with pytest.raises(ValidationError, match=r"is no hub id|no such file|no package reference"):
        Hub(name=name)
