"""What controls say of a number, on tables whose answers can be worked out by hand."""

import numpy as np
import pytest

from benchmark.core.compare import Scored, summarise
from benchmark.core.controls import normalise, scales
from benchmark.plugins import ScoreInfo
from benchmark.records import Score
from benchmark.stats import bootstrap, paired_bootstrap

DRAWS = {"seed": 3, "resamples": 500}
CONTROLS = {"echo": "echo", "oracle": "oracle", "shuffled": "shuffled"}


class Mean:
    """The mean of one number from (sum, count)."""

    signature = "mean|code:1"
    key = "k"

    def __init__(self, higher_is_better=True):
        self.higher_is_better = higher_is_better

    def infos(self):
        return (ScoreInfo("x", higher_is_better=self.higher_is_better),)

    def values(self, totals):
        return totals[..., :1] / totals[..., 1:]


def scored(columns, *, metric=None, groups=None):
    """Return a table from each candidate's values; None is an answer that is missing."""
    scores = {
        (name, "m"): [
            Score(
                example_id=str(at), candidate=name, metric="m",
                stats=None if value is None else (value, 1.0),
                values={} if value is None else {"x": value},
            )
            for at, value in enumerate(values)
        ]
        for name, values in columns.items()
    }  # fmt: skip
    return Scored({"m": metric or Mean()}, {("m", "x"): "x"}, scores, groups or {})


def both(table, controls=None):
    controls = CONTROLS if controls is None else controls
    summaries = summarise(table)
    (scale,) = scales(table, summaries, controls, **DRAWS) or (None,)
    rows = normalise(table, summaries, controls, **DRAWS)
    return scale, {row.candidate: row for row in rows}


HIGH = {
    "base": [0.3, 0.5, 0.4, 0.6],
    "echo": [0.1, 0.2, 0.2, 0.1],
    "oracle": [1.0, 0.8, 0.9, 0.9],
    "shuffled": [0.3, 0.2, 0.2, 0.3],
}


def test_floor_is_0_and_oracle_is_1():
    scale, rows = both(scored(HIGH))
    assert (scale.floor_by, scale.floor, scale.ceiling) == ("shuffled", 0.25, 0.9)
    assert scale.difference == pytest.approx(0.65)
    assert scale.informative is True
    # (0.45 - 0.25) / (0.9 - 0.25)
    assert rows["base"].normalised == pytest.approx(0.2 / 0.65)
    assert rows["base"].normalised_low < 0.2 / 0.65 < rows["base"].normalised_high
    assert [rows["shuffled"].normalised, rows["oracle"].normalised] == [0.0, 1.0]
    assert (rows["oracle"].normalised_low, rows["oracle"].normalised_high) == (1.0, 1.0)
    assert rows["echo"].normalised == pytest.approx((0.15 - 0.25) / 0.65)
    # Echo is below shuffled on the way from shuffled (0) to oracle (1).
    assert scale.echo == pytest.approx(-0.1 / 0.65)


def test_lower_is_better_is_the_same_scale_upside_down():
    low = {name: [1 - value for value in values] for name, values in HIGH.items()}
    scale, rows = both(scored(low, metric=Mean(higher_is_better=False)))
    expected_scale, expected = both(scored(HIGH))
    assert scale.floor_by == "shuffled" and scale.floor == pytest.approx(0.75)
    assert scale.difference == pytest.approx(-expected_scale.difference)
    assert scale.informative is True
    assert scale.echo == pytest.approx(expected_scale.echo)
    for name, row in rows.items():
        assert row.normalised == pytest.approx(expected[name].normalised)
        assert row.normalised_low == pytest.approx(expected[name].normalised_low)


def test_the_interval_is_that_of_the_ratio_over_resamples():
    random = np.random.default_rng(0)
    columns = {
        "base": random.uniform(0.2, 0.6, 30).tolist(),
        "oracle": [1.0] * 30,
        "shuffled": [0.0] * 30,
    }
    table = scored(columns)
    _, rows = both(table, {"oracle": "oracle", "shuffled": "shuffled"})
    # On a scale from 0 to 1 the place is the value, and its interval the bootstrap's of that.
    assert rows["base"].normalised == pytest.approx(rows["base"].value)
    ids = list(table.answered("base", "m"))
    stats = np.array([table.answered("base", "m")[one] for one in ids])
    expected = bootstrap(stats, Mean().values, table.clusters(ids), *reversed(DRAWS.values()))
    assert rows["base"].normalised_low == pytest.approx(expected.low[0])
    assert rows["base"].normalised_high == pytest.approx(expected.high[0])


def test_a_number_that_only_describes_has_no_scale():
    scale, rows = both(scored(HIGH, metric=Mean(higher_is_better=None)))
    assert scale is None
    assert {row.normalised for row in rows.values()} == {None}


