from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmark.datasets.legi import CODES, Legi
from benchmark.datasets.legi_questions import (
    BUILT_IN,
    PLACEHOLDERS,
    Question,
    check_questions,
    read_questions,
)
from benchmark.errors import ConfigError
from benchmark.progress import Silent

ROOT = Path(__file__).resolve().parents[2]
GOOD = "templates:\n  - name: un\n    text: Résumez {l_article} du {code}.\n"
NUMBERS = {
    "L1234-5": ("Article L1234-5", "l'article L1234-5"),
    "R*123-4 A": ("Article R*123-4 A", "l'article R*123-4 A"),
    "160-17-2": ("Article 160-17-2", "l'article 160-17-2"),
    "Annexe II": ("Annexe II", "l'annexe II"),
    "Annexe": ("Annexe", "l'annexe"),
    "Annexe I à l'article R9-9": ("Annexe I à l'article R9-9", "l'annexe I à l'article R9-9"),
    "Annexes à l'article D9-9": (
        "Annexes à l'article D9-9",
        "l'article « Annexes à l'article D9-9 »",
    ),
    "Tableau n° 9 bis": ("Tableau n° 9 bis", "le tableau n° 9 bis"),
    "Annexe II : Tableau n° 9": (
        "Annexe II : Tableau n° 9",
        "l'article « Annexe II : Tableau n° 9 »",
    ),
}


@pytest.mark.parametrize("num", NUMBERS)
def test_how_an_article_is_named(num: str) -> None:
    both = Question(name="both", text="{article} | {l_article}").ask(num, "", "")
    assert tuple(both.split(" | ")) == NUMBERS[num]


@pytest.mark.parametrize("language", BUILT_IN)
def test_built_in(language: str) -> None:
    questions = BUILT_IN[language]
    assert check_questions(questions) == []
    assert [question.name for question in questions] == [
        question.name for question in BUILT_IN["en"]
    ]
    asked = {question.ask("L1", "Code du sport", "Titre {I}") for question in questions}
    assert len(asked) == 5
    assert all("L1" in text and "Code du sport" in text for text in asked)
    assert sum("Titre {I}" in text for text in asked) == 1


def test_french_needs_no_contraction() -> None:
    for question in BUILT_IN["fr"]:
        asked = question.ask("Tableau n° 1", "Code du sport", "Titre Ier")
        assert "le tableau n° 1 du Code du sport" in asked
        assert " de le " not in asked and " à le " not in asked
    assert BUILT_IN["fr"][0].ask("L1", "Code du sport", "") == (
        "Résumez l'article L1 du Code du sport en français courant."
    )


@pytest.mark.parametrize("path", sorted((ROOT / "suites" / "templates").glob("*.yaml")))
def test_the_files_in_the_repository(path: Path) -> None:
    assert len(Legi(templates=str(path)).questions) == len(read_questions(str(path))) >= 2


def test_a_list_of_ones_own(tmp_path: Path) -> None:
    article = {
        "type": "article",
        "data": {
            "id": "LEGIARTI1",
            "num": "Annexe I",
            "texte": "Le lecteur rend les livres qu'il a empruntés avant la fin du mois.",
            "etat": "VIGUEUR",
        },
    }
    second = {"type": "article", "data": {**article["data"], "id": "LEGIARTI2", "num": "L2"}}  # type: ignore[dict-item]
    third = {"type": "article", "data": {**article["data"], "id": "LEGIARTI3", "num": "L3"}}  # type: ignore[dict-item]
    root = {"type": "code", "data": {"title": "Code {x}"}, "children": [article, second, third]}
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / f"{CODES['travail']}.json").write_text(json.dumps(root))
    file = tmp_path / "mine.yaml"
    file.write_text(
        "\ufeff# à moi\n" + GOOD + "  - {name: deux, text: 'Que dit {article} ? {{}} {section}'}\n",
        encoding="utf-8",
    )
    asked = Legi(source=str(tmp_path), templates=str(file))
    prompts = [
        (row.meta["template"], row.prompt[0].content) for row in asked.load(Silent()).examples
    ]
    assert prompts == [
        ("un", "Résumez l'annexe I du Code {x}."),
        ("deux", "Que dit Article L2 ? {} Code {x}"),
        ("un", "Résumez l'article L3 du Code {x}."),
    ]


