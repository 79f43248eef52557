"""Paired tests, corrections, effect sizes, non-inferiority and power, against other libraries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats as scipy_stats
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired

from benchmark.stats import (
    Changes,
    Question,
    Sample,
    adjust,
    design_effect,
    detectable,
    effects,
    mcnemar,
    needed,
    non_inferiority,
    paired_test,
    power_of,
    yes_no_deviation,
)
from benchmark.stats.rates import tango_score


def mean(totals):
    """(sum, count) -> (mean,)."""
    return totals[..., :1] / totals[..., 1:]


def rows(values):
    return np.column_stack([np.asarray(values, dtype=float), np.ones(len(values))])


def names(count):
    return [f"art-{at:05d}" for at in range(count)]


def yes_no(gained, lost, both, neither):
    """Return both sides' statistics."""
    a = np.r_[np.ones(gained), np.zeros(lost), np.ones(both), np.zeros(neither)]
    b = np.r_[np.zeros(gained), np.ones(lost), np.ones(both), np.zeros(neither)]
    return rows(a), rows(b)


# --- tests ----------------------------------------------------------------------------------


@pytest.mark.parametrize("gained, lost", [(0, 0), (1, 0), (5, 5), (9, 2), (2, 9), (40, 20)])
def test_mcnemar_is_statsmodels(gained, lost):
    theirs = their_mcnemar([[7, gained], [lost, 9]], exact=True).pvalue
    # Of no changes at all their p is NaN.
    expected = 1.0 if gained + lost == 0 else theirs
    assert mcnemar(Changes(gained, lost, gained + lost + 16)) == pytest.approx(expected)


def test_yes_no_answers_get_mcnemar_and_clusters_of_them_swaps():
    a, b = yes_no(9, 2, 12, 7)
    alone = paired_test(a, b, mean, names(30), 1000, 1)
    assert alone.methods == ("McNemar's exact test",)
    assert alone.p[0] == pytest.approx(their_mcnemar([[12, 9], [2, 7]], exact=True).pvalue)
    groups = [f"g{at % 10}" for at in range(30)]
    clustered = paired_test(a, b, mean, groups, 2000, 1)
    assert clustered.methods == ("paired randomisation (1,024 swaps, all there are)",)
    sums = np.array([[side[at::10, 0].sum() for at in range(10)] for side in (a, b)])
    exact = scipy_stats.permutation_test(
        tuple(sums), lambda x, y: np.sum(x) - np.sum(y), permutation_type="samples",
        vectorized=False,
    ).pvalue  # fmt: skip
    assert clustered.p[0] == pytest.approx(exact)


def test_few_groups_are_enumerated_exactly():
    """scipy.stats.permutation_test enumerates all 2^10 swaps too."""
    random = np.random.default_rng(3)
    a, b = random.random((2, 10))
    exact = scipy_stats.permutation_test(
        (a, b), lambda x, y: np.mean(x) - np.mean(y), permutation_type="samples", vectorized=False
    ).pvalue
    found = paired_test(rows(a), rows(b), mean, names(10), 1024, 1)
    assert found.p[0] == pytest.approx(exact)
    assert "1,024 swaps, all" in found.methods[0]
    drawn = paired_test(rows(a), rows(b), mean, names(10), 1023, 1)
    assert drawn.methods == ("paired randomisation (1,023 swaps)",)


def test_what_cannot_be_tested_is_nan_and_ties_are_one():
    none = np.zeros((0, 2))
    assert np.isnan(paired_test(none, none, mean, [], 100, 1).p).all()
    same = rows(np.linspace(0, 1, 30))
    assert_array_equal(paired_test(same, same, mean, names(30), 100, 1).p, [1.0])
    a, b = yes_no(0, 0, 4, 4)
    assert_array_equal(paired_test(a, b, mean, names(8), 100, 1).p, [1.0])


