"""Loading for a run: groups, checks and leaks, before anything is trained."""

from __future__ import annotations

import json

import pytest

from benchmark import load_suite, make_plan, run
from benchmark.core.data import examples_sha256, load_data
from benchmark.errors import DataError
from benchmark.progress import Silent
from benchmark.records import Example

SUBJECTS = (
    "le repos quotidien du salarié", "la période d'essai", "le congé de naissance",
    "la visite médicale", "le registre du personnel", "le préavis de démission",
    "l'affichage des horaires", "la prime de transport", "le vote par correspondance",
    "la mise à pied", "le bulletin de paie", "la formation à la sécurité",
)  # fmt: skip


def answer(n):
    subject = SUBJECTS[n % len(SUBJECTS)]
    return (
        f"Article L{1000 + n}-1 : {subject} est réglé par un accord numéro {n * 7919}, conclu pour "
        f"{n + 2} ans entre l'employeur et les délégués de la section {n * 31}, déposé au greffe "
        f"du conseil numéro {n * 104729}, puis affiché pendant {n + 5} jours dans l'atelier {n}."
    )


def rows(count=40):
    return [
        {
            "id": f"r{n}",
            "prompt": f"Que prévoit l'article L{1000 + n}-1 ?",
            "completion": answer(n),
            "group": f"g{n}",
            "split": "test" if n < 8 else "train",
            "meta": {"code": "travail" if n % 2 else "rural"},
        }
        for n in range(count)
    ]


@pytest.fixture
def plan(tmp_path):
    """Return a function that plans a suite over given rows."""

    def make(given, *overrides):
        data = tmp_path / "rows.jsonl"
        data.write_text("".join(json.dumps(row) + "\n" for row in given), encoding="utf-8")
        suite = tmp_path / "suite.yaml"
        suite.write_text(
            f"suite: s\ndataset: {{use: files, path: {data}}}\nbackend: echo\n"
            "candidates: {base: null, oracle: {backend: oracle}}\nbaseline: base\n"
            "metrics: {levenshtein: null}\nresamples: 100\nreports: {json: null}\n"
        )
        return make_plan(load_suite(suite, overrides))

    return make


def test_clean_rows_pass_and_say_so(plan):
    summary = load_data(plan(rows()), Silent()).summary
    assert (summary.train, summary.test) == (32, 8)
    assert summary.leaks.total == 0
    assert not [finding for finding in summary.findings if finding.severity == "error"]
    assert {length.side for length in summary.lengths} == {"prompt", "answer", "row"}


def leaking(kind):
    """Plant one leak from test row r3 into the train side."""
    given = rows()
    test = next(row for row in given if row["id"] == "r3")
    planted = dict(given[-1])
    if kind == "group":  # the same cid on both sides
        planted["group"] = test["group"]
    elif kind == "word":  # a paraphrase with one word changed
        planted["completion"] = test["completion"].replace("affiché", "publié")
        planted["prompt"] = test["prompt"]
    elif kind == "version":  # a later version of the same article, under another id
        planted["prompt"] = test["prompt"]
        planted["completion"] = test["completion"].replace("jours", "jours ouvrés")
    given[-1] = planted
    return given


@pytest.mark.parametrize("kind", ["word", "version"])
def test_a_planted_leak_is_found_and_stops_the_run(plan, tmp_path, kind):
    with pytest.raises(DataError, match=r"1 of 8 test examples .* r3 = r39"):
        run(plan(leaking(kind)), reports=tmp_path / "reports")
    assert not (tmp_path / "reports" / "s").exists()  # it could not even start


def test_a_group_on_two_marked_sides_stops_the_run(plan):
    with pytest.raises(DataError, match="g3"):
        load_data(plan(leaking("group")), Silent())


def test_a_tolerated_leak_is_shown_in_the_results(plan, tmp_path):
    results = run(plan(leaking("word"), "leaks.tolerance=0.2"), reports=tmp_path / "reports")
    assert results.dataset.leaks.total == 1
    assert results.dataset.leaks.share == pytest.approx(1 / 8)


def test_what_the_checks_find_stops_the_run_as_the_suite_says(plan):
    given = rows()
    given[20]["completion"] = "Oui, selon le texte."
    with pytest.raises(DataError, match=r"dataset: the rows have mistakes: short_answer"):
        load_data(plan(given, "checks.stop_on=warning"), Silent())
    found = load_data(plan(given), Silent()).summary.findings  # by default only errors stop
    assert ("short_answer", "warning", 1) in [(f.check, f.severity, f.count) for f in found]
    off = plan(given, "checks.stop_on=warning", "checks.off=[short_answer]")
    assert load_data(off, Silent()).summary.train == 32


def test_rows_are_grouped_by_any_field(plan):
    given = [{**row, "split": None} for row in rows()]
    data = load_data(
        plan(given, "split={train: 15, validation: 0, test: 15, group_by: code}"), Silent()
    )
    assert {row.group for row in data.train} | {row.group for row in data.test} == {
        "rural", "travail",
    }  # fmt: skip
    assert {row.group for row in data.train} != {row.group for row in data.test}
    with pytest.raises(
        DataError, match=r"split\.group_by: .* no field 'cod' to group by; its fields: code"
    ):
        load_data(plan(given, "split.group_by=cod"), Silent())


def test_what_was_found_is_kept_and_other_rows_are_looked_at_anew(plan, monkeypatch):
    first = load_data(plan(rows()), Silent()).summary
    with monkeypatch.context() as stopped:
        stopped.setattr("benchmark.core.data.check", None)  # a call would fail
        assert load_data(plan(rows()), Silent()).summary == first
        with pytest.raises(TypeError):
            load_data(plan(rows(41)), Silent())


def test_rejected_answers_are_part_of_what_is_trained_on(plan):
    given = [
        {**{name: value for name, value in row.items() if name != "completion"},
         "chosen": row["completion"], "rejected": f"Non, {n}."}
        for n, row in enumerate(rows())
    ]  # fmt: skip
    first = load_data(plan(given), Silent())
    assert {example.rejected for example in first.train} == {f"Non, {n}." for n in range(8, 40)}
    given[-1]["rejected"] = given[-1]["chosen"]
    with pytest.raises(DataError, match="the rows have mistakes: preference"):
        load_data(plan(given), Silent())
    given[-1]["rejected"] = "Autre."
    assert load_data(plan(given), Silent()).summary.train_sha256 != first.summary.train_sha256


def test_the_hash_of_rows_without_preferences_is_what_it_was():
    # Of the version before there were any: an adapter in the cache is still this data's.
    example = Example(id="1", prompt=(), references=("a",), group="g")
    assert examples_sha256([example]) == (
        "9f83ee2ee4e1c8898d08557f72bf89d65f6fba7db0ccf41077ceb4680a93e858"
    )
