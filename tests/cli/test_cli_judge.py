"""`bench judge label` and `bench judge calibrate`, as a person and as a pipe use them."""

import io
import json
from pathlib import Path

import click
import pytest
from cli_helpers import add

from benchmark.core.labels import read_labels

LABELS = "suites/calibration/jardin.labels.jsonl"
# Says yes to answers with an l, and to another half of the questions.
JUDGES = "judges: {says: {use: fixed, needle: le}}\n"


@pytest.fixture
def judged(cli, suite):
    add(suite, JUDGES)
    done = cli("run", suite)
    assert done.code == 0, done.err
    return suite


@pytest.fixture
def typed(monkeypatch, cli):
    """Return a function that runs `bench judge label` with lines on standard input."""

    def run(text, *arguments):
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        return cli("judge", "label", *arguments)

    return run


def values(path=LABELS):
    return [label.value for label in read_labels(Path(path), some=False)]


def test_labels_are_read_line_by_line_saved_and_gone_on_with(judged, typed):
    done = typed("1\n0\ny\nn\n", "--by", "Ada")
    assert done.code == 0, done.err
    assert values() == [1, 0, 1, 0]
    assert "4 labels in" in done.out and "bench judge calibrate" in done.out
    assert "1 of 18" in done.out and "Question" in done.out and "Reference" in done.out
    # Neither who answered nor what the judge said is shown.
    assert not any(name in done.out for name in ("echo", "oracle", "shuffled", "fixed"))
    more = typed("1\n", "--by", "Ada")
    assert values() == [1, 0, 1, 0, 1]
    assert "5 of 18" in more.out
    row = json.loads(Path(LABELS).read_text().splitlines()[0])
    assert (row["by"], row["suite"], row["scale"]) == ("Ada", "jardin", [0, 1])


def test_keys_that_say_nothing_skip_back_and_stop(judged, typed):
    done = typed("7\n\nrien\nn\ns\nb\nb\ny\nq\ny\n")
    assert values() == [1]
    assert done.err.count("says nothing here") == 3
    assert "1 labels" in done.out
    # One that is left out is not asked again.
    typed("s\nq\n")
    assert values() == [1, None]
    assert typed("q\n").out.count("3 of 18") == 1


def test_as_many_as_are_asked_for(judged, typed):
    assert typed("1\n" * 99, "--number", 3).code == 0
    assert len(values()) == 3
    done = typed("1\n" * 99)
    assert len(values()) == 18  # echo, oracle and shuffled: six examples, each text once
    assert "18 labels" in done.out


def test_one_key_an_answer_where_a_person_is_there(judged, cli, monkeypatch):
    keys = iter(["5", "\x1b[A", "3", "v", "b", "4", "q"])
    shown = []
    monkeypatch.setattr("benchmark.cli.judge_label.is_terminal", lambda: True)
    monkeypatch.setattr(click, "getchar", lambda: next(keys))
    monkeypatch.setattr(click, "echo_via_pager", shown.append)
    done = cli("judge", "label", "--scale", "1-5")
    assert done.code == 0, done.err
    assert values() == [5, 4]
    assert len(shown) == 1 and "Answer" in shown[0]
    assert "\x1b[A" not in done.err and "␛[a says nothing here" in done.err


def test_answers_cannot_move_the_cursor(here, cli, typed):
    (here / "rows.jsonl").write_text(
        json.dumps({"prompt": "Q \x1b[2J\x07?", "reference": "R \x9b1m\u202e"}) + "\n"
    )
    suite = here / "jardin.yaml"
    suite.write_text(
        "suite: jardin\ndataset: {use: jsonl, path: rows.jsonl}\n"
        "split: {train: 0, validation: 0, test: 1}\nbackend: echo\ncandidates: {a: null}\n"
        "baseline: a\nmetrics: {exact_match: null}\nreports: {json: null}\nresamples: 200\n"
    )
    assert cli("run", suite).code == 0
    done = typed("1\n", "--scale", "0-1")
    assert not set("\x1b\x07\x9b\u202e") & set(done.out)
    assert "␛[2J" in done.out


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--scale", "5-1"], "--scale '5-1' is no scale; write the two ends, such as 1-5"),
        (["--scale", "good"], "--scale 'good' is no scale"),
        (["--scale", "1-nan"], "is no scale"),
        (["--candidate", "ecko"], "no candidate 'ecko'; did you mean 'echo'?"),
        (["--judge", "sais"], "no judge 'sais'; known: says"),
        (["nowhere"], "no finished run 'nowhere'"),
    ],
)
def test_what_cannot_be_labelled_is_said_in_one_line(judged, typed, arguments, what):
    done = typed("1\n", *arguments)
    assert done.code == 2
    assert len(done.lines) == 1 and what in done.lines[0]


