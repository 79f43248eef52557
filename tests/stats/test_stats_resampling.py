"""Intervals and tests: against scipy and sacrebleu, and the properties that define them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.significance import PairedTest
from scipy import stats as scipy_stats

from benchmark.stats import bootstrap, paired_bootstrap, paired_randomisation, wilson

ROUNDS = 4000


def mean(totals):
    """(sum, count) -> (mean,)."""
    return totals[..., :1] / totals[..., 1:]


def rows(values):
    return np.column_stack([values, np.ones(len(values))])


def names(count):
    return [f"art-{at:05d}" for at in range(count)]


@pytest.fixture
def pair():
    random = np.random.default_rng(7)
    b = random.gamma(2.0, 0.1, size=60)
    return b + random.normal(0.03, 0.1, size=60), b


def test_bootstrap_agrees_with_scipy(pair):
    a, _ = pair
    ours = bootstrap(rows(a), mean, names(60), 20_000, seed=1)
    theirs = scipy_stats.bootstrap(
        (a,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(2)
    )
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert_allclose(ours.value, np.mean(a))
    # Monte Carlo: an end of 20,000 resamples moves by about 1 % of the width.
    assert_allclose(ours.low, theirs.confidence_interval.low, atol=0.03 * width)
    assert_allclose(ours.high, theirs.confidence_interval.high, atol=0.03 * width)


def test_bootstrap_knows_other_confidences(pair):
    a, _ = pair
    ours = bootstrap(rows(a), mean, names(60), 20_000, 1, 0.8)
    theirs = scipy_stats.bootstrap(
        (a,), np.mean, n_resamples=20_000, method="percentile", confidence_level=0.8, rng=2
    ).confidence_interval
    assert_allclose([ours.low[0], ours.high[0]], theirs, atol=0.03 * (theirs.high - theirs.low))


def test_paired_bootstrap_agrees_with_scipy(pair):
    a, b = pair
    ours = paired_bootstrap(rows(a), rows(b), mean, names(60), 20_000, seed=1)
    theirs = scipy_stats.bootstrap(
        (a, b),
        lambda x, y, axis: np.mean(x, axis=axis) - np.mean(y, axis=axis),
        paired=True,
        n_resamples=20_000,
        method="percentile",
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert_allclose(ours.value, np.mean(a) - np.mean(b))
    assert_allclose([ours.low[0], ours.high[0]], theirs, atol=0.03 * (theirs.high - theirs.low))


def test_clusters_agree_with_scipy_on_cluster_sums():
    """A ratio over clusters of unequal size is a paired statistic of their sums and counts."""
    random = np.random.default_rng(3)
    sizes = random.integers(1, 9, size=40)
    groups = np.repeat(names(40), sizes)
    values = np.repeat(random.normal(size=40), sizes) + random.normal(0, 0.2, size=sizes.sum())
    sums = np.array([values[groups == name].sum() for name in names(40)])
    ours = bootstrap(rows(values), mean, list(groups), 20_000, seed=1)
    theirs = scipy_stats.bootstrap(
        (sums, sizes.astype(float)),
        lambda x, y, axis: x.sum(axis=axis) / y.sum(axis=axis),
        paired=True,
        n_resamples=20_000,
        method="percentile",
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert_allclose([ours.low[0], ours.high[0]], theirs, atol=0.03 * (theirs.high - theirs.low))
    alone = bootstrap(rows(values), mean, names(len(values)), 20_000, seed=1)
    assert ours.high - ours.low > 1.5 * (alone.high - alone.low)


@pytest.mark.parametrize("shift", [0.0, 0.03, 0.08])
def test_randomisation_agrees_with_scipy(shift):
    random = np.random.default_rng(11)
    b = random.gamma(2.0, 0.1, size=30)
    a = b + random.normal(shift, 0.15, size=30)
    ours = paired_randomisation(rows(a), rows(b), mean, names(30), 20_000, seed=5)
    theirs = scipy_stats.permutation_test(
        (a, b),
        lambda x, y, axis: np.mean(x, axis=axis) - np.mean(y, axis=axis),
        permutation_type="samples",
        n_resamples=20_000,
        alternative="two-sided",
        rng=np.random.default_rng(2),
    ).pvalue
    assert_allclose(ours, theirs, atol=4 * 0.5 / np.sqrt(20_000) + 1e-4)


def test_randomisation_agrees_with_exact_enumeration():
    """scipy enumerates all 2^10 swaps of 10 pairs; every tie must count."""
    a = np.array([1, 1, 1, 1, 1, 1, 1, 0, 0, 1.0])
    b = np.array([0, 0, 1, 0, 0, 0, 1, 1, 0, 1.0])
    exact = scipy_stats.permutation_test(
        (a, b), lambda x, y: np.mean(x) - np.mean(y), permutation_type="samples", vectorized=False
    ).pvalue
    ours = paired_randomisation(rows(a), rows(b), mean, names(10), 40_000, seed=5)
    assert_allclose(ours, exact, atol=4 * 0.5 / np.sqrt(40_000))


def test_bleu_agrees_with_sacrebleu():
    """Corpus BLEU, whose score is no mean: sacrebleu's own resampling of its statistics."""
    random = np.random.default_rng(5)
    words = "l' employeur prend les mesures pour assurer la sécurité des travailleurs".split()
    references = [" ".join(random.choice(words, size=12)) for _ in range(40)]

    def noisy(text, share):
        return " ".join("x" if random.random() < share else word for word in text.split())

    base = [noisy(text, 0.35) for text in references]
    better = [noisy(text, 0.3) for text in references]
    bleu = BLEU()

    def table(texts):
        return np.array(bleu._extract_corpus_statistics(texts, [references]), dtype=float)

    def values(totals):
        return np.apply_along_axis(
            lambda row: [bleu._compute_score_from_stats(list(row)).score], -1, totals
        )

    systems = [("base", base), ("better", better)]
    test = {"references": [references], "metrics": {"BLEU": bleu}, "n_samples": ROUNDS}
    swaps = PairedTest(systems, test_type="ar", **test)()[1]["BLEU"][1]
    draws = PairedTest(systems, test_type="bs", **test)()[1]["BLEU"][1]

    ours = bootstrap(table(better), values, names(40), ROUNDS, seed=1)
    assert_allclose(ours.value, draws.score)
    assert_allclose((ours.high - ours.low) / 2, draws.ci, rtol=0.08)
    assert_allclose((ours.high + ours.low) / 2, draws.mean, atol=0.1 * draws.ci)
    p = paired_randomisation(table(better), table(base), values, names(40), ROUNDS, seed=1)
    assert_allclose(p, swaps.p_value, atol=4 * 0.5 / np.sqrt(ROUNDS))