@settings(max_examples=80, deadline=None)
@given(st.lists(st.none() | st.floats(0, 1), max_size=12))
def test_corrections_are_statsmodels(p_values):
    known = [p for p in p_values if p is not None]
    for ours, theirs in (("holm", "holm"), ("bh", "fdr_bh")):
        found = adjust(p_values, ours)
        assert [p is None for p in found] == [p is None for p in p_values]
        expected = multipletests(known, method=theirs)[1] if known else []
        assert_allclose([p for p in found if p is not None], expected, atol=1e-12)


def test_nan_is_no_test():
    assert_array_equal(adjust([0.01, float("nan"), 0.04]), [0.02, float("nan"), 0.04])


def test_effect_sizes():
    random = np.random.default_rng(5)
    a, b = random.random((2, 40)) + np.array([[0.2], [0.0]])
    (found,) = effects(rows(a), rows(b), mean, names(40))
    d = a - b
    assert (found.name, found.value) == ("dz", pytest.approx(d.mean() / d.std(ddof=1)))
    (found,) = effects(*yes_no(9, 2, 12, 7), mean, names(30))
    assert (found.name, found.value) == ("odds ratio", 9.5 / 2.5)
    (found,) = effects(rows(a), rows(a), mean, names(40))
    assert (found.name, found.value) == ("dz", 0.0)
    (found,) = effects(rows(a), rows(a) - [0.25, 0], mean, names(40))
    assert np.isnan(found.value), "a difference that never varies has no size in its own spread"


# --- non-inferiority ------------------------------------------------------------------------


@pytest.mark.parametrize("shift, margin", [(0.0, 0.05), (-0.04, 0.05), (-0.1, 0.05), (0.1, 0.0)])
def test_non_inferiority_is_one_side_of_statsmodels_tost(shift, margin):
    random = np.random.default_rng(6)
    b = random.random(40)
    a = b + shift + random.normal(0, 0.1, 40)
    found = non_inferiority(rows(a), rows(b), mean, names(40), margin)
    _, (_, above, _), _ = ttost_paired(a, b, -margin, 10.0)
    assert found.p_noninferior[0] == pytest.approx(above)
    assert found.p_inferior[0] == pytest.approx(1 - above)
    theirs = scipy_stats.ttest_rel(a, b).confidence_interval(0.9)
    assert_allclose((found.low[0], found.high[0]), theirs)
    assert (found.low[0] > -margin) == (above < 0.05)
    assert (found.high[0] < -margin) == (1 - above < 0.05)


def test_rates_are_tested_by_tangos_score():
    """Its ends at 90 % are where the two one-sided tests at 5 % turn."""
    a, b = yes_no(9, 14, 60, 37)
    found = non_inferiority(a, b, mean, names(120), 0.15)
    z = tango_score(Changes(9, 14, 120), -0.15)
    assert found.p_noninferior[0] == pytest.approx(scipy_stats.norm.sf(z))
    assert found.methods == ("Tango",)
    at_low = non_inferiority(a, b, mean, names(120), -found.low[0])
    assert at_low.p_noninferior[0] == pytest.approx(0.05, abs=1e-6)


def test_a_few_equal_answers_prove_no_margin():
    """Nothing lost in 20 answers: a loss of 1 in 10 would be seen in 88 % of such sets only."""
    a, b = yes_no(0, 0, 12, 8)
    few = non_inferiority(a, b, mean, names(20), 0.1)
    assert 0.05 < few.p_noninferior[0] < 0.2
    a, b = yes_no(0, 0, 120, 80)
    assert non_inferiority(a, b, mean, names(200), 0.1).p_noninferior[0] < 1e-3


def test_without_variance_a_mean_is_taken_at_its_word():
    same = rows(np.linspace(0.1, 0.9, 12))
    worse = same - [0.05, 0]
    assert non_inferiority(same, same, mean, names(12), 0.0).p_noninferior[0] == 0.0
    # 0.05 below is at the margin, whatever the last digits say.
    assert non_inferiority(worse, same, mean, names(12), 0.05).p_noninferior[0] == 0.0
    assert non_inferiority(worse, same, mean, names(12), 0.04).p_inferior[0] == 0.0


