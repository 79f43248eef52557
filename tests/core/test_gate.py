import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.compare import Scored
from benchmark.core.gate import exit_code, judge_gates, overall
from benchmark.core.gate_evidence import Evidence
from benchmark.core.opinions import Opinion
from benchmark.errors import ExitCode
from benchmark.gate_results import GateResult
from benchmark.records import Generation, Score
from benchmark.results import Comparison, ScoreSummary
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


MORE = "examples like these would settle it"
ON_IT = "it is too near the bound for any number of examples to settle it"


def table(**values):
    """Return scores of `citation_accuracy`: candidate -> one value an example (None: failed)."""
    name = "citation_accuracy"
    scores = {
        (candidate, name): [
            Score(
                example_id=str(at),
                candidate=candidate,
                metric=name,
                stats=None if value is None else (value, 1.0),
                values={} if value is None else {name: value},
            )
            for at, value in enumerate(rows)
        ]
        for candidate, rows in values.items()
    }
    return Scored({name: Opinion(name)}, {(name, name): name}, scores, {})


def judge(score=None, against=None, clusters=None, evidence=None, **bounds):
    gate = GateSpec(score="citation_accuracy", **bounds)
    found = {
        "summaries": [summary() if score is None else score],
        "comparisons": [] if against is None else [against],
        "baseline": "base",
    }
    if clusters is not None:
        found["table"] = table(lora=clusters)
    (result,) = judge_gates({"g": gate}, Evidence(**found, **(evidence or {})), ["lora"])
    return result.outcome, result.reason


