"""PPI++ means: against the authors' own package, and simulated labels whose mean is known."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from benchmark.ppi import ppi_mean

LABELS = [1, 2, 2, 3, 3, 4, 4, 5, 5, 3, 2, 4]
JUDGED = [2, 2, 3, 3, 4, 4, 5, 5, 5, 4, 2, 3]
REST = [3, 4, 4, 5, 2, 3, 5, 4, 4, 3, 2, 5, 5, 4, 3, 4, 1, 5, 4, 3, 4, 4, 2, 5, 3, 4, 5, 4, 3, 2]


def yes(values, least):
    return [float(value >= least) for value in values]


def no(values, least):
    return [float(value < least) for value in values]


SETS = {
    "scale": (LABELS, JUDGED, REST),
    "yes or no": (yes(LABELS, 3), yes(JUDGED, 4), yes(REST, 4)),
    "a judge that is wrong way round": (yes(LABELS, 3), no(JUDGED, 4), no(REST, 4)),
}

# ppi-python 0.2.3: ppi_mean_pointestimate(Y, F, U) and ppi_mean_ci(Y, F, U, alpha=0.05),
# then ppi_mean_ci with lam=1 and with lam=0.
PUBLISHED = {
    "scale": (
        3.2575613618368964,
        (2.7912907161129494, 3.7238320075608433),
        (2.776798786280449, 3.8232012137195506),
        (2.4801609588986087, 3.8531723744347244),
    ),
    "yes or no": (
        0.7141203703703705,
        (0.5009452964921675, 0.9272954442485735),
        (0.49245324703011406, 1.0408800863032193),
        (0.3999493513135939, 0.9333839820197394),
    ),
    "a judge that is wrong way round": (
        0.6666666666666666,
        (0.3999493513135939, 0.9333839820197394),
        (0.029444758665677195, 1.103888574667656),
        (0.3999493513135939, 0.9333839820197394),
    ),
}


@pytest.mark.parametrize("name", SETS)
def test_it_is_the_published_formula(name):
    value, tuned, full, none = PUBLISHED[name]
    found = ppi_mean(*SETS[name])
    assert_allclose(found.value, value)
    assert_allclose((found.low, found.high), tuned)
    assert_allclose(ppi_mean(*SETS[name], power=1)[1:3], full)
    assert_allclose(ppi_mean(*SETS[name], power=0)[1:3], none)


def test_labels_alone_are_their_mean():
    found = ppi_mean(LABELS, JUDGED, [])
    half = 1.959963984540054 * np.std(LABELS) / np.sqrt(len(LABELS))
    assert_allclose(found[:3], (np.mean(LABELS), np.mean(LABELS) - half, np.mean(LABELS) + half))
    assert found.power == 0
    # A judge that says the same of all answers counts for nothing.
    assert ppi_mean(LABELS, [3] * 12, [3] * 30) == found


def test_what_cannot_be_said_is_none():
    assert ppi_mean([], [], REST) == (None, None, None, 0)
    assert ppi_mean([4], [5], [5, 4, 3])[1:3] == (None, None)  # one label has no spread
    assert ppi_mean([4, 5], [5, 4], [3], ["a", "a", "b"])[1:3] == (None, None)
    with pytest.raises(ValueError, match="2 labels and 1 judgements"):
        ppi_mean([1, 2], [1], [])
    with pytest.raises(ValueError, match="1 groups for 2 answers"):
        ppi_mean([1], [1], [1], ["a"])


def drawn(random, n, total, per_cluster):
    clusters = np.repeat(np.arange(total // per_cluster), per_cluster)
    shared = random.normal(size=total // per_cluster)[clusters]
    truth = 3 + (shared if per_cluster > 1 else 0) + random.normal(0, 0.5, total)
    judged = truth + 0.4 + random.normal(0, 0.7, total)
    groups = [str(at) for at in clusters]
    return truth[:n].tolist(), judged[:n].tolist(), judged[n:].tolist(), groups


def test_intervals_cover_and_are_shorter_than_those_of_the_labels():
    random = np.random.default_rng(2)
    held, shorter = 0, []
    for _ in range(1000):
        labels, judged, rest, groups = drawn(random, 100, 300, 1)
        found, alone = ppi_mean(labels, judged, rest, groups), ppi_mean(labels, judged, [])
        held += found.low <= 3 <= found.high
        shorter.append((found.high - found.low) / (alone.high - alone.low))
    assert 0.93 <= held / 1000 <= 0.97
    assert np.mean(shorter) < 0.95


def test_clusters_keep_the_promise_that_rows_break():
    random = np.random.default_rng(4)
    held = naive = 0
    for _ in range(1000):
        labels, judged, rest, groups = drawn(random, 160, 400, 4)
        by_cluster, by_row = ppi_mean(labels, judged, rest, groups), ppi_mean(labels, judged, rest)
        held += by_cluster.low <= 3 <= by_cluster.high
        naive += by_row.low <= 3 <= by_row.high
    assert held / 1000 >= 0.91
    assert naive / 1000 < 0.8
