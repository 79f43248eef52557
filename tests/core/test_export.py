"""Reports of a finished run, its table, and its data frame."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as Xml

import pandas as pd
import pytest
from across import REFERENCES, answers, ran

import benchmark
from benchmark.core import export
from benchmark.core.export import Finished, write
from benchmark.core.history import history
from benchmark.errors import ConfigError, StoreError
from benchmark.keys import sha256_of_file
from benchmark.plugins import Plugin
from benchmark.records import Score
from benchmark.reporters.cells import plain
from benchmark.reporters.history_rows import COLUMNS, rows
from benchmark.reporters.sample_rows import TEXTS
from benchmark.results import Results

NAMES = ("report.html", "report.md", "junit.xml", "results.json")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a finished run, whose reporters wrote their files."""
    folder = tmp_path_factory.mktemp("made")
    said = answers(8) | {"q1": "=1+1", "q2": "a;=b\n- c", "q3": "", "q4": "fin\u2028de ligne"}
    said.pop("q5")  # no answer: it fails, and does not score 0
    return ran(folder, said, extra="judges: {constant: {use: fixed}}\n")


def test_every_format_computes_nothing(made, tmp_path):
    before = {path: sha256_of_file(path) for path in made.rglob("*") if path.is_file()}
    targets = [tmp_path / "new" / f"x{end}" for end in
               (".html", ".md", ".junit.xml", ".csv", ".parquet", ".json")]  # fmt: skip
    assert write(Finished(made), targets) == targets
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(
        path.name for path in targets
    )
    html, markdown, junit, _, _, results = (path.read_text(encoding="utf-8") for path in
        (*targets[:3], targets[0], targets[0], targets[5]))  # fmt: skip
    assert "Content-Security-Policy" in html
    assert markdown.startswith("# ")
    assert Xml.fromstring(junit).tag == "testsuites"
    assert Results.model_validate_json(results) == Finished(made).results
    after = {path: sha256_of_file(path) for path in made.rglob("*") if path.is_file()}
    assert after == before
    assert write(Finished(made), targets) == targets  # what is there is replaced


def test_full_shows_every_example(made, tmp_path):
    short, full = tmp_path / "short.md", tmp_path / "full.md"
    write(Finished(made), [short])
    write(Finished(made), [full], full=True)
    assert short.read_text(encoding="utf-8").count("q7") < full.read_text(encoding="utf-8").count(
        "q7"
    )


class Wide(Plugin):
    """Writes two files, of which the second stands beside the first."""

    samples: int = 1

    def write(self, report):
        (report.folder / "report-samples").mkdir()
        (report.folder / "report-samples" / "1.js").write_text("1", encoding="utf-8")
        page = report.folder / "report.html"
        page.write_text(f"{report.results.run_id} {self.samples}", encoding="utf-8")
        return page


class Placed(Wide):
    """Writes to any place by itself."""

    def write_to(self, report, file):
        file.write_text(f"{file.name} {self.samples}", encoding="utf-8")
        return file


@pytest.mark.parametrize(
    ("reporter", "text", "names"),
    [(Wide, "{run} 12", ["report-samples", "x.html"]), (Placed, "x.html 12", ["x.html"])],
)
def test_what_stands_beside_a_report_goes_along(made, tmp_path, monkeypatch, reporter, text, names):
    monkeypatch.setattr(export, "REPORTERS", SimpleNamespace(load=lambda name: reporter))
    for _ in range(2):  # the second time all of it is there
        write(Finished(made), [tmp_path / "x.html"], full=True)
        page = (tmp_path / "x.html").read_text(encoding="utf-8")
        assert page == text.format(run=made.name)
        assert sorted(path.name for path in tmp_path.iterdir()) == names


