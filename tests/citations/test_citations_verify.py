"""Verdicts, over a small index of made-up articles; 500 answers with planted citations."""

from __future__ import annotations

import random
from datetime import date
from zlib import crc32

import pytest

from benchmark.articles import ArticleIndex, Code, Entry, Version, pack, unpack
from benchmark.citations.extract import extract
from benchmark.citations.quotes import found, quotes, words
from benchmark.citations.verify import Checked, code_in, expand, verify

DAY = date(2026, 1, 1)
FOREVER = date(2999, 1, 1)
TRAVAIL = Code("LEGITEXT000006072050", "LEGITEXT000006072050", "travail", "Code du travail", "a")
RURAL = Code(
    "LEGITEXT000022197698",
    "LEGITEXT000006071367",
    "rural",
    "Code rural et de la pêche maritime",
    "b",
)
SPELT = {
    "Code du travail": ("du code du travail", "C. trav.", "du Code du Travail", "(C. trav.)"),
    "Code rural et de la pêche maritime": (
        "du code rural",
        "CRPM",
        "du code rural et de la pêche maritime",
        "C. rur.",
    ),
    "Code civil": ("du Code civil", "C. civ.", "du code civil"),
}


def entry(code: Code, number: str, *versions: tuple[date, date, str], at: int = 0) -> Entry:
    name = f"LEGIARTI{crc32(f'{code.id} {number}'.encode()) % 10**9:09d}"
    listed = tuple(
        Version(f"{name}{place:03d}", state, start, end)
        for place, (start, end, state) in enumerate(versions)
    )
    return Entry(code, number, f"cid-{number}", listed[at].id, listed)


def now(code: Code, number: str) -> Entry:
    return entry(code, number, (date(2008, 5, 1), FOREVER, "VIGUEUR"))


def index() -> ArticleIndex:
    """Two codes: L1 to L9 (R1 to R9), one article repealed, one to come, one amended since."""
    parts = []
    for code, first in ((TRAVAIL, 1200), (RURAL, 400)):
        entries = [now(code, f"{letter}{first}-{n}") for letter in "LRD" for n in range(1, 40)]
        entries += [now(code, f"L{first + 1}-{n} A") for n in range(1, 10)]
        past = (date(2008, 5, 1), date(2020, 1, 1), "ABROGE")
        entries += [entry(code, f"L{first + 5}-{n}", past) for n in range(1, 30)]
        future = (date(2027, 1, 1), FOREVER, "VIGUEUR_DIFF")
        entries += [entry(code, f"L{first + 6}-{n}", future) for n in range(1, 10)]
        amended = [(date(2010, 1, 1), date(2026, 6, 1), "MODIFIE")]
        amended += [(date(2026, 6, 1), FOREVER, "VIGUEUR")]
        entries += [entry(code, f"L{first + 7}-{n}", *amended, at=1) for n in range(1, 10)]
        entries.append(now(code, "Annexe I à l'article R9-9"))
        parts.append(unpack(pack(code, entries)))
    return ArticleIndex(*parts)


@pytest.fixture(scope="module")
def small() -> ArticleIndex:
    return index()


def check(text: str, small: ArticleIndex, code: str = "Code du travail") -> list[Checked]:
    return verify(extract(text, code), small, DAY)


def verdicts(text: str, small: ArticleIndex, code: str = "Code du travail") -> list[str]:
    return [one.cited.verdict for one in check(text, small, code)]


def planted(rng: random.Random) -> tuple[str, str, str, str]:
    """Return what is cited: number as the index has it, code as text, verdict, code's title."""
    kind = rng.choice(["in force", "other code", "invented", "repealed", "out of corpus"])
    code, other = rng.choice([(TRAVAIL, RURAL), (RURAL, TRAVAIL)])
    first = 1200 if code == TRAVAIL else 400
    number = f"{rng.choice('LRD')}{first}-{rng.randint(1, 39)}"
    if kind == "in force" and rng.random() < 0.2:
        number = f"L{first + 1}-{rng.randint(1, 9)} A"
    if kind == "repealed":
        number = f"L{first + 5}-{rng.randint(1, 29)}"
    if kind == "invented":
        number = f"{rng.choice('LRD')}{rng.choice([8888, 9999])}-{rng.randint(1, 99)}"
    title = other.title if kind == "other code" else code.title
    if kind == "out of corpus":
        number, title = str(rng.randint(1, 2000)), "Code civil"
    return number, rng.choice(SPELT[title]), kind, title


def spelt(number: str, rng: random.Random) -> str:
    """Return a number in one of its spellings."""
    if number[0].isdigit():
        return number
    letter, rest = number[0], number[1:]
    dash = rng.choice(["-", "-", "‑"])
    gap = rng.choice([". ", ".", " ", "", ".\u00a0", ".* " if letter == "R" else ". "])
    return letter + gap + rest.replace("-", dash)


def answer(rng: random.Random) -> tuple[str, list[tuple[str, str]]]:
    """Return an answer, and (verdict, code) of each of its citations."""
    frames = (
        "Selon l'article {n} {c}, cela est prévu.",
        "L'employeur doit agir (art. {n} {c}).",
        "- **Article {n}** {c} : le texte le dit.",
        "Aux termes du 2° du II de l'article {n} {c}, il faut attendre.",
        "Voir [l'article {n}](https://example.org/x) {c}.",
        "On lit à l'alinéa 3 de l’article {n} {c}\u00a0: « rien ».",
    )
    sentences, expected = [], []
    for _ in range(rng.randint(1, 4)):
        number, code, kind, title = planted(rng)
        sentences.append(rng.choice(frames).format(n=spelt(number, rng), c=code))
        expected.append((kind, title))
    return rng.choice([" ", "\n", "\n\n"]).join(sentences), expected


