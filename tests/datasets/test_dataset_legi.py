from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.datasets.legi import CODES, Legi
from benchmark.datasets.legi_questions import BUILT_IN
from benchmark.errors import ConfigError, DataError, FetchError
from benchmark.plugins import Loaded
from benchmark.progress import Silent

TEXT = "Le titulaire d'une carte de lecteur peut emprunter cinq livres à la fois."
FOR_EVER = 32472144000000


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def article(number: int, num: str | None = None, **data: Any) -> dict[str, Any]:
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
        "rejected": None,
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
    names = [question.name for question in BUILT_IN["en"]]
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


CHAIN = [
    {"id": "V1", "etat": "MODIFIE", "dateDebut": ms("2010-01-01"), "dateFin": ms("2015-01-01")},
    {"id": "V2", "etat": "MODIFIE", "dateDebut": ms("2015-01-01"), "dateFin": ms("2020-01-01")},
    {"id": "V3", "etat": "ABROGE_DIFF", "dateDebut": ms("2020-01-01"), "dateFin": ms("2030-01-01")},
]
"""Three versions of one article; the source stores the text of one of them."""


@pytest.mark.parametrize(
    ("day", "stored", "reason"),
    [
        ("2009-12-31", "V3", "not in force"),
        ("2010-01-01", "V3", OTHER),
        ("2014-12-31", "V3", OTHER),
        ("2019-12-31", "V3", OTHER),
        ("2020-01-01", "V3", ""),
        ("2029-12-31", "V3", ""),
        ("2030-01-01", "V3", "not in force"),
        ("2014-12-31", "V2", OTHER),
        ("2015-01-01", "V2", ""),
        ("2020-01-01", "V2", OTHER),
        ("2030-01-01", "V2", "not in force"),
    ],
)
def test_the_day_chooses_the_version(tmp_path: Path, day: str, stored: str, reason: str) -> None:
    (own,) = (version for version in CHAIN if version["id"] == stored)
    loaded = load(
        tmp_path,
        article(1, "L1", **own, articleVersions=CHAIN),
        as_of=date.fromisoformat(day),
    )
    assert loaded.dropped == ({reason: 1} if reason else {})


# --- annexes and tables ---------------------------------------------------------------------

CELLS = "<table><tr><td>Carte</td><td>Durée du prêt : trois semaines</td></tr></table>"
ODD = [
    article(1, "L1"),
    article(2, "Annexe II"),
    article(3, "Annexe I à l'article R9-9"),
    article(4, "Annexes à l'article D9"),
    article(5, "Annexe II : Tableau n° 9 bis"),
    article(6, "Tableau n° 9 ter"),
    article(7, "L7", texteHtml=f"<p>Tarifs :</p>{CELLS}"),
    article(8, "L8", texteHtml=f"<p>{TEXT * 2}</p>{CELLS}"),
    article(9, "Annexe III", etat="ANNULE"),
    article(10, "Annexe IV", texte="Néant.", texteHtml=None),
]


@pytest.mark.parametrize(
    ("asked", "kept", "dropped"),
    [
        ({}, 8, {"not in force": 1, "too short": 1}),
        ({"annexes": False}, 4, {"not in force": 1, "annex": 5}),
        ({"tables": False}, 5, {"not in force": 1, "too short": 1, "table": 3}),
        ({"annexes": False, "tables": False}, 2, {"not in force": 1, "annex": 5, "table": 2}),
    ],
)
def test_annexes_and_tables(
    tmp_path: Path, asked: dict[str, Any], kept: int, dropped: dict[str, int]
) -> None:
    loaded = load(tmp_path, section("Annexes", *ODD), **asked)
    assert len(loaded.examples) == kept
    assert loaded.dropped == dropped
    assert kept + sum(dropped.values()) == len(ODD)


