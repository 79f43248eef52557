from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from benchmark.datasets.legi import CODES, TEMPLATES, Legi
from benchmark.datasets.legi_articles import Version, _applies, first_moment
from benchmark.errors import ConfigError, DataError, FetchError
from benchmark.plugins import Loaded
from benchmark.progress import Silent

TEXT = "Le titulaire d'une carte de lecteur peut emprunter cinq livres à la fois."
FOR_EVER = 32472144000000


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def article(number: int, num: str | None, **data: Any) -> dict[str, Any]:
    return {
        "type": "article",
        "data": {
            "id": f"LEGIARTI{number:012d}",
            "cid": f"LEGIARTI{number + 500:012d}",
            "num": num,
            "texte": TEXT,
            "texteHtml": f"<p>{TEXT}</p>",
            "etat": "VIGUEUR",
            "dateDebut": ms("2020-01-01"),
            "dateFin": FOR_EVER,
            "articleVersions": None,
            **data,
        },
    }


def section(title: str | None, *children: dict[str, Any]) -> dict[str, Any]:
    return {"type": "section", "data": {"title": title}, "children": list(children)}


def load(
    folder: Path, *children: Any, title: str = "Code des bibliothèques", **asked: Any
) -> Loaded:
    (folder / "data").mkdir(exist_ok=True)
    root = {"type": "code", "data": {"title": title}, "children": list(children)}
    file = folder / "data" / f"{CODES['travail']}.json"
    file.write_text(json.dumps(root, ensure_ascii=False), encoding="utf-8")
    return Legi(source=str(folder), **asked).load(Silent())


def test_a_row(tmp_path: Path) -> None:
    inner = section(" Chapitre Ier : Le prêt.\r\n\r\n", article(1, " L1-1 "))
    loaded = load(tmp_path, section("Partie  législative ", section(None, inner)))
    (row,) = loaded.examples
    assert row.model_dump() == {
        "id": "LEGIARTI000000000001",
        "prompt": (
            {
                "role": "user",
                "content": "Summarise Article L1-1 of the Code des bibliothèques in plain English.",
            },
        ),
        "references": (
            "**Code des bibliothèques - Article L1-1**\n"
            "Path: Partie législative > Chapitre Ier : Le prêt.\n"
            "\n"
            f"{TEXT}",
        ),
        "group": "LEGIARTI000000000501",
        "split": None,
        "meta": {
            "code": "Code des bibliothèques",
            "num": "L1-1",
            "section": "Chapitre Ier : Le prêt.",
            "template": "summary",
            "article_id": "LEGIARTI000000000001",
        },
    }
    assert loaded.dropped == {}
    ((label, digest),) = loaded.sources.items()
    assert label.endswith("data/LEGITEXT000006072050.json") and len(digest) == 64


def test_templates_take_turns_over_the_kept_articles(tmp_path: Path) -> None:
    rows = [article(number, f"L{number}") for number in range(1, 8)]
    rows.insert(2, article(99, "L99", texte="Abrogé.", texteHtml=None))
    loaded = load(tmp_path, section("Titre Ier", *rows))
    assert [row.meta["num"] for row in loaded.examples] == [f"L{n}" for n in range(1, 8)]
    names = list(TEMPLATES)
    assert [row.meta["template"] for row in loaded.examples] == [*names, *names[:2]]
    prompts = [row.prompt[0].content for row in loaded.examples[:5]]
    assert len({prompt.replace(f"L{n}", "") for n, prompt in enumerate(prompts, 1)}) == 5
    assert all(f"Article L{n} of the Code des biblio" in p for n, p in enumerate(prompts, 1))
    assert '"Titre Ier"' in prompts[2]


@pytest.mark.parametrize(
    ("num", "named"),
    [
        ("L453-1 A", "Article L453-1 A"),
        ("R*123-4", "Article R*123-4"),
        ("LO111-3", "Article LO111-3"),
        ("160-17-2", "Article 160-17-2"),
        ("Annexe II", "Annexe II"),
        ("Annexe I à l'article R9-9", "Annexe I à l'article R9-9"),
        ("Tableau n° 9 bis", "Tableau n° 9 bis"),
    ],
)
def test_numbers_are_shown_as_they_are(tmp_path: Path, num: str, named: str) -> None:
    (row,) = load(tmp_path, section("Annexes", article(1, num))).examples
    assert (
        row.prompt[0].content
        == f"Summarise {named} of the Code des bibliothèques in plain English."
    )
    assert row.references[0].startswith(f"**Code des bibliothèques - Article {num}**\n")