def test_500_answers_are_all_classified_right(small: ArticleIndex) -> None:
    rng = random.Random(7)
    seen: set[str] = set()
    for _ in range(500):
        text, expected = answer(rng)
        got = [(one.cited.verdict, one.cited.code) for one in check(text, small)]
        assert got == expected, text
        seen |= {verdict for verdict, _ in expected}
    assert len(seen) == 5


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("article L. 1200-1", "in force"),
        ("article L. 1207-1 du code du travail", "amended since"),
        ("article L. 1206-1 du code du travail", "not yet in force"),
        ("article L. 1205-1", "repealed"),
        ("article L. 400-1", "other code"),
        ("article L. 77-77", "invented"),
        ("article L. 77-77 du code pénal", "out of corpus"),
        ("article 3", "unparseable"),
        ("article 3 du code du travail", "invented"),
        ("l'ancien article L. 122-12 du code du travail", "unparseable"),
        ("annexe IV du code du travail", "unparseable"),
        ("loi n° 89-462 du 6 juillet 1989", "other reference"),
        ("l'article 12 de la convention collective", "other reference"),
    ],
)
def test_each_verdict(text: str, verdict: str, small: ArticleIndex) -> None:
    (one,) = check(text, small)
    assert one.cited.verdict == verdict
    assert one.cited.reason.endswith(".") and "\n" not in one.cited.reason


def test_reasons_and_links(small: ArticleIndex) -> None:
    site = "https://www.legifrance.gouv.fr/codes/"
    (here,) = check("article L. 1200-1", small)
    assert here.cited.reason == "In force in the Code du travail on 01/01/2026."
    assert here.cited.link == f"{site}article_lc/{here.entries[0].id}/2026-01-01"
    (other,) = check("article L. 400-1 du code du travail", small)
    assert other.cited.reason == (
        "The Code du travail has no article L400-1; the Code rural et de la pêche maritime has one."
    )
    assert other.cited.link.startswith(f"{site}article_lc/LEGIARTI")
    (gone,) = check("article L. 1205-2", small)
    assert gone.cited.reason.endswith("on 01/01/2026: until 01/01/2020.")
    (none,) = check("article L. 77-77", small)
    assert none.cited.link == f"{site}texte_lc/{TRAVAIL.id}"
    (away,) = check("article 1240 du code civil", small)
    assert away.cited.link == f"{site}texte_lc/LEGITEXT000006070721"
    (annex,) = check("annexe I à l'article R. 9-9", small)[:1]
    assert annex.cited.verdict == "in force"


def test_no_code_beside_it_and_two_that_may_be_meant(small: ArticleIndex) -> None:
    # The answer goes on about the code that it has just named.
    assert (
        verdicts("article L. 400-1 du code rural. L'article L. 400-2 dit", small)[1] == "in force"
    )
    # It may be the Code pénal's, which is not checked: neither right nor wrong.
    text = "article 121-2 du code pénal. L'article L. 77-77 dit"
    assert verdicts(text, small)[1] == "unparseable"
    assert verdicts("article L. 1200-1", small, code="") == ["unparseable"]


def test_ranges_are_expanded_only_against_the_index(small: ArticleIndex) -> None:
    def inside(text: str) -> tuple[str, ...]:
        return expand(extract(text, "Code du travail")[0], small)

    assert inside("articles L. 1200-2 à L. 1200-5") == ("L1200-3", "L1200-4")
    assert inside("articles L. 1200-2 à L. 9999-5") == ()
    assert inside("articles L. 1200-5 à L. 1200-2") == ()
    assert inside("articles 1 à 5 du code civil") == ()
    assert inside("article L. 1200-2") == ()


def test_codes_are_found_by_title_and_by_id(small: ArticleIndex) -> None:
    assert code_in(small, "Code rural et de la pêche maritime") == RURAL
    assert code_in(small, "Code civil") is None
    odd = Code("LEGITEXT000006072050", "", "", "Code  du TRAVAIL (v2)", "c")
    assert code_in(ArticleIndex(unpack(pack(odd, []))), "Code du travail") == odd


def test_quotations(small: ArticleIndex) -> None:
    text = (
        "L'article L. 1200-1 dit que « le contrat de travail est écrit en français » ; « un mot »"
        "\n\nAilleurs, « ceci ne touche aucun article cité »."
    )
    (quote,) = quotes(text, check(text, small))
    assert quote.beside.cited.number == "L1200-1"
    article = words("Le contrat de travail est établi par écrit, en français ou non.")
    # "le contrat de travail est" is there in a row, "écrit en français" too.
    assert (len(quote.words), found(quote.words, article)) == (8, 8)
    assert found(words("le contrat de mariage est écrit"), article) == 3
    assert found((), article) == found(words("le contrat"), article) == 0


@pytest.mark.parametrize("text", ['"' * 50_000, "« " * 50_000, "L. 1200-1 « a b c » " * 3_000])
def test_quotations_of_hostile_text(text: str, small: ArticleIndex) -> None:
    assert len(list(quotes(text, check(text, small)))) == text.count("a b c")