def test_what_is_in_the_file_is_part_of_the_key(tmp_path: Path) -> None:
    file, other = tmp_path / "one.yaml", tmp_path / "two.yaml"
    file.write_text(GOOD, encoding="utf-8")
    other.write_text(GOOD, encoding="utf-8")
    before = Legi(templates=str(file))
    assert before.key == Legi(templates=str(other)).key != Legi().key
    inline = Legi.model_validate(
        {"templates": [question.model_dump() for question in before.questions]}
    )
    assert (inline.key, inline.signature) == (before.key, before.signature)
    file.write_text(GOOD.replace("Résumez", "Expliquez"), encoding="utf-8")
    after = Legi(templates=str(file))
    assert after.key != before.key and after.signature != before.signature
    assert "|templates:own-1-" in after.signature and "Expliquez" not in after.signature
    assert "|templates:fr|" in Legi(templates="fr").signature


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"q.yaml: is empty"),
        ("# rien\n", r"q.yaml: is empty"),
        ("- name: un\n  text: '{article}'\n", r"q.yaml:1: has no `templates:`; write `templates:`"),
        ("texts: []\n", r"q.yaml:1: unknown key 'texts'; write `templates:`"),
        ("templates:\n", r"q.yaml:1: the list of questions is empty"),
        ("\n\ntemplates: []\n", r"q.yaml:3: the list of questions is empty"),
        ("templates: {a: b}\n", r"q.yaml:1: is no list"),
        ("templates:\n  - un\n", r"q.yaml:2: question 1 needs `name` and `text`"),
        ("templates:\n  - name: un\n", r"q.yaml:2: .*needs `name` and `text`, not name"),
        (GOOD + "    extra: 1\n", r"q.yaml:2: .*not name, text, extra"),
        (GOOD + "  - {name: deux, text: }\n", r"q.yaml:4: question 2 needs a `text`"),
        (GOOD + "  - {name: deux, text: 3}\n", r"q.yaml:4: question 2 needs a `text`"),
        (GOOD + "  - {name: a b, text: '{article}'}\n", r"q.yaml:4: question 2 needs a `name`"),
        (GOOD + "  - {name: un, text: '{article}'}\n", r"q.yaml:4: two questions .* 'un'"),
        (
            GOOD + "  - {name: d, text: '{artcle}'}\n",
            r"q.yaml:4: .*\{artcle\}; did you mean 'article'",
        ),
        (GOOD + "  - {name: d, text: '{}'}\n", r"q.yaml:4: .*\{\}; known: \{article\}"),
        (GOOD + "  - {name: d, text: '{0}'}\n", r"q.yaml:4: .*placeholder \{0\}"),
        (GOOD + "  - {name: d, text: '{article'}\n", r"q.yaml:4: .*brace without its partner"),
        (GOOD + "  - {name: d, text: 'article}'}\n", r"q.yaml:4: .*brace without its partner"),
        (GOOD + "  - {name: d, text: '{article.x}'}\n", r"q.yaml:4: .*\{article\.x\}"),
        (GOOD + "  - {name: d, text: '{article:>99}'}\n", r"q.yaml:4: .*without `:` and `!`"),
        (GOOD + "  - {name: d, text: '{article!r}'}\n", r"q.yaml:4: .*without `:` and `!`"),
        (GOOD + "  - {name: d, text: 'Que dit le {code} ?'}\n", r"q.yaml:4: .*names no article"),
        (GOOD + "templates: []\n", r"q.yaml:4: templates: is already set on line 1"),
        ("templates: [\n", r"q.yaml:\d: "),
        ("\0", r"q.yaml:1: the character U\+0000"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "q.yaml"
    file.write_bytes(text.encode())
    with pytest.raises(ConfigError, match=says):
        read_questions(str(file))
    with pytest.raises(ValidationError, match=says):
        Legi(templates=str(file))


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    file = tmp_path / "q.yaml"
    file.write_text(GOOD + "  - {name: b, text: '{x} {y}'}\n  - {name: '', text: ''}\n")
    with pytest.raises(ConfigError) as error:
        read_questions(str(file))
    assert len(error.value.problems) == 4


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"templates:\n  - name: \xe9\n")
    (tmp_path / "large.yaml").write_bytes(b"#" * 1_000_001)
    for path, says in (
        ("latin.yaml", r"latin.yaml:2: is not UTF-8"),
        ("large.yaml", "is too large"),
        ("none.yaml", "none.yaml: cannot read .*No such file.*; name a file, or one of en, fr"),
        (".", "cannot read"),
        ("a\0b", "cannot read"),
    ):
        with pytest.raises(ConfigError, match=says):
            read_questions(str(tmp_path / path))


@given(st.text(st.characters(exclude_categories=[])))
def test_a_text_that_passes_can_be_asked(text: str) -> None:
    if not check_questions([{"name": "a", "text": text}]):
        assert Question(name="a", text=text).ask("L1", "Code", "Titre")


@given(
    st.lists(
        st.sampled_from([*(f"{{{name}}}" for name in PLACEHOLDERS), "{{", "}}", "é", "{", ":"])
    )
)
def test_near_misses(parts: list[str]) -> None:
    text = "".join(parts)
    if not check_questions([{"name": "a", "text": text}]):
        assert "L1" in Question(name="a", text=text).ask("L1", "Code", "Titre")
