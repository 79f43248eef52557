import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmark.core.gate import exit_code, judge_gates, overall
from benchmark.errors import ExitCode
from benchmark.results import Comparison, GateResult, ScoreSummary
from benchmark.suite import GateSpec


def summary(value=0.95, low=0.91, high=0.99, **changes):
    fields = {
        "candidate": "lora",
        "metric": "citation_accuracy",
        "score": "citation_accuracy",
        "value": value,
        "low": low,
        "high": high,
        "n": 32,
        "failed": 0,
        "higher_is_better": True,
        "signature": "s",
    }
    return ScoreSummary(**{**fields, **changes})


def comparison(difference=0.29, low=0.13, high=0.45, **changes):
    fields = {
        "candidate": "lora",
        "baseline": "base",
        "score": "citation_accuracy",
        "difference": difference,
        "low": low,
        "high": high,
        "p": 0.01,
        "n": 32,
        "higher_is_better": True,
        "test": "t",
    }
    return Comparison(**{**fields, **changes})


def judge(score=None, against=None, clusters=None, **bounds):
    gate = GateSpec(score="citation_accuracy", **bounds)
    scores = [summary() if score is None else score]
    comparisons = [] if against is None else [against]
    if clusters is not None:
        clusters = {("lora", "citation_accuracy"): clusters}
    (result,) = judge_gates({"g": gate}, scores, comparisons, ["lora"], clusters)
    return result.outcome, result.reason


@pytest.mark.parametrize(
    "floor, outcome, end",
    [
        (0.9, "pass", "at or above the floor of 0.9"),
        (0.91, "pass", "at or above the floor of 0.91"),
        (0.95, "inconclusive", "which spans the floor of 0.95"),
        (0.99, "inconclusive", "which spans the floor of 0.99"),
        (0.995, "fail", "below the floor of 0.995"),
    ],
)
def test_a_floor_is_judged_by_the_whole_interval(floor, outcome, end):
    start = "citation_accuracy of lora is 0.95 (95 % interval 0.91 to 0.99, n=32), "
    assert judge(floor=floor) == (outcome, start + end)


@pytest.mark.parametrize(
    "ceiling, outcome, end",
    [
        (1.0, "pass", "at or below the ceiling of 1"),
        (0.95, "inconclusive", "which spans the ceiling of 0.95"),
        (0.9, "fail", "above the ceiling of 0.9"),
    ],
)
def test_where_lower_is_better_the_floor_is_a_ceiling(ceiling, outcome, end):
    found = judge(summary(higher_is_better=False), floor=ceiling)
    assert found[0] == outcome
    assert found[1].endswith(end)


@pytest.mark.parametrize(
    "difference, low, high, outcome, reason",
    [
        (
            0.29,
            0.13,
            0.45,
            "pass",
            "citation_accuracy of lora is 0.29 above base's "
            "(95 % interval 0.13 to 0.45, n=32), within the allowed drop of 0.05",
        ),
        (
            -0.02,
            -0.04,
            0.01,
            "pass",
            "citation_accuracy of lora is 0.02 below base's "
            "(95 % interval -0.04 to 0.01, n=32), within the allowed drop of 0.05",
        ),
        (
            0.1,
            -0.06,
            0.26,
            "inconclusive",
            "citation_accuracy of lora is 0.10 above base's "
            "(95 % interval -0.06 to 0.26, n=32), which spans the allowed drop of 0.05",
        ),
        (
            -0.2,
            -0.3,
            -0.1,
            "fail",
            "citation_accuracy of lora is 0.20 below base's "
            "(95 % interval -0.30 to -0.10, n=32), more than the allowed drop of 0.05",
        ),
        (
            0.0,
            0.0,
            0.0,
            "pass",
            "citation_accuracy of lora is equal to base's (95 % interval 0.00 to 0.00, n=32, "
            "every cluster scores the same), within the allowed drop of 0.05",
        ),
    ],
)
def test_a_drop_is_judged_by_non_inferiority(difference, low, high, outcome, reason):
    assert judge(against=comparison(difference, low, high), max_drop=0.05) == (outcome, reason)


