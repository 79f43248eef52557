"""Rubric files: those that come along, and what is said of a wrong one."""

from __future__ import annotations

import pytest

from benchmark.judges.prompts import WORDS, Sheet, ask
from benchmark.judges.rubrics import known, load


def test_each_rubric_is_there_in_both_languages_with_the_same_numbers():
    names = {name.rpartition("-")[0] for name in known()}
    assert names == {"quality", "same-facts", "coherence", "criteria", "pairwise"}
    for name in names:
        one, two = load(f"{name}-fr"), load(f"{name}-en")
        assert (one.rubric, two.rubric, one.language, two.language) == (name, name, "fr", "en")
        assert list(one.levels().values()) == list(two.levels().values())
        assert list(one.variants) == list(two.variants)
        assert one.sha256 != two.sha256


GOOD = "rubric: r\nversion: 1\nlanguage: fr\nquestion: Bien ?\nscale: {1: mal, 2: bien}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD.replace("version: 1", "version: 0"), "version"),
        (GOOD.replace("language: fr", "language: de"), "language"),
        (GOOD.replace("{1: mal, 2: bien}", "{mal: x, bien: y}"), "gives it no number"),
        (GOOD + "values: {3: 3}\n", "that `scale` does not have"),
        (GOOD + "scal: {}\n", "scal"),
        (GOOD + "variants: {}\n", "variants"),
        ("rubric: [", "yaml"),
        ("", "empty"),
    ],
)
def test_a_wrong_rubric_is_told_with_its_file(tmp_path, text, told):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=told) as error:
        load(str(path))
    assert "mine.yaml" in str(error.value)


def test_a_changed_file_is_another_rubric(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    one = load(str(path))
    path.write_text("# a comment changes nothing\n" + GOOD)
    assert load(str(path)).sha256 == one.sha256
    path.write_text(GOOD.replace("Bien ?", "Très bien ?"))
    assert load(str(path)).sha256 != one.sha256


def test_a_name_that_is_not_there():
    with pytest.raises(ValueError, match="did you mean 'quality-fr'"):
        load("qualty-fr")
    with pytest.raises(ValueError, match="cannot be read"):
        load("nowhere/mine.yaml")


def test_rules_come_first_and_the_reason_before_the_mark():
    sheet = Sheet(load("quality-fr"), "strict", "Quoi ?", "Ceci.", ("Cela.",))
    question = ask(sheet, seed=0)
    other = ask(Sheet(load("quality-fr"), "plain", "Qui ?", "Lui.", ("Elle.",)), seed=0)
    system, user = question.texts["text"]
    # What is the same for all answers stands first, word for word: it can be computed once.
    assert system == other.texts["text"][0] == question.texts["labels"][0]
    assert "5: Dit tout" in system.content and "Cela." not in system.content
    assert user.content.index("Quoi ?") < user.content.index("Ceci.") < user.content.index("Cela.")
    assert user.content.index("raison") < user.content.index('"verdict"')
    assert "la plus basse" in user.content
    assert WORDS["fr"].as_json.count("{marks}") == WORDS["en"].as_json.count("{marks}") == 1