@pytest.mark.parametrize("successes, n", [(0, 10), (1, 10), (29, 32), (32, 32), (500, 1000)])
def test_wilson_agrees_with_scipy(successes, n):
    theirs = scipy_stats.binomtest(successes, n).proportion_ci(method="wilson")
    assert_allclose(wilson(successes, n), theirs, atol=1e-12)


def test_wilson_of_nothing_is_undefined():
    assert np.isnan(wilson(0, 0)).all()


def test_doubled_rows_in_a_cluster_change_nothing(pair):
    a, b = pair
    twice = np.repeat(np.arange(60), 2)
    doubled = [names(60)[at] for at in twice]
    for ours, again in (
        (
            bootstrap(rows(a), mean, names(60), ROUNDS, 1),
            bootstrap(rows(a[twice]), mean, doubled, ROUNDS, 1),
        ),
        (
            paired_bootstrap(rows(a), rows(b), mean, names(60), ROUNDS, 1),
            paired_bootstrap(rows(a[twice]), rows(b[twice]), mean, doubled, ROUNDS, 1),
        ),
    ):
        assert_allclose(ours, again, rtol=1e-12)
    assert_array_equal(
        paired_randomisation(rows(a), rows(b), mean, names(60), ROUNDS, 1),
        paired_randomisation(rows(a[twice]), rows(b[twice]), mean, doubled, ROUNDS, 1),
    )


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=40),
    columns=st.integers(1, 7),
    seed=st.integers(-(2**70), 2**70),
)
def test_equal_sides_differ_by_exactly_nothing(values, columns, seed):
    table = np.outer(np.array(values), np.arange(1, columns + 1)) / 7
    same = paired_bootstrap(table, table.copy(), np.tanh, names(len(values)), 200, seed)
    assert_array_equal(same, np.zeros((3, columns)))
    p = paired_randomisation(table, table.copy(), np.tanh, names(len(values)), 200, seed)
    assert_array_equal(p, np.ones(columns))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_order_of_rows_does_not_matter(data):
    count = data.draw(st.integers(2, 30))
    whole = st.lists(st.integers(0, 9), min_size=count, max_size=count)  # sums without rounding
    a, b = (rows(np.array(data.draw(whole), dtype=float)) for _ in range(2))
    groups = data.draw(st.lists(st.sampled_from("abcdé\0\ud800"), min_size=count, max_size=count))
    order = data.draw(st.permutations(range(count)))
    mixed = [groups[at] for at in order]
    assert_array_equal(
        paired_bootstrap(a, b, mean, groups, 150, 3),
        paired_bootstrap(a[order], b[order], mean, mixed, 150, 3),
    )
    assert_array_equal(
        paired_randomisation(a, b, mean, groups, 150, 3),
        paired_randomisation(a[order], b[order], mean, mixed, 150, 3),
    )


