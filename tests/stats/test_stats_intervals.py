"""Intervals: against scipy, statsmodels and published examples, and what cannot be known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats as scipy_stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.proportion import proportion_confint

from benchmark.stats import (
    Changes,
    difference_interval,
    nested,
    score_interval,
    tango,
    wilson,
)
from benchmark.stats.intervals import _unskewed
from benchmark.stats.jackknife import spread
from benchmark.stats.rates import tango_score


def mean(totals):
    """(sum, count) -> (mean,)."""
    return totals[..., :1] / totals[..., 1:]


def rows(values):
    return np.column_stack([np.asarray(values, dtype=float), np.ones(len(values))])


def names(count):
    return [f"art-{at:05d}" for at in range(count)]


def ends(found, at=0):
    return found.low[at], found.high[at]


# --- differences ----------------------------------------------------------------------------


def test_a_difference_of_means_is_scipys_paired_t():
    random = np.random.default_rng(1)
    b = random.gamma(2.0, 0.1, size=25)
    a = b + random.normal(0.03, 0.1, size=25)
    found = difference_interval(rows(a), rows(b), mean, names(25))
    theirs = scipy_stats.ttest_rel(a, b)
    assert_allclose(ends(found), theirs.confidence_interval(), rtol=1e-12)
    assert_allclose(found.value / found.se, theirs.statistic, rtol=1e-12)
    assert (found.groups, found.methods) == (25, ("jackknife t",))
    wide = difference_interval(rows(a), rows(b), mean, names(25), 0.99)
    assert_allclose(ends(wide), theirs.confidence_interval(0.99), rtol=1e-12)


def test_clusters_of_one_size_are_statsmodels_cluster_robust_errors():
    """OLS on a constant with cov_type="cluster", scaled by g / (g - 1) as is its default."""
    random = np.random.default_rng(2)
    groups = np.repeat(np.arange(15), 4)
    d = random.normal(size=15)[groups] + random.normal(size=60)
    labels = [f"g{at:02d}" for at in groups]
    found = difference_interval(rows(d + 5), rows(np.full(60, 5.0)), mean, labels)
    fit = OLS(d, np.ones(60)).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    assert_allclose(found.se, fit.bse, rtol=1e-10)
    # And so the t interval of the 15 cluster means.
    means = d.reshape(15, 4).mean(axis=1)
    theirs = scipy_stats.ttest_1samp(means, 0).confidence_interval()
    assert_allclose(ends(found), theirs, rtol=1e-10)


def test_a_ratio_has_the_jackknifes_error():
    """Expected: the definition, one cluster left out at a time, in a loop."""
    random = np.random.default_rng(3)
    sizes = random.integers(1, 9, size=12)
    labels = np.repeat(names(12), sizes)
    edits = random.poisson(3, size=sizes.sum()).astype(float)
    table = np.column_stack([edits, random.integers(5, 50, size=sizes.sum())])
    found = spread([table], mean, list(labels))
    left = [mean(table[labels != name].sum(axis=0))[0] for name in names(12)]
    assert_allclose(found.se[0], np.sqrt(11 / 12 * np.sum((left - np.mean(left)) ** 2)))
    assert found.value[0] == pytest.approx(edits.sum() / table[:, 1].sum())
    # Kish (1965): clusters of unequal size are worth fewer.
    assert found.freedom == pytest.approx(sizes.sum() ** 2 / (sizes**2).sum() - 1)


# --- skewness -------------------------------------------------------------------------------


@pytest.mark.parametrize("skew", [-0.9, -0.2, 1e-12, 0.3, 0.9])
@pytest.mark.parametrize("x", [-3.0, -0.5, 0.0, 2.1])
def test_the_correction_inverts_halls_cubic(skew, x):
    """Hall (1992), Journal of the Royal Statistical Society B 54, 221-228."""
    t = _unskewed(x, skew)
    assert t + skew * t**2 / 3 + skew**2 * t**3 / 27 + skew / 6 == pytest.approx(x, abs=1e-9)


def test_scores_without_skewness_have_the_t_interval():
    values = np.concatenate([np.linspace(-1, 1, 21)])
    found = score_interval(rows(values), mean, names(21))
    theirs = scipy_stats.ttest_1samp(values, 0).confidence_interval()
    assert_allclose(ends(found), theirs, rtol=1e-9)
    assert found.methods == ("jackknife t, skewness-corrected",)


def test_skewed_scores_reach_further_to_the_long_side():
    values = np.random.default_rng(4).exponential(size=40)
    low, high = ends(score_interval(rows(values), mean, names(40)))
    assert high - values.mean() > 1.2 * (values.mean() - low)
    flipped = score_interval(rows(-values), mean, names(40))
    assert_allclose(ends(flipped), (-high, -low))


# --- yes/no ---------------------------------------------------------------------------------


@pytest.mark.parametrize("successes, n", [(0, 10), (1, 10), (29, 32), (32, 32), (500, 1000)])
def test_rates_have_statsmodels_wilson_interval(successes, n):
    values = np.r_[np.ones(successes), np.zeros(n - successes)]
    found = score_interval(rows(values), mean, names(n))
    theirs = proportion_confint(successes, n, method="wilson")
    assert_allclose(ends(found), theirs, atol=1e-12)
    assert found.methods == ("Wilson",)


def test_clustered_rates_are_worth_fewer_answers():
    """Ten clusters of eight equal answers are ten answers, shrunk as Korn and Graubard (1998)."""
    each = np.array([1, 1, 1, 1, 1, 1, 1, 0, 0, 0.0])
    labels = np.repeat(names(10), 8)
    found = score_interval(rows(np.repeat(each, 8)), mean, list(labels))
    # Variance between clusters is p (1 - p) / 9, so 9 answers, times (z / t)².
    n = 9 * (scipy_stats.norm.ppf(0.975) / scipy_stats.t.ppf(0.975, 9)) ** 2
    assert_allclose(ends(found), wilson(0.7 * n, n))
    assert found.methods == ("Wilson, effective n by cluster",)
    alike = score_interval(rows(np.ones(80)), mean, list(labels))
    n = 10 * (scipy_stats.norm.ppf(0.975) / scipy_stats.t.ppf(0.975, 9)) ** 2
    assert_allclose(ends(alike), wilson(n, n))


# Fagerland, Lydersen and Laake, "Recommended tests and confidence intervals for paired binomial
# proportions", Statistics in Medicine 33 (2014): airway hyper-responsiveness before and
# after stem cell transplantation, 21 children, 1 and 7 of them changed.
AIRWAYS = Changes(gained=1, lost=7, n=21)


def test_tango_is_the_published_interval():
    assert_allclose(tango(AIRWAYS), (-0.517, -0.026), atol=6e-4)


@pytest.mark.parametrize("changes", [AIRWAYS, Changes(40, 20, 160), Changes(3.5, 0, 17.25)])
def test_tangos_ends_are_where_its_score_is_z(changes):
    low, high = tango(changes)
    assert tango_score(changes, low) == pytest.approx(1.959964, abs=1e-5)
    assert tango_score(changes, high) == pytest.approx(-1.959964, abs=1e-5)


def test_tangos_score_at_no_difference_is_mcnemars():
    """statsmodels: McNemar's chi-squared without correction is the square of it."""
    from statsmodels.stats.contingency_tables import mcnemar

    chi = mcnemar([[0, 40], [20, 100]], exact=False, correction=False).statistic
    assert tango_score(Changes(40, 20, 160), 0.0) ** 2 == pytest.approx(chi)


