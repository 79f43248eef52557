from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from benchmark.articles import ArticleIndex, Version
from benchmark.datasets.article_index import article_index, default_index
from benchmark.datasets.legi import CODES, Legi
from benchmark.errors import DataError, StoreError
from benchmark.progress import Silent
from benchmark.references import cache_root


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def version(id: str, etat: str, start: str, end: str) -> dict[str, Any]:
    return {"id": id, "etat": etat, "dateDebut": ms(start), "dateFin": ms(end)}


OLD = version("V1", "MODIFIE", "1968-05-01", "2020-01-01")
NEW = version("V2", "VIGUEUR", "2020-01-01", "2999-01-01")


def node(num: str | None, stored: dict[str, Any], **data: Any) -> dict[str, Any]:
    return {"type": "article", "data": {"num": num, "cid": "C", **stored, **data}}


def write(folder: Path, *children: Any, code: str = "travail", **data: Any) -> None:
    (folder / "data").mkdir(exist_ok=True)
    section = {"type": "section", "data": {"title": "T"}, "children": list(children)}
    root = {"type": "code", "data": {"title": " Code  du prêt", **data}, "children": [section]}
    file = folder / "data" / f"{CODES[code]}.json"
    file.write_text(json.dumps(root), encoding="utf-8")


def build(folder: Path, *codes: str) -> ArticleIndex:
    return article_index(codes or ("travail",), str(folder), None, Silent())


class Said(Silent):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def test_an_entry(tmp_path: Path) -> None:
    stillborn = version("V3", "MODIFIE_MORT_NE", "2019-01-01", "2019-01-01")
    listed = [NEW, None, stillborn, OLD]
    write(tmp_path, node(" R*1-2 ", NEW, articleVersions=listed), cid="LEGITEXT9")
    (entry,) = build(tmp_path).find("R. 1-2")
    assert (entry.num, entry.cid, entry.id) == ("R*1-2", "C", "V2")
    assert entry.code.title == "Code du prêt" and entry.code.name == "travail"
    assert (entry.code.id, entry.code.cid) == (CODES["travail"], "LEGITEXT9")
    assert len(entry.code.sha256) == 64
    assert entry.versions == (
        Version("V1", "MODIFIE", date(1968, 5, 1), date(2020, 1, 1)),
        Version("V3", "MODIFIE_MORT_NE", date(2019, 1, 1), date(2019, 1, 1)),
        Version("V2", "VIGUEUR", date(2020, 1, 1), date(2999, 1, 1)),
    )
    assert entry.state_at(date(1968, 4, 30)) == "not yet in force"
    assert entry.state_at(date(2019, 12, 31)) == "in force"


def test_what_a_tree_may_hold(tmp_path: Path) -> None:
    far = {"dateDebut": -(10**18), "dateFin": 10**18}
    write(
        tmp_path,
        node("L1", NEW),  # no list of versions: the stored one is all that is known
        node("L2", OLD, articleVersions=[{**NEW, "id": None}, {}, 3]),
        node("L1", NEW),  # the same article once more
        node(None, version("V5", "VIGUEUR", "2020-01-01", "2999-01-01")),
        node("L3", {"id": None}),
        node("L4", {"id": "V4"}, cid=None),
        node("L5", {"id": "\ud800 é\n"}, **far),
        None,
        {"type": "article", "data": None},
    )
    index = build(tmp_path)
    assert [entry.num for entry in index] == ["L1", "L2", "L4", "L5"]
    assert [len(entry.versions) for entry in index] == [1, 1, 1, 1]
    assert index.by_cid("V4") == index.find("L4")
    assert index.find("L4")[0].state_at(date(2020, 1, 1)) == "unknown"
    (odd,) = index.find("L5")
    assert odd.versions[0].start == date.min and odd.versions[0].end == date.max
    assert odd.state_at(date(2020, 1, 1)) == "in force"


def test_several_codes(tmp_path: Path) -> None:
    write(tmp_path, node("L1", NEW))
    write(tmp_path, node("L1", OLD), code="crpa", title="Code de la lecture")
    index = build(tmp_path, "crpa", CODES["travail"])
    assert [code.name for code in index.codes] == ["crpa", "travail"]
    assert [entry.code.name for entry in index.find("L1")] == ["crpa", "travail"]
    assert index.find("L1", "Code de la lecture")[0].id == "V1"
    through = Legi(source=str(tmp_path), codes=("crpa", "travail")).article_index(Silent())
    assert list(through) == list(index) and through.digest == index.digest


def test_it_is_built_once_for_each_source(tmp_path: Path) -> None:
    write(tmp_path, node("L1", NEW))
    first = build(tmp_path)
    (kept,) = (cache_root() / "articles").iterdir()
    written = kept.stat().st_mtime_ns
    assert list(build(tmp_path)) == list(first)
    assert kept.stat().st_mtime_ns == written
    write(tmp_path, node("L1", NEW), node("L2", OLD))
    assert len(build(tmp_path)) == 2 and build(tmp_path).digest != first.digest
    assert len(list((cache_root() / "articles").iterdir())) == 2


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff\xfe", b"\n"])
def test_a_damaged_copy_is_built_again(tmp_path: Path, damage: bytes) -> None:
    write(tmp_path, node("L1", NEW))
    whole = list(build(tmp_path))
    (kept,) = (cache_root() / "articles").iterdir()
    kept.write_bytes(damage)
    said = Said()
    again = article_index(("travail",), str(tmp_path), None, said)
    assert list(again) == whole
    assert said.lines == [f"{kept.name}: the cached index is damaged; building it again"]
    assert list(build(tmp_path)) == whole


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, node("L1", NEW))
    (tmp_path / "cache").write_text("a file, not a folder")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    with pytest.raises(StoreError, match="cached index: Not a directory; set BENCH_CACHE"):
        build(tmp_path)


def test_no_code(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / f"{CODES['travail']}.json").write_text("[]")
    with pytest.raises(DataError, match="is not a code of legi-data"):
        build(tmp_path)
    with pytest.raises(ValueError, match="unknown code 'travial'; did you mean 'travail'"):
        build(tmp_path, "travial")


@pytest.mark.network
def test_the_real_codes() -> None:
    index = default_index(Silent())
    # Articles and, by the dates of `articleVersions` alone, those in force: counted apart from
    # this package, with plain loops over the files' JSON.
    assert Counter(entry.code.name for entry in index) == {
        "travail": 11_545,
        "securite-sociale": 7_372,
        "rural": 9_724,
        "crpa": 474,
    }
    day = date(2026, 1, 1)
    standing = Counter(entry.state_at(day) for entry in index)
    assert standing == {"in force": 29_070, "not yet in force": 44, "repealed": 1}
    assert all(entry in index.find(entry.num, entry.code) for entry in index)
    assert all(entry.versions for entry in index)
    # Within a code, only annexes share their number; and no spelling hides another's number.
    found = Counter((entry.code.name, entry.num) for entry in index)
    assert {name for (_, name), count in found.items() if count > 1} == {
        "Annexe",
        "Annexe I",
        "Annexe II",
    }
    for entry in index:
        assert {other.num for other in index.find(entry.num, entry.code)} == {entry.num}
    (article,) = index.find("L. 1221-1", "Code du travail")
    assert article.state_at(day) == "in force" and article in index.by_version(article.id)
    assert article.state_at(date(2000, 1, 1)) == "not yet in force"
