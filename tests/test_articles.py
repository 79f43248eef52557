from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmark.articles import (
    NEVER_IN_FORCE,
    NO_LONGER,
    ArticleIndex,
    Code,
    Entry,
    Standing,
    Version,
    normal_number,
    pack,
    unpack,
)

TRAVAIL = Code("LEGITEXT1", "LEGITEXT1", "travail", "Code du travail", "0" * 64)
RURAL = Code("LEGITEXT2", "LEGITEXT3", "", "Code rural et de l'élevage", "1" * 64)

DAYS = st.dates(date(1950, 1, 1), date(2100, 1, 1))
STATES = st.sampled_from(
    ["", "VIGUEUR", "VIGUEUR_DIFF", "ABROGE_DIFF", *NO_LONGER, *NEVER_IN_FORCE]
)
VERSIONS = st.builds(Version, st.text(), STATES, st.none() | DAYS, st.none() | DAYS)
ENTRIES = st.lists(
    st.builds(
        Entry,
        st.just(TRAVAIL),
        st.text(st.characters()),
        st.text(st.characters()),
        st.text(st.characters()),
        st.lists(VERSIONS, max_size=3).map(tuple),
    ),
    max_size=5,
)


# --- numbers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("normal", "spellings"),
    [
        (
            "L4121-1",
            ["L4121-1", "L. 4121-1", "l.4121-1", " L 4121-1\n", "L. 4121‑1", "L.\xa04121–1"],
        ),
        ("R123-4", ["R*123-4", "R.* 123-4", "R. *123-4", "R**123-4", "r123-4"]),
        ("LO111-3", ["LO111-3", "L.O. 111-3", "LO. 111-3", "l.o.111-3"]),
        ("L1453-1A", ["L1453-1 A", "L. 1453-1 a", "L1453-1-A", "L1453-1A"]),
        ("160-17-2", ["160-17-2", " 160-17-2 "]),
        ("ANNEXEII", ["Annexe II", "ANNEXE  II"]),
        ("ANNEXEIÀL'ARTICLER9-9", ["Annexe I à l'article R. 9-9", "Annexe I à l’article R9-9"]),
        ("TABLEAUN°9BIS", ["Tableau n° 9 bis", "TABLEAU N° 9 BIS"]),
        ("", ["", " . * "]),
    ],
)
def test_one_spelling(normal: str, spellings: list[str]) -> None:
    assert {normal_number(text) for text in spellings} == {normal}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("L1", "L11"),
        ("L1-1", "L11"),
        ("L1-1", "R1-1"),
        ("L1-1 A", "L1-1 B"),
        ("L1-1 A", "L1-1"),
        ("L111-3", "LO111-3"),
        ("Tableau n° 9", "Tableau n° 9 bis"),
    ],
)
def test_different_numbers_stay_different(one: str, other: str) -> None:
    assert normal_number(one) != normal_number(other)


PARTS = st.lists(st.integers(1, 9999), min_size=1, max_size=4)
PREFIX = st.sampled_from(["", "L", "R", "D", "A", "LO"])


@given(PREFIX, PARTS, st.sampled_from(["", "A", "B"]), st.data())
def test_every_way_to_write_a_number(
    prefix: str, parts: list[int], letter: str, data: st.DataObject
) -> None:
    def some(*choices: str) -> str:
        return data.draw(st.sampled_from(choices))

    star = some("", "*", "**") if prefix in ("R", "D") else ""
    head = some(prefix, prefix.lower()) + some("", ".") + some("", " ", "\xa0", "\t") + star
    dash = some("-", "‑", "–")
    tail = some(f" {letter}", f"-{letter}", letter) if letter else ""
    written = head + some("", " ") + dash.join(map(str, parts)) + tail
    assert normal_number(written) == prefix + "-".join(map(str, parts)) + letter