def test_results_do_not_depend_on_earlier_calls_nor_on_memory(pair, monkeypatch):
    a, b = pair
    first = paired_bootstrap(rows(a), rows(b), mean, names(60), ROUNDS, 9)
    np.random.default_rng(9).random(1000)
    bootstrap(rows(b), mean, names(60), 100, 9)
    assert_array_equal(first, paired_bootstrap(rows(a), rows(b), mean, names(60), ROUNDS, 9))
    p = paired_randomisation(rows(a), rows(b), mean, names(60), ROUNDS, 9)
    monkeypatch.setattr("benchmark.stats.resampling.CELLS", 1000)  # 16 resamples at a time
    assert_allclose(first, paired_bootstrap(rows(a), rows(b), mean, names(60), ROUNDS, 9))
    assert_array_equal(p, paired_randomisation(rows(a), rows(b), mean, names(60), ROUNDS, 9))
    other = paired_bootstrap(rows(a), rows(b), mean, names(60), ROUNDS, 10)
    assert first.low != other.low


def test_swapping_the_sides_turns_the_sign(pair):
    a, b = pair
    one = paired_bootstrap(rows(a), rows(b), mean, names(60), ROUNDS, 1)
    other = paired_bootstrap(rows(b), rows(a), mean, names(60), ROUNDS, 1)
    assert_allclose([one.value, one.low, one.high], [-other.value, -other.high, -other.low])


def test_what_is_undefined_is_nan():
    none = np.zeros((0, 2))
    assert np.isnan(bootstrap(none, mean, [], 100, 1)).all()
    assert np.isnan(paired_bootstrap(none, none, mean, [], 100, 1)).all()
    assert np.isnan(paired_randomisation(none, none, mean, [], 100, 1)).all()
    # No example at all must not look like a rate of 0, even if the metric would say so.
    assert np.isnan(bootstrap(none, lambda totals: totals[..., :1], [], 100, 1)).all()