@pytest.mark.parametrize(
    "floor, outcome, end",
    [
        (0.9, "pass", "at or above the floor of 0.9"),
        (0.91, "pass", "at or above the floor of 0.91"),
        (0.95, "inconclusive", f"which spans the floor of 0.95; {ON_IT}"),
        # 32 · ((1.96 + 0.84) / 1.96)² = 65.4: value and interval end are equally far away.
        (0.99, "inconclusive", f"which spans the floor of 0.99; about 66 {MORE}"),
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
        (0.95, "inconclusive", f"which spans the ceiling of 0.95; {ON_IT}"),
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
            "(95 % interval -0.06 to 0.26, n=32), which spans the allowed drop of 0.05; "
            f"about 75 {MORE}",
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
            "inconclusive",
            "citation_accuracy of lora is equal to base's (95 % interval 0.00 to 0.00, n=32), "
            "within the allowed drop of 0.05, but the interval has no width at n=32",
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
        # n / (n + 1.96²) = 0.95 at n = 72.99.
        f"{start} 1.00, n=32), which spans the floor of 0.95; about 73 {MORE}",
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


def test_the_denominator_is_shown_and_failures_never_pass_in_silence():
    """Values worked out by hand from (n · end + missing · 0) / (n + missing)."""
    some = summary(n=30, failed=2)
    outcome, reason = judge(some, floor=0.5)
    assert outcome == "inconclusive"
    assert "n=30 of 32), at or above the floor of 0.5, but 2 of 32 failed" in reason
    assert reason.endswith("and max_failed allows none")
    tolerant = {"max_failed": 0.1}
    outcome, reason = judge(some, evidence=tolerant, floor=0.5)
    assert outcome == "pass"
    assert reason.endswith("and also if the 2 that are missing had scored worst")
    # 30 · 0.91 / 32 = 0.853
    outcome, reason = judge(some, evidence=tolerant, floor=0.86)
    assert reason.endswith(", but not if the 2 that are missing had scored worst")
    assert outcome == "inconclusive"
    assert judge(some, evidence=tolerant, floor=0.85)[0] == "pass"
    assert judge(summary(n=30, failed=2), floor=0.995)[0] == "fail"


def test_answers_that_either_side_lacks_are_missing_from_a_comparison():
    against = comparison(0.0, -0.02, 0.02, n=29)
    sides = {"table": table(lora=[1.0] * 31 + [None], base=[1.0] * 29 + [None] * 2 + [1.0])}
    outcome, reason = judge(summary(n=31, failed=1), against, evidence=sides, max_drop=0.05)
    assert outcome == "inconclusive"
    assert "n=29 of 32" in reason and "3 of 32 failed" in reason
    # (29 · -0.02 - 3) / 32 = -0.11
    allowed = {**sides, "max_failed": 0.2}
    assert judge(summary(), against, evidence=allowed, max_drop=0.11)[0] == "inconclusive"
    assert judge(summary(), against, evidence=allowed, max_drop=0.12)[0] == "pass"


@pytest.mark.parametrize("n, outcome", [(72, "pass"), (71, "inconclusive")])
def test_ties_of_a_rate_pass_only_where_enough_of_them_are_seen(n, outcome):
    """Where scipy's exact interval of 0 in n excludes a share of 5 %."""
    from scipy.stats import binomtest

    end = binomtest(0, n).proportion_ci(method="exact").high
    assert (end < 0.05) == (outcome == "pass")
    ties = {"table": table(lora=[1.0] * n, base=[1.0] * n)}
    found, reason = judge(summary(n=n), comparison(0, 0, 0, n=n), evidence=ties, max_drop=0.05)
    assert found == outcome
    assert f"interval of {n} clusters that all tie -0.05" in reason
    assert reason.endswith(f"about 72 {MORE}") == (outcome == "inconclusive")


def test_the_very_same_answers_are_no_drop():
    rows = [Generation(example_id=str(at), candidate="x", text="mot") for at in range(3)]
    same = {
        "table": table(lora=[1.0] * 3, base=[1.0] * 3),
        "generations": {"lora": rows, "base": rows},
    }
    outcome, reason = judge(summary(n=3), comparison(0, 0, 0, n=3), evidence=same, max_drop=0.05)
    assert outcome == "pass"
    assert "n=3, the answers are the same word for word" in reason


def test_a_clear_loss_fails_though_every_answer_loses_alike():
    lost = {"table": table(lora=[0.0] * 6, base=[1.0] * 6)}
    found = judge(summary(n=6), comparison(-1, -1, -1, n=6), evidence=lost, max_drop=0.1)
    assert found[0] == "fail"


def test_min_n():
    outcome, reason = judge(floor=0.9, min_n=40)
    assert outcome == "inconclusive"
    assert reason.endswith("but fewer than min_n = 40 examples are scored")


@pytest.mark.parametrize(
    "score, against, reason",
    [
        (
            summary(None, None, None, n=0, failed=32),
            comparison(None, None, None, n=0, p=None),
            "citation_accuracy of lora has no value (n=0 of 32); "
            "citation_accuracy of lora cannot be compared with base's (n=0 of 32)",
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
            f"the floor of 0.5; {ON_IT}; "
            "citation_accuracy of lora has no comparison with the baseline",
        ),
    ],
)
def test_what_cannot_be_judged_is_inconclusive(score, against, reason):
    assert judge(score, against, floor=0.5, max_drop=0.5) == ("inconclusive", reason)


def test_a_candidate_that_did_not_run_is_inconclusive():
    gates = {"g": GateSpec(score="citation_accuracy", floor=0.1, max_drop=0.1)}
    (result,) = judge_gates(gates, Evidence(), ["lora"])
    assert (result.outcome, result.reason) == (
        "inconclusive",
        "lora has no citation_accuracy: it could not run",
    )


def test_a_gate_without_anybody_to_judge_does_not_pass():
    (result,) = judge_gates({"g": GateSpec(score="x", floor=0.1)}, Evidence(), [])
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
    results = judge_gates({"g": gate}, Evidence(summaries=scores), ["lora"])
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


NUMBERS = st.lists(st.floats(-2, 2), min_size=3, max_size=3).map(sorted)


@given(NUMBERS, st.floats(0, 2), st.booleans())
def test_turning_the_direction_turns_nothing_else(numbers, bound, up):
    """A difference and its negative, judged the other way round, have one outcome."""
    low, value, high = numbers
    one, other = (
        judge(
            summary(higher_is_better=direction),
            comparison(*ends, higher_is_better=direction),
            max_drop=bound,
        )
        for direction, ends in ((up, (value, low, high)), (not up, (-value, -high, -low)))
    )
    assert one[0] == other[0]


@given(NUMBERS, st.floats(0, 2), st.integers(0, 3))
def test_missing_answers_never_turn_anything_into_a_pass(numbers, floor, failed):
    low, value, high = numbers
    order = ["fail", "inconclusive", "pass"]
    whole, part = (
        judge(summary(value, low, high, n=20, failed=count), floor=floor)[0]
        for count in (0, failed)
    )
    assert order.index(part) <= order.index(whole)


@given(NUMBERS, st.floats(0, 2), st.floats(0, 2))
def test_a_wider_margin_is_never_stricter(numbers, narrow, wide):
    low, difference, high = numbers
    order = ["fail", "inconclusive", "pass"]
    outcomes = [
        judge(against=comparison(difference, low, high), max_drop=drop)[0]
        for drop in sorted((narrow, wide))
    ]
    assert order.index(outcomes[0]) <= order.index(outcomes[1])
