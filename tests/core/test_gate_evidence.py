"""Gates of every kind on small tables, judged as `bench run` judges them."""

from __future__ import annotations

import random

import numpy as np
import pytest

from benchmark.core.compare import Scored, compare, summarise
from benchmark.core.gate import judge_gates
from benchmark.core.gate_evidence import Evidence
from benchmark.core.gate_table import parts, with_opinions
from benchmark.core.opinions import Opinion
from benchmark.records import Example, Generation, Message, Score, Verdict
from benchmark.results import JudgeTrust, Rate
from benchmark.rows.leaks import leaks
from benchmark.suite import GateSpec

N = 120


def example(at, **meta):
    question = (Message(role="user", content=f"Question {at} ?"),)
    return Example(id=f"q{at}", prompt=question, references=("mot " * (at + 1),), meta=meta)


EXAMPLES = [example(at, code="travail" if at % 2 else "rural") for at in range(N)]


def scored(**values):
    """Return a table of the number `good`: candidate -> one value an example; None: failed."""
    scores = {
        (who, "good"): [
            Score(
                example_id=row.id,
                candidate=who,
                metric="good",
                stats=None if value is None else (float(value), 1.0),
                values={} if value is None else {"good": float(value)},
            )
            for row, value in zip(EXAMPLES, rows, strict=True)
        ]
        for who, rows in values.items()
    }
    return Scored({"good": Opinion("good")}, {("good", "good"): "good"}, scores, {})


def evidence(values, **more):
    table = scored(**values)
    draws = {"seed": 1, "resamples": 500}
    found = {
        "summaries": summarise(table),
        "comparisons": compare(table, "base", **draws),
        "table": table,
        "baseline": "base",
        "examples": EXAMPLES,
        **draws,
    }
    return Evidence(**{**found, **more})


def judged(spec, values, **more):
    gate = GateSpec.model_validate(spec)
    return judge_gates({"g": gate}, evidence(values, **more), ["lora"])


def only(spec, values, **more):
    (found,) = judged(spec, values, **more)
    return found


def mixed(share, seed=0):
    draw = random.Random(seed)
    return [float(draw.random() < share) for _ in range(N)]


GOOD, BAD, EVEN = mixed(0.9), mixed(0.3, 1), mixed(0.6, 2)


# --- beats, ratio ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mine, theirs, outcome",
    [
        (GOOD, BAD, "pass"),
        (BAD, GOOD, "fail"),
        (EVEN, mixed(0.6, 3), "inconclusive"),
        ([1.0] * N, [1.0] * N, "inconclusive"),
        ([1.0] * N, [0.0] * N, "pass"),
    ],
)
def test_beats(mine, theirs, outcome):
    found = only({"score": "good", "beats": "few"}, {"base": BAD, "lora": mine, "few": theirs})
    assert found.outcome == outcome
    assert "few's" in found.reason and f"n={N}" in found.reason


def test_the_same_answers_do_not_beat():
    rows = [Generation(example_id=row.id, candidate="x", text="mot") for row in EXAMPLES]
    found = only(
        {"score": "good", "beats": "base"},
        {"base": GOOD, "lora": GOOD},
        generations={"base": rows, "lora": rows},
    )
    assert (found.outcome, found.reason.rpartition(", ")[2]) == ("fail", "which does not beat base")


def test_beats_is_not_asked_of_the_one_that_is_to_be_beaten():
    gate = GateSpec(score="good", beats="few")
    table = evidence({"base": BAD, "lora": GOOD, "few": BAD})
    found = judge_gates({"g": gate}, table, ["lora", "few"])
    assert [row.candidate for row in found] == ["lora"]


@pytest.mark.parametrize(
    "times, outcome", [(1.5, "pass"), (10, "fail"), (np.mean(GOOD) / np.mean(BAD), "inconclusive")]
)
def test_ratio(times, outcome):
    found = only({"score": "good", "ratio": float(times)}, {"base": BAD, "lora": GOOD})
    assert found.outcome == outcome
    assert f"{np.mean(GOOD) / np.mean(BAD):.2f} times as much" in found.reason


