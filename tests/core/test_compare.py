import json

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests

from benchmark.core.compare import Scored, compare, per_cluster, summarise
from benchmark.plugins import ScoreInfo
from benchmark.records import Score

SEED, ROUNDS = 42, 2000


class Rates:
    """Two numbers from three sums: hits per example, and edits per character."""

    signature = "rates|code:1"
    key = "k"

    def infos(self):
        return (ScoreInfo("hits"), ScoreInfo("edits", higher_is_better=False))

    def values(self, totals):
        hits, edits, chars = np.moveaxis(totals, -1, 0)
        return np.stack([hits / self.rows(totals), edits / chars], axis=-1)

    def rows(self, totals):
        return totals[..., 2] / 10  # every answer here has 10 characters


def score(candidate, example, stats, metric="rates"):
    values = {} if stats is None else {"hits": float(stats[0]), "edits": stats[1] / 10}
    return Score(example_id=example, candidate=candidate, metric=metric, stats=stats, values=values)


def scored(scores, groups=None):
    labels = {("rates", "hits"): "hits", ("rates", "edits"): "rates.edits"}
    return Scored({"rates": Rates()}, labels, scores, groups or {})


@pytest.fixture
def tables():
    random = np.random.default_rng(4)

    def rows(rate):
        return [
            (float(random.random() < rate), float(random.integers(0, 5)), 10.0) for _ in range(40)
        ]

    return {"base": rows(0.4), "lora": rows(0.8)}


def records(tables, without=()):
    return {
        (name, "rates"): [
            score(name, f"ex{at}", None if (name, at) in without else row)
            for at, row in enumerate(rows)
        ]
        for name, rows in tables.items()
    }


def test_summaries_hold_scipys_numbers(tables):
    found = summarise(scored(records(tables)))
    assert [(row.candidate, row.score) for row in found] == [
        ("base", "hits"),
        ("base", "rates.edits"),
        ("lora", "hits"),
        ("lora", "rates.edits"),
    ]
    hits, edits = found[2:]
    column = np.array(tables["lora"])[:, 0]
    theirs = scipy_stats.binomtest(int(column.sum()), 40).proportion_ci(method="wilson")
    assert hits.value == pytest.approx(column.mean())
    assert (hits.low, hits.high) == pytest.approx((theirs.low, theirs.high))
    assert edits.value == pytest.approx(np.array(tables["lora"])[:, 1].mean() / 10)
    assert (hits.higher_is_better, edits.higher_is_better) == (True, False)
    assert (hits.n, hits.failed, hits.metric, hits.signature) == (40, 0, "rates", "rates|code:1")
    assert (hits.method, edits.method) == ("Wilson", "jackknife t, skewness-corrected")
    column = np.array(tables["lora"])[:, 1] / 10
    # Near the plain t interval, since edits are hardly skewed here.
    theirs = scipy_stats.ttest_1samp(column, 0).confidence_interval()
    assert (edits.low, edits.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)


@pytest.mark.parametrize("hit", [0.0, 1.0])
def test_a_rate_without_a_width_gets_wilsons_interval(tables, hit):
    """Expected ends: scipy.stats.binomtest(k, n).proportion_ci(method="wilson")."""
    same = {**tables, "sure": [(hit, 2.0, 10.0)] * 32}
    rows = {(row.candidate, row.score): row for row in summarise(
        scored(records(same)))}  # fmt: skip
    theirs = scipy_stats.binomtest(int(32 * hit), 32).proportion_ci(method="wilson")
    sure = rows["sure", "hits"]
    assert (sure.low, sure.high) == pytest.approx((theirs.low, theirs.high))
    assert sure.low <= sure.value <= sure.high
    # Edits are no yes/no score: their interval stays the jackknife's.
    assert rows["sure", "rates.edits"].low == rows["sure", "rates.edits"].high == 0.2