@given(PREFIX, PARTS, PREFIX, PARTS)
def test_numbers_are_equal_only_if_their_parts_are(
    one: str, ones: list[int], other: str, others: list[int]
) -> None:
    same = normal_number(one + "-".join(map(str, ones))) == normal_number(
        other + "-".join(map(str, others))
    )
    assert same == ((one, ones) == (other, others))


@given(st.text(st.characters()))
@example("\u0339 \u0334")  # two marks in the wrong order, kept apart by a space
def test_normal_is_normal(text: str) -> None:
    assert normal_number(normal_number(text)) == normal_number(text)


# --- versions and days ----------------------------------------------------------------------

OLD = Version("a", "MODIFIE", date(2010, 1, 1), date(2015, 1, 1))
NEW = Version("b", "VIGUEUR", date(2015, 1, 1), date(2999, 1, 1))
LATER = Version("c", "VIGUEUR_DIFF", date(2030, 1, 1), date(2999, 1, 1))
ENDING = Version("d", "ABROGE_DIFF", date(2015, 1, 1), date(2027, 7, 1))
STILLBORN = Version("e", "MODIFIE_MORT_NE", date(2012, 1, 1), date(2012, 1, 1))
ANNULLED = Version("f", "ANNULE", date(2012, 1, 1), date(2999, 1, 1))
BLANK = Version("g", "", None, None)


def entry(*versions: Version, num: str = "L1", cid: str = "C1", code: Code = TRAVAIL) -> Entry:
    return Entry(code, num, cid, versions[-1].id if versions else "", versions)


@pytest.mark.parametrize(
    ("versions", "day", "standing"),
    [
        ([OLD, NEW], "2009-12-31", "not yet in force"),
        ([OLD, NEW], "2010-01-01", "in force"),
        ([OLD, NEW], "2014-12-31", "in force"),
        ([OLD, NEW], "2015-01-01", "in force"),
        ([OLD], "2014-12-31", "in force"),
        ([OLD], "2015-01-01", "repealed"),
        ([OLD, LATER], "2020-01-01", "repealed"),  # a gap
        ([OLD, LATER], "2030-01-01", "in force"),
        ([LATER], "2029-12-31", "not yet in force"),
        ([ENDING], "2027-06-30", "in force"),
        ([ENDING], "2027-07-01", "repealed"),
        ([STILLBORN, LATER], "2020-01-01", "not yet in force"),
        ([ANNULLED], "2020-01-01", "repealed"),
        ([ANNULLED, NEW], "2013-01-01", "not yet in force"),
        ([], "2020-01-01", "unknown"),
        ([BLANK], "2020-01-01", "unknown"),
        ([BLANK, OLD], "2020-01-01", "unknown"),
        ([BLANK, NEW], "2020-01-01", "in force"),
        ([Version("h", "VIGUEUR", None, None)], "2020-01-01", "in force"),
        ([Version("h", "ABROGE", None, None)], "2020-01-01", "repealed"),
        ([Version("h", "VIGUEUR_DIFF", None, None)], "2020-01-01", "not yet in force"),
        ([Version("h", "TRANSFERE", date(2010, 1, 1), None)], "2020-01-01", "repealed"),
        ([Version("h", "", None, date(2010, 1, 1))], "2010-01-01", "repealed"),
    ],
)
def test_state_at(versions: list[Version], day: str, standing: Standing) -> None:
    assert entry(*versions).state_at(date.fromisoformat(day)) == standing


@given(st.lists(DAYS, min_size=2, max_size=6, unique=True).map(sorted), DAYS)
def test_a_chain_of_versions_has_one_before_and_one_after(cuts: list[date], day: date) -> None:
    chain = [Version(str(a), "MODIFIE", a, b) for a, b in pairwise(cuts)]
    expected = "not yet in force" if day < cuts[0] else "repealed"
    if cuts[0] <= day < cuts[-1]:
        expected = "in force"
        assert [version.state_at(day) for version in chain].count("in force") == 1
    assert entry(*chain).state_at(day) == expected