def test_the_ratio_is_judged_by_the_interval_of_its_margin():
    """scipy's bootstrap of mean(mine) - 1.5 · mean(theirs), another implementation."""
    from scipy.stats import bootstrap

    table = scored(base=BAD, lora=GOOD)
    row, mine, theirs = Evidence(resamples=4000, seed=3).margin(
        table, ("lora", "base"), "good", 1.5
    )
    margins = np.array(GOOD) - 1.5 * np.array(BAD)
    theirs_ = bootstrap((margins,), np.mean, n_resamples=4000, method="percentile", rng=0)
    assert (mine, theirs) == (pytest.approx(np.mean(GOOD)), pytest.approx(np.mean(BAD)))
    assert row.difference == pytest.approx(margins.mean())
    assert row.low == pytest.approx(theirs_.confidence_interval.low, abs=0.02)
    assert row.high == pytest.approx(theirs_.confidence_interval.high, abs=0.02)


def test_a_ratio_to_nothing_says_nothing():
    found = only({"score": "good", "ratio": 2.0}, {"base": [0.0] * N, "lora": GOOD})
    assert (found.outcome, "a ratio to that says nothing" in found.reason) == ("inconclusive", True)


# --- parts of the test side -----------------------------------------------------------------


def test_slices_are_judged_by_themselves():
    values = [1.0 if row.meta["code"] == "rural" else 0.0 for row in EXAMPLES]
    noisy = [0.5 if at % 7 == 0 else value for at, value in enumerate(values)]
    found = judged({"score": "good", "floor": 0.6, "slice": "code"}, {"base": BAD, "lora": noisy})
    assert [(row.slice, row.outcome) for row in found] == [
        ("code=rural", "pass"),
        ("code=travail", "fail"),
    ]
    assert all(f"n={N // 2}" in row.reason for row in found)
    one = only(
        {"score": "good", "floor": 0.6, "where": {"code": "travail"}}, {"base": BAD, "lora": noisy}
    )
    assert (one.slice, one.outcome, one.reason) == (found[1].slice, "fail", found[1].reason)


def test_length_cuts_the_test_side_in_thirds():
    found = parts(EXAMPLES, {}, "length")
    assert {name: len(ids) for name, ids in found.items()} == {
        "length=long": N // 3,
        "length=medium": N // 3,
        "length=short": N // 3,
    }
    assert "q0" in found["length=short"] and f"q{N - 1}" in found["length=long"]
    # A field of that name comes first.
    assert list(parts([example(1, length="brève")], {}, "length")) == ["length=brève"]


@pytest.mark.parametrize(
    "part, reason",
    [
        ({"where": {"code": "pénal"}}, "no test example of lora is in this part (n=0)"),
        (
            {"slice": "codes"},
            "no test example has `codes` (n=0); known: code, length",
        ),
    ],
)
def test_a_part_without_examples_never_passes(part, reason):
    found = only({"score": "good", "floor": 0.0, **part}, {"base": BAD, "lora": GOOD})
    assert (found.outcome, found.reason) == ("inconclusive", reason)


def test_too_many_slices_are_refused():
    rows = [example(at, article=f"L{at}") for at in range(N)]
    found = only(
        {"score": "good", "floor": 0.0, "slice": "article"},
        {"base": BAD, "lora": GOOD},
        examples=rows,
    )
    assert found.outcome == "inconclusive"
    assert "makes 120 parts, more than 30" in found.reason


def test_a_part_with_one_example_has_no_interval():
    rows = [example(0, code="pénal"), *EXAMPLES[1:]]
    spec = {"score": "good", "floor": 0.0, "max_drop": 1.0, "where": {"code": "pénal"}}
    found = only(spec, {"base": BAD, "lora": GOOD}, examples=rows)
    assert found.outcome == "inconclusive"
    assert found.reason.count("has no interval (n=1)") == 2


# --- judges ---------------------------------------------------------------------------------

RATE = Rate(value=0.9, low=0.8, high=1.0)


def trust(trusted):
    return {
        "nice": JudgeTrust(
            judge="nice",
            trusted=trusted,
            reason="it tells references from others in 52 % of 40 pairs",
            auc=RATE,
            false_pass=RATE,
            n=40,
            failed=0,
        )
    }


def opinions(count, value=1.0):
    rows = [
        Verdict(
            example_id=row.id,
            judge="j",
            candidates=("lora",),
            value=(value if at % 10 else 0.0) if at < count else None,
        )
        for at, row in enumerate(EXAMPLES)
    ]
    return with_opinions(
        scored(base=BAD, lora=GOOD), {("lora", "nice"): rows}, {"nice": "s"}, EXAMPLES
    )