def test_paired_rates_have_tangos_interval():
    a = np.r_[np.ones(40), np.zeros(20), np.ones(60), np.zeros(40)]
    b = np.r_[np.zeros(40), np.ones(20), np.ones(60), np.zeros(40)]
    found = difference_interval(rows(a), rows(b), mean, names(160))
    assert_allclose(ends(found), tango(Changes(40, 20, 160)))
    assert (found.value[0], found.methods) == (0.125, ("Tango",))
    # Doubled in clusters of two equal rows, they are worth little more than once.
    twice = np.repeat(np.arange(160), 2)
    labels = [names(160)[at] for at in twice]
    doubled = difference_interval(rows(a[twice]), rows(b[twice]), mean, labels)
    assert doubled.methods == ("Tango, effective n by cluster",)
    assert_allclose(ends(doubled), ends(found), atol=2e-3)


def test_a_caller_who_knows_better_says_what_is_no_rate():
    """No edits at all: for these rows alone 0 could be a "no"."""
    found = score_interval(rows(np.zeros(9)), mean, names(9), yes_no=np.array([False]))
    assert (found.low[0], found.high[0]) == (0.0, 0.0)


# --- what cannot be known -------------------------------------------------------------------


def test_nothing_and_one_cluster_have_no_interval():
    none = np.zeros((0, 2))
    for found in (score_interval(none, mean, []), difference_interval(none, none, mean, [])):
        assert np.isnan([found.value, found.low, found.high]).all()
        assert found.methods == ("none",)
    one = score_interval(rows([0.2, 0.4, 0.5]), mean, ["L1"] * 3)
    assert one.value[0] == pytest.approx(11 / 30)
    assert np.isnan([one.low, one.high]).all()