def test_an_article_outside_of_any_section(tmp_path: Path) -> None:
    loaded = load(tmp_path, *(article(number, f"L{number}") for number in (1, 2, 3)))
    assert "\nPath: Code des bibliothèques\n\n" in loaded.examples[0].references[0]
    assert '"Code des bibliothèques"' in loaded.examples[2].prompt[0].content


def test_null_fields(tmp_path: Path) -> None:
    html = "<p>Le lecteur rend les livres&nbsp;;<br/>il rembourse ceux qu'il a &lt;perdus&gt;.</p>"
    nothing = {name: None for name in article(1, "L1")["data"]}
    loaded = load(
        tmp_path,
        section("T", article(1, "L1", texte=None, texteHtml=html, cid=None)),
        article(2, None),
        article(3, "   "),
        article(4, "L4", id=None),
        article(5, "L5", texte=" ", texteHtml=None),
        {"type": "article", "data": nothing},
        {"type": "article", "data": None},
        {"type": "section", "data": None, "children": None},
        None,
    )
    (row,) = loaded.examples
    assert row.references[0].endswith(
        "\n\nLe lecteur rend les livres ; il rembourse ceux qu'il a <perdus>."
    )
    assert row.group == row.id
    assert loaded.dropped == {"no number": 2, "no id": 3, "no text": 1}


def test_length_limits(tmp_path: Path) -> None:
    rows = [article(length, f"L{length}", texte="é" * length) for length in (49, 50, 51, 60, 61)]
    loaded = load(tmp_path, *rows, max_chars=60)
    assert [row.meta["num"] for row in loaded.examples] == ["L51", "L60"]
    assert loaded.dropped == {"too short": 2, "too long": 1}
    assert len(load(tmp_path, *rows, min_chars=0).examples) == 5


OLD = {"id": "LEGIARTI9", "etat": "MODIFIE", "dateDebut": ms("2010-01-01")}
BEFORE = {**OLD, "dateFin": ms("2026-02-01")}
NO_DATES = {"dateDebut": None, "dateFin": None}
OTHER = "another version in force, whose text is not stored"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"etat": "VIGUEUR"}, ""),
        ({"etat": None}, ""),  # nine articles of the Code de la sécurité sociale
        ({"etat": "ABROGE_DIFF", "dateFin": ms("2027-01-01")}, ""),
        ({"etat": "MODIFIE", "dateFin": ms("2027-01-01")}, ""),
        ({"dateDebut": ms("2026-01-01")}, ""),
        ({"dateDebut": ms("2026-01-02")}, "not in force"),
        ({"dateFin": ms("2026-01-01")}, "not in force"),
        ({"dateFin": ms("2026-01-02")}, ""),
        ({"etat": "VIGUEUR_DIFF", "dateDebut": ms("2026-03-01")}, "not in force"),
        ({"etat": "MODIFIE_MORT_NE"}, "not in force"),
        ({"etat": "ANNULE"}, "not in force"),
        ({"dateDebut": ms("2026-02-01"), "articleVersions": [BEFORE]}, OTHER),
        ({"dateDebut": ms("2026-02-01"), "articleVersions": [None, {}]}, "not in force"),
        (
            {
                "dateDebut": ms("2026-02-01"),
                "articleVersions": [{**BEFORE, "etat": "MODIFIE_MORT_NE"}],
            },
            "not in force",
        ),
        ({**NO_DATES, "etat": "VIGUEUR"}, ""),
        ({**NO_DATES, "etat": "ABROGE_DIFF"}, ""),
        ({**NO_DATES, "etat": "VIGUEUR_DIFF"}, "not in force"),
        ({**NO_DATES, "etat": "ABROGE"}, "not in force"),
        ({**NO_DATES, "etat": None}, "not in force"),
        ({"dateFin": None}, ""),
        ({"dateFin": None, "etat": "TRANSFERE"}, "not in force"),
    ],
)
def test_only_what_was_in_force(tmp_path: Path, data: dict[str, Any], reason: str) -> None:
    loaded = load(tmp_path, article(1, "L1", **data))
    assert loaded.dropped == ({reason: 1} if reason else {})
    assert len(loaded.examples) == (not reason)


