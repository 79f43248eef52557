import importlib.metadata
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest
from metric_helpers import example

from benchmark.errors import MissingDependency
from benchmark.metrics.base import MeanMetric
from benchmark.plugins import ScoreInfo


class Lengths(MeanMetric):
    """A metric simple enough to know its numbers: the reference's length, both ways."""

    packages: ClassVar[tuple[str, ...]] = ("numpy",)
    scale: float = 1.0

    def infos(self) -> tuple[ScoreInfo, ...]:
        return ScoreInfo("longest"), ScoreInfo("shortest", higher_is_better=False)

    def pair(self, text: str, reference: str) -> Sequence[float]:
        return self.scale * len(reference), self.scale * len(reference)


def test_each_score_takes_its_own_best_reference() -> None:
    stats = Lengths().stats([example("a", "abc", "ab")], ["x"])
    assert stats.tolist() == [[3, 1, 1]]


def test_example_without_reference_is_left_out_of_the_mean() -> None:
    metric = Lengths()
    stats = metric.stats([example("ab"), example(), example("abcd")], ["x", "y", "z"])
    assert stats[1].tolist() == [0, 0, 0]
    assert metric.values(stats.sum(axis=0)).tolist() == [3, 3]


def test_mean_of_nothing_is_not_a_number() -> None:
    metric = Lengths()
    assert np.isnan(metric.values(np.zeros(3))).all()
    empty = metric.stats([], [])
    assert empty.shape == (0, 3)
    assert np.isnan(metric.values(empty.sum(axis=0))).all()


def test_values_keep_leading_axes() -> None:
    totals = np.arange(24.0).reshape(2, 4, 3)
    values = Lengths().values(totals)
    assert values.shape == (2, 4, 2)
    assert values[1, 2].tolist() == (totals[1, 2, :2] / totals[1, 2, 2]).tolist()


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="1 examples, but 2 texts"):
        Lengths().stats([example("a")], ["x", "y"])


def test_library_version_is_in_signature_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    signature, key = Lengths().signature, Lengths().key
    assert f"numpy:{np.__version__}" in signature.split("|")
    assert "scale:1.0" in signature.split("|")
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.0.0")
    assert Lengths().key != key
    assert "numpy:0.0.0" in Lengths().signature


def test_missing_library_names_its_install_command() -> None:
    class Needy(Lengths):
        packages: ClassVar[tuple[str, ...]] = ("no-such-distribution-here",)

    with pytest.raises(MissingDependency, match="pip install no-such-distribution-here"):
        _ = Needy().signature