def test_examples_without_statistics_do_not_count():
    """An example without a reference is a row of zeros: neither value nor certainty."""
    values = np.linspace(0.1, 0.8, 12)
    alone = score_interval(rows(values), mean, names(12))
    more = np.vstack([rows(values), np.zeros((30, 2))])
    found = score_interval(more, mean, names(42))
    assert_allclose(ends(found), ends(alone), rtol=1e-12)
    assert found.groups == 12
    nothing = score_interval(np.zeros((5, 2)), mean, names(5))
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()


@pytest.mark.parametrize("value", [0.1, 0.2, 1 / 3, 1e-9, 1e9])
def test_equal_values_have_no_width(value):
    found = score_interval(rows(np.full(37, value)), mean, names(37))
    assert found.value[0] == pytest.approx(value)
    assert found.high[0] - found.low[0] <= 1e-15 * max(1, value)
    both = difference_interval(rows(np.full(37, value)), rows(np.full(37, 2.5)), mean, names(37))
    assert both.se[0] == 0


def test_where_leaving_one_out_leaves_nothing_the_bootstrap_stands_in():
    """All but one group have a denominator of 0: without that one there is no score."""
    table = np.array([[1.0, 4], [1, 0], [2, 0], [0, 0.0]])
    found = score_interval(table, mean, names(4))
    assert found.methods == ("percentile bootstrap",)
    assert found.low[0] <= found.value[0] <= found.high[0]


def test_wrong_lengths_are_errors():
    with pytest.raises(ValueError, match="statistics for 2 groups"):
        score_interval(np.zeros((3, 2)), mean, ["a", "b"])


# --- properties -----------------------------------------------------------------------------

SCORES = st.lists(st.floats(-100, 100).map(lambda x: round(x, 3)), min_size=3, max_size=25)


@settings(max_examples=60, deadline=None)
@given(st.data(), SCORES)
def test_order_sides_and_scale(data, values):
    count = len(values)
    a = np.array(values)
    b = np.array(data.draw(st.lists(st.floats(-9, 9), min_size=count, max_size=count)))
    groups = data.draw(st.lists(st.sampled_from("abcde"), min_size=count, max_size=count))
    found = difference_interval(rows(a), rows(b), mean, groups)
    order = data.draw(st.permutations(range(count)))
    mixed = difference_interval(rows(a[order]), rows(b[order]), mean, [groups[at] for at in order])
    assert_allclose([found.low, found.high], [mixed.low, mixed.high], atol=1e-8)
    other = difference_interval(rows(b), rows(a), mean, groups)
    assert_allclose([found.low, found.high], [-other.high, -other.low], atol=1e-8)
    if found.methods == ("jackknife t",):
        scaled = difference_interval(rows(7 * a), rows(7 * b), mean, groups)
        assert_allclose([7 * found.low, 7 * found.high], [scaled.low, scaled.high], atol=1e-7)
    if len(set(groups)) > 1:
        assert found.low <= found.value <= found.high
        single = score_interval(rows(a), mean, groups)
        assert single.low <= single.value <= single.high


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 60))
def test_tango_holds_its_value_and_turns_with_its_sides(gained, lost, same):
    n = gained + lost + same
    low, high = tango(Changes(gained, lost, n))
    assert -1 <= low < (gained - lost) / n < high <= 1
    assert_allclose(tango(Changes(lost, gained, n)), (-high, -low), atol=1e-12)


def test_nesting_takes_the_outermost_unit():
    articles, items = ["L1", "L1", "", ""], ["q1", "q2", "L1", "q3"]
    found = nested(articles, items)
    assert found[0] == found[1]
    assert len(set(found)) == 3, "an item is never taken for an article of its name"
    with pytest.raises(ValueError, match="no unit"):
        nested(["", "a"], ["", "b"])


def test_samples_of_an_item_add_no_certainty_of_their_own():
    random = np.random.default_rng(8)
    items = random.random(20)
    once = score_interval(rows(items), mean, nested([f"q{at}" for at in range(20)]))
    five = np.repeat(np.arange(20), 5)
    often = score_interval(rows(items[five]), mean, nested([f"q{at}" for at in five]))
    assert_allclose(ends(often), ends(once), rtol=1e-9)
    assert_array_equal(often.groups, 20)