@pytest.mark.parametrize(
    "low, high, outcome", [(-0.4, 0.04, "pass"), (0.01, 0.2, "inconclusive"), (0.1, 0.2, "fail")]
)
def test_where_lower_is_better_a_rise_is_the_drop(low, high, outcome):
    against = comparison((low + high) / 2, low, high, higher_is_better=False)
    assert judge(summary(higher_is_better=False), against, max_drop=0.05)[0] == outcome


def test_rounding_does_not_decide():
    assert 0.85 - 0.9 < -0.05  # the doubles
    assert judge(against=comparison(0.0, 0.85 - 0.9, 0.1), max_drop=0.05)[0] == "pass"
    assert judge(summary(low=0.1 + 0.2 - 1e-12), floor=0.3)[0] == "pass"


def test_numbers_show_on_which_side_of_the_bound_they_are():
    outcome, reason = judge(summary(0.93, 0.8996, 0.96), floor=0.9)
    assert outcome == "inconclusive"
    assert "0.8996 to 0.9600" in reason


def test_all_right_answers_are_judged_by_wilsons_interval():
    """32 of 32: scipy's binomtest(32, 32).proportion_ci(method="wilson") is 0.8928 to 1."""
    perfect = summary(1.0, 1.0, 1.0)
    start = "citation_accuracy of lora is 1.00 (95 % Wilson interval of 32 equal clusters 0.89 to"
    outcome, reason = judge(perfect, clusters=[1.0] * 32, floor=0.88)
    assert (outcome, reason) == ("pass", f"{start} 1.00, n=32), at or above the floor of 0.88")
    outcome, reason = judge(perfect, clusters=[1.0] * 32, floor=0.95)
    assert (outcome, reason) == (
        "inconclusive",
        f"{start} 1.00, n=32), which spans the floor of 0.95",
    )
    assert judge(perfect, clusters=[1.0] * 32, floor=1.0)[0] == "inconclusive"
    # The same answers in 3 articles are much weaker evidence.
    assert judge(perfect, clusters=[1.0] * 3, floor=0.88)[0] == "inconclusive"


def test_all_wrong_answers_fail():
    nothing = summary(0.0, 0.0, 0.0)
    assert judge(nothing, clusters=[0.0] * 32, floor=0.5)[0] == "fail"
    assert judge(nothing, clusters=[0.0] * 32, floor=0.05)[0] == "inconclusive"
    assert judge(nothing, floor=0.5)[0] == "fail"


def test_an_interval_without_a_width_never_passes():
    outcome, reason = judge(summary(0.5, 0.5, 0.5), clusters=[0.5] * 32, floor=0.3)
    assert outcome == "inconclusive"
    assert reason.endswith("at or above the floor of 0.3, but the interval has no width at n=32")
    assert judge(summary(1.0, 1.0, 1.0), floor=0.3)[0] == "inconclusive"  # clusters unknown


def test_wilson_is_for_rates_only():
    """A corpus score can be 1 without a width while its clusters are neither 0 nor 1."""
    outcome, reason = judge(summary(1.0, 1.0, 1.0), clusters=[0.9, 1.1] * 16, floor=0.5)
    assert outcome == "inconclusive"
    assert "Wilson" not in reason


def test_failed_answers_are_mentioned():
    assert "n=30, 2 more failed)" in judge(summary(n=30, failed=2), floor=0.5)[1]
    reason = judge(summary(failed=2), comparison(n=29), max_drop=0.05)[1]
    assert "n=29, 2 more failed)" in reason


@pytest.mark.parametrize(
    "score, against, reason",
    [
        (
            summary(None, None, None, n=0, failed=32),
            comparison(None, None, None, n=0, p=None),
            "citation_accuracy of lora has no value (n=0, 32 more failed); "
            "citation_accuracy of lora cannot be compared with base's (n=0, 32 more failed)",
        ),
        (
            summary(1.0, None, None, n=1),
            comparison(1.0, None, None, n=1),
            "citation_accuracy of lora is 1.00, but has no interval (n=1); "
            "citation_accuracy of lora is 1.00 above base's, but has no interval (n=1)",
        ),
        (
            summary(0.5, 0.4, 0.6),
            None,
            "citation_accuracy of lora is 0.50 (95 % interval 0.40 to 0.60, n=32), which spans "
            "the floor of 0.5; citation_accuracy of lora has no comparison with the baseline",
        ),
    ],
)
def test_what_cannot_be_judged_is_inconclusive(score, against, reason):
    assert judge(score, against, floor=0.5, max_drop=0.5) == ("inconclusive", reason)