@pytest.mark.parametrize(
    ("html", "is_table"),
    [
        (CELLS, True),
        (CELLS.upper(), True),
        (f"<p>Durées :</p><TABLE border='1'>{CELLS}</TABLE>", True),  # one in another
        (f"<table><tr><td>{CELLS}</td><td>{TEXT * 2}</td></tr></table>", True),
        (f"{CELLS}<p>Durée du prêt</p>{CELLS}", True),
        ("<p>Prix</p><table><tr><td>Carte : dix euros", True),  # never closed
        (f"</table><p>{TEXT}</p>", False),  # never opened
        (f"<p>{TEXT}</p><table></table>", False),
        ("<table></table>", False),
        (f"<p>{TEXT}</p><tablet>{TEXT}</tablet>", False),
        (f"<p>{TEXT}</p>", False),
    ],
)
def test_what_a_table_is(tmp_path: Path, html: str, is_table: bool) -> None:
    loaded = load(tmp_path, article(1, "L1", texteHtml=html), tables=False)
    assert loaded.dropped == ({"table": 1} if is_table else {})


MANY = st.lists(
    st.fixed_dictionaries(
        {
            "num": st.sampled_from(["L1", "R*2", "Annexe II", "Tableau n° 3", " ", None]),
            "etat": st.sampled_from(["VIGUEUR", "ABROGE", "VIGUEUR_DIFF", "ANNULE", None]),
            "texte": st.sampled_from([TEXT, "Abrogé.", TEXT * 9, None, ""]),
            "texteHtml": st.sampled_from([CELLS, f"<p>{TEXT}</p>", None]),
            "id": st.sampled_from(["A", "B", "C", None]),
            "dateDebut": st.sampled_from([None, 0, ms("2026-01-01"), 10**18, -(10**18)]),
            "dateFin": st.sampled_from([None, 0, ms("2026-01-01"), FOR_EVER, 10**18]),
        }
    ),
    max_size=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MANY, st.booleans(), st.booleans())
def test_every_article_is_kept_or_counted(
    tmp_path: Path, rows: list[dict[str, Any]], annexes: bool, tables: bool
) -> None:
    nodes = [article(at, **row) for at, row in enumerate(rows)]
    loaded = load(tmp_path, *nodes, annexes=annexes, tables=tables, max_chars=200)
    assert len(loaded.examples) + sum(loaded.dropped.values()) == len(rows)
    assert all(count > 0 for count in loaded.dropped.values())


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
    ("code", "articles", "in_force", "short", "annexes", "tables"),
    # Counted apart from this package, with plain loops over the files' JSON: by dates alone,
    # by `num.startswith("Annexe")`, and by the letters inside of `<table>`.
    [
        ("travail", 11_545, 11_492, 6, 9, 17),
        ("securite-sociale", 7_372, 7_354, 1, 163, 7),
        ("rural", 9_724, 9_625, 3, 16, 78),
        ("crpa", 474, 470, 0, 0, 20),
    ],
)
def test_the_real_codes(
    code: str, articles: int, in_force: int, short: int, annexes: int, tables: int
) -> None:
    loaded = Legi(codes=(code,)).load(Silent())
    assert len(loaded.examples) == in_force - short
    assert loaded.dropped.get("too short", 0) == short
    assert sum(loaded.dropped.values()) == articles - in_force + short
    assert len({row.id for row in loaded.examples}) == len(loaded.examples)
    assert all(
        " > " in row.references[0].split("\n")[1] or row.meta["section"] for row in loaded.examples
    )
    bare = Legi(codes=(code,), annexes=False, tables=False, templates="fr").load(Silent())
    assert (bare.dropped.get("annex", 0), bare.dropped.get("table", 0)) == (annexes, tables)
    assert len(bare.examples) + sum(bare.dropped.values()) == articles


def test_the_corpus_is_the_law_in_force_whatever_rows_are_kept(tmp_path: Path) -> None:
    asked = {"min_chars": 60, "annexes": False}
    rows = [
        article(1, "L1-1"),
        article(2, "L1-2", texte="Trop court pour une question."),
        article(3, "Annexe I"),
        article(4, "L1-4", dateDebut=ms("2030-01-01")),  # not yet in force
        article(5, "L1-5", texte="", texteHtml=None),
        article(6, None),
    ]
    loaded = load(tmp_path, section("Titre Ier : Le prêt", *rows), **asked)
    corpus = Legi(source=str(tmp_path), **asked).corpus(Silent())
    assert [one.id[-1] for one in corpus] == ["1", "2", "3"]
    (example,) = loaded.examples
    one = corpus[0]
    assert (one.id, one.group) == (example.id, example.group)
    # A passage of it reads as the answer does.
    assert example.references == (f"{one.title}\n\n{one.text}",)