@pytest.mark.parametrize("groups", [[], ["L1"] * 3])
def test_nothing_and_one_cluster_decide_nothing(groups):
    table = rows(np.linspace(0.2, 0.4, len(groups)))
    found = non_inferiority(table, table, mean, groups, 0.1)
    assert np.isnan([found.p_noninferior, found.p_inferior, found.low, found.high]).all()
    assert found.methods == ("none",)


@pytest.mark.parametrize(
    "margin, alpha",
    [(-0.1, 0.05), (float("nan"), 0.05), (float("inf"), 0.05), (0.1, 0), (0.1, 0.5)],
)
def test_contradictory_margins_are_refused(margin, alpha):
    table = rows([0.1, 0.2])
    with pytest.raises(ValueError, match="must be"):
        non_inferiority(table, table, mean, names(2), margin, alpha)


# --- power ----------------------------------------------------------------------------------


@pytest.mark.parametrize("sides, kind", [(2, "two-sided"), (1, "larger")])
@pytest.mark.parametrize("n, effect", [(8, 0.5), (32, 0.51), (200, 0.1), (40, 3.0)])
def test_power_is_statsmodels(n, effect, sides, kind):
    theirs = TTestPower().power(effect, n, 0.05, alternative=kind)
    assert power_of(2 * effect, 2.0, n, Question(sides=sides)) == pytest.approx(theirs, abs=1e-8)


@pytest.mark.parametrize("n, power", [(8, 0.8), (32, 0.8), (100, 0.95)])
def test_the_smallest_detectable_difference_is_statsmodels(n, power):
    theirs = TTestPower().solve_power(nobs=n, alpha=0.05, power=power)
    assert detectable(1.5, n, Question(power=power)) == pytest.approx(1.5 * theirs, rel=1e-4)


def test_the_n_needed_is_statsmodels():
    theirs = TTestPower().solve_power(0.2 / 0.8, alpha=0.05, power=0.8, alternative="larger")
    found = needed(-0.2, Sample(se=0.8 / 10, clusters=100, examples=250))
    assert found == (np.ceil(theirs), np.ceil(np.ceil(theirs) * 2.5))


def test_the_worked_example_of_paired_yes_no():
    """20 % disagreements, 5 points, 80 % power: 7.85 (0.2 - 0.0025) / 0.0025, about 620 items."""
    sample = Sample(yes_no_deviation(0.2, 0.05) / 10, 100, 100)
    found = needed(0.05, sample, Question(sides=2))
    assert found.clusters == pytest.approx(7.85 * (0.20 - 0.0025) / 0.0025, rel=0.01)
    # With 100 items about 12 points can be seen.
    assert detectable(yes_no_deviation(0.2, 0.12), 100) == pytest.approx(0.12, abs=0.005)


def test_no_size_settles_what_cannot_be_settled():
    sample = Sample(0.1, 20, 20)
    assert needed(0.0, sample) is None
    assert needed(float("nan"), sample) is None
    assert needed(0.1, Sample(0.1, 1, 5)) is None
    assert needed(0.1, Sample(float("nan"), 9, 9)) is None
    assert needed(1e-7, sample) is None, "beyond any test set"
    assert needed(0.1, Sample(0.0, 9, 18)) == (2, 4)
    assert np.isnan(detectable(1.0, 1))
    assert detectable(0.0, 10) == 0.0
    assert np.isnan(power_of(0.1, 1.0, 1, Question()))


@settings(max_examples=40, deadline=None)
@given(st.floats(0.01, 2), st.floats(0.1, 3), st.integers(5, 300))
def test_what_is_needed_is_enough_and_no_more(gap, deviation, clusters):
    found = needed(gap, Sample(deviation / clusters**0.5, clusters, 2 * clusters))
    asked = Question(sides=1)
    assert power_of(gap, deviation, found.clusters, asked) >= 0.8
    if found.clusters > 2:
        assert power_of(gap, deviation, found.clusters - 1, asked) < 0.8
    assert found.examples == 2 * found.clusters


def test_design_effect():
    assert design_effect(0.2, 0.1) == pytest.approx(4.0)
    assert design_effect(0.2, 0.0) == 1.0
