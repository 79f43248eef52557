"""Runs over time: what shares a line, who is best, what got worse."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from across import answers, change, ran
from scipy import stats

from benchmark.core.history import history
from benchmark.errors import ConfigError, StoreError
from benchmark.history import History, Line, Series
from benchmark.records import Score

NUMBER = "levenshtein_similarity"
TIMES = [f"2026-11-{day}T10:00:00+00:00" for day in (20, 21, 22, 23)]


def line_of(found: History, candidate: str = "tuned", score: str = NUMBER) -> tuple[Series, Line]:
    """Return a candidate's line among the runs that the newest can be compared with."""
    (suite,) = found.suites
    series = next(one for one in suite.series if one.score == score and not one.apart)
    return series, next(line for line in series.lines if line.candidate == candidate)


def values_of(folder: Path, candidate: str = "tuned") -> dict[str, float]:
    """Return a number's value of each example."""
    rows = (folder / "scores.jsonl").read_text(encoding="utf-8").splitlines()
    scores = [Score.model_validate_json(row) for row in rows]
    return {
        row.example_id: row.values[NUMBER]
        for row in scores
        if row.candidate == candidate and NUMBER in row.values
    }


def test_a_number_that_fell_is_marked_with_its_paired_interval(tmp_path):
    folders = [
        ran(tmp_path, answers(words), finished=at)
        for words, at in zip((9, 6, 6), TIMES[:3], strict=True)
    ]
    # Other files of the same answers have the same run: the third one is the second again.
    assert folders[1] == folders[2]
    found = history(tmp_path / "reports", metrics=[NUMBER])
    _, line = line_of(found)
    first, second = line.points
    assert (first.change, second.change.against) == (None, folders[0].name)
    before, after = values_of(folders[0]), values_of(folders[1])
    # Expected: scipy's paired t test, on the very values of the two runs.
    test = stats.ttest_rel(list(after.values()), [before[at] for at in after])
    low, high = test.confidence_interval(0.95)
    change_ = second.change
    assert change_.n == 12
    assert (change_.low, change_.high) == pytest.approx((low, high), rel=1e-9)
    assert change_.difference == pytest.approx((low + high) / 2)
    assert change_.verdict == "worse"
    assert change_.how.startswith("paired")
    (suite,) = found.suites
    assert [one[1].candidate for one in suite.regressions()] == ["tuned"]


def test_a_change_within_chance_and_one_for_the_better(tmp_path):
    ran(tmp_path, answers(6), finished=TIMES[0])
    ran(tmp_path, answers(6, {"q0": 7, "q1": 6}), finished=TIMES[1])
    ran(tmp_path, answers(9), finished=TIMES[2])
    _, line = line_of(history(tmp_path / "reports", metrics=[NUMBER]))
    assert [point.change.verdict for point in line.points[1:]] == ["", "better"]
    _, base = line_of(history(tmp_path / "reports", metrics=[NUMBER]), "base")
    assert [point.change.difference for point in base.points[1:]] == [0, 0]
    assert {point.change.verdict for point in base.points[1:]} == {""}


def test_lower_is_better_where_the_number_says_so(tmp_path):
    ran(tmp_path, answers(9), finished=TIMES[0])
    ran(tmp_path, answers(5), finished=TIMES[1])
    series, line = line_of(
        history(tmp_path / "reports", metrics=["levenshtein"]), score="levenshtein"
    )
    change_ = line.points[1].change
    assert series.higher_is_better is False
    assert change_.difference > 0
    assert change_.verdict == "worse"


def test_what_cannot_be_compared_stands_apart_with_the_reason(tmp_path):
    other_data = ran(tmp_path, answers(8), finished=TIMES[0], test=7)
    other_metric = ran(tmp_path, answers(7), finished=TIMES[1])
    newest = ran(tmp_path, answers(9), finished=TIMES[2])
    record = json.loads((other_metric / "results.json").read_text(encoding="utf-8"))
    for row in record["scores"]:
        row["signature"] += "|stemmer:yes" if row["metric"] == "levenshtein" else ""
    change(other_metric, scores=record["scores"])
    (suite,) = history(tmp_path / "reports", metrics=[NUMBER]).suites
    assert [one.runs for one in suite.series] == [
        [newest.name], [other_metric.name], [other_data.name],
    ]  # fmt: skip
    now, metric, data = (one.apart for one in suite.series)
    assert now == ""
    assert metric == "measured differently: stemmer:yes, and not so in the newest run"
    assert data.startswith("other test data: 7 examples with hash ")
    assert " 12 with " in data
    assert all(
        point.change is None for one in suite.series for line in one.lines for point in line.points
    )
    # Numbers of the other metric are comparable in both runs of the same data.
    (suite,) = history(tmp_path / "reports", metrics=["exact_match"]).suites
    assert suite.series[0].runs == [other_metric.name, newest.name]