def test_as_of_chooses_the_day(tmp_path: Path) -> None:
    rows = [
        article(1, "L1", dateFin=ms("2021-01-01")),
        article(2, "L2", dateDebut=ms("2021-01-01")),
    ]
    for day, num in ((date(2020, 12, 31), "L1"), (date(2021, 1, 1), "L2")):
        loaded = load(tmp_path, *rows, as_of=day)
        assert [row.meta["num"] for row in loaded.examples] == [num]


def test_one_version_ends_when_the_next_begins() -> None:
    changed = first_moment(date(2021, 5, 1))
    old = Version("a", "MODIFIE", first_moment(date(2020, 1, 1)), changed)
    new = Version("b", "VIGUEUR", changed, None)
    for day in (changed - 1, changed, changed + 1):
        assert _applies(old, day) != _applies(new, day)


def test_an_article_that_stands_twice_is_one_row(tmp_path: Path) -> None:
    loaded = load(tmp_path, section("A", article(1, "L1")), section("B", article(1, "L1")))
    assert len(loaded.examples) == 1
    assert loaded.dropped == {"article seen before": 1}


def test_a_code_more_changes_no_row(tmp_path: Path) -> None:
    load(tmp_path, *(article(number, f"L{number}") for number in range(1, 8)))
    file = tmp_path / "data" / f"{CODES['travail']}.json"
    text = file.read_text(encoding="utf-8").replace("LEGIARTI0000", "LEGIARTI0001")
    (tmp_path / "data" / f"{CODES['crpa']}.json").write_text(text, encoding="utf-8")
    one = Legi(source=str(tmp_path), codes=("travail",)).load(Silent())
    both = Legi(source=str(tmp_path), codes=("crpa", CODES["travail"])).load(Silent())
    assert len(both.examples) == 14
    assert both.examples[7:] == one.examples


def test_a_deep_tree(tmp_path: Path) -> None:
    node = article(1, "L1")
    for depth in range(200):
        node = section(f"Titre {depth}", node)
    assert load(tmp_path, node).examples[0].references[0].count(" > ") == 199


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not JSON"),
        (b'{"type": "code"', "not JSON"),
        (b"\xff\xfe{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a code"),
        (b"null", "not a code"),
        (b'{"type": "section"}', "not a code"),
        (b'{"type": "code", "data": {"title": null}, "children": []}', "not a code"),
        (b'{"type": "code", "data": {"title": "x"}, "children": null}', "not a code"),
    ],
)
def test_a_file_that_is_no_code(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "data" / f"{CODES['travail']}.json"
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(DataError, match=f"{file.name}: is {says}|{file.name}.*{says}"):
        Legi(source=str(tmp_path)).load(Silent())


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file or folder: .*LEGITEXT000006072050\.json"):
        Legi(source=str(tmp_path), fallback=None).load(Silent())


def test_both_sources_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    asked = Legi(source="npm:tiny@1.0.0", fallback="http://127.0.0.1:9/{id}.json")
    with pytest.raises(FetchError, match=r"none of 2 sources works.*npm.*cannot connect"):
        asked.load(Silent())


@pytest.mark.network
@pytest.mark.parametrize(
    ("code", "kept", "dropped"),
    # Counted apart from this module, by dates alone: articles in the file 11,545 / 474,
    # of which in force on the day 11,492 / 470, of which 6 / 0 have 50 characters or fewer.
    [("travail", 11_486, 59), ("crpa", 470, 4)],
)
def test_the_real_codes(code: str, kept: int, dropped: int) -> None:
    loaded = Legi(codes=(code,)).load(Silent())
    assert len(loaded.examples) == kept
    assert sum(loaded.dropped.values()) == dropped
    assert len({row.id for row in loaded.examples}) == kept
    assert all(
        " > " in row.references[0].split("\n")[1] or row.meta["section"] for row in loaded.examples
    )
