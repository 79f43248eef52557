"""What every data set promises, over the whole registry."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.core.split import split
from benchmark.datasets.legi import CODES
from benchmark.plugins import DATASETS, Dataset, Loaded
from benchmark.progress import Silent
from benchmark.records import Example
from benchmark.registry import parameters
from benchmark.retrieval.documents import Library
from benchmark.suite import SplitSpec

ROWS = 20


def _legi(folder: Path) -> dict[str, str]:
    children = [
        {
            "type": "article",
            "data": {
                "id": f"LEGIARTI{number:012d}",
                "cid": f"LEGIARTI{number // 2:012d}",
                "num": f"L{number}",
                "texte": f"Le lecteur numéro {number} rend les livres avant la fin du mois.",
                "etat": "VIGUEUR",
                "dateDebut": 0,
                "dateFin": None,
            },
        }
        for number in range(ROWS)
    ]
    root = {"type": "code", "data": {"title": "Code des bibliothèques"}, "children": children}
    (folder / "data").mkdir()
    (folder / "data" / f"{CODES['travail']}.json").write_text(json.dumps(root), encoding="utf-8")
    return {"source": str(folder)}


def _jsonl(folder: Path) -> dict[str, str]:
    rows = [{"prompt": f"Question {n} ?", "reference": f"Réponse {n}."} for n in range(ROWS)]
    text = "\n".join(json.dumps(row) for row in rows)
    (folder / "rows.jsonl").write_text(text, encoding="utf-8")
    return {"path": str(folder / "rows.jsonl")}


def _hub(folder: Path) -> dict[str, str]:
    from pyarrow import Table, parquet

    rows = [{"prompt": f"Question {n} ?", "completion": f"Réponse {n}."} for n in range(ROWS)]
    (folder / "hub").mkdir()
    parquet.write_table(Table.from_pylist(rows), folder / "hub" / "train.parquet")
    return {"name": str(folder / "hub")}


SMALL: dict[str, Callable[[Path], dict[str, str]]] = {
    "legi": _legi,
    "files": _jsonl,
    "jsonl": _jsonl,
    "hub": _hub,
}
"""Name -> writes `ROWS` rows into a folder and returns the parameters that read them."""


@pytest.fixture(params=sorted(DATASETS.builtin))
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> Dataset:
    made: Dataset = DATASETS.load(request.param)(**SMALL[request.param](tmp_path))
    return made


@pytest.fixture
def loaded(dataset: Dataset) -> Loaded:
    return dataset.load(Silent())


def test_every_data_set_has_a_small_case() -> None:
    assert set(SMALL) == set(DATASETS.builtin)


def test_ids_are_unique_and_every_row_has_a_group(loaded: Loaded) -> None:
    assert len(loaded.examples) == ROWS
    assert len({row.id for row in loaded.examples}) == ROWS
    assert all(row.group for row in loaded.examples)


def test_every_row_asks_and_answers(loaded: Loaded) -> None:
    for row in loaded.examples:
        assert row.prompt[-1].role == "user" and row.prompt[-1].content.strip()
        assert row.references and all(text.strip() for text in row.references)


def test_every_row_crosses_the_disk(loaded: Loaded) -> None:
    for row in loaded.examples:
        assert Example.model_validate_json(row.model_dump_json()) == row


def test_loading_twice_gives_the_same(dataset: Dataset, loaded: Loaded) -> None:
    assert dataset.load(Silent()) == loaded


def test_it_tells_where_it_came_from_and_what_it_left_out(loaded: Loaded) -> None:
    assert loaded.sources
    assert all(len(digest) == 64 and int(digest, 16) for digest in loaded.sources.values())
    assert all(count > 0 for count in loaded.dropped.values())


def test_its_rows_can_be_split(loaded: Loaded) -> None:
    sides = split(loaded.examples, SplitSpec(train=8, validation=2, test=4), 42)
    assert [len(side) for side in sides] == [8, 2, 4]


def test_a_corpus_has_the_texts_that_its_questions_come_from(
    dataset: Dataset, loaded: Loaded
) -> None:
    if isinstance(dataset, Library):
        corpus = dataset.corpus(Silent())
        assert len({one.id for one in corpus}) == len(corpus) >= ROWS
        assert {one.group for one in corpus} >= {row.group for row in loaded.examples}
        assert all(one.text.strip() for one in corpus)


def test_signature_and_parameters(dataset: Dataset) -> None:
    assert "|code:" in dataset.signature
    assert dataset.signature == type(dataset)(**dict(dataset)).signature  # type: ignore[call-overload]
    assert parameters(type(dataset))