def test_a_candidate_that_did_not_run_is_inconclusive():
    gates = {"g": GateSpec(score="citation_accuracy", floor=0.1, max_drop=0.1)}
    (result,) = judge_gates(gates, [], [], ["lora"])
    assert (result.outcome, result.reason) == (
        "inconclusive",
        "lora has no citation_accuracy: it could not run",
    )


def test_a_gate_without_anybody_to_judge_does_not_pass():
    (result,) = judge_gates({"g": GateSpec(score="x", floor=0.1)}, [], [], [])
    assert (result.outcome, result.reason) == ("inconclusive", "there is no candidate to judge")


def test_of_two_bounds_the_worse_outcome_wins():
    below = comparison(-0.2, -0.3, -0.1)
    outcome, reason = judge(against=below, floor=0.9, max_drop=0.05)
    assert outcome == "fail"
    assert "at or above the floor of 0.9; citation_accuracy" in reason
    assert judge(against=comparison(), floor=0.95, max_drop=0.05)[0] == "inconclusive"
    assert judge(against=comparison(), floor=0.9, max_drop=0.05)[0] == "pass"


def test_a_gate_judges_whom_it_names():
    gate = GateSpec(score="citation_accuracy", floor=0.9, candidates=("few", "lora"))
    scores = [summary(), summary(0.5, 0.4, 0.6, candidate="few")]
    results = judge_gates({"g": gate}, scores, [], ["lora"])
    assert [(row.candidate, row.outcome) for row in results] == [("few", "fail"), ("lora", "pass")]


def result(outcome):
    return GateResult(gate="g", candidate="c", score="s", outcome=outcome, reason="r")


def test_the_worst_gate_is_the_verdict():
    assert overall([]) == "pass"
    assert overall([result("pass"), result("inconclusive")]) == "inconclusive"
    assert overall([result("inconclusive"), result("fail"), result("pass")]) == "fail"


@pytest.mark.parametrize(
    "outcome, complete, code",
    [
        ("pass", True, ExitCode.PASS),
        ("pass", False, ExitCode.INCOMPLETE),
        ("inconclusive", True, ExitCode.INCONCLUSIVE),
        ("inconclusive", False, ExitCode.INCOMPLETE),
        ("fail", True, ExitCode.GATE_FAILED),
        ("fail", False, ExitCode.GATE_FAILED),
    ],
)
def test_exit_codes(outcome, complete, code):
    assert exit_code(outcome, complete) is code


@pytest.mark.parametrize(
    "bounds", [{}, {"floor": float("nan")}, {"floor": float("inf")}, {"max_drop": -0.1}]
)
def test_thresholds_that_mean_nothing_are_refused(bounds):
    with pytest.raises(ValidationError):
        GateSpec(score="x", **bounds)


NUMBERS = st.lists(st.floats(-2, 2), min_size=3, max_size=3).map(sorted)


@given(NUMBERS, st.floats(-2, 2), st.booleans())
def test_turning_the_direction_turns_nothing_else(numbers, floor, up):
    """A score and its negative, judged the other way round, have one outcome."""
    low, value, high = numbers
    one = judge(summary(value, low, high, higher_is_better=up), floor=floor)
    other = judge(summary(-value, -high, -low, higher_is_better=not up), floor=-floor)
    assert one[0] == other[0]


@given(NUMBERS, st.floats(0, 2), st.floats(0, 2))
def test_a_wider_margin_is_never_stricter(numbers, narrow, wide):
    low, difference, high = numbers
    order = ["fail", "inconclusive", "pass"]
    outcomes = [
        judge(against=comparison(difference, low, high), max_drop=drop)[0]
        for drop in sorted((narrow, wide))
    ]
    assert order.index(outcomes[0]) <= order.index(outcomes[1])