def test_only_a_judge_that_is_trusted_decides():
    spec = {"judge": "nice", "floor": 0.5}
    values, table = {"base": BAD, "lora": GOOD}, opinions(N)
    nobody = only(spec, values, table=table)
    assert nobody.outcome == "inconclusive"
    assert nobody.reason.startswith("judge nice may not decide: nothing in this run shows")
    doubted = only(spec, values, table=table, trust=trust(False))
    assert (doubted.outcome, doubted.reason) == (
        "inconclusive",
        "judge nice may not decide: it tells references from others in 52 % of 40 pairs",
    )
    trusted = only(spec, values, table=table, trust=trust(True))
    assert trusted.outcome == "pass"
    assert trusted.reason.startswith("judge nice of lora is 0.90 (95 % interval")


def test_a_judge_that_abstains_is_counted_and_never_helps():
    spec = {"judge": "nice", "floor": 0.6}
    values = {"base": BAD, "lora": GOOD}
    most = only(spec, values, table=opinions(100), trust=trust(True))
    # 0.9 of 100 is 0.75 of 120 at worst; the interval's lower end 0.84 becomes 0.70.
    assert (most.outcome, "n=100 of 120" in most.reason) == ("pass", True)
    few = only(spec, values, table=opinions(70), trust=trust(True))
    assert few.outcome == "inconclusive"
    assert few.reason.endswith("but not if the 50 that are missing had scored worst")


# --- cost, leaks ----------------------------------------------------------------------------


def spent(**values):
    return {
        "generations": {
            "lora": [
                Generation(example_id=row.id, candidate="lora", text="mot", **values)
                for row in EXAMPLES
            ]
        }
    }


@pytest.mark.parametrize(
    "limit, values, outcome, said",
    [
        ({"tokens": 20}, {"tokens_out": 9}, "pass", "tokens an answer of lora is 9.00"),
        ({"tokens": 8}, {"tokens_out": 9}, "fail", "above the ceiling of 8"),
        ({"seconds": 0.5}, {"seconds": 0.1}, "pass", f"n={N}), at or below the ceiling of 0.5"),
        ({"price": 0.001}, {"cost": 0.0002}, "pass", "price an answer of lora is 0.0002"),
        ({"price": 0.001}, {}, "inconclusive", "is not known (n=120): set the backend's `price:`"),
        ({"tokens": 9, "price": 1}, {"tokens_out": 9}, "inconclusive", "at or below the ceiling"),
    ],
)
def test_what_an_answer_costs(limit, values, outcome, said):
    found = only({"max_cost": limit}, {"base": BAD, "lora": GOOD}, **spent(**values))
    assert (found.outcome, said in found.reason) == (outcome, True), found.reason


def test_leaks():
    report = leaks([EXAMPLES[3]], EXAMPLES)
    values = {"base": BAD, "lora": GOOD}
    assert report.total >= 1
    share = report.share
    assert only({"max_leaks": share}, values, leaks=report).outcome == "pass"
    found = only({"max_leaks": share / 2}, values, leaks=report)
    assert (found.outcome, found.who) == ("fail", "test side")
    assert "among the 1 rows of the train side" in found.reason
    assert only({"max_leaks": 0.5}, values).outcome == "inconclusive"


# --- what an open question counts as --------------------------------------------------------


@pytest.mark.parametrize(
    "choice, effective", [(None, "inconclusive"), ("pass", "pass"), ("fail",) * 2]
)
def test_on_inconclusive_is_shown(choice, effective):
    spec = {"score": "good", "floor": 0.6, "on_inconclusive": choice}
    found = only(spec, {"base": BAD, "lora": EVEN})
    assert (found.outcome, found.effective) == ("inconclusive", effective)
    assert (f"counts as a {choice} (on_inconclusive: {choice})" in found.reason) == bool(choice)
    assert found.needed is None or found.needed > N


def test_on_inconclusive_is_for_inconclusive_ones_alone():
    spec = {"score": "good", "floor": 0.99, "on_inconclusive": "pass"}
    found = only(spec, {"base": GOOD, "lora": BAD})
    assert (found.outcome, found.effective, found.counts_as) == ("fail", "fail", None)


def test_examples_behind_a_comparison_are_named():
    mine = list(GOOD)
    mine[5], mine[6] = 0.0, 1.0
    theirs = list(GOOD)
    theirs[5], theirs[6] = 1.0, 0.0
    found = only({"score": "good", "max_drop": 0.1}, {"base": theirs, "lora": mine})
    assert (found.worse, found.better) == (("q5",), ("q6",))


def test_failed_items_of_a_whole_candidate():
    failed = only(
        {"score": "good", "floor": 0.1, "max_drop": 0.9}, {"base": GOOD, "lora": [None] * N}
    )
    assert failed.outcome == "inconclusive"
    assert failed.reason.count("(n=0 of 120)") == 2
