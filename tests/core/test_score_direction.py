"""Numbers without a better side: shown, never ranked, refused as a gate or primary number."""

from __future__ import annotations

import pytest

from benchmark.core.gate import judge_gates
from benchmark.core.gate_evidence import Evidence
from benchmark.core.plan import make_plan
from benchmark.errors import ConfigError
from benchmark.reporters.board import significant
from benchmark.results import Comparison, ScoreSummary
from benchmark.suite import GateSpec, Suite

SUITE = {
    "suite": "s",
    "dataset": {"use": "legi", "codes": ["travail"]},
    "split": {"test": 4},
    "backend": {"use": "echo"},
    "candidates": {"base": {}},
    "baseline": "base",
}


def plan(**more: object) -> object:
    return make_plan(Suite.model_validate({**SUITE, **more}))


def test_the_first_number_with_a_better_side_is_primary() -> None:
    metrics = {"length": {"use": "length"}, "chrf": {"use": "chrf"}}
    assert plan(metrics=metrics).primary == "chrf"


@pytest.mark.parametrize(
    "more",
    [{"primary": "length_words"}, {"gates": {"short": {"score": "length_ratio", "floor": 1}}}],
)
def test_refused(more: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="neither higher nor lower is better"):
        plan(metrics={"length": {"use": "length"}, "chrf": {"use": "chrf"}}, **more)


def test_a_difference_of_it_is_neither_better_nor_worse() -> None:
    one = Comparison(
        candidate="a", baseline="b", score="length_words", difference=9, low=8, high=10,
        p=0.001, n=30, higher_is_better=None, test="",
    )  # fmt: skip
    assert significant(one, 0.95) == ""
    assert significant(one.model_copy(update={"higher_is_better": True}), 0.95) == "better"


def test_no_gate_passes_on_it() -> None:
    row = ScoreSummary(
        candidate="a", metric="length", score="length_words", value=9, low=8, high=10,
        n=30, failed=0, higher_is_better=None, signature="",
    )  # fmt: skip
    gate = GateSpec(score="length_words", floor=1, candidates=("a",))
    (result,) = judge_gates({"g": gate}, Evidence(summaries=[row]), ["a"])
    assert result.outcome == "inconclusive"
    assert "only describes" in result.reason