@pytest.mark.parametrize("count", [1, 5])
def test_one_cluster_has_a_value_and_no_interval(count):
    one, groups = rows(np.linspace(0, 1, count) + 0.5), ["L1"] * count
    estimate = bootstrap(one, mean, groups, 100, 1)
    assert estimate.value == pytest.approx(one[:, 0].mean())
    assert np.isnan([estimate.low, estimate.high]).all()
    difference = paired_bootstrap(one, one * [2, 1], mean, groups, 100, 1)
    assert difference.value == pytest.approx(-one[:, 0].mean())
    assert np.isnan([difference.low, difference.high]).all()
    assert_array_equal(paired_randomisation(one, one * [2, 1], mean, groups, 100, 1), [1.0])


def test_undefined_resamples_are_left_out_of_the_interval():
    """A rate whose denominator is 0 in some resamples, and one that is never defined."""
    table = np.array([[1.0, 1, 0], [0, 0, 0], [1, 2, 0], [0, 0, 0]])

    def values(totals):
        return totals[..., :1] / totals[..., 1:]

    estimate = bootstrap(table, values, names(4), 2000, 1)
    assert_allclose(estimate.value[0], 2 / 3)
    assert 0.5 <= estimate.low[0] <= 2 / 3 <= estimate.high[0] <= 1
    assert np.isnan([part[1] for part in estimate]).all()
    p = paired_randomisation(table, table * [0, 1, 1], values, names(4), 2000, 1)
    assert 0 < p[0] <= 1
    assert np.isnan(p[1])


def test_rounds_without_a_denominator_count_as_extreme():
    """Two clusters, four swaps: two are ties, two leave one side without a denominator."""
    a, b = np.array([[1.0, 1], [0, 0]]), np.array([[0.0, 0], [1, 4]])
    assert_array_equal(paired_randomisation(a, b, mean, names(2), 500, 1), [1.0])


def test_p_is_never_zero():
    a, b = rows(np.ones(64)), rows(np.zeros(64))
    assert_allclose(paired_randomisation(a, b, mean, names(64), 999, 1), 1 / 1000)


@pytest.mark.parametrize("seed, other", [(1, -1), (1, 2), (0, 2**63)])
def test_any_whole_number_is_a_seed_of_its_own(pair, seed, other):
    a, _ = pair
    one = bootstrap(rows(a), mean, names(60), 500, seed)
    assert one.low != bootstrap(rows(a), mean, names(60), 500, other).low


def test_wrong_lengths_are_errors():
    with pytest.raises(ValueError, match="statistics for 2 groups"):
        bootstrap(np.zeros((3, 1)), mean, ["a", "b"], 100, 1)
    with pytest.raises(ValueError, match="statistics for 3 groups"):
        paired_bootstrap(np.zeros((3, 1)), np.zeros((3, 2)), mean, names(3), 100, 1)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    """300 samples of 40 normal clusters: 95 % ± 4 standard errors of the share, 0.90 to 1."""
    random = np.random.default_rng(20)
    hits = 0
    for seed in range(300):
        estimate = bootstrap(rows(random.normal(0.3, 1, size=40)), mean, names(40), 400, seed)
        hits += bool(estimate.low[0] <= 0.3 <= estimate.high[0])
    assert 0.89 <= hits / 300 <= 0.99


def test_p_is_uniform_without_a_difference():
    """300 null samples: a tenth of the p-values lie below 0.1 (± 4 standard errors)."""
    random = np.random.default_rng(21)
    below = 0
    for seed in range(300):
        a, b = random.normal(size=(2, 25))
        below += paired_randomisation(rows(a), rows(b), mean, names(25), 300, seed)[0] < 0.1
    assert 0.03 <= below / 300 <= 0.17


def test_thousands_of_groups_stay_within_memory():
    """10,000 groups and 1,000 resamples: all weights and draws at once would be 240 MB."""
    import tracemalloc

    table, groups = rows(np.random.default_rng(1).random(10_000)), names(10_000)
    tracemalloc.start()
    estimate = bootstrap(table, mean, groups, 1000, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * (1 / 12) ** 0.5 / 100, rel=0.15)
    assert peak < 160e6
