"""What no judge's own parameters show: names that collide, and candidates that are not there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from benchmark.errors import Problem
from benchmark.suite import Suite
from benchmark.suite_problems import suggestion


def judge_problems(
    suite: Suite, labels: Iterable[str], built: Mapping[tuple[str, ...], Any]
) -> Iterator[Problem]:
    """Find what is wrong with the names of judges and of whom they judge.

    Args:
        suite: The suite.
        labels: Of the metrics' numbers. A judge's name is the label of its own.
        built: Plugins by their key path; None for one whose parameters are wrong.
    """
    taken = {*labels, *suite.metrics}
    for name in suite.judges:
        if name in taken:
            what = f"a metric has the name {name!r} too, and names tell numbers apart"
            yield Problem(suite.origin.where("judges", name), what, "rename the judge")
        for candidate in getattr(built["judges", name], "candidates", ()):
            if candidate not in suite.candidates:
                where = suite.origin.where("judges", name, "candidates")
                hint = suggestion(candidate, list(suite.candidates))
                yield Problem(where, f"no candidate is called {candidate!r}", hint)
