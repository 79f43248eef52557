"""Controls to scales: where nothing and everything lie on each number, and candidates between.

A number alone says little: 0.31 of what? The floor is the best of the controls without skill
(echo, shuffled), the ceiling is the oracle, and a candidate's normalised score is
(value - floor) / (ceiling - floor), whichever way is better. Pure functions over records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from benchmark.results import ScoreSummary
from benchmark.side_results import Scale
from benchmark.stats import bootstrap, paired_bootstrap

if TYPE_CHECKING:
    from benchmark.core.compare import Scored
    from benchmark.plugins import Array, Metric

ORACLE, SHUFFLED, ECHO = "oracle", "shuffled", "echo"


@dataclass(frozen=True, slots=True)
class Roles:
    """Which candidate is which control; None or empty where a suite has none."""

    oracle: str | None
    shuffled: str | None
    echo: str | None
    floors: tuple[str, ...]
    """All controls but the oracle: what a metric gives without skill."""

    @classmethod
    def of(cls, controls: Mapping[str, str]) -> Roles:
        """Return the roles of controls (name of the candidate -> kind); the first of a kind."""
        first = {kind: name for name, kind in reversed(list(controls.items()))}
        floors = tuple(name for name, kind in controls.items() if kind != ORACLE)
        return cls(first.get(ORACLE), first.get(SHUFFLED), first.get(ECHO), floors)


def scales(
    scored: Scored,
    summaries: Sequence[ScoreSummary],
    controls: Mapping[str, str],
    *,
    seed: int,
    resamples: int,
) -> list[Scale]:
    """Return what the controls say of each number, in the suite's order; none without controls.

    Args:
        scored: All scores.
        summaries: The values of the same.
        controls: Name of each candidate that is a control -> its kind: "oracle", "shuffled", ...
        seed: Of the bootstrap.
        resamples: Of the same.
    """
    roles = Roles.of(controls)
    values = {(row.candidate, row.score): row.value for row in summaries}
    found: list[Scale] = []
    for name, metric in scored.metrics.items() if controls else ():
        apart = _apart(scored, name, (roles.oracle, roles.shuffled), seed, resamples)
        for at, info in enumerate(metric.infos()):
            if info.higher_is_better is None:
                continue  # it only describes: nothing is a floor or a ceiling
            label = scored.labels[name, info.name]
            sign = 1 if info.higher_is_better else -1
            of = {who: values.get((who, label)) for who in controls}
            floors = [(sign * low, who) for who in roles.floors if (low := of[who]) is not None]
            best = max(floors, key=lambda pair: pair[0])[1] if floors else ""
            difference, low, high = apart[at] if apart else (None, None, None)
            ends = None if low is None or high is None else min(sign * low, sign * high)
            found.append(
                Scale(
                    score=label,
                    floor=of.get(best),
                    floor_by=best,
                    ceiling=of.get(roles.oracle or ""),
                    difference=difference,
                    low=low,
                    high=high,
                    informative=None if ends is None else ends > 0,
                    echo=_echo(of, roles, sign),
                )
            )
    return found


def normalise(
    scored: Scored,
    summaries: Sequence[ScoreSummary],
    controls: Mapping[str, str],
    *,
    seed: int,
    resamples: int,
) -> list[ScoreSummary]:
    """Return the summaries with each candidate's place between floor (0) and oracle (1).

    Value and interval come from the examples that the candidate and all controls answered. In
    each resample of their groups all are drawn alike and the ratio is taken anew, with the floor
    that is best there. Where the interval of oracle minus floor reaches 0 there is no scale to
    stand on, and no normalised score. Arguments are those of `scales`.
    """
    roles = Roles.of(controls)
    places: dict[tuple[str, str], tuple[float, float | None, float | None]] = {}
    for name in scored.metrics if roles.oracle and roles.floors else ():
        for candidates, shared in _together(scored, name, roles):
            places |= dict(_places(scored, name, roles, (candidates, shared), (seed, resamples)))
    return [
        row.model_copy(
            update=dict(
                zip(
                    ("normalised", "normalised_low", "normalised_high"),
                    places.get((row.candidate, row.score), (None, None, None)),
                    strict=True,
                )
            )
        )
        for row in summaries
    ]


def _apart(
    scored: Scored, name: str, pair: tuple[str | None, str | None], seed: int, resamples: int
) -> list[tuple[float | None, float | None, float | None]]:
    """Return (difference, low, high) of oracle minus shuffled for each number of a metric."""
    import numpy as np

    top, bottom = (scored.answered(who, name) if who else {} for who in pair)
    shared = [example for example in top if example in bottom]
    if not shared:
        return []
    mine, other = (
        np.array([side[example] for example in shared], dtype=np.float64) for side in (top, bottom)
    )
    metric = scored.metrics[name]
    found = paired_bootstrap(mine, other, metric.values, scored.clusters(shared), resamples, seed)
    return [
        (_number(value), _number(low), _number(high))
        for value, low, high in zip(*found, strict=True)
    ]


def _echo(of: Mapping[str, float | None], roles: Roles, sign: int) -> float | None:
    echo, top, low = (of.get(who or "") for who in (roles.echo, roles.oracle, roles.shuffled))
    if echo is None or top is None:
        return None
    if low is None:
        return echo / top if sign > 0 and top > 0 else None
    # Sums in another order differ in their last digits, which is no scale to stand on.
    return (echo - low) / (top - low) if sign * (top - low) > 1e-9 else None


def _together(
    scored: Scored, name: str, roles: Roles
) -> Iterator[tuple[list[str], tuple[str, ...]]]:
    """Give the candidates that share their answered examples, and these examples."""
    controls = [scored.answered(who, name) for who in (roles.oracle or "", *roles.floors)]
    known = [rows for rows in controls if rows]
    groups: dict[tuple[str, ...], list[str]] = {}
    for candidate in scored.candidates():
        mine = scored.answered(candidate, name)
        shared = tuple(one for one in mine if all(one in rows for rows in known))
        if shared and controls[0] and len(known) > 1:
            groups.setdefault(shared, []).append(candidate)
    for shared, candidates in groups.items():
        yield candidates, shared


def _places(
    scored: Scored,
    name: str,
    roles: Roles,
    group: tuple[Sequence[str], Sequence[str]],
    draws: tuple[int, int],
) -> Iterator[tuple[tuple[str, str], tuple[float, float | None, float | None]]]:
    """Give (candidate, label) -> (place, low, high) where there is a scale."""
    import numpy as np

    metric, (candidates, shared), (seed, resamples) = scored.metrics[name], group, draws
    floors = [who for who in roles.floors if scored.answered(who, name)]
    columns = [
        [rows[example] for example in shared]
        for who in (roles.oracle or "", *floors, *candidates)
        for rows in (scored.answered(who, name),)
    ]
    table = np.concatenate([np.array(column, dtype=np.float64) for column in columns], axis=1)
    ratio = _Ratio(metric, len(columns), len(floors))
    found = bootstrap(table, ratio, scored.clusters(shared), resamples, seed)
    infos = metric.infos()
    value, low, high = (numbers.reshape(-1, len(infos)) for numbers in found)
    for at, info in enumerate(infos):
        # One cluster has no interval: its scale is taken as it is.
        if info.higher_is_better is None or not value[0, at] > 0 or low[0, at] <= 0:
            continue
        for row, candidate in enumerate(candidates, start=1):
            place = _number(value[row, at])
            if place is not None:
                ends = _number(low[row, at]), _number(high[row, at])
                yield (candidate, scored.labels[name, info.name]), (place, *ends)


class _Ratio:
    """Sums of oracle, floors and candidates, side by side -> the gap, and each one's place."""

    def __init__(self, metric: Metric, sides: int, floors: int) -> None:
        self.metric, self.sides, self.floors = metric, sides, floors
        self.sign = [1 if info.higher_is_better else -1 for info in metric.infos()]

    def __call__(self, totals: Array) -> Array:
        """Return numbers. Shape: (..., sides * k) -> (..., (1 + candidates) * s)."""
        import numpy as np

        sums = totals.reshape(*totals.shape[:-1], self.sides, -1)
        values = np.asarray(self.metric.values(sums)) * np.array(self.sign)
        floor = np.fmax.reduce(values[..., 1 : 1 + self.floors, :], axis=-2)[..., None, :]
        gap = values[..., :1, :] - floor
        candidates = values[..., 1 + self.floors :, :]
        place = np.where(gap > 0, (candidates - floor) / gap, np.nan)
        both: Array = np.concatenate([gap, place], axis=-2)
        return both.reshape(*totals.shape[:-1], -1)


def _number(value: float) -> float | None:
    return float(value) if isfinite(value) else None
