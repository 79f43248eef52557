from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from benchmark.manifests import LossPoint
from benchmark.plugins import Report
from benchmark.reporters.files import write_text
from benchmark.reporters.json_file import JsonFile
from benchmark.results import Results


def test_round_trip(report: Report) -> None:
    text = JsonFile().write(report).read_text("utf-8")
    assert Results.model_validate_json(text) == report.results


def test_round_trip_of_nothing(empty: Report) -> None:
    text = JsonFile().write(empty).read_text("utf-8")
    assert Results.model_validate_json(text) == empty.results


def test_the_version_comes_first_and_it_is_readable(report: Report) -> None:
    path = JsonFile().write(report)
    lines = path.read_text("utf-8").splitlines()
    assert path.name == "results.json"
    assert lines[:2] == ["{", '  "schema_version": 1,']
    assert "bench run suites/legi.yaml" in path.read_text("utf-8")


def test_a_training_that_diverged_is_strict_json_and_comes_back(report: Report) -> None:
    candidates = list(report.results.candidates)
    place = next(i for i, one in enumerate(candidates) if one.training)
    made = candidates[place].training
    assert made is not None
    curve = (LossPoint(step=1, loss=2.5), LossPoint(step=2, loss=math.nan, eval_loss=-math.inf))
    update = {"curve": curve, "eval_loss": math.inf}
    candidates[place] = candidates[place].model_copy(
        update={"training": made.model_copy(update=update)}
    )
    results = report.results.model_copy(update={"candidates": tuple(candidates)})
    text = JsonFile().write(replace(report, results=results)).read_text("utf-8")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    json.loads(text, parse_constant=refuse)
    back = Results.model_validate_json(text).candidates[place].training
    assert back is not None
    assert math.isnan(back.curve[1].loss)
    assert back.curve[1].eval_loss == -math.inf
    assert back.eval_loss == math.inf


def test_surrogates_are_replaced_and_nul_is_kept(report: Report) -> None:
    results = report.results.model_copy(update={"command": "a\ud83db\0c\u2028d"})
    text = JsonFile().write(replace(report, results=results)).read_text("utf-8")
    assert Results.model_validate_json(text).command == "a\ufffdb\0c\u2028d"


def test_an_old_file_is_replaced_whole(report: Report) -> None:
    old = report.folder / "results.json"
    old.write_text("x" * 1_000_000)
    JsonFile().write(report)
    assert Results.model_validate_json(old.read_text("utf-8")) == report.results


def test_a_failed_write_leaves_the_old_file(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = JsonFile().write(report)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Exception, match="No space left on device; free space"):
        write_text(path, "half")
    assert path.read_bytes() == before
    assert list(report.folder.iterdir()) == [path]