@pytest.mark.parametrize("name", ["x.pdf", "x", ".csv", "x.csv.gz", "html"])
def test_an_unknown_suffix_is_one_line_and_nothing_is_written(made, tmp_path, name):
    with pytest.raises(ConfigError, match=r"no report ends so; name a file that ends in \.html, "):
        write(Finished(made), [tmp_path / "x.json", tmp_path / name])
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(made, tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    (tmp_path / "folder.csv").mkdir()
    for target in (
        tmp_path / "file" / "x.csv",
        tmp_path / "folder.csv",
        tmp_path / "file" / "x.md",
    ):
        with pytest.raises(StoreError):
            write(Finished(made), [target])


def expected_rows(made: Path) -> list[tuple[str, str, str, float | None]]:
    """Return (candidate, example, score, value) straight from the run's records."""
    found = []
    for line in (made / "scores.jsonl").read_text(encoding="utf-8").split("\n")[:-1]:
        score = Score.model_validate_json(line)
        names = {"levenshtein": ("levenshtein", "levenshtein_similarity")}
        for name in names.get(score.metric, (score.metric,)):
            found.append((score.candidate, score.example_id, name, score.values.get(name)))
    return found


def test_the_frame_has_one_row_a_candidate_example_and_score(made):
    frame = benchmark.frame(made)
    keys = ["candidate", "example_id", "score"]
    assert not frame.duplicated(keys).any()
    mine = [
        (*whose, None if math.isnan(value) else value)
        for *whose, value in frame[[*keys, "value"]].itertuples(index=False)
    ]
    assert [tuple(row) for row in mine] == expected_rows(made)
    of = frame[(frame.candidate == "tuned") & (frame.score == "levenshtein")].set_index(
        "example_id"
    )
    assert of.loc["q4", "answer"] == "fin\u2028de ligne"
    assert of.loc["q1", "answer"] == "=1+1"  # as it is: a frame is no spreadsheet
    assert of.loc["q0", "reference"] == REFERENCES["q0"]
    assert of.loc["q0", "meta.pile"] == "0"
    assert pd.isna(of.loc["q5", "value"])
    assert pd.isna(of.loc["q5", "answer"])
    assert of.loc["q5", "error"]
    assert (of.kind == "model").all()
    assert not of.higher_is_better.any()
    judged = frame[frame.metric == "constant"]
    assert set(judged.score) == {"constant"}
    assert judged.value.notna().any()
    assert list(benchmark.frame(made, texts=False).columns) == [
        name for name in frame.columns if name not in TEXTS
    ]


def test_the_frame_finds_runs_by_many_names(made, monkeypatch):
    whole = benchmark.frame(made)
    reports = made.parent.parent
    for name in (None, "latest", "jardin", made.name, made.name[-8:], Finished(made).results):
        pd.testing.assert_frame_equal(benchmark.frame(name, reports=reports), whole)
    with pytest.raises(StoreError, match="no finished run 'other'"):
        benchmark.frame("other", reports=reports)


def test_csv_and_parquet_read_back(made, tmp_path):
    frame = benchmark.frame(made)
    write(Finished(made), [tmp_path / "x.csv", tmp_path / "x.parquet"])
    parquet = pd.read_parquet(tmp_path / "x.parquet")
    assert list(parquet.columns) == list(frame.columns)
    for name in frame.columns:
        mine, theirs = frame[name], parquet[name]
        assert (mine.isna() == theirs.isna()).all(), name
        assert (mine.dropna() == theirs.dropna().astype(mine.dtype)).all(), name
    table = pd.read_csv(tmp_path / "x.csv")
    assert table.value.dtype == "float64"
    assert ((table.value == parquet.value) | table.value.isna()).all()
    assert (table.tokens_out.dropna() == parquet.tokens_out.dropna()).all()
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        raw = list(csv.DictReader(file))
    assert [plain(row["answer"]) for row in raw] == list(parquet.answer.fillna(""))
    of = {row["example_id"]: row["answer"] for row in raw if row["candidate"] == "tuned"}
    assert (of["q1"], of["q2"]) == ("'=1+1", "a;'=b\n'- c")
    assert of["q4"] == "fin\u2028de ligne"


def test_the_leaderboard_as_a_frame(tmp_path):
    first = ran(tmp_path, answers(9), finished="2026-11-20T10:00:00+00:00")
    second = ran(tmp_path, answers(6), finished="2026-11-21T10:00:00+00:00")
    frame = benchmark.leaderboard(tmp_path / "reports")
    assert list(frame.columns) == list(COLUMNS)
    assert set(frame.score) == {"levenshtein", "levenshtein_similarity", "exact_match"}
    of = frame[(frame.candidate == "tuned") & (frame.score == "levenshtein_similarity")]
    assert list(of.run_id) == [first.name, second.name]
    assert list(of.change_verdict.fillna("none")) == ["none", "worse"]
    assert of.value.iloc[1] - of.value.iloc[0] == pytest.approx(of.change.iloc[1])
    # Every column of a row is declared: none is lost on the way into a table.
    assert set().union(*rows(history(tmp_path / "reports"))) <= set(COLUMNS)


def test_results_json_stays_strict(made, tmp_path):
    (path,) = write(Finished(made), [tmp_path / "x.JSON"])

    def refuse(name):
        raise AssertionError(name)

    json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
