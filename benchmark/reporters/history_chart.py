"""One number over runs as a chart: a line a candidate with its intervals, worse runs marked.

The chart is an Altair specification; vl-convert draws it as SVG without a browser. Its colours
are CSS variables with a fallback, so that the page around it decides between light and dark.
"""

from __future__ import annotations

from typing import Any

from benchmark.history import Series
from benchmark.reporters import format as fmt

COLOURS = ("#2b5c9e", "#b35900", "#0b6b4a", "#8a3ea8", "#7a5200", "#b3261e", "#3d6b70")
"""Of the lines; `--line1` and so on in the page replace them."""
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 2], [10, 4], [1, 3])
"""The same told without colour."""
WIDTH, HEIGHT = 340, 190
"""Of the plot, in pixels."""
MOST_RUNS = 60
"""The newest of them are drawn."""
_TEXT, _GRID = "var(--muted, #5b6067)", "var(--line, #dfdfd9)"
_BAD, _GOOD = "var(--bad, #b3261e)", "var(--good, #0b6b4a)"


def svg(series: Series, places: dict[str, int]) -> str:
    """Return one number's chart as an `<svg>` element with a description.

    Args:
        series: The comparable runs.
        places: Run id -> its number on the horizontal axis.

    Returns:
        Markup in which foreign text is escaped; "" where there is nothing to draw.
    """
    made = spec(series, places)
    if made is None:
        return ""
    import vl_convert
    from markupsafe import escape

    drawn = str(vl_convert.vegalite_to_svg(made))
    label = escape(description(series))
    # To who cannot see it, it is one picture with a description, not a heap of marks.
    drawn = drawn.replace("<g ", '<g aria-hidden="true" ', 1)
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def description(series: Series) -> str:
    """Return what the chart shows, for who cannot see it."""
    runs = fmt.plural(len(series.runs), "run")
    parts = []
    for line in series.lines:
        if line.kind == "model":
            first, last = line.points[0].value, line.points[-1].value
            parts.append(
                f"{fmt.one_line(line.candidate)} from {fmt.number(first)} to {fmt.number(last)}"
            )
    return f"{fmt.one_line(series.score)} over {runs}: {', '.join(parts)}"


def spec(series: Series, places: dict[str, int]) -> dict[str, Any] | None:
    """Return the chart as a Vega-Lite specification; None where no model has a value."""
    import altair as alt

    rows = _rows(series, places)
    if not rows:
        return None
    title = fmt.one_line(series.score, 60) + fmt.arrow(series.higher_is_better)
    runs = [row["run"] for row in rows]
    span = alt.Scale(domain=[min(runs) - 0.5, max(runs) + 0.5], nice=False, zero=False)
    x = alt.X("run:Q", title="run", axis=_ticks(alt, runs), scale=span)
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=False))
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x, y=y)
    # Only the lines have scales of colour and dashes, so that there is one legend of both.
    own, tone = (alt.Color(f"{name}:N", scale=None) for name in ("colour", "tone"))
    bars = base.transform_filter("isValid(datum.low) && isValid(datum.high)")
    changed = base.transform_filter("datum.change != ''")
    words, shapes = ["better", "worse"], ["triangle-up", "triangle-down"]
    shape = alt.Shape("change:N", scale=alt.Scale(domain=words, range=shapes), legend=None)
    chart = alt.layer(
        bars.mark_rule(opacity=0.45, strokeWidth=1.5).encode(
            y=alt.Y("low:Q", title=None), y2="high:Q", color=own
        ),
        base.mark_line(strokeWidth=1.8).encode(**_told_apart(alt, rows)),
        base.mark_point(filled=True, size=28, opacity=1).encode(color=own),
        changed.mark_point(filled=True, size=130, opacity=1).encode(shape=shape, color=tone),
    ).properties(width=WIDTH, height=HEIGHT, title=title)
    made: dict[str, Any] = _styled(alt, chart).to_dict()
    return made


def _told_apart(alt: Any, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how lines are told apart, by colour and by dashes, with one legend of both."""
    looks = {row["candidate"]: row["colour"] for row in rows}
    names = list(looks)
    dashes = [list(DASHES[at % len(DASHES)]) for at in range(len(names))]
    legend = alt.Legend(
        orient="top",
        title=None,
        columns=3,
        labelLimit=110,
        symbolType="stroke",
        symbolSize=300,
        symbolOpacity=1,
        symbolStrokeWidth=2,
    )
    return {
        "color": alt.Color(
            "candidate:N",
            scale=alt.Scale(domain=names, range=list(looks.values())),
            legend=legend,
        ),
        "strokeDash": alt.StrokeDash(
            "candidate:N", scale=alt.Scale(domain=names, range=dashes), legend=legend
        ),
    }


def _rows(series: Series, places: dict[str, int]) -> list[dict[str, Any]]:
    """Return the points of the models, as the chart reads them."""
    shown = set(series.runs[-MOST_RUNS:])
    models = [line for line in series.lines if line.kind == "model"]
    return [
        {
            "candidate": fmt.one_line(line.candidate, 40),
            "colour": f"var(--line{at % len(COLOURS) + 1}, {COLOURS[at % len(COLOURS)]})",
            "run": places[point.run_id],
            "value": point.value,
            "low": fmt.known(point.low),
            "high": fmt.known(point.high),
            "change": point.change.verdict if point.change else "",
            "tone": _BAD if point.change and point.change.verdict == "worse" else _GOOD,
        }
        for at, line in enumerate(models)
        for point in line.points
        if point.run_id in shown and fmt.known(point.value) is not None
    ]


def _ticks(alt: Any, runs: list[int]) -> Any:
    """Return the axis of runs: whole numbers, and not so many that they meet."""
    some = sorted(set(runs))
    step = -(-len(some) // 10)
    return alt.Axis(values=some[::-1][::step][::-1], format="d", grid=False)


def _styled(alt: Any, chart: Any) -> Any:
    return (
        chart.configure(background="transparent", aria=False, font="system-ui, sans-serif")
        .configure_view(stroke=None)
        .configure_title(color="var(--text, #1c1e21)", fontSize=14, anchor="start")
        .configure_axis(
            labelColor=_TEXT, titleColor=_TEXT, gridColor=_GRID, domainColor=_GRID,
            tickColor=_GRID, labelFontSize=12, titleFontSize=12,
        )
        .configure_legend(labelColor=_TEXT, labelFontSize=12)
    )  # fmt: skip
