"""Runs over time as one HTML page: nothing to download, no script, inert to its content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmark.history import History, Series, SuiteHistory
from benchmark.reporters import format as fmt
from benchmark.reporters import history_chart as chart
from benchmark.reporters import history_view as view
from benchmark.reporters import pages

MOST_LISTED = 200
"""Runs that are listed, the newest of them."""


def page(history: History) -> str:
    """Return the page."""
    template = pages.environment().get_template("leaderboard.html.j2")
    return template.render(
        suites=[_suite(one, place) for place, one in enumerate(history.suites)],
        problems=history.problems,
        style=pages.source("leaderboard.css"),
        fmt=fmt,
        view=view,
        shown=view.SHOWN,
    )


def _suite(suite: SuiteHistory, place: int) -> dict[str, Any]:
    numbers = {run.run_id: at for at, run in enumerate(suite.runs, 1)}
    rows = view.rows(suite)
    word, tone = view.state(suite)
    current = [one for one in suite.series if not one.apart]
    return {
        "id": f"suite{place}",
        "name": suite.suite,
        "word": word,
        "tone": tone,
        "facts": view.facts(suite),
        "heads": view.heads(suite),
        "models": [row for row in rows if not row.is_control],
        "controls": [row for row in rows if row.is_control],
        "charts": _charts(current, numbers),
        "compared": view.baselines(suite),
        "regressions": view.regressions(suite),
        "apart": [(told, _charts(same, numbers)) for same, told in view.apart(suite)],
        "runs": [(numbers[run.run_id], run) for run in reversed(suite.runs[-MOST_LISTED:])],
        "left_out": max(0, len(suite.runs) - MOST_LISTED),
        "numbers": numbers,
    }


def _charts(found: Sequence[Series], numbers: dict[str, int]) -> list[Any]:
    """Return the charts of numbers that have a history."""
    from markupsafe import Markup

    # vl-convert escapes the texts that it draws.
    drawn = [Markup(chart.svg(one, numbers)) for one in found if len(one.runs) > 1]
    return [one for one in drawn if one]