def test_labels_of_another_scale_or_suite_are_not_mixed(judged, typed, here):
    typed("1\n")
    other = typed("1\n", "--scale", "1-5")
    assert other.code == 2 and "on a scale of 0 to 1" in other.err
    path = here / LABELS
    path.write_text(path.read_text().replace('"jardin"', '"verger"'))
    mixed = typed("1\n")
    assert mixed.code == 2 and "of suite 'verger'" in mixed.err


def test_a_run_without_judges_needs_a_scale(ran, typed):
    done = typed("1\n")
    assert done.code == 2 and "say it with --scale 1-5" in done.err
    assert typed("3\n", "--scale", "1-5").code == 0
    calibrated = typed("", "--help")
    assert calibrated.code == 0


def test_calibrate_writes_a_file_that_the_next_run_reads(judged, typed, cli, here):
    typed("1\n0\n" * 6)
    done = cli("judge", "calibrate", LABELS)
    assert done.code == 0, done.err
    assert "Calibration against people" in done.out and "says" in done.out
    assert "the intervals are too narrow" in done.out and "commit it" in done.out
    file = json.loads((here / "suites/calibration/jardin.json").read_text())
    assert file["labels"] == "jardin.labels.jsonl" and len(file["values"]) == 12
    # No text of anybody is in what is to be committed.
    kept = (here / LABELS).read_text() + json.dumps(file)
    assert "jardinier" not in kept and "article" not in kept
    again = cli("run", judged, "--json")
    trust = json.loads(again.out)["trust"][0]
    assert trust["calibration"]["state"] == "fresh"
    assert trust["calibration"]["n"] == file["judges"]["says"]["n"] > 0
    changed = json.loads(cli("run", judged, "judges.says.needle=la", "--json").out)["trust"][0]
    assert changed["calibration"]["state"] == "stale"
    assert "its calibration is stale" in cli("show").out


def test_calibrate_says_what_does_not_fit(judged, typed, cli, here):
    typed("1\n0\n" * 6)
    lines = (here / LABELS).read_text().splitlines()
    strange = json.dumps({**json.loads(lines[0]), "id": "f" * 16, "example_id": "nobody"})
    (here / "some.jsonl").write_text("\n".join([*lines, strange]) + "\n")
    done = cli("judge", "calibrate", "some.jsonl", "--output", "c.json")
    assert done.code == 0, done.err
    assert "1 of 13 labels are of answers that run" in done.err
    assert (here / "c.json").is_file()
    (here / "none.jsonl").write_text(strange + "\n")
    none = cli("judge", "calibrate", "none.jsonl")
    assert none.code == 2 and "none of the 1 labels" in none.lines[-1]
    for name, text, what in (
        ("empty", "", "has no label"),
        ("twice", f"{lines[0]}\n{lines[0]}\n", "line 2: "),
        ("off", lines[0].replace('"value":1.0', '"value":9.0'), "off the scale 0 to 1"),
    ):
        (here / f"{name}.jsonl").write_text(text)
        broken = cli("judge", "calibrate", f"{name}.jsonl")
        assert broken.code == 2 and what in broken.err and len(broken.lines) == 1
    gone = cli("judge", "calibrate", "gone.jsonl")
    assert gone.code == 2 and "cannot be read" in gone.err


def test_calibrate_without_judges(ran, typed, cli):
    typed("3\n", "--scale", "1-5")
    done = cli("judge", "calibrate", LABELS)
    assert done.code == 2 and "has no judge" in done.err