def test_a_number_that_cannot_tell_oracle_from_shuffled_is_uninformative():
    columns = {**HIGH, "shuffled": [0.9, 0.9, 0.9, 0.8]}
    scale, rows = both(scored(columns))
    sides = [np.array([[value, 1.0] for value in columns[who]]) for who in ("oracle", "shuffled")]
    groups = [f"example {at}" for at in range(4)]
    found = paired_bootstrap(*sides, Mean().values, groups, 500, 3)
    assert found.low[0] <= 0 <= found.high[0]
    assert (scale.low, scale.high) == pytest.approx((found.low[0], found.high[0]))
    assert scale.informative is False
    # The oracle is above this floor, but not clearly: there is no scale to stand on.
    assert scale.ceiling > scale.floor
    assert all(row.normalised is None for row in rows.values())


@pytest.mark.parametrize("value", [0.9, 0.95])
def test_an_oracle_no_better_than_a_floor_gives_no_scale(value):
    scale, rows = both(scored({**HIGH, "echo": [value] * 4, "oracle": [0.9] * 4}))
    assert scale.floor_by == "echo"
    assert scale.informative is True  # it does tell oracle from shuffled
    assert scale.echo == pytest.approx((value - 0.25) / 0.65)
    assert all(row.normalised is None for row in rows.values())


def test_without_shuffled_echo_is_a_share_of_the_oracle():
    columns = {name: HIGH[name] for name in ("base", "echo", "oracle")}
    scale, rows = both(scored(columns), {"echo": "echo", "oracle": "oracle"})
    assert scale.informative is None and scale.difference is None
    assert scale.echo == pytest.approx(0.15 / 0.9)
    assert rows["base"].normalised == pytest.approx((0.45 - 0.15) / 0.75)
    low = Mean(higher_is_better=False)
    assert both(scored(columns, metric=low), {"echo": "echo", "oracle": "oracle"})[0].echo is None


@pytest.mark.parametrize(
    "controls", [{"oracle": "oracle"}, {"echo": "echo", "shuffled": "shuffled"}]
)
def test_missing_controls_leave_no_scale(controls):
    scale, rows = both(scored(HIGH), controls)
    assert scale.informative is None
    assert all(row.normalised is None for row in rows.values())


def test_a_suite_without_controls_says_nothing():
    scale, rows = both(scored(HIGH), {})
    assert scale is None
    assert rows["base"].normalised is None and rows["base"].value == pytest.approx(0.45)


def test_missing_answers_leave_out_their_examples():
    columns = {**HIGH, "base": [0.3, None, 0.4, 0.6]}
    _, rows = both(scored(columns))
    # Example 1 is left out on all sides: floor (0.3 + 0.2 + 0.3) / 3, ceiling 2.8 / 3.
    assert rows["base"].normalised == pytest.approx((1.3 - 0.8) / (2.8 - 0.8))
    assert rows["oracle"].normalised == 1.0
    nothing = both(scored({**HIGH, "base": [None] * 4}))[1]
    assert nothing["base"].normalised is None and nothing["oracle"].normalised == 1.0


def test_controls_without_any_answer():
    silent = {**HIGH, "shuffled": [None] * 4}
    scale, rows = both(scored(silent))
    assert (scale.floor_by, scale.informative) == ("echo", None)
    assert rows["base"].normalised == pytest.approx((0.45 - 0.15) / 0.75)
    assert both(scored({**HIGH, "oracle": [None] * 4}))[1]["base"].normalised is None


def test_values_that_are_undefined():
    table = scored(HIGH)
    for rows in table.scores.values():
        rows[:] = [row.model_copy(update={"stats": (0.0, 0.0)}) for row in rows]
    scale, rows = both(table)
    assert (scale.floor, scale.ceiling, scale.informative, scale.echo) == (None,) * 4
    assert all(row.normalised is None for row in rows.values())


def test_one_group_has_a_place_but_no_interval():
    table = scored(HIGH, groups=dict.fromkeys("0123", "one"))
    scale, rows = both(table)
    assert scale.informative is None and scale.difference == pytest.approx(0.65)
    assert rows["base"].normalised == pytest.approx(0.2 / 0.65)
    assert rows["base"].normalised_low is None


def test_texts_that_were_cut_are_counted_in_the_summary():
    class Short(Mean):
        def cut(self, totals):
            return int(totals[1]) - 1

    assert summarise(scored(HIGH, metric=Short()))[0].cut == 3
    assert summarise(scored({"base": [None]}, metric=Short()))[0].cut == 0
    assert summarise(scored(HIGH))[0].cut == 0
