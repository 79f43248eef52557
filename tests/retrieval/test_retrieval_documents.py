"""Documents of one's own: files, folders, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.errors import DataError
from benchmark.progress import Silent
from benchmark.records import Document, Example
from benchmark.retrieval.documents import documents, own
from benchmark.suite import RetrievalSpec


def write(file: Path, *rows: object) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def test_json_lines(tmp_path: Path) -> None:
    file = write(
        tmp_path / "lois.jsonl",
        {"id": "a", "text": "Un.", "title": "Titre", "group": "g", "year": 2020},
        {"id": 7, "text": "Deux."},
        {"text": "Trois."},
        {"id": "blank", "text": "  "},
    )
    assert own(file, "lois.jsonl") == [
        Document(id="a", text="Un.", title="Titre", group="g"),
        Document(id="7", text="Deux."),
        Document(id="lois.jsonl:3", text="Trois."),
    ]


def test_a_folder_with_all_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "b.md").write_text("# Note\n\nDu texte.", encoding="utf-8")
    (tmp_path / "a.txt").write_text("Première ligne\nété", encoding="utf-16")
    (tmp_path / ".hidden.txt").write_text("caché", encoding="utf-8")
    (tmp_path / "image.png").write_bytes(b"\x89PNG")
    (tmp_path / "c.json").write_text('[{"text": "Un."},\n{"text": "Deux."}]', encoding="utf-8")
    found = own(tmp_path, "dossier")
    assert [(one.id, one.text) for one in found] == [
        ("a.txt", "Première ligne\nété"),
        ("c.json:1", "Un."),
        ("c.json:2", "Deux."),
        ("notes/b.md", "# Note\n\nDu texte."),
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"id": "a", "txt": "Un."}, "d.jsonl:1: has no field `text`; 'txt': did you mean 'text'?"),
        ({"text": 3}, "d.jsonl:1: `text` must be a text, not a number"),
        ({"text": "Un.", "group": ["a"]}, "d.jsonl:1: `group` must be a text, not a list"),
    ],
)
def test_broken_rows_are_named(tmp_path: Path, row: object, said: str) -> None:
    with pytest.raises(DataError) as caught:
        own(write(tmp_path / "d.jsonl", row), "d.jsonl")
    assert str(caught.value) == said


def test_an_id_twice(tmp_path: Path) -> None:
    file = write(tmp_path / "d.jsonl", {"id": "a", "text": "Un."}, {"id": "a", "text": "Deux."})
    with pytest.raises(DataError, match=r"d\.jsonl: two documents have the id 'a'"):
        own(file, "d.jsonl")


def test_kinds_of_files_that_are_not_read(tmp_path: Path) -> None:
    file = tmp_path / "d.jsnl"
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"unknown kind of file '\.jsnl'; did you mean '\.jsonl'"):
        own(file, "d.jsnl")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"the folder holds no file of \.jsonl"):
        own(tmp_path / "empty", "empty")


def test_the_train_side_gives_its_answers() -> None:
    train = [
        Example(id="1", prompt=(), references=("Un.", "Une autre."), group="g"),
        Example(id="2", prompt=(), references=()),
    ]
    found = documents(RetrievalSpec(), train, None, Silent())
    assert found == ([Document(id="1", text="Un.", group="g")], "train")
    with pytest.raises(DataError, match="there is no train side to retrieve from"):
        documents(RetrievalSpec(), [], None, Silent())


def test_a_corpus_comes_from_the_data_set() -> None:
    class Shelf:
        def corpus(self, progress):
            return [Document(id="a", text="Un.")]

    spec = RetrievalSpec(documents="corpus")
    assert documents(spec, [], Shelf(), Silent()) == ([Document(id="a", text="Un.")], "corpus")
    with pytest.raises(DataError, match="has no corpus of its own"):
        documents(spec, [], object(), Silent())
