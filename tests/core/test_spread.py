"""Metrics piece by piece and on several processes: the same numbers, and texts cut once."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmark.core import spread
from benchmark.plugins import METRICS, Metric

sys.path.insert(0, str(Path(__file__).parents[1] / "metrics"))
from metric_helpers import ANSWERS, REFERENCES, examples

NAMES = ("rouge", "bleu", "meteor", "tfidf", "length")
EXAMPLES, TEXTS = examples(REFERENCES * 3), list(ANSWERS * 3)


def metrics() -> dict[str, Metric]:
    found = {name: METRICS.load(name)() for name in NAMES}
    return {**found, "tfidf": found["tfidf"].fitted(EXAMPLES)}


def test_pieces_and_processes_change_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {name: metric.stats(EXAMPLES, TEXTS) for name, metric in metrics().items()}
    monkeypatch.setattr(spread, "PIECE", 5)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    for enough in (10**9, 0):  # here, then in two processes of their own
        monkeypatch.setattr(spread, "WORTH_IT", enough)
        found = spread.together(metrics(), EXAMPLES, TEXTS)
        assert list(found) == list(NAMES)
        for name, rows in found.items():
            np.testing.assert_array_equal(rows, wanted[name])


def test_nothing_to_do() -> None:
    assert spread.together({}, EXAMPLES, TEXTS) == {}
    assert spread.together(metrics(), [], [])["rouge"].shape == (0, 5)


@pytest.mark.parametrize(("asked", "found"), [("3", 3), ("4,2", 4)])
def test_cores_are_those_that_are_allowed(
    asked: str, found: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert spread.cores() == found


@pytest.mark.parametrize("asked", ["", "0", "many"])
def test_all_cores_where_nothing_sensible_is_asked(
    asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert spread.cores() >= 1


def test_only_metrics_that_say_so_go_by_example() -> None:
    def says(name: str) -> bool:
        return spread.by_example(METRICS.load(name)())

    assert says("rouge")
    assert not says("bertscore")
    assert not spread.by_example(object())  # type: ignore[arg-type]