def test_comparisons_hold_scipys_numbers(tables):
    found = compare(scored(records(tables)), "base", seed=SEED, resamples=ROUNDS)
    assert [(row.candidate, row.baseline, row.score) for row in found] == [
        ("lora", "base", "hits"),
        ("lora", "base", "rates.edits"),
    ]
    a, b = (np.array(tables[name]) for name in ("lora", "base"))
    hits, edits = found
    gained, lost = int((a[:, 0] > b[:, 0]).sum()), int((a[:, 0] < b[:, 0]).sum())
    assert hits.difference == pytest.approx((gained - lost) / 40)
    # McNemar's exact test is the sign test of the changes.
    assert hits.p == pytest.approx(scipy_stats.binomtest(gained, gained + lost).pvalue)
    assert (hits.effect_name, hits.effect) == ("odds ratio", (gained + 0.5) / (lost + 0.5))
    assert hits.low < hits.difference < hits.high
    theirs = scipy_stats.ttest_rel(a[:, 1] / 10, b[:, 1] / 10)
    assert (edits.low, edits.high) == pytest.approx(tuple(theirs.confidence_interval()))
    assert edits.difference / edits.se == pytest.approx(theirs.statistic)
    assert edits.effect == pytest.approx(theirs.statistic / 40**0.5)
    assert edits.p == pytest.approx(theirs.pvalue, abs=0.04)
    assert (edits.effect_name, edits.clusters, edits.n) == ("dz", 40, 40)
    family = "Holm over 2 tests (candidates: 1, numbers: 2)"
    assert (hits.family, edits.family) == (family, family)
    assert (hits.p_adjusted, edits.p_adjusted) == (2 * hits.p, edits.p)
    assert hits.test == f"Tango interval; McNemar's exact test; 40 clusters; p by {family}"
    assert edits.test == (
        "jackknife t interval; paired randomisation (2,000 swaps), seed 42; 40 clusters; "
        f"p by {family}"
    )


def test_the_family_is_all_candidates_and_numbers_but_no_controls(tables):
    more = {**tables, "echo": tables["lora"], "other": tables["lora"][::-1]}
    how = {"seed": SEED, "resamples": ROUNDS, "controls": ["echo"]}
    found = compare(scored(records(more)), "base", **how)
    fakes = [row for row in found if row.candidate == "echo"]
    assert [(row.p_adjusted, row.family) for row in fakes] == [(None, "")] * 2
    assert [row.shown_p for row in fakes] == [row.p for row in fakes]
    rest = [row for row in found if row.candidate != "echo"]
    assert {row.family for row in rest} == {"Holm over 4 tests (candidates: 2, numbers: 2)"}
    expected = multipletests([row.p for row in rest], method="holm")[1]
    assert [row.shown_p for row in rest] == pytest.approx(expected.tolist())
    expected = multipletests([row.p for row in rest], method="fdr_bh")[1]
    found = compare(scored(records(more)), "base", **how, correction="bh")
    assert [row.p_adjusted for row in found if row.family] == pytest.approx(expected.tolist())
    assert found[-1].family.startswith("Benjamini-Hochberg over 4 tests")


def test_failed_answers_are_counted_and_left_out_of_both_sides(tables):
    without = {("lora", 0), ("lora", 1), ("base", 1), ("base", 2)}
    data = scored(records(tables, without))
    base, _, lora, _ = summarise(data)
    assert (base.n, base.failed, lora.n, lora.failed) == (38, 2, 38, 2)
    assert lora.value == pytest.approx(np.mean([row[0] for row in tables["lora"][2:]]))
    comparison = compare(data, "base", seed=SEED, resamples=ROUNDS)[0]
    assert comparison.n == 37
    both = [at for at in range(40) if at not in (0, 1, 2)]
    expected = np.mean([tables["lora"][at][0] - tables["base"][at][0] for at in both])
    assert comparison.difference == pytest.approx(expected)


def test_pairs_are_found_by_example_not_by_place(tables):
    mixed = records(tables)
    mixed["lora", "rates"] = mixed["lora", "rates"][::-1]
    assert compare(scored(mixed), "base", seed=SEED, resamples=ROUNDS) == compare(
        scored(records(tables)), "base", seed=SEED, resamples=ROUNDS
    )


def test_articles_are_the_clusters(tables):
    groups = {f"ex{at}": f"L{at // 4}" for at in range(40)}
    comparison = compare(scored(records(tables), groups), "base", seed=SEED, resamples=ROUNDS)[0]
    assert "10 clusters" in comparison.test
    # An example without an article is a cluster of its own, whatever the others are called.
    groups = {"ex0": "", "ex1": "ex0", "ex2": "example ex0"}
    comparison = compare(scored(records(tables), groups), "base", seed=SEED, resamples=ROUNDS)[0]
    assert "40 clusters" in comparison.test


