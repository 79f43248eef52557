"""`citations` and `citation_accuracy_beyond_prompt`, on a little code of our own."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from benchmark.core.plan import make_plan
from benchmark.core.score import score
from benchmark.core.state import Answers
from benchmark.datasets.legi import CODES, Legi
from benchmark.metrics.citation_beyond import CitationBeyondPrompt
from benchmark.metrics.citations import Citations
from benchmark.progress import Silent
from benchmark.records import Example, Generation, Message
from benchmark.suite_file import load_suite

DAY_MS = 86_400_000
TEXT = "Le salarié remet la demande par écrit à la direction du service concerné."


def node(number: int, state: str = "VIGUEUR", end: int = 999_999) -> dict[str, Any]:
    name = f"LEGIARTI{number:012d}"
    dates = {"etat": state, "dateDebut": 14_000 * DAY_MS, "dateFin": end * DAY_MS}
    data = {"num": f"L1-{number}", "id": name, "cid": name, "texte": TEXT, **dates}
    return {"type": "article", "data": data}


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Write a Code du travail with L1-1 to L1-9, of which L1-9 is repealed, and a CRPA."""
    (tmp_path / "data").mkdir()
    titles = {"travail": "Code du travail"}
    titles["crpa"] = "Code des relations entre le public et l'administration"
    for name, title in titles.items():
        first = 1 if name == "travail" else 50
        articles = [node(number) for number in range(first, first + 8)]
        articles.append(node(first + 8, "ABROGE", end=15_000))
        root = {"type": "code", "data": {"title": title}, "children": articles}
        (tmp_path / "data" / f"{CODES[name]}.json").write_text(json.dumps(root), "utf-8")
    return str(tmp_path)


def example(*references: str, prompt: str = "?", name: str = "e") -> Example:
    return Example(
        id=name,
        prompt=(Message(role="user", content=prompt),),
        references=references,
        meta={"code": "Code du travail"},
    )


def values(metric: Any, examples: list[Example], texts: list[str]) -> dict[str, float]:
    totals = metric.stats(examples, texts).sum(axis=0)
    found = metric.values(totals).tolist()
    return {info.name: value for info, value in zip(metric.infos(), found, strict=True)}


def metric(source: str) -> Citations:
    return Citations(codes=("travail", "crpa"), source=source, as_of=date(2020, 1, 1))


def test_numbers_by_hand(source: str) -> None:
    examples = [example("articles L. 1-1 et L. 1-2"), example("articles L. 1-3 à L. 1-6")]
    texts = [
        # 1 of 4 in the reference; in force 1, repealed 1, other code 1, invented 1.
        "L. 12-3... article L. 1-1 ; article L. 1-9 ; article L. 1-50 ; article L. 7-7, L. 7-7",
        "articles L. 1-4 à L. 1-6 ; article 1240 du code civil ; loi n° 89-462",
    ]
    texts[0] = texts[0].removeprefix("L. 12-3... ")
    found = values(metric(source), examples, texts)
    # Made: 4 + 4 (the Code civil's is compared too); wanted: 2 + 4; in both: 1 + 3.
    assert found["citation_precision"] == 4 / 8
    assert found["citation_recall"] == 4 / 6
    assert found["citation_f1"] == pytest.approx(2 * 4 / 14)
    # Checkable: 4, and the two ends of the range.
    assert found["hallucinated_citation_rate"] == 2 / 6
    assert found["wrong_code_rate"] == 1 / 6
    assert found["citation_in_force_rate"] == 3 / 6
    assert found["citation_coverage"] == 1
    assert math.isnan(found["quote_fidelity"])


def test_what_is_not_checked_is_not_scored(source: str) -> None:
    found = values(metric(source), [example()], ["article 1240 du code civil, loi n° 89-462"])
    assert found.pop("citation_coverage") == 0
    assert all(math.isnan(value) for value in found.values())


def test_repeating_changes_no_rate(source: str) -> None:
    once = "article L. 1-1 et article L. 7-7"
    first = values(metric(source), [example("article L. 1-1")], [once])
    again = values(metric(source), [example("article L. 1-1")], [f"{once}. " * 50])
    assert str(first) == str(again)
    assert first["hallucinated_citation_rate"] == 0.5


def test_the_best_reference_counts(source: str) -> None:
    two = example("article L. 1-3", "article L. 1-1")
    assert values(metric(source), [two], ["article L. 1-1"])["citation_f1"] == 1


def test_quotations_are_read_from_the_source(source: str) -> None:
    text = "Article L. 1-1 : « Le salarié remet la demande par écrit à la main »."
    found = values(metric(source), [example()], [text])
    # "à la" + "main": 8 of 10 words are in runs of three that the article has: ... "écrit à la".
    assert found["quote_fidelity"] == 9 / 10
    gone = values(metric(source), [example()], [text.replace("1-1", "1-9")])
    assert math.isnan(gone["quote_fidelity"])  # its text on that day is not stored


