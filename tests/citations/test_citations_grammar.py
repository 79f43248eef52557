"""What is found in a text, and which code it is resolved to: tables, properties, hostile text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.citations.codes import known_codes, same_code, title_of
from benchmark.citations.extract import Citation, extract
from benchmark.citations.tokens import tokenise

TRAVAIL, RURAL, CIVIL = "Code du travail", "Code rural et de la pêche maritime", "Code civil"
CSS, CPC, CGI = "Code de la sécurité sociale", "Code de procédure civile", "Code général des impôts"
LPF, COM, PENAL = "Livre des procédures fiscales", "Code de commerce", "Code pénal"
CESEDA = "Code de l'entrée et du séjour des étrangers et du droit d'asile"

NUMBERS = {
    "article L. 4121-1": "L4121-1",
    "l'article L4121-1": "L4121-1",
    "L’article L.\u00a04121‑1,": "L4121-1",
    "Article l4121-1": "L4121-1",
    "article L-4121-1": "L4121-1",
    "article n° L. 4121-1": "L4121-1",
    "ARTICLE L. 4121-1 DU CODE DU TRAVAIL": "L4121-1",
    "art. R.* 123-4": "R123-4",
    "art. R*123-4": "R123-4",
    "R.\u2009*\u2009123-4": "R123-4",
    "l'article LO 111-3": "LO111-3",
    "article L.O. 111-3": "LO111-3",
    "article L. 233-3 A du code": "L233-3A",
    "article L. 233-3 A.": "L233-3A",
    "article L1453-1-A": "L1453-1A",
    "article L. 16-0 BA du LPF": "L16-0BA",
    "article 199 undecies A du CGI": "199UNDECIESA",
    "article 1649 quater B quater du CGI": "1649QUATERBQUATER",
    "article D. 3": "D3",
    "article A. 320-1": "A320-1",
    "article 1er du code civil": "1",
    "article premier du code civil": "1",
    "article L. 4121 - 1": "L4121-1",
    "**article L. 4121-1**": "L4121-1",
    "[L. 4121-1](https://example.org/a_(b))": "L4121-1",
    "`L4121-1`": "L4121-1",
    "<b>article</b> L. <i>4121-1</i>": "L4121-1",
    "article L. 1221-1 C. trav.": "L1221-1",
    "à l'article L. 1221-1 A défaut d'accord": "L1221-1",
    "L. 6313-1-3°": "L6313-1",
    "art L\u200b. 4121-1": "L4121-1",
}
NOTHING = (
    "",
    "Le contrat de travail est conclu pour 12 mois.",
    "R2-D2 et A4-3, le D. 3 et la L. 5",
    "Cass. soc., 12 janv. 2022, n° 20-12.345",
    "l'art de vivre en 3 points",
    "article 3.1 du règlement intérieur",
    "aux articles : 1° ",
    "l'annexe II du présent contrat",
    "le code de la route est long",
    "18 h 30, 5 A, 4° et 2e alinéa",
)
# Text, and (number, code) of each find, for a text about the Code du travail.
PROSE: list[tuple[str, list[tuple[str, str]]]] = [
    ("l'article 1240 du code civil", [("1240", CIVIL)]),
    ("articles 1103 et 1104 du Code civil", [("1103", CIVIL), ("1104", CIVIL)]),
    ("art. 700 CPC", [("700", CPC)]),
    ("L.1221-1 et s. C. trav.", [("L1221-1", TRAVAIL)]),
    ("C. civ., art. 1103 et 1104", [("1103", CIVIL), ("1104", CIVIL)]),
    ("(CSS, art. L. 452-1)", [("L452-1", CSS)]),
    ("L. 123-2, L. 123-3 et D. 4 du code rural", [(n, RURAL) for n in ("L123-2", "L123-3", "D4")]),
    ("article L. 1 du code rural et article L. 2 du même code", [("L1", RURAL), ("L2", RURAL)]),
    ("article L. 1 du code rural et L. 12-3 du présent code", [("L1", RURAL), ("L12-3", TRAVAIL)]),
    ("article L. 1 du code rural ; article L. 2 dudit code", [("L1", RURAL), ("L2", RURAL)]),
    ("article L. 1 du code rural. L'article L. 2 de ce même code", [("L1", RURAL), ("L2", RURAL)]),
    ("article L. 1 du code rural. L'article L. 2 prévoit", [("L1", RURAL), ("L2", TRAVAIL)]),
    (
        "à l'article L. 233-1, aux I et II de l'article L. 233-3 du code de commerce",
        [("L233-1", COM), ("L233-3", COM)],
    ),
    (
        "Par dérogation à l'article L. 3321-1, l'article L. 130-1 du code de la sécurité sociale",
        [("L3321-1", TRAVAIL), ("L130-1", CSS)],
    ),
    (
        "de l'article L. 3325-3 et du II de l'article 237 bis A du code général des impôts",
        [("L3325-3", TRAVAIL), ("237BISA", CGI)],
    ),
    ("à l'article L. 313-12, I, 6° du CESEDA", [("L313-12", CESEDA)]),
    ("le 3° du II de l'article L. 2 (alinéa 2) du code rural", [("L2", RURAL)]),
    ("article L. 82 C du livre des procédures fiscales, L. 83 du même livre",
     [("L82C", LPF), ("L83", LPF)]),
    ("Le code civil, en son article 1353", [("1353", CIVIL)]),
    ("Code du travail, art. L. 1221-1 ; C. pén., art. 121-2", [("L1221-1", TRAVAIL),
                                                             ("121-2", PENAL)]),
    ("**Code rural - Article L411-1**", [("L411-1", RURAL)]),
    ("article L. 23-11 du code du commerce", [("L23-11", COM)]),
    ("article 50 bis de l'annexe II au code général des impôts", [("50BIS", f"{CGI}, annexe II")]),
    ("article 3 du code des obligations", [("3", "code des obligations")]),
    ("annexe II à l'article R. 4312-6", [("ANNEXEIIÀL'ARTICLER4312-6", TRAVAIL),
                                       ("R4312-6", TRAVAIL)]),
    ("le tableau n° 57 des maladies professionnelles", [("TABLEAUN°57", CSS)]),
    ("l'article L. 2 du code rural. Au même article L. 2,", [("L2", RURAL), ("L2", RURAL)]),
    ("article 2 de la loi n° 89-462 du 6 juillet 1989", [("2", ""), ("", "")]),
    ("l'article 6 du RGPD", [("6", ""), ("", "")]),
    ("article 55 de la Constitution", [("55", "")]),
    ("l'article 12 de la convention collective", [("12", "")]),
]  # fmt: skip
ACTS = (
    "loi n° 2016-1691 du 9 décembre 2016",
    "loi du 1er juillet 1901",
    "décret n° 83-40 du 26 janvier 1983",
    "ordonnance n°2017-1387",
    "règlement (UE) 2016/679",
    "règlement (CE) n° 883/2004",
    "directive 2003/88/CE",
    "arrêté du 3 mai 2007",
    "RGPD",
)


def pairs(text: str) -> list[tuple[str, str]]:
    return [(one.number, one.code) for one in extract(text, TRAVAIL)]


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_in_any_spelling(text: str) -> None:
    (found,) = extract(text)
    assert found.number == NUMBERS[text]
    assert text[found.start : found.end] == found.text


@pytest.mark.parametrize("text", NOTHING)
def test_what_is_no_citation(text: str) -> None:
    assert extract(text) == []


@pytest.mark.parametrize(("text", "expected"), PROSE, ids=[text for text, _ in PROSE])
def test_the_code_of_each_number(text: str, expected: list[tuple[str, str]]) -> None:
    assert pairs(text) == expected


@pytest.mark.parametrize("act", ACTS)
def test_acts(act: str) -> None:
    (found,) = extract(f"Selon {act}, tout va bien.")
    assert (found.kind, found.text, found.number) == ("act", act, "")
    article, same = extract(f"l'article 3 de la {act}")
    assert article.act == act and same.text == act


def test_ranges_lists_and_points() -> None:
    first, last, other = extract("articles L. 1 à L. 5 et du 3° du II de l'article L. 9")
    assert (first.until, last.until, other.until) == ("L5", "", "")
    (one,) = extract("le 3° du II de l'article L. 9")
    assert one.point == "3° du II"
    assert [one.point for one in extract("article L. 9, I, 2°")] == ["I, 2°"]
    ends = extract("de l'article L. 12-1 à l'article L. 12-4")
    assert [one.until for one in ends] == ["L12-4", ""]
    assert [one.former for one in extract("l'ancien article L. 9 et l'article L. 10")] == [
        True, False,
    ]  # fmt: skip
    assert extract("l'article 1134 ancien du Code civil")[0].former


def test_without_a_code_the_last_one_named_is_assumed() -> None:
    first, second = extract("L'article 1240 du code civil. Puis l'article 1241 dit")
    assert (first.code, first.named, second.code, second.named) == (CIVIL, True, CIVIL, False)
    assert extract("l'article L. 1")[0].code == ""
    third = extract("L'article L. 1 du code rural. Puis l'article L. 2 dit", "C. trav.")[1]
    assert (third.code, third.last) == (TRAVAIL, RURAL)


def test_all_codes_are_known_by_all_their_names() -> None:
    for code in known_codes():
        for name in code.names:
            assert title_of(name) == code.title
            (found,) = extract(f"l'article L. 123-4 du {name}, qui")
            assert (found.number, found.code, found.named) == ("L123-4", code.title, True), name
    assert same_code("c. trav.", TRAVAIL) and not same_code("", "")
    ids = [code.id for code in known_codes() if code.id]
    assert len(ids) == len(set(ids)) and all(len(one) == 20 for one in ids)


WORDS = [
    "article ", "articles ", "art. ", "L. ", "R*", "1221-1", "12", " A", "°", ", ", " et ", " à ",
    "du même code", "du code rural", "Code civil", "de la loi n° 89-462", "présent code", "(", ")",
    "annexe II ", "\n\n", "II", "alinéa ", "**", "[", "](x)", "«", "\u00a0", "bis", "CSS", "1er",
]  # fmt: skip
MADE = st.lists(st.sampled_from(WORDS), max_size=30).map("".join)
ANY = st.text(st.characters(codec=None), max_size=200)


@given(st.one_of(ANY, MADE), st.sampled_from(["", TRAVAIL, "x"]))
def test_spans_slice_back_and_never_overlap(text: str, code: str) -> None:
    found = extract(text, code)
    for one in found:
        assert text[one.start : one.end] == one.text != ""
        assert (one.kind == "act") == (not one.number)
    assert all(one.end <= other.start for one, other in pairwise(found))
    for token in tokenise(text):
        assert text[token.start : token.end] == token.raw != ""


@given(MADE)
def test_neutral_prose_around_changes_nothing(text: str) -> None:
    def shown(found: list[Citation], shift: int) -> list[tuple[object, ...]]:
        return [(one.number, one.code, one.until, one.start - shift) for one in found]

    before, after = "Voici ce que dit le texte.\n\n", "\n\nVoilà, en quelques mots."
    around = extract(before + text + after, TRAVAIL)
    assert shown(around, len(before)) == shown(extract(text, TRAVAIL), 0)


MILLION = 1_000_000
HOSTILE = {
    "NUL": ("article\x00 L. 1221-1\x00", 1),
    "lone surrogates": ("\ud800article L. 1221-1\udfff", 1),
    "right to left": ("\u202earticle L. 1221-1\u202c שלום", 1),
    "dots": ("." * MILLION, 0),
    "keywords": ("article " * (MILLION // 8), 0),
    "codes": ("du code de la " * (MILLION // 14), 0),
    "same": ("même dit " * (MILLION // 9), 0),
    "glue": ("art. L. 12-3 " + "et " * (MILLION // 3), 1),
    "open brackets": ("](<a" * (MILLION // 4), 0),
    "marks": ("e" + "\u0301\u0316" * (MILLION // 2), 0),
    "digits": ("article " + "1" * MILLION, 1),
    "hyphens": ("article 1" + "-1" * (MILLION // 2), 1),
    "empty lines": ("\n \n" * (MILLION // 3), 0),
    "annexes": ("annexe II à l'article " * (MILLION // 22), 0),
    "one list": ("L. 12-1, " * 30_000, 30_000),
}


@pytest.mark.parametrize(("text", "count"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_text(text: str, count: int) -> None:
    # A million characters: anything but linear time would not end.
    assert len(extract(text, TRAVAIL)) == count


def steps(text: str) -> int:
    """Return how many functions are called for a text: work, not time."""
    import sys

    count = 0

    def tick(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(tick)
    try:
        extract(text, TRAVAIL)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "piece",
    ["article ", "du même code ", "L. 12-3, ", "art. L. 12-3 et ", "L. 12-3 (", "code de la ",
     "Code civil, ", "annexe II à l'article ", "loi n° ", "II, 3°, ", "L. 1-1 à L. 1-9 du code "],
)  # fmt: skip
def test_work_grows_with_the_text_and_no_faster(piece: str) -> None:
    small, large = steps(piece * 200), steps(piece * 1600)
    assert large < 9 * small
