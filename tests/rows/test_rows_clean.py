"""Cleaning: every rule by itself, its reason, and what a repair leaves alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmark.records import Message
from benchmark.rows.clean import Dropped, Kept, Rules, clean
from benchmark.rows.damage import CONTROL, MOJIBAKE, damages, mended
from benchmark.rows.repairs import rewritten, tidied
from benchmark.rows.row import Place, Row

ANSWER = (
    "Le salarié prévient son employeur de son absence dans un délai de quarante-huit heures, "
    "sauf cas de force majeure dûment constaté."
)
OFF = Rules(
    encoding_damage=False,
    whitespace=False,
    no_user_or_assistant=False,
    short_answer=False,
    exact_duplicate=False,
    duplicate_prompt=False,
)


def row(question: str, answer: str = ANSWER, line: int = 0) -> Row:
    """Return a conversation."""
    turns = (Message(role="user", content=question), Message(role="assistant", content=answer))
    place = Place(file="a.jsonl", line=line) if line else None
    return Row(messages=turns, format="chat", place=place)


def results(*rows: Row, **rules: object) -> list[tuple[str, str]]:
    """Return rule and reason of each row, empty for those kept, with only some rules on."""
    return [
        (result.rule, result.reason) if isinstance(result, Dropped) else ("", "")
        for result in clean(rows, OFF.model_copy(update=rules))
    ]


KEPT = ("", "")


def test_preferences_are_repaired_whole_and_kept_with_their_question() -> None:
    pairs = [
        row("Une question ?").model_copy(update={"rejected": text, "format": "preference"})
        for text in ("Non. ", " ".join(reversed(ANSWER.split())), "Non.")
    ]
    kept = list(clean(pairs, Rules(near_duplicate=True)))
    assert [result.row.rejected for result in kept if isinstance(result, Kept)] == [
        "Non.",
        pairs[1].rejected,
    ]
    (dropped,) = (result for result in kept if isinstance(result, Dropped))
    assert (dropped.row, dropped.rule) == (pairs[2], "exact_duplicate")


def test_no_user_or_assistant() -> None:
    assert results(
        row("Une question ?"),
        row(" \n"),
        row("Une question ?", " "),
        Row(messages=(Message(role="user", content="Seule"),), format="chat"),
        Row(messages=(Message(role="assistant", content="Seule"),), format="chat"),
        Row(text="\n", format="text"),
        Row(text="Un texte.", format="text"),
        Row(format="chat"),
        no_user_or_assistant=True,
    ) == [
        KEPT,
        ("no_user_or_assistant", "no user turn"),
        ("no_user_or_assistant", "no answer"),
        ("no_user_or_assistant", "no answer"),
        ("no_user_or_assistant", "no user turn"),
        ("no_user_or_assistant", "no text"),
        KEPT,
        ("no_user_or_assistant", "no text"),
    ]


def test_short_answer_counts_words() -> None:
    nine, ten = " ".join(["mot"] * 9), " ".join(["mot"] * 10)
    found = results(row("a", nine), row("b", ten), row("c", "mot"), short_answer=True)
    assert found == [
        ("short_answer", "the answer has 9 words, fewer than 10"),
        KEPT,
        ("short_answer", "the answer has 1 word, fewer than 10"),
    ]
    assert results(row("a", nine), short_answer=True, min_words=9) == [KEPT]


def test_duplicates_name_the_row_that_stays() -> None:
    rows = [
        row("Quel délai ?", line=1),
        row("QUEL  délai ?", ANSWER.upper(), line=2),
        row("Quel délai ?", "Une autre réponse.", line=3),
        row("Quel autre délai ?", line=4),
    ]
    same = ("exact_duplicate", "the same prompt and answer as a.jsonl:1")
    assert results(*rows, exact_duplicate=True) == [KEPT, same, KEPT, KEPT]
    prompt = ("duplicate_prompt", "the same prompt as a.jsonl:1")
    assert results(*rows, duplicate_prompt=True) == [KEPT, prompt, prompt, KEPT]


def test_a_row_without_place_is_named_by_its_number() -> None:
    found = results(row("a"), row("b"), row("b"), duplicate_prompt=True)
    assert found[2] == ("duplicate_prompt", "the same prompt as row 1")


def test_a_dropped_row_drops_no_other() -> None:
    first, short, good = row("Quel délai ?"), row("Quelle heure ?", "Midi."), row("Quelle heure ?")
    found = results(first, short, good, short_answer=True, duplicate_prompt=True)
    assert [rule for rule, _ in found] == ["", "short_answer", ""]


def test_near_duplicate() -> None:
    long = f"{ANSWER} {' '.join(f'Le point numéro {n} est précisé.' for n in range(20))}"
    changed = long.replace("majeure", "mineure")
    rows = [row("Quel délai ?", long, 1), row("Quel délai ?", changed, 2), row("Autre", line=3)]
    near = ("near_duplicate", "nearly the same prompt and answer as a.jsonl:1")
    assert results(*rows, near_duplicate=True) == [KEPT, near, KEPT]
    assert results(*rows, near_duplicate=True, similarity=0.99) == [KEPT] * 3
    assert results(Row(format="chat"), Row(format="chat"), near_duplicate=True) == [KEPT] * 2


def test_plain_texts_have_no_duplicate_prompts() -> None:
    rows = [Row(text=f"{ANSWER} {n}", format="text") for n in (1, 2, 1)]
    found = list(clean(rows))
    assert [type(result) for result in found] == [Kept, Kept, Dropped]
    assert isinstance(found[2], Dropped)
    assert found[2].rule == "exact_duplicate"


def test_mojibake_is_undone() -> None:
    # What Windows-1252 makes of the UTF-8 bytes: Python's codec is the other implementation.
    broken = ANSWER.replace("à", "a").encode().decode("cp1252")
    (result,) = clean([row("Quel dÃ©lai ?", broken)])
    assert isinstance(result, Kept)
    assert result.row.answer == ANSWER.replace("à", "a")
    assert result.row.question == "Quel délai ?"
    assert result.repairs == ("repaired the encoding",)


def test_lost_letters_drop_the_row_as_it_was() -> None:
    lost = row("Quel d\ufffdlai ?")
    (result,) = clean([lost])
    assert result == Dropped(
        lost, "encoding_damage", "cannot be repaired: U+FFFD in place of a letter"
    )
    (result,) = clean([row("a\ud800")])
    assert isinstance(result, Dropped)
    assert "surrogate" in result.reason


def test_control_characters_go() -> None:
    (result,) = clean([row("\ufeffQuel\x00 délai\x07 ?")], Rules(whitespace=False))
    assert isinstance(result, Kept)
    assert result.row.question == "Quel délai ?"


def test_a_sound_row_is_the_same_object() -> None:
    sound = row("Quel délai ?", "1. Un\n\n   - deux\tc\n" + ANSWER)
    (result,) = clean([sound])
    assert isinstance(result, Kept)
    assert result.row is sound
    assert result.repairs == ()


def test_white_space() -> None:
    (result,) = clean([row(" Quel délai ? \r\n\r\n\r\n\r\nDites. ", ANSWER + "  \n")])
    assert isinstance(result, Kept)
    assert result.row.question == "Quel délai ?\n\nDites."
    assert result.row.answer == ANSWER
    assert result.repairs == ("removed white space",)


def test_repairs_keep_what_else_a_row_has() -> None:
    turns = (
        Message(role="system", content="Répondez. "),
        Message(role="user", content="Résumez.  \n\n Le texte. "),
        Message(role="assistant", content=ANSWER),
    )
    given = Row(
        messages=turns,
        input=" Le texte. ",
        id="7",
        group="g",
        split="train",
        references=(" autre ",),
        extra={"source": " x "},
        format="alpaca",
        place=Place(file="a.json", line=3),
    )
    (result,) = clean([given])
    assert isinstance(result, Kept)
    fixed = result.row
    assert [turn.content for turn in fixed.messages] == [
        "Répondez.",
        "Résumez.\n\nLe texte.",
        ANSWER,
    ]
    assert fixed.input == "Le texte."
    assert fixed.references == ("autre",)
    kept = {"id", "group", "split", "extra", "format", "place"}
    assert fixed.model_dump(include=kept) == given.model_dump(include=kept)


def test_a_repair_shows_a_duplicate() -> None:
    found = list(clean([row("Quel délai ?"), row("Quel dÃ©lai ?")]))
    assert isinstance(found[1], Dropped)
    assert found[1].rule == "exact_duplicate"
    assert found[1].row.question == "Quel dÃ©lai ?"


def test_unknown_rules_and_numbers_are_refused() -> None:
    with pytest.raises(ValidationError):
        Rules.model_validate({"shrot_answer": True})
    with pytest.raises(ValidationError):
        Rules(similarity=0)


TEXTS = st.text(max_size=60)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=8))
def test_every_row_comes_out_once_in_order(texts: list[tuple[str, str]]) -> None:
    rows = [row(question, answer) for question, answer in texts]
    found = list(clean(rows, Rules(near_duplicate=True)))
    assert len(found) == len(rows)
    for before, result in zip(rows, found, strict=True):
        if isinstance(result, Dropped):
            assert result.row is before
            assert result.rule in Rules.model_fields
            assert result.reason
        else:
            assert (result.row is before) == (not result.repairs)
    again = list(clean([result.row for result in found if isinstance(result, Kept)]))
    assert all(isinstance(result, Kept) for result in again), "what is clean stays"


@given(TEXTS)
def test_tidying_twice_changes_nothing(text: str) -> None:
    assert tidied(tidied(text)) == tidied(text)
    assert tidied(text).split() == text.split()


@given(TEXTS)
def test_mending_leaves_no_control_characters(text: str) -> None:
    assert CONTROL not in damages(mended(text))


# Capitals with accents before punctuation: the very bytes that mojibake is made of.
FRENCH = (
    "SOCIÉTÉ\u00a0:;« À »;l’été;DÉCLARÉ’;cœur;n°\u00a01;INSÉRÉ»;À…;ARRÊTÉ…;10\u00a0€;É–;"
    "« Égalité »;NOËL…;CAFÉ”;à\u00a0«;TITRE Â;MAÎTRE;où;Œuvre;déjà;ÉTÉ ”;2°;L'Haÿ-les-Roses;ça"
).split(";")


@given(st.lists(st.sampled_from(FRENCH), max_size=8).map(" ".join))
def test_sound_french_is_left_alone(text: str) -> None:
    assert MOJIBAKE not in damages(text)
    assert mended(text) == text


def test_nothing_changes_without_a_change() -> None:
    given_row = row("Une question")
    assert rewritten(given_row, str) is given_row


def test_megabytes_pass() -> None:
    huge = row("x" * 1_000_000, "\u0301" * 100_000 + " \t" * 500_000 + "fin")
    (result,) = clean([huge], Rules(near_duplicate=True, short_answer=False))
    assert isinstance(result, Kept)
