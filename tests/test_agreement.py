"""Agreement of opinions: against NLTK, scikit-learn, published examples and simulated judges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.metrics.agreement import AnnotationTask
from numpy.testing import assert_allclose
from scipy import stats as scipy_stats

from benchmark.agreement import (
    alpha,
    auc,
    effective_votes,
    errors,
    flip_rate,
    kappa,
    kappa_interval,
    level_of,
)

DRAWS = {"resamples": 1000, "seed": 3}

# Hayes and Krippendorff (2007), "Answering the call for a standard reliability measure for
# coding data": four observers, twelve units.
HAYES = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]

FIRST = [1, 2, 3, 3, 2, 1, 4, 1, 2, 5, 1, 3]
SECOND = [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 3, 3]


def squared(x, y):
    return float((x - y) ** 2)


def nltk_task(a, b, **settings):
    rows = [(name, str(at), vote) for name, votes in (("a", a), ("b", b))
            for at, vote in enumerate(votes)]  # fmt: skip
    return AnnotationTask(data=rows, **settings)


# The figures of the paper's page 8, and of the documentation of `krippendorff` 0.9.0.
@pytest.mark.parametrize(("level", "value"), [("nominal", 0.743), ("ordinal", 0.815)])
def test_alpha_is_the_published_one(level, value):
    assert round(alpha(HAYES, level), 3) == value


def test_alpha_is_that_of_nltk():
    assert_allclose(
        alpha([FIRST, SECOND], "interval"), nltk_task(FIRST, SECOND, distance=squared).alpha()
    )


@pytest.mark.parametrize(
    "table",
    [
        [[1, 1, 1], [1, 1, 1]],  # all votes are equal: chance explains them all
        [[1, 0, 1]],  # one voter
        [[1, None], [None, 0]],  # nobody voted on the same answer
        [[None, None], [None, None]],
        [[], []],
        [[1, None, None], [1, 0, 1]],  # only equal votes can be compared
    ],
)
def test_alpha_is_undefined_where_nothing_can_be_compared(table):
    assert alpha(table, "nominal") is None


votes = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=30)


@given(votes)
@settings(max_examples=60)
def test_kappa_is_that_of_nltk(pairs):
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    ours = [kappa(a, b, "nominal"), kappa(a, b, "ordinal")]
    if len({*a, *b}) == 1:
        assert ours == [None, None]
        return
    task = nltk_task(a, b)
    weighted = nltk_task(a, b, distance=squared)
    try:
        theirs = task.kappa()
    except ZeroDivisionError:  # one voter said one thing, the other another, always
        theirs = None
    if theirs is not None:
        assert_allclose(ours[0], theirs, atol=1e-12)
    assert_allclose(ours[1], weighted.weighted_kappa(max_distance=1), atol=1e-12)


def test_kappa_is_that_of_scikit_learn():
    # sklearn.metrics.cohen_kappa_score of scikit-learn 1.9.1, without and with quadratic weights.
    assert_allclose(kappa(FIRST, SECOND, "nominal"), 0.7818181818181817)
    assert_allclose(kappa(FIRST, SECOND, "ordinal"), 0.8543689320388349)


def test_kappa_leaves_out_what_one_of_them_did_not_judge():
    assert kappa([*FIRST, None, 4], [*SECOND, 3, None], "ordinal") == kappa(
        FIRST, SECOND, "ordinal"
    )
    assert kappa([None, 1], [1, None], "nominal") is None
    assert kappa([], [], "nominal") is None
    assert kappa([1], [1], "ordinal") is None  # n = 1 says nothing of chance


def test_kappa_interval_holds_the_value_and_widens_with_clusters():
    many = [str(at) for at in range(60)]
    a = [at % 3 for at in range(60)]
    b = [(at + at // 15) % 3 if at % 2 else at % 3 for at in range(60)]
    each = kappa_interval(a, b, "ordinal", many, **DRAWS)
    clustered = kappa_interval(a, b, "ordinal", [str(at // 15) for at in range(60)], **DRAWS)
    assert each.value == clustered.value == pytest.approx(kappa(a, b, "ordinal"))
    assert each.low < each.value < each.high
    assert clustered.high - clustered.low > each.high - each.low
    one = kappa_interval(a, b, "ordinal", ["same"] * 60, **DRAWS)
    assert (one.low, one.high) == (None, None)  # one cluster says nothing of others
    assert kappa_interval([], [], "ordinal", [], **DRAWS) == (None, None, None)


def test_auc_is_that_of_scikit_learn():
    truth = [1, 1, 1, 1, 0, 0, 0, 0, 0]
    scores = [0.9, 0.8, 0.4, 0.4, 0.7, 0.4, 0.3, 0.2, 0.1]
    found = auc(truth, scores, list("abcdefghi"), **DRAWS)
    assert_allclose(found.value, 0.85)  # sklearn.metrics.roc_auc_score of scikit-learn 1.9.1
    assert found.low < 0.85 < found.high <= 1


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=12),
    st.lists(st.integers(0, 4), min_size=1, max_size=12),
)
@settings(max_examples=40)
def test_auc_is_the_mann_whitney_statistic(right, wrong):
    scores = [*right, *wrong]
    truth = [1.0] * len(right) + [0.0] * len(wrong)
    found = auc(truth, scores, [str(at) for at in range(len(scores))], resamples=100, seed=1)
    theirs = scipy_stats.mannwhitneyu(right, wrong).statistic / (len(right) * len(wrong))
    assert_allclose(found.value, theirs)


def test_auc_of_more_than_two_truths_counts_pairs():
    truth, scores = [1, 2, 3, 3, 5], [2.0, 1.0, 3.0, 4.0, 4.0]
    pairs = [(i, j) for i in range(5) for j in range(5) if truth[i] > truth[j]]
    right = [(scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j]) for i, j in pairs]
    assert_allclose(auc(truth, scores, list("abcde"), **DRAWS).value, np.mean(right))


def test_auc_has_ends_even_where_no_draw_differs():
    found = auc(
        [1] * 16 + [0] * 16, [5] * 16 + [1] * 16, [str(at % 16) for at in range(32)], **DRAWS
    )
    # scipy.stats.binomtest(16, 16).proportion_ci(method="wilson")
    ends = scipy_stats.binomtest(16, 16).proportion_ci(method="wilson")
    assert found.value == 1
    assert_allclose(found[1:], ends)


def test_auc_is_undefined_without_pairs():
    assert auc([1, 1], [3, 4], ["a", "b"], **DRAWS).value is None
    assert auc([1, 0], [None, 4], ["a", "b"], **DRAWS).value is None
    assert auc([], [], [], **DRAWS).value is None
    assert auc([1, 0], [2, 1], ["a", "a"], **DRAWS) == (1, None, None)


@pytest.mark.parametrize("correlation", [0.0, 0.1, 0.4, 0.8])
def test_effective_votes_of_judges_with_known_error_correlation(correlation):
    random = np.random.default_rng(11)
    k, n = 9, 20_000
    shared = random.normal(size=n)
    own = random.normal(size=(k, n))
    wrong = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
    truth = random.integers(1, 6, size=n).astype(float)
    table = [errors((truth + row).tolist(), truth.tolist(), "interval") for row in wrong]
    found = effective_votes(table)
    assert found.votes == k
    assert found.effective == pytest.approx(k / (1 + (k - 1) * correlation), rel=0.1)
    # What it is for: the mean of the panel is as good as that of so many independent judges.
    assert found.effective == pytest.approx(1 / wrong.mean(axis=0).var(), rel=0.1)


@pytest.mark.parametrize("correlation", [0.0, 0.2, 0.6])
def test_effective_votes_of_yes_and_no(correlation):
    random = np.random.default_rng(5)
    k, n, rate = 5, 20_000, 0.2
    # With this chance a judge is wrong where all are; else by itself: corr = chance squared.
    follows = random.random((k, n)) < np.sqrt(correlation)
    wrong = np.where(follows, random.random(n) < rate, random.random((k, n)) < rate)
    truth = random.integers(0, 2, size=n)
    table = [errors(np.abs(truth - row).tolist(), truth.tolist(), "nominal") for row in wrong]
    found = effective_votes(table)
    assert found.effective == pytest.approx(k / (1 + (k - 1) * correlation), rel=0.1)


def test_effective_votes_where_nothing_can_be_said():
    assert effective_votes([[1, 0, 1]]) is None
    assert effective_votes([]) is None
    assert effective_votes([[1, 1, 1], [0, 1, 0]]) is None  # no spread: no correlation
    assert effective_votes([[1, None], [None, 0]]) is None
    assert effective_votes([[1, 0, 1], [1, 0, 1], [1, 0, 1]]).effective == pytest.approx(1)
    assert effective_votes([[1, 0, 1], [0, 1, 0]]).effective == 2  # never more than its votes


def test_flips_are_unequal_pairs_of_repeats():
    rate, n = flip_rate([[1, 1, 1], [1, 0, 1], [0, None], [], [5, 4]])
    assert n == 3
    assert rate == pytest.approx((0 + 2 / 3 + 1) / 3)
    assert flip_rate([[1, None], [None]]) == (None, 0)
    assert flip_rate([[0.1 + 0.2, 0.3]]) == (0, 1)  # the last digit is no other opinion


def test_levels():
    assert level_of([0, 1, None]) == "nominal"
    assert level_of([1, 5, 2]) == "ordinal"
    assert level_of([1, 5, 2.5]) == "interval"
    assert level_of([]) == "nominal"