def test_an_article_never_meets_an_example_of_its_name():
    data = scored({}, {"a": "L1", "b": "L1", "L1": "", "group L1": ""})
    assert data.clusters(["a", "b", "L1", "group L1"]) == [
        "group L1",
        "group L1",
        "example L1",
        "example group L1",
    ]


def test_identical_answers_differ_by_nothing(tables):
    same = records({"base": tables["base"], "copy": tables["base"]})
    hits, edits = compare(scored(same), "base", seed=SEED, resamples=ROUNDS)
    assert (hits.difference, hits.p, hits.effect) == (0.0, 1.0, 1.0)
    # Of 40 answers of yes and no that did not change, the next still can.
    assert -0.1 < hits.low < 0 < hits.high < 0.1
    assert (edits.difference, edits.low, edits.high, edits.p) == (0.0, 0.0, 0.0, 1.0)
    assert edits.effect == 0.0


def test_intervals_stay_on_the_scale():
    """A share of 0.01 to 0.02 with one outlier would reach below 0 by t alone."""
    rows = {"base": [(0.02, 0.0, 10.0)] * 5 + [(0.9, 1.0, 10.0)], "lora": [(0.99, 0.0, 10.0)] * 6}
    found = summarise(scored(records(rows)))
    assert 0 <= found[0].low < found[0].value < found[0].high <= 1
    assert found[1].low == 0.0  # edits cannot be fewer than none


def test_nothing_scored_is_none_and_never_zero(tables):
    every = {("lora", at) for at in range(40)}
    data = scored(records(tables, every))
    lora = summarise(data)[2]
    assert (lora.value, lora.low, lora.high, lora.n, lora.failed) == (None, None, None, 0, 40)
    comparison = compare(data, "base", seed=SEED, resamples=ROUNDS)[0]
    assert (comparison.difference, comparison.low, comparison.p, comparison.n) == (
        None,
        None,
        None,
        0,
    )


def test_a_baseline_that_did_not_run_leaves_nothing_to_compare(tables):
    data = scored(records({"lora": tables["lora"]}))
    assert {row.candidate for row in summarise(data)} == {"lora"}
    rows = compare(data, "base", seed=SEED, resamples=ROUNDS)
    assert [(row.n, row.difference, row.p) for row in rows] == [(0, None, None)] * 2


def test_one_example_has_a_value_and_no_interval():
    data = scored(records({"base": [(1.0, 2.0, 10.0)], "lora": [(0.0, 1.0, 10.0)]}))
    base = summarise(data)[0]
    assert (base.value, base.low, base.high, base.n) == (1.0, None, None, 1)
    row = compare(data, "base", seed=SEED, resamples=ROUNDS)[0]
    assert (row.difference, row.low, row.high, row.p) == (-1.0, None, None, 1.0)


def test_an_undefined_number_is_none_beside_a_defined_one():
    """No characters at all: edits per character has no value, and JSON no NaN."""
    blank = {"base": [(1.0, 0.0, 0.0)] * 3, "lora": [(0.0, 0.0, 0.0)] * 3}

    class OfBlank(Rates):
        def rows(self, totals):
            return 3.0

    data = scored(records(blank))
    data = Scored({"rates": OfBlank()}, data.labels, data.scores, {})
    rows = summarise(data)
    assert (rows[0].value, rows[0].n, rows[0].failed) == (1.0, 3, 0)
    assert (rows[1].value, rows[1].low, rows[1].n) == (None, None, 3)
    comparisons = compare(data, "base", seed=SEED, resamples=ROUNDS)
    assert (comparisons[1].difference, comparisons[1].p, comparisons[1].n) == (None, None, 3)
    for row in [*rows, *comparisons]:
        json.dumps(row.model_dump(), allow_nan=False)


def test_clusters_give_their_means():
    rows = {"base": [(1.0, 0.0, 10.0), (0.0, 5.0, 10.0), (1.0, 1.0, 10.0), (1.0, 0.0, 10.0)]}
    data = scored(
        records(rows, {("base", 3)}), {"ex0": "L1", "ex1": "L1", "ex2": "L2", "ex3": "L3"}
    )
    assert per_cluster(data) == {
        ("base", "hits"): [0.5, 1.0],
        ("base", "rates.edits"): [0.25, pytest.approx(0.1)],
    }
