import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy

from benchmark.core.gate_statistics import all_yes_n, needed_n, tied, tied_n, unseen, with_missing


@pytest.mark.parametrize("n, distance, reach", [(32, 0.1, 0.16), (200, 0.02, 0.05), (10, 0.5, 0.6)])
def test_needed_n_has_the_power_it_promises(n, distance, reach):
    """The power of a z-test at that n, by scipy's normal distribution."""
    z = scipy.norm.ppf(0.975)

    def power(count):
        error = reach / z * (n / count) ** 0.5
        return scipy.norm.cdf(distance / error - z)

    found = needed_n(n, distance, reach)
    assert power(found) >= 0.8 > power(found - 1)


def test_needed_n_where_no_number_is_enough():
    assert needed_n(32, 0.0, 0.1) is None
    assert needed_n(32, 1e-300, 0.1) is None
    assert needed_n(0, 0.1, 0.1) is None


@pytest.mark.parametrize("n", [1, 3, 10, 32, 500])
def test_unseen_is_the_exact_interval_of_none(n):
    assert unseen(n) == pytest.approx(scipy.binomtest(0, n).proportion_ci(method="exact").high)
    assert unseen(0) == 1


def test_tied():
    """By hand from unseen(32) = 0.1089: at the worse end so many turn from tie to loss."""
    assert tied(0.0, 32) == pytest.approx((-0.10888, 0.10888), abs=1e-5)
    assert tied(1.0, 32) == pytest.approx((1 - 2 * 0.10888, 1.0), abs=1e-5)
    assert tied(-1.0, 32) == pytest.approx((-1.0, -1 + 0.10888), abs=1e-5)


@given(st.sampled_from([0.0, 1.0]), st.floats(-0.9, 0.9), st.integers(1, 4))
def test_tied_n_is_the_least_that_is_enough(difference, bound, each):
    found = tied_n(difference, bound, each)
    if found is None:
        assert tied(difference, 10_000)[0] < bound + 1e-2
        return
    clusters = found // each
    assert tied(difference, clusters)[0] >= bound - 1e-9
    if clusters > 2:
        assert tied(difference, clusters - 1)[0] < bound


@pytest.mark.parametrize("bound", [0.5, 0.9, 0.95, 0.99])
def test_all_yes_n_is_where_wilson_reaches_the_floor(bound):
    found = all_yes_n(bound, 1)

    def low(n):
        return scipy.binomtest(n, n).proportion_ci(method="wilson").low

    assert low(found) >= bound > low(found - 1)
    assert all_yes_n(1.0, 1) is None


def test_with_missing():
    assert with_missing(0.9, 30, 2, 0.0) == pytest.approx(0.84375)
    assert with_missing(-0.01, 29, 3, -1.0) == pytest.approx(-3.29 / 32)
