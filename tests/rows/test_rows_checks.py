"""Checks: each planted mistake is found, with its row numbers, and nothing else is."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import ConfigError
from benchmark.records import Message
from benchmark.rows import checks, pii, set_checks
from benchmark.rows.checks import CHECKS, Checked, check
from benchmark.rows.damage import CONTROL, MOJIBAKE, REPLACED, SURROGATE, damages
from benchmark.rows.findings import Places
from benchmark.rows.lengths import token_counts
from benchmark.rows.row import Finding, Place, Row

NOUNS = (
    "salarié employeur contrat congé repos registre visite plan délai avis comité accord".split()
)
VERBS = "prévoit demande fixe respecte établit transmet refuse accorde signe contrôle".split()


def sentence(rng: random.Random, count: int = 3) -> str:
    """Return French sentences that say nothing, and nothing twice."""
    parts = [
        f"Le {rng.choice(NOUNS)} {rng.choice(VERBS)} les {rng.choice(NOUNS)}s du "
        f"{rng.choice(NOUNS)} {rng.randrange(10**6)} dans le {rng.choice(NOUNS)}"
        for _ in range(count)
    ]
    return ". ".join(parts) + "."


def row(question: str, answer: str, **other: Any) -> Row:
    """Return a conversation of two turns."""
    turns = (Message(role="user", content=question), Message(role="assistant", content=answer))
    return Row(messages=turns, format="chat", **other)


def talk(*turns: tuple[str, str]) -> Row:
    """Return a conversation from roles and texts."""
    return Row(
        messages=tuple(Message(role=role, content=text) for role, text in turns),  # type: ignore[arg-type]
        format="chat",
    )


def sound(count: int = 40, seed: int = 0) -> list[Row]:
    """Return rows that no check minds."""
    rng = random.Random(seed)
    return [row(f"{sentence(rng, 1)[:-1]} ?", sentence(rng)) for _ in range(count)]


def placed(rows: list[Row], file: str = "a.jsonl") -> list[Row]:
    """Return rows with their places, from line 1."""
    return [
        item.model_copy(update={"place": Place(file=file, line=number + 1)})
        for number, item in enumerate(rows)
    ]


def of(checked: Checked, name: str) -> list[Finding]:
    """Return the findings of one check."""
    return [finding for finding in checked.findings if finding.check == name]


def only(rows: list[Row], name: str, **options: Any) -> list[Finding]:
    """Return what one check finds, the others switched off."""
    return of(check(rows, off=set(CHECKS) - {name}, **options), name)


def numbers(findings: list[Finding]) -> dict[str, tuple[int, ...]]:
    """Return the row numbers by what a message says between the count and the places."""
    return {
        re.sub(r"^[\d,]+ rows?: (.*?) \(.*$", r"\1", finding.message): finding.rows
        for finding in findings
    }


# --- the whole ------------------------------------------------------------------------------


def test_sound_rows_are_sound() -> None:
    checked = check(sound())
    assert {(finding.check, finding.severity) for finding in checked.findings} == {
        ("language", "info")
    }
    assert checked.rows == 40
    assert checked.count("error") == checked.count("warning") == 0


def test_each_check_can_be_switched_off() -> None:
    rows = [*sound(), row("", "a@b.fr \ufffd"), talk(("assistant", "x"))]
    names = {finding.check for finding in check(rows).findings}
    assert {"empty", "roles", "short_answer", "pii", "encoding"} <= names
    for name in CHECKS:
        assert {finding.check for finding in check(rows, off=[name]).findings} == names - {name}
    nothing = check(rows, off=list(CHECKS))
    assert nothing.findings == ()
    assert nothing.lengths, "lengths are told all the same"


def test_an_unknown_check_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"unknown check 'languages'.*language"):
        check([], off=["languages"])


def test_rows_are_read_once_and_not_kept() -> None:
    def stream() -> Iterator[Row]:
        rng = random.Random(0)
        for _ in range(1200):
            yield row(sentence(rng, 1), sentence(rng))

    assert check(stream()).rows == 1200


def test_the_worst_comes_first() -> None:
    rows = [*sound(), row("Quoi ?", "court"), row("", sentence(random.Random(9)))]
    severities = [finding.severity for finding in check(rows).findings]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)
    assert severities[0] == "error"


def test_no_rows() -> None:
    checked = check([])
    assert (checked.findings, checked.lengths, checked.rows) == ((), (), 0)


def test_messages_name_places_and_rows_are_counted() -> None:
    rows = placed([*sound(5), *[row("Quoi ?", "") for _ in range(150)]])
    (finding,) = only(rows, "empty")
    assert finding.count == 150
    assert finding.rows == tuple(range(5, 105))
    assert finding.message == (
        "150 rows: the answer is empty (a.jsonl:6, a.jsonl:7, a.jsonl:8, ...); fill or drop them"
    )


def test_places_of_several_files() -> None:
    places = Places()
    for item in [*placed(sound(2), "a"), *placed(sound(2), "b"), *sound(1), *placed(sound(1), "a")]:
        places.add(item)
    named = [places.name(number) for number in range(6)]
    assert named == ["a:1", "a:2", "b:1", "b:2", "row 4", "a:1"]


def test_batches_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*sound(30), *sound(3), row("", "")]
    whole = check(rows)
    monkeypatch.setattr(checks, "BATCH", 7)
    monkeypatch.setattr(checks, "BATCH_CHARS", 500)
    assert check(rows).model_dump(exclude={"seconds"}) == whole.model_dump(exclude={"seconds"})


def test_it_crosses_the_disk() -> None:
    checked = check([*sound(), row("", "")])
    assert Checked.model_validate_json(checked.model_dump_json()) == checked


# --- row by row -----------------------------------------------------------------------------


def test_empty() -> None:
    rows = [
        *sound(2),
        row(" \n", "Réponse"),  # 2
        row("Question", "\t"),  # 3
        Row(format="chat"),  # 4
        Row(text=" ", format="text"),  # 5
        Row(text="Texte", format="text"),
        talk(("system", "S"), ("assistant", "A")),  # 7: no user at all
        talk(("user", ""), ("assistant", "A"), ("user", "B"), ("assistant", "C")),  # 8
        talk(("system", ""), ("user", "B"), ("assistant", "C")),  # 9
    ]
    assert numbers(only(rows, "empty")) == {
        "there is neither a message nor a text": (4,),
        "the text is empty": (5,),
        "the prompt is empty": (2, 7),
        "the answer is empty": (3,),
        "an earlier turn is empty": (8, 9),
    }


def test_roles() -> None:
    user, assistant, system = ("user", "U"), ("assistant", "A"), ("system", "S")
    rows = [
        talk(system, user, assistant, user, assistant),
        talk(assistant, user, assistant),  # 1
        talk(user, user, assistant),  # 2
        talk(user, assistant, assistant),  # 3
        talk(user, system, assistant),  # 4
        talk(user),  # 5
        talk(user, assistant, user),  # 6
        talk(system, assistant),  # 7
        Row(text="Texte", format="text"),
    ]
    findings = only(rows, "roles")
    assert {finding.severity for finding in findings} == {"error"}
    assert numbers(findings) == {
        "the assistant speaks first": (1, 7),
        "two user turns in a row": (2,),
        "two assistant turns in a row": (3,),
        "a system message is not the first": (4,),
        "the last turn is not the assistant's": (5, 6),
    }


def pair(question: str, chosen: str, rejected: str | None) -> Row:
    """Return a preference row."""
    turns = row(question, chosen).messages
    return Row(messages=turns, rejected=rejected, format="preference")


def test_preferences() -> None:
    rng = random.Random(3)
    good = [pair(sentence(rng), sentence(rng), sentence(rng)) for _ in range(3)]
    bad = [
        pair("q", "a", None),  # 3
        pair("q", "a", " \n"),
        pair("q", "a", "a\n"),  # 5
        row("q", "a", rejected="a"),
        row("q", "a"),
    ]
    found = only([*good, *bad], "preference")
    assert {finding.severity for finding in found} == {"error"}
    assert numbers(found) == {
        "the rejected answer is empty or missing": (3, 4),
        "the rejected answer is the chosen one": (5, 6),
    }


def test_several_pairs_for_one_question_are_no_duplicates() -> None:
    rng = random.Random(4)
    question, best = sentence(rng), sentence(rng)
    rows = [pair(question, best, sentence(rng)) for _ in range(3)]
    rows += [pair(question, sentence(rng), best), rows[1]]
    names = ("duplicate_rows", "conflicting_answers", "near_duplicate_rows")
    assert [of.rows for name in names for of in only(rows, name)] == [(4,)]


def test_damage_and_personal_data_of_rejected_answers() -> None:
    rows = [pair("q", "a", "écrire à a@b.fr"), pair("q", "a", "l\ufffdt\ufffd")]
    assert [finding.rows for name in ("pii", "encoding") for finding in only(rows, name)] == [
        (0,),
        (1,),
    ]


def test_short_answers() -> None:
    rows = [row("Q", " ".join(["mot"] * count)) for count in (0, 1, 9, 10)]
    (finding,) = only(rows, "short_answer")
    assert (finding.rows, finding.severity) == ((1, 2), "warning")


def test_the_answer_in_its_prompt() -> None:
    rng = random.Random(4)
    long = sentence(rng, 12)
    words = long.split()
    rows = [
        row(
            "Le délai est de DEUX mois, au plus. Quel est le délai ?", "Deux mois au plus"
        ),  # short
        row("Le délai est de DEUX mois, au plus. Quel est-il ?", "le délai est de deux mois"),  # 1
        row("Deux mois de délai.", "le délai est de deux mois"),
        row(f"Copiez : {' '.join([*words[:60], 'et', *words[60:]])}", long),  # 3
        row(f"Copiez : {' '.join(words[:40])}", long),
        row("Le prédélai est de deux moisons", "délai est de deux mois"),
    ]
    assert numbers(only(rows, "answer_in_prompt")) == {
        "the answer stands word for word in its own prompt": (1,),
        "80% or more of a long answer stand in its own prompt": (3,),
    }


# --- personal data --------------------------------------------------------------------------


def nir(thirteen: str) -> str:
    """Return a number with its check digits, by the rule of Insee: 97 - n mod 97."""
    digits = int(thirteen.replace("2A", "19").replace("2B", "18"))
    return f"{thirteen}{97 - digits % 97:02d}"


# The number that many French public pages show as the example: 2 55 08 14 168 025, key 38.
PUBLIC_EXAMPLE = "255081416802538"


def test_the_known_number_has_the_right_key() -> None:
    assert nir("2550814168025") == PUBLIC_EXAMPLE
    assert pii.is_nir(PUBLIC_EXAMPLE[:13], PUBLIC_EXAMPLE[13:])


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Écrire à jean.dupont+cse@exemple-sa.fr.", [pii.EMAIL]),
        ("<a@b.co>", [pii.EMAIL]),
        ("a@b, @nom, x@, 5@ 10 €, a@b.c", []),
        ("Tél. 06 12 34 56 78.", [pii.PHONE]),
        ("(0612345678)", [pii.PHONE]),
        ("+33 (0)6.12.34.56.78", [pii.PHONE]),
        ("0033 1 23 45 67 89", [pii.PHONE]),
        ("01-23-45-67-89", [pii.PHONE]),
        ("article R0612345678, 10612345678, 061234567, 0012345678, 06123456789", []),
        ("1,0612345678 et 3-0612345678", []),
        (PUBLIC_EXAMPLE, [pii.NIR]),
        ("n° 2 55 08 14 168 025 38", [pii.NIR]),
        ("2 55 08 14 168 025 39", []),
        (nir("187072A004028"), [pii.NIR]),
        (nir("187072B004028"), [pii.NIR]),
        (nir("1870775004028") + "1", []),
        ("Les articles L. 4121-1 à L. 4121-5 du 12 mai 2009, 1 234 567,89 €", []),
        (f"a@b.fr {PUBLIC_EXAMPLE} 0612345678", [pii.EMAIL, pii.PHONE, pii.NIR]),
        ("", []),
    ],
)
def test_personal_data(text: str, kinds: list[str]) -> None:
    assert pii.personal(text) == kinds


@given(st.from_regex(r"\A[12][0-9]{2}(0[1-9]|1[0-2])[0-9]{8}\Z"), st.integers(0, 14))
def test_a_wrong_digit_is_no_number(thirteen: str, at: int) -> None:
    right = nir(thirteen)
    assert pii.is_nir(right[:13], right[13:])
    wrong = right[:at] + str((int(right[at]) + 1) % 10) + right[at + 1 :]
    assert not pii.is_nir(wrong[:13], wrong[13:])


def test_personal_data_is_not_repeated() -> None:
    rows = [*sound(3), row("Mon adresse : jean@exemple.fr", "Appelez le 06 12 34 56 78.")]
    findings = only(rows, "pii")
    assert [finding.rows for finding in findings] == [(3,), (3,)]
    assert not any("jean" in finding.message or "06" in finding.message for finding in findings)


# --- encoding -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("L'employeur a Ã©tÃ© informÃ©", [MOJIBAKE]),
        ("lâ€™article", [MOJIBAKE]),
        ("Ã la fin", [MOJIBAKE]),
        ("d\ufffdlai", [REPLACED]),
        ("d\ud800lai", [SURROGATE]),
        ("d\x00lai", [CONTROL]),
        ("\ufeffdélai", [CONTROL]),
        ("d\x92lai", [CONTROL]),
        ("SOCIÉTÉ\u00a0: « À »\t\r\n", []),
        ("", []),
    ],
)
def test_damage(text: str, kinds: list[str]) -> None:
    assert damages(text) == kinds


def test_damage_is_found_in_every_turn() -> None:
    rows = [
        *sound(1),
        talk(("system", "Ã©tÃ©"), ("user", "B"), ("assistant", "C")),
        talk(("user", "B"), ("assistant", "C\ud800")),
        Row(text="d\ufffdlai", format="text"),
    ]
    findings = only(rows, "encoding")
    assert numbers(findings) == {MOJIBAKE: (1,), "half a character": (2,), REPLACED: (3,)}
    assert [finding.severity for finding in findings] == ["error", "warning", "warning"]


# --- duplicates -----------------------------------------------------------------------------


def test_duplicates() -> None:
    rows = sound(20)
    rows += [
        rows[3],  # 20: the same row
        row(rows[4].question.upper() + " ", rows[4].answer),  # 21: the same but for case
        row(rows[5].question, rows[6].answer),  # 22: other answer to 5, answer of 6
        row(rows[7].question, sentence(random.Random(77))),  # 23: other answer to 7
    ]
    checked = check(placed(rows))
    assert [finding.rows for finding in of(checked, "duplicate_rows")] == [(20, 21)]
    assert [finding.rows for finding in of(checked, "conflicting_answers")] == [(22, 23)]
    assert [finding.rows for finding in of(checked, "duplicate_answers")] == [(22,)]
    (finding,) = of(checked, "duplicate_rows")
    assert "a.jsonl:21 and a.jsonl:4, for instance" in finding.message
    for name in ("near_duplicate_rows", "near_duplicate_prompts", "near_duplicate_answers"):
        assert of(checked, name) == [], "what is equal is not said twice"


def test_near_duplicates() -> None:
    rng = random.Random(5)
    rows = sound(20)
    long = [sentence(rng, 12) for _ in range(4)]
    changed = [text.replace(" dans ", " hors ", 1) for text in long]
    rows += [row("Que dit le texte ?", long[0]), row(sentence(rng, 1), long[1])]  # 20, 21
    rows += [row("Que dit le texte ?", changed[0])]  # 22: row and answer
    rows += [row(sentence(rng, 12), changed[1])]  # 23: answer alone
    rows += [row(long[2], "Oui, tout cela est vrai."), row(changed[2], sentence(rng, 12))]  # 25
    checked = check(rows)
    assert [finding.rows for finding in of(checked, "near_duplicate_rows")] == [(22,)]
    assert [finding.rows for finding in of(checked, "near_duplicate_answers")] == [(22, 23)]
    assert [finding.rows for finding in of(checked, "near_duplicate_prompts")] == [(25,)]


def test_plain_texts_are_rows() -> None:
    rng = random.Random(6)
    texts = [sentence(rng, 12) for _ in range(5)]
    texts += [texts[0], texts[1].replace(" dans ", " hors ", 1)]
    checked = check([Row(text=text, format="text") for text in texts])
    assert [finding.rows for finding in of(checked, "duplicate_rows")] == [(5,)]
    assert [finding.rows for finding in of(checked, "near_duplicate_rows")] == [(6,)]
    names = {finding.check for finding in checked.findings}
    assert names == {"duplicate_rows", "near_duplicate_rows", "language"}


def test_empty_rows_are_no_duplicates() -> None:
    rows = [Row(format="chat"), Row(format="chat"), Row(text="", format="text")] * 2
    names = {finding.check for finding in check(rows).findings}
    assert names == {"empty", "format"}


def test_a_continued_conversation_is_no_duplicate() -> None:
    first = [("user", "Bonjour, une question ?"), ("assistant", "Je vous en prie, posez-la donc.")]
    rows = [talk(*first, ("user", "Continuez."), ("assistant", sentence(random.Random(1))))]
    rows += [talk(("user", "Continuez."), ("assistant", sentence(random.Random(2))))]
    assert only(rows, "conflicting_answers") == []


def test_near_duplicates_stop_at_a_bound_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_checks, "NEAR_ROWS", 10)
    rows = sound(15)
    rows[9] = row(rows[2].question, sentence(random.Random(1), 1))
    (finding,) = only(rows, "near_duplicate_rows")
    assert (finding.severity, finding.count) == ("info", 5)
    assert "5 rows were not compared" in finding.message


# --- language and form ----------------------------------------------------------------------


def test_language_mix() -> None:
    english = "The employer shall take the measures that are necessary for the safety of workers."
    german = "Der Arbeitgeber trifft die erforderlichen Maßnahmen zum Schutz der Beschäftigten."
    rows = sound(40)
    rows[7] = row("What must the employer do for the safety of the workers?", english)
    rows[9] = row(rows[9].question, german)
    rows[11] = row(rows[11].question, "Oui.")
    prompts, answers = sorted(only(rows, "language"), key=lambda finding: finding.message[0] != "p")
    assert (prompts.rows, prompts.severity) == ((7,), "warning")
    assert "97.5% fr, 2.5% en" in prompts.message
    assert answers.rows == (7, 9)
    assert "answers by language of 39 (1 not told): 94.9% fr" in answers.message


def test_two_languages_by_half_are_meant() -> None:
    rows = [
        row("Which rights does this article of the code grant to the workers?", item.answer)
        for item in sound(20)
    ]
    findings = only([*sound(20, seed=1), *rows], "language")
    assert {finding.severity for finding in findings} == {"info"}


def test_format_habits() -> None:
    rows = [
        row(f"Question : {item.question}", f"**Réponse** : {item.answer}") for item in sound(39)
    ]
    rows.insert(4, row("Sans préfixe ?", sentence(random.Random(8))))
    found = numbers(only(placed(rows), "format"))
    assert found == {
        "without an answer that begins in bold, which 97.5% of the rows have": (4,),
        "without bold text in the answer, which 97.5% of the rows have": (4,),
        'without the beginning "question:" of the prompt, which 97.5% of the rows have': (4,),
        'without the beginning "réponse:" of the answer, which 97.5% of the rows have': (4,),
    }


def test_mixed_formats_are_told() -> None:
    rows = [*sound(3), Row(text="Texte", format="text")]
    (finding,) = only(rows, "format")
    assert (finding.severity, finding.count) == ("info", 4)
    assert "3 chat, 1 text" in finding.message


def test_a_system_message_that_some_lack() -> None:
    rows = [talk(("system", "S"), ("user", "U ?"), ("assistant", "A")) for _ in range(19)]
    rows.append(talk(("user", "U ?"), ("assistant", "A")))
    (finding,) = only(rows, "format")
    assert finding.rows == (19,)
    assert "without a system message" in finding.message


# --- lengths --------------------------------------------------------------------------------


class Letters:
    """A tokenizer of one letter a token."""

    def __call__(self, texts: list[str], **_: Any) -> dict[str, list[list[int]]]:
        return {"input_ids": [[ord(letter) for letter in text] for text in texts]}


def test_too_long_in_tokens() -> None:
    lengths = {0: (5, 5), 1: (5, 14), 2: (5, 15), 3: (19, 1), 4: (20, 1), 5: (100, 0)}
    rows = [row("q" * prompt, "a" * answer) for prompt, answer in lengths.values()]
    cut, lost = only(rows, "too_long", tokenizer=Letters(), max_length=20)
    # With the end of the turn, rows 0 and 1 have 11 and 20 tokens.
    assert cut.rows == (2, 3)
    assert lost.rows == (4, 5)
    assert "the end is cut" in cut.message
    assert "the whole answer is cut" in lost.message
    assert only(rows, "too_long", tokenizer=Letters()) == []
    assert only(rows, "too_long", max_length=20) == []


def test_real_tokenizers_count_alike() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.WordLevel({"le": 0, "délai": 1, "[UNK]": 2}, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=core, unk_token="[UNK]")
    texts = ["le délai", "", "le\ud800 délai est long", "un. deux"]
    expected = [len(fast(text.replace("\ud800", "?"))["input_ids"]) for text in texts]
    assert token_counts(fast, texts) == expected
    # What an earlier call left switched on must not change the counts.
    fast.backend_tokenizer.enable_padding(length=50)
    assert token_counts(fast, texts) == expected
    fast.backend_tokenizer.enable_truncation(2)
    assert token_counts(fast, texts) == expected


def test_lengths_are_a_histogram() -> None:
    counts = [1, 5, 10, 10, 50, 400]
    rows = [row("une question", " ".join(["mot"] * count)) for count in counts]
    lengths = {(item.side, item.unit): item for item in check(rows, tokenizer=Letters()).lengths}
    assert set(lengths) == {
        (s, u) for s in ("prompt", "answer", "row") for u in ("words", "tokens")
    }
    answers = lengths["answer", "words"]
    assert (answers.shortest, answers.longest) == (1, 400)
    assert (answers.median, answers.mean) == (10, pytest.approx(476 / 6))
    assert lengths["prompt", "tokens"].longest == len("une question")
    assert lengths["row", "words"].longest == 402


@given(st.lists(st.integers(0, 500), min_size=1, max_size=60))
def test_every_row_is_in_one_bin(counts: list[int]) -> None:
    rows = [Row(text=" ".join(["mot"] * count), format="text") for count in counts]
    for item in check(rows, off=list(CHECKS)).lengths:
        assert sum(item.counts) == len(counts)
        assert len(item.edges) == len(item.counts) + 1
        assert list(item.edges) == sorted(set(item.edges))
        assert item.edges[0] <= item.shortest <= item.longest < item.edges[-1]
        for low, high, count in zip(item.edges, item.edges[1:], item.counts, strict=False):
            assert count == sum(low <= length < high for length in counts)


# --- hostile rows ---------------------------------------------------------------------------

HOSTILE = [
    "",
    "\0",
    "\ud800\udfff",
    "\u0301" * 100_000,
    "x" * 1_000_000,
    "mot " * 250_000,
    "a@" * 300_000,
    "0" * 500_000,
    "1 " * 500_000,
    "Ã©" * 200_000,
    " \n" * 500_000,
    "**" * 300_000,
    "- \n" * 200_000,
    "漢字" * 200_000,
]


def test_hostile_rows_pass() -> None:
    rows = [row(text, text[::-1]) for text in HOSTILE]
    rows += [Row(text=text, format="text") for text in HOSTILE]
    checked = check(rows, tokenizer=Letters(), max_length=100)
    assert checked.rows == 2 * len(HOSTILE)
    assert checked.model_dump_json()
    assert of(checked, "empty")
    assert {finding.rows[0] for finding in of(checked, "encoding")} == {1, 2, 9}


@given(st.lists(st.tuples(st.text(max_size=40), st.text(max_size=40)), max_size=10))
def test_numbers_are_of_rows(texts: list[tuple[str, str]]) -> None:
    checked = check([row(question, answer) for question, answer in texts])
    for finding in checked.findings:
        assert set(finding.rows) <= set(range(len(texts)))
        assert list(finding.rows) == sorted(set(finding.rows))
        assert finding.count >= len(finding.rows)
        assert finding.check in CHECKS