def test_it_takes_codes_and_day_from_the_data_set(source: str) -> None:
    data = Legi(codes=("crpa",), source=source, as_of=date(2019, 5, 1))
    found = Citations().for_dataset(data)
    assert (found.codes, found.source, found.as_of) == (("crpa",), source, date(2019, 5, 1))
    own = Citations(codes="travail").for_dataset(data)
    assert own.codes == ("travail",) and own.source == source
    assert Citations().for_dataset(object()) == Citations()  # type: ignore[arg-type]
    assert found.key != Citations().key and "as_of:2019-05-01" in found.signature
    assert found.weights() != own.weights()


def test_wrong_parameters_are_one_clear_line() -> None:
    with pytest.raises(ValidationError, match="codes: unknown code 'travial'; did you mean"):
        Citations(codes="travial")


def test_verdicts_reach_the_scores_and_are_kept(source: str, tmp_path: Path) -> None:
    suite = tmp_path / "suite.yaml"
    suite.write_text(
        f"suite: s\ndataset: {{use: legi, source: {source}}}\nbackend: {{use: echo}}\n"
        "candidates: {base: }\nbaseline: base\nmetrics: {citations: , exact_match: }\n"
    )
    plan = make_plan(load_suite(suite))
    row = Generation(example_id="e", candidate="base", text="article L. 1-1 et article L. 7-7")
    failed = Generation(example_id="f", candidate="base", text=None, error="x", finish="error")
    answers = Answers([row, failed], "f", True)
    both = [example("article L. 1-1"), example("article L. 1-2", name="f")]
    made = score(plan, both, {"base": answers}, Silent())
    first, second = made.scores["base", "citations"]
    assert [one.verdict for one in first.citations] == ["in force", "invented"]
    assert second.citations == () and second.stats is None
    assert all(one.citations == () for one in made.scores["base", "exact_match"])
    again = score(plan, both, {"base": answers}, Silent())
    assert again.scores == made.scores and (made.computed, again.computed) == (2, 0)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Voir l'article L. 1-1 et l'article L. 25", "Voir l'article L. 1-1 et l'article "),
        ("Voir l'article R. 2523-", "Voir l'article "),
        ("**Article L. 1-1**\n", "**Article "),
        ("Voir les articles L. 1-1 et L.", None),  # the cut is behind it
        ("L'article L. 1-1 dit", None),
        ("rien", None),
        ("", None),
    ],
)
def test_a_number_that_may_be_cut_is_left_out(source: str, text: str, left: str | None) -> None:
    found = metric(source).finished(text)
    assert (
        found == text if left is None else left.startswith(found) and len(found) >= len(left) - 10
    )
    assert text.startswith(found)


def test_a_cut_answer_is_not_blamed_for_its_last_number(source: str, tmp_path: Path) -> None:
    suite = tmp_path / "suite.yaml"
    suite.write_text(
        f"suite: s\ndataset: {{use: legi, source: {source}}}\nbackend: {{use: echo}}\n"
        "candidates: {base: }\nbaseline: base\nmetrics: {citations: , exact_match: }\n"
    )
    plan, text = make_plan(load_suite(suite)), "article L. 1-1 et article L. 7-7"
    for finish, verdicts in (("length", ["in force"]), ("stop", ["in force", "invented"])):
        row = Generation(example_id="e", candidate="base", text=text, finish=finish)
        answers = {"base": Answers([row], "f", True)}
        made = score(plan, [example(text)], answers, Silent()).scores
        (one,) = made["base", "citations"]
        assert [cited.verdict for cited in one.citations] == verdicts
        assert one.values["hallucinated_citation_rate"] == 0.5 * (len(verdicts) - 1)
        # A number of the whole text sees the whole text.
        assert made["base", "exact_match"][0].values["exact_match"] == 1.0


@pytest.mark.parametrize(
    ("prompt", "reference", "text", "expected"),
    [
        ("Que dit l'article L. 1-1 ?", "L'article L1-1 renvoie à l'article R. 2-2", "R2-2", 0),
        ("Que dit l'article L. 1-1 ?", "L. 1-1 renvoie à l'article R. 2-2", "art. R2-2", 1),
        ("Que dit l'article L. 1-1 ?", "L. 1-1 renvoie à l'article R. 2-2", "article L. 1-1", 0),
        ("Que dit l'article L1-1 ?", "L'article L. 1-1 dit", "article L. 1-1", None),
        ("?", "rien", "article L. 1-1", None),
    ],
)
def test_beyond_the_prompt(prompt: str, reference: str, text: str, expected: int | None) -> None:
    stats = CitationBeyondPrompt().stats([example(reference, prompt=prompt)], [text])
    assert stats.tolist() == [[0, 0] if expected is None else [expected, 1]]


def test_an_echo_scores_nothing_beyond_its_prompt() -> None:
    prompt = "Que dit l'article L. 1-1 ?"
    stats = CitationBeyondPrompt().stats(
        [example("article L. 1-1 et article R. 2-2", prompt=prompt)], [prompt]
    )
    assert stats.tolist() == [[0, 1]]
