"""A candidate against itself in an earlier run, example by example where the runs kept those.

Only the lines of the number in question are read, and only the statistics of one run's metric
are held at a time, so that large runs do not fill the memory.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from benchmark.core.opinions import opinions
from benchmark.core.plan import build_metrics
from benchmark.errors import BenchError, StoreError
from benchmark.history import Change
from benchmark.plugins import Metric
from benchmark.records import Score
from benchmark.results import ScoreSummary
from benchmark.suite_file import load_suite

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Side = tuple[Path, ScoreSummary]
"""A run's folder, and one of its numbers."""
Sums = dict[str, tuple[tuple[float, ...], float]]
"""Example -> its statistics, and its own value of the number (NaN: none)."""


class Pairs:
    """Compares sides, and remembers what it has read.

    Attributes:
        problems: One line for each run whose records could not be read.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._broken: dict[Path, str] = {}
        self._metrics = lru_cache(maxsize=64)(_metrics)
        self._groups = lru_cache(maxsize=4)(_groups)
        self._sums = lru_cache(maxsize=32)(_sums)

    def change(self, before: Side, after: Side, run_id: str) -> Change | None:
        """Return how a number changed from one comparable run to the next.

        Args:
            before: The earlier run's folder and number; both have values.
            after: The later ones.
            run_id: The earlier run's.
        """
        for folder, _ in (before, after):
            if folder in self._broken:
                return _overlap(before[1], after[1], run_id, self._broken[folder])
        folder = after[0]
        try:
            for folder, row in (before, after):
                self._sums(folder, row.candidate, row.metric, self._name(folder, row))
            folder = after[0]
            return self._paired(before, after, run_id)
        except (BenchError, OSError, ValueError, KeyError) as error:
            # One line a run; its numbers are still there, so intervals can be compared.
            why = str(error) if isinstance(error, BenchError) else f"{type(error).__name__}"
            self._broken[folder] = "the run's records cannot be read"
            self.problems.append(f"{folder}: {' '.join(why.split())}")
            return _overlap(before[1], after[1], run_id, self._broken[folder])

    def _name(self, folder: Path, row: ScoreSummary) -> str:
        """Return the number's own name within its metric."""
        _, labels = self._metrics(folder)
        for (metric, name), label in labels.items():
            if label == row.score and metric == row.metric:
                return name
        return row.score

    def _paired(self, before: Side, after: Side, run_id: str) -> Change | None:
        import numpy as np

        from benchmark.stats import difference_interval

        (old, first), (new, row) = before, after
        name = self._name(new, row)
        theirs = self._sums(old, first.candidate, first.metric, self._name(old, first))
        mine = self._sums(new, row.candidate, row.metric, name)
        shared = [example for example in mine if example in theirs]
        metric = self._metrics(new)[0][row.metric]
        if (
            len({len(mine[one][0]) for one in shared} | {len(theirs[one][0]) for one in shared})
            != 1
        ):
            return _overlap(first, row, run_id, "they share no answered example")
        groups = self._groups(new)
        clusters = [groups.get(example, f"example {example}") for example in shared]
        ours, others = (
            np.array([side[one][0] for one in shared], dtype=np.float64) for side in (mine, theirs)
        )
        seen = {side[one][1] for one in shared for side in (mine, theirs)}
        infos = metric.infos()
        at = [info.name for info in infos].index(name)
        yes_no = np.array([seen <= {0.0, 1.0}] * len(infos))
        with np.errstate(divide="ignore", invalid="ignore"):
            found = difference_interval(ours, others, metric.values, clusters, yes_no=yes_no)
        difference = float(found.value[at])
        low, high = float(found.low[at]), float(found.high[at])
        if not math.isfinite(difference):
            return None
        known = math.isfinite(low) and math.isfinite(high)
        return Change(
            against=run_id,
            difference=difference,
            low=low if known else None,
            high=high if known else None,
            n=len(shared),
            how=f"paired, {found.methods[at]} interval, {found.groups} clusters",
            verdict=_verdict(difference, known and (low > 0 or high < 0), row.higher_is_better),
        )


def _overlap(before: ScoreSummary, after: ScoreSummary, run_id: str, why: str) -> Change | None:
    """Compare two intervals: cruder than pairs, for it needs twice the difference or so."""
    if before.value is None or after.value is None:
        return None
    ends = before.low, before.high, after.low, after.high
    apart = False
    if None not in ends:
        low, high, mine, ours = (float(end or 0.0) for end in ends)
        apart = ours < low or mine > high
    difference = after.value - before.value
    return Change(
        against=run_id,
        difference=difference,
        low=None,
        high=None,
        n=0,
        how=f"overlapping intervals, for {why}",
        verdict=_verdict(difference, apart, after.higher_is_better),
    )


def _verdict(
    difference: float, told_apart: bool, higher_is_better: bool | None
) -> Literal["better", "worse", ""]:
    if not told_apart or higher_is_better is None or not difference:
        return ""
    return "better" if (difference > 0) == higher_is_better else "worse"


# --- records --------------------------------------------------------------------------------


def _metrics(folder: Path) -> tuple[dict[str, Metric], dict[tuple[str, str], str]]:
    suite = load_suite(folder / "suite.yaml")
    metrics, labels = build_metrics(suite)
    heard, named = opinions(dict.fromkeys(suite.judges, ""))
    return {**metrics, **heard}, {**labels, **named}


def _groups(folder: Path) -> dict[str, str]:
    """Return the cluster of each example that has one."""
    rows = {row["id"]: row.get("group", "") for row in _lines(folder / "examples.jsonl")}
    return {name: f"group {group}" for name, group in rows.items() if group}


def _sums(folder: Path, candidate: str, metric: str, name: str) -> Sums:
    # Looked for as they are written; of odd names nobody knows how a writer escapes them.
    names = [one for one in (metric, candidate) if one.isascii() and one.isprintable()]
    wanted = [json.dumps(one) for one in names if not set('"\\') & set(one)]
    found: Sums = {}
    for row in _lines(folder / "scores.jsonl", *wanted):
        score = Score.model_validate(row)
        if score.metric == metric and score.candidate == candidate and score.stats is not None:
            found[score.example_id] = score.stats, score.values.get(name, math.nan)
    return found


def _lines(path: Path, *parts: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON lines that hold all of some parts, which are cheaper to look for first."""
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                if all(part in line for part in parts):
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise ValueError("no object")
                    yield row
    except FileNotFoundError as error:
        raise StoreError(f"{path.name} is missing") from error
    except ValueError as error:
        raise StoreError(f"{path.name} cannot be read by this version of bench") from error
