"""Leaks: planted ones are found, each in its way; articles of one section are no leak."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.records import Example, Message
from benchmark.rows.leaks import LeakReport, leaks

PATH = (
    "Path: Partie législative > Quatrième partie : Santé et sécurité au travail > Livre V : "
    "Prévention des risques liés à certaines activités > Titre III : Bâtiment et génie civil > "
    "Chapitre II : Coordination lors des opérations de bâtiment et de génie civil > "
    "Section {section} : Missions du coordonnateur et obligations du maître d'ouvrage"
)
SHORT = (
    "Le coordonnateur tient un registre de ses visites.",
    "Le maître d'ouvrage désigne un suppléant avant le début des travaux.",
    "Les frais de coordination sont à la charge du maître d'ouvrage.",
    "Le registre est conservé cinq ans après la réception de l'ouvrage.",
    "Un plan général est remis à chaque entreprise qui intervient.",
    "Aucune entreprise ne commence avant la visite d'inspection commune.",
)
LONG = (
    "L'employeur qui fait intervenir une entreprise extérieure dans son établissement organise "
    "une visite commune des lieux avant le début des travaux. Au cours de cette visite, il "
    "délimite le secteur de l'intervention, matérialise les zones qui peuvent présenter des "
    "dangers pour les travailleurs et indique les voies de circulation que ceux-ci peuvent "
    "emprunter ainsi que les véhicules et engins de toute nature. Il communique aux chefs des "
    "entreprises extérieures ses consignes de sécurité, et définit avec eux les mesures prises "
    "par chacun en vue de prévenir les accidents."
)


def article(number: int, text: str, cid: str | None = None, section: int = 1) -> Example:
    """Return an article as the legal data set writes it, with the questions taking turns."""
    path = PATH.format(section=section)
    name = f"Article L4532-{number}"
    title = path.rpartition(" > ")[2]
    questions = (
        f"Summarise {name} of the Code du travail in plain English.",
        f"What is the legal significance of {name} of the Code du travail, which stands in the "
        f'section "{title}"?',
    )
    return Example(
        id=f"A{number}",
        prompt=(Message(role="user", content=questions[number % 2]),),
        references=(f"**Code du travail - {name}**\n{path}\n\n{text}",),
        group=f"C{number}" if cid is None else cid,
    )


def asked(name: str, question: str, answer: str, group: str = "") -> Example:
    """Return a question with its answer."""
    prompt = (Message(role="user", content=question),)
    return Example(id=name, prompt=prompt, references=(answer,) if answer else (), group=group)


def ways(report: LeakReport) -> dict[str, list[tuple[str, str]]]:
    """Return the pairs by way."""
    return {leak.way: [(pair.test, pair.other) for pair in leak.pairs] for leak in report.leaks}


# --- what is no leak ------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 3, 6])
def test_short_articles_of_one_section_are_no_leak(count: int) -> None:
    rows = [article(number, text) for number, text in enumerate(SHORT[:count])]
    for number in range(count):
        report = leaks(rows[:number] + rows[number + 1 :], [rows[number]])
        assert report.leaks == (), report.sentences
    assert report.total == 0
    assert report.sentences == (
        f"None of the 1 test examples was found in {count - 1} training rows.",
    )


def test_even_with_the_same_question() -> None:
    rows = [article(2 * number + 1, text) for number, text in enumerate(SHORT)]
    assert leaks(rows[1:], rows[:1]).leaks == ()
    assert leaks(rows[1:2], rows[:1]).leaks == ()


def test_short_answers_repeat_by_nature() -> None:
    train = [asked("1", "Le salarié a-t-il droit à un repos ?", "Oui.")]
    test = [asked("2", "L'employeur peut-il refuser ce congé ?", "Oui.")]
    assert leaks(train, test).leaks == ()


# --- planted leaks, each in its way ---------------------------------------------------------


def section(count: int = 40) -> list[Example]:
    """Return other articles, to stand around the planted ones."""
    rng = random.Random(0)
    nouns = "salarié employeur contrat congé repos registre visite plan délai avis".split()
    return [
        article(1000 + n, f"Le {' '.join(rng.choices(nouns, k=12))}.", section=2)
        for n in range(count)
    ]


def test_the_same_group_on_both_sides() -> None:
    report = leaks([*section(), article(1, SHORT[0], cid="C")], [article(2, LONG, cid="C")])
    assert ways(report) == {"group": [("A2", "A1")]}
    assert report.count("group") == report.total == 1
    assert report.share == 1.0


@pytest.mark.parametrize("text", [*SHORT, LONG])
def test_a_paraphrase_with_one_word_changed(text: str) -> None:
    words = text.split()
    words[len(words) // 2] = "autrement"
    train = [*section(), article(1, " ".join(words))]
    report = leaks(train, [article(2, text)])
    assert ways(report)["near"] == [("A2", "A1")]
    assert set(ways(report)) <= {"near", "contained"}


def test_two_versions_of_one_article() -> None:
    older = LONG.replace("avant le début des travaux", "huit jours avant tout commencement")
    newer = f"{LONG}\nCes consignes sont tenues à la disposition de l'inspection du travail."
    report = leaks([*section(), article(1, older)], [article(2, newer)])
    assert ways(report)["near"] == [("A2", "A1")]
    report = leaks([*section(), article(1, older, cid="C")], [article(2, newer, cid="C")])
    assert {"group", "near"} <= set(ways(report))
    assert report.total == 1


def test_a_version_with_a_paragraph_replaced() -> None:
    paragraphs = [f"{sentence}." for sentence in LONG.split(". ")]
    older = "\n".join([*paragraphs, "Un arrêté précise les modalités de la visite."])
    newer = "\n".join([*paragraphs, "Il rend compte au comité de tout accident survenu."])
    report = leaks([*section(), article(1, older)], [article(2, newer)])
    assert ways(report)["near"] == [("A2", "A1")]


def test_equal_ids_prompts_and_answers() -> None:
    train = [
        asked("1", "Quel est le délai de préavis ?", "Le préavis est de deux mois au moins."),
        asked("2", "Qui tient le registre ?", "Le registre est tenu par le coordonnateur."),
        asked("3", "Quelle est la durée du congé ?", "La durée du congé est de seize semaines."),
    ]
    test = [
        asked("4", "QUEL est le  délai de préavis ?", "Il dure huit semaines, pas une de moins."),
        asked("5", "À qui revient ce livre ?", "Le registre est tenu  par le coordonnateur."),
        asked("3", "Où déposer une plainte ?", "Auprès du greffe du tribunal compétent."),
        asked("6", "Rien de commun ?", "Absolument rien de tout cela, jamais."),
    ]
    report = leaks(train, test)
    assert ways(report) == {"id": [("3", "3")], "prompt": [("4", "1")], "answer": [("5", "2")]}
    assert (report.tests, report.total, report.share) == (4, 3, 0.75)
    assert report.sentences == (
        "3 of 4 test examples (75.0%) leak, of 3 training rows looked through.",
        "1 with the id of a training row (such as 3 ~ 3)",
        "1 with the prompt of a training row (such as 4 ~ 1)",
        "1 with the answer of a training row (such as 5 ~ 2)",
    )


def test_any_of_several_references_counts() -> None:
    answer = "Le préavis est de deux mois au moins."
    test = asked("2", "Combien de temps ?", "Huit semaines et pas une de moins.")
    test = test.model_copy(update={"references": (*test.references, answer.upper())})
    assert ways(leaks([asked("1", "Quel délai ?", answer)], [test])) == {"answer": [("2", "1")]}


def test_a_long_answer_inside_another_text() -> None:
    report = leaks(
        [*section(), asked("1", "Citez tout le titre.", f"{' '.join(SHORT)} {LONG} {SHORT[0]}")],
        [asked("2", "Que fait l'employeur ?", LONG)],
    )
    assert ways(report)["contained"] == [("2", "1")]
    (pair,) = next(leak.pairs for leak in report.leaks if leak.way == "contained")
    assert pair.similarity == 1.0


def test_boilerplate_is_not_contained() -> None:
    # All of these long answers have a preamble of 60 words in common, and nothing else.
    preamble = LONG.partition(" Il communique")[0]
    rows = [asked(str(n), f"Question {n} ?", f"{preamble}\n{text}") for n, text in enumerate(SHORT)]
    assert leaks(rows[1:], rows[:1]).leaks == ()


def test_shots_and_index_are_looked_through_too() -> None:
    test = [asked("1", "Que fait l'employeur ?", LONG)]
    shot = asked("s", "Que doit faire l'employeur ?", LONG)
    report = leaks([], test, shots=[shot], index=[("L4511-1", f"Titre\n{LONG}"), ("x", "Rien.")])
    assert {(leak.source, leak.way) for leak in report.leaks} == {
        ("few-shot", "answer"),
        ("index", "near"),
        ("index", "contained"),
    }
    assert (report.total, report.in_index) == (1, 1)
    assert report.compared == {"few-shot": 1, "index": 2}
    alone = leaks([], test, index=[("1", LONG)])
    assert [(leak.source, leak.way) for leak in alone.leaks] == [("index", "answer")]
    assert (alone.total, alone.share, alone.in_index) == (0, 0.0, 1)


def test_the_same_text_many_times_is_a_leak_all_the_same() -> None:
    # Three groups share all of its passages: that alone does not make it boilerplate.
    train = [asked(str(n), "Que fait l'employeur ?", LONG, group=f"g{n}") for n in range(5)]
    report = leaks(train, [asked("t", "Que fait  l'employeur, ici ?", f"{LONG}!", group="t")])
    assert report.total == 1


def test_many_leaks_show_twenty() -> None:
    train = [asked(f"a{n}", f"Question {n} ?", "") for n in range(30)]
    report = leaks(train, [row.model_copy(update={"id": f"b{row.id}"}) for row in train])
    (leak,) = (leak for leak in report.leaks if leak.way == "prompt")
    assert (leak.count, len(leak.pairs), report.total) == (30, 20, 30)


# --- the report -----------------------------------------------------------------------------


def test_nothing_on_one_side() -> None:
    row = article(1, LONG)
    assert leaks([row], []).share == 0.0
    report = leaks([], [row])
    assert (report.total, report.compared) == (0, {})
    assert report.sentences == ("There was nothing to compare the test side with.",)


def test_the_report_crosses_the_disk() -> None:
    report = leaks([article(1, LONG)], [article(1, LONG)])
    assert LeakReport.model_validate_json(report.model_dump_json()) == report


def test_hostile_texts_pass() -> None:
    texts = ["", "\0", "a\ud800b", "\u0301" * 50_000, "x" * 500_000, "mot " * 100_000, "\n" * 1000]
    rows = [asked(str(n), text, text) for n, text in enumerate(texts)]
    others = [asked(f"o{n}", text, text) for n, text in enumerate(texts)]
    report = leaks(rows, others)
    # "" and blank lines hold nothing that could leak.
    assert {pair.test for leak in report.leaks for pair in leak.pairs} == {
        f"o{n}" for n in range(1, 6)
    }


WORDS = st.lists(st.sampled_from("le la un acte délai juge 1 2 , .".split()), max_size=8)


@given(st.lists(st.tuples(WORDS, WORDS), max_size=6))
def test_a_row_always_leaks_into_itself(texts: list[tuple[list[str], list[str]]]) -> None:
    rows = [asked(str(n), " ".join(q), " ".join(a)) for n, (q, a) in enumerate(texts)]
    report = leaks(rows, rows)
    assert report.total == len(rows)
    assert report.count("id") == len(rows)
    for leak in report.leaks:
        assert 0 < leak.count <= len(rows)
        assert leak.share == leak.count / len(rows)