def test_without_records_intervals_are_compared_and_that_is_said(tmp_path):
    before = ran(tmp_path, answers(12), finished=TIMES[0])
    ran(tmp_path, answers(2), finished=TIMES[1])
    (before / "scores.jsonl").unlink()
    found = history(tmp_path / "reports", metrics=[NUMBER])
    _, line = line_of(found)
    change_ = line.points[1].change
    assert (change_.low, change_.n, change_.verdict) == (None, 0, "worse")
    assert change_.how == "overlapping intervals, for the run's records cannot be read"
    assert found.problems == (f"{before}: scores.jsonl is missing",)


def damage(folder: Path, how: str) -> None:
    """Break a copy of a run."""
    results = folder / "results.json"
    if how == "no results":
        results.unlink()
    elif how == "cut":
        results.write_bytes(results.read_bytes()[:-50])
    elif how == "no json":
        results.write_bytes(b"\x00\xff")
    elif how == "another version":
        change(folder, schema_version=99, something_new=1)
    elif how == "a folder":
        results.unlink()
        results.mkdir()
    elif how == "scores broken":
        path = folder / "scores.jsonl"
        path.write_bytes(path.read_bytes().replace(b"}", b""))
        change(folder, run_id=folder.name, finished=TIMES[1])
    elif how == "suite gone":
        (folder / "suite.yaml").write_text("metrics: [", encoding="utf-8")
        change(folder, run_id=folder.name, finished=TIMES[1])


@pytest.mark.parametrize(
    "how",
    ["no results", "cut", "no json", "another version", "a folder", "scores broken", "suite gone"],
)
def test_damaged_runs_are_one_line_each(tmp_path, how):
    whole = ran(tmp_path, answers(9), finished=TIMES[0])
    broken = whole.with_name("20261121-000000-deadbeef")
    shutil.copytree(whole, broken)
    damage(broken, how)
    found = history(tmp_path / "reports", metrics=[NUMBER])
    (problem,) = found.problems
    assert broken.name in problem
    assert "\n" not in problem
    _, line = line_of(found)
    assert line.points[0].run_id == whole.name


def test_other_things_in_the_folder_are_no_runs(tmp_path):
    whole = ran(tmp_path, answers(9), finished=TIMES[0])
    shutil.copytree(whole, whole.parent / "copy")  # the same run, not a second one
    (whole.parent / "notes").mkdir()
    (tmp_path / "reports" / "baselines").mkdir()
    (tmp_path / "reports" / "baselines" / "jardin.json").write_text("{}", encoding="utf-8")
    (tmp_path / "reports" / "read.me").write_text("x", encoding="utf-8")
    (whole.parent / "gone").symlink_to("nowhere")
    found = history(tmp_path / "reports")
    (suite,) = found.suites
    assert ([run.run_id for run in suite.runs], found.problems) == ([whole.name], ())


def test_the_best_is_first_and_each_set_of_weights_has_a_row(tmp_path):
    worse = ran(tmp_path, answers(6), finished=TIMES[0])
    best = ran(tmp_path, answers(12), finished=TIMES[1])
    middle = ran(tmp_path, answers(9), finished=TIMES[2])
    (suite,) = history(tmp_path / "reports", metrics=[NUMBER]).suites
    (table,) = suite.tables
    rows = [(row.candidate, row.point.run_id, row.runs) for row in table.rows]
    assert rows == [
        ("tuned", best.name, 1),
        ("tuned", middle.name, 1),
        ("tuned", worse.name, 1),
        ("base", middle.name, 3),
        ("oracle", middle.name, 1),
    ]
    assert [row.verdict for row in table.rows[:4]] == ["better", "better", "better", ""]


def test_suites_by_name_and_numbers_by_pattern(tmp_path):
    ran(tmp_path, answers(9), name="potager")
    ran(tmp_path, answers(9), name="jardin")
    found = history(tmp_path / "reports")
    assert [suite.suite for suite in found.suites] == ["jardin", "potager"]
    # Without gates, only the suite's first number.
    assert {one.score for suite in found.suites for one in suite.series} == {"levenshtein"}
    (only,) = history(tmp_path / "reports", "potager", ["*match", NUMBER]).suites
    assert {one.score for one in only.series} == {"exact_match", NUMBER}
    with pytest.raises(ConfigError, match="no number 'rouge' in these runs; known: exact_match"):
        history(tmp_path / "reports", metrics=["rouge"])


@pytest.mark.parametrize("suite", [None, "jardin", "../..", "a\x00b"])
def test_nothing_is_one_line(tmp_path, suite):
    with pytest.raises(StoreError, match=r"no finished run|cannot read the reports folder"):
        history(tmp_path / "none", suite)