@given(VERSIONS, DAYS)
def test_what_is_over_stays_over(version: Version, day: date) -> None:
    order = ["not yet in force", "in force", "repealed"]
    now, next_day = version.state_at(day), version.state_at(day + timedelta(days=1))
    if "unknown" in (now, next_day):
        assert now == next_day
    else:
        assert order.index(now) <= order.index(next_day)


# --- the index ------------------------------------------------------------------------------


def index(*entries: Entry) -> ArticleIndex:
    codes = list(dict.fromkeys(entry.code for entry in entries))
    return ArticleIndex(
        *(unpack(pack(code, [entry for entry in entries if entry.code == code])) for code in codes)
    )


ONE = entry(OLD, NEW, num="R*123-4", cid="C1")
TWO = entry(LATER, num="L2 A", cid="C2")
ANNEXES = [entry(NEW, num="Annexe I", cid=cid) for cid in ("C3", "C4")]
SAME = entry(OLD, num="L2 A", cid="C5", code=RURAL)
ALL = index(ONE, TWO, *ANNEXES, SAME)


def test_find() -> None:
    assert ALL.find("R. 123-4") == (ONE,)
    assert ALL.find("l. 2 a") == (TWO, SAME)
    assert ALL.find("Annexe I") == tuple(ANNEXES)
    assert ALL.find("R999") == () == ALL.find("")
    assert len(ALL) == 5 and list(ALL) == [ONE, TWO, *ANNEXES, SAME]


@pytest.mark.parametrize(
    "name",
    [RURAL, "LEGITEXT2", "LEGITEXT3", "code RURAL et  de l’élevage", "Code rural et de l'élevage"],
)
def test_find_in_one_code(name: Code | str) -> None:
    assert ALL.find("L2 A", name) == (SAME,)
    assert ALL.find("R123-4", name) == ()


def test_a_code_that_is_not_there_is_not_an_article_that_is_not_there() -> None:
    assert ALL.code("travail") == TRAVAIL and ALL.code("Code civil") is None and not ALL.code("")
    with pytest.raises(KeyError, match=r"no code 'Code civil'.*Code du travail, Code rural"):
        ALL.find("L2 A", "Code civil")
    with pytest.raises(KeyError):
        index(ONE).find("L2 A", RURAL)


def test_by_id() -> None:
    assert ALL.by_cid("C2") == (TWO,) and ALL.by_cid("C9") == ()
    assert ALL.by_version("a") == (ONE, SAME) and ALL.by_version("z") == ()


@given(ENTRIES)
def test_what_is_packed_is_unpacked(entries: list[Entry]) -> None:
    text = pack(TRAVAIL, entries)
    assert text.isascii()
    read = ArticleIndex(unpack(text))
    assert list(read) == entries and read.codes == (TRAVAIL,)
    for item in entries:
        assert item in read.find(item.num) and item in read.by_cid(item.cid)
        assert all(item in read.by_version(version.id) for version in item.versions)


def test_damage_is_seen() -> None:
    text = pack(TRAVAIL, [ONE, TWO])
    first, *lines = text.split("\n")
    for damaged in (
        "",
        "[]",
        "{}",
        first,
        text[:-1],
        text.replace("2010", "2011"),
        text.replace('"format":1', '"format":2'),
        "\n".join([first, *reversed(lines)]),
        "\n".join([first.replace('"cids":["C1",', '"cids":['), *lines]),
    ):
        with pytest.raises(ValueError, match="is no article index"):
            unpack(damaged)


def test_the_digest_is_of_the_sources() -> None:
    assert index(ONE).digest == index(ONE).digest != ALL.digest
    with pytest.raises(ValueError, match="twice"):
        ArticleIndex(unpack(pack(TRAVAIL, [ONE])), unpack(pack(TRAVAIL, [TWO])))
    assert len(ArticleIndex()) == 0 and ArticleIndex().find("L1") == ()
