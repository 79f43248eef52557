"""The charts of a report, each as SVG text; `svg.inline` fits it to the theme of a page.

Every chart has its numbers in a table of the report, too: none says anything alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from benchmark.plugins import Report
from benchmark.reporters import board as boards
from benchmark.reporters import curves as losses
from benchmark.reporters import format as fmt
from benchmark.reporters import paired, svg, training
from benchmark.reporters.board import Board, Cell, Row
from benchmark.reporters.charts import difference_scale, difference_whisker
from benchmark.reporters.foremost import foremost
from benchmark.results import Results

if TYPE_CHECKING:
    import altair

MOST_NUMBERS = 12
"""Numbers of the forest plot; a table has the others."""
MOST_CURVES = 12
"""Trainings that are drawn side by side."""
_VERDICTS = {"better": "better", "worse": "worse", "": "cannot be told apart"}
_FIRST = -4.3
"""Where the names of numbers begin in the forest plot, whose differences go from -1 to 1."""
_COLUMNS: tuple[tuple[str, float, dict[str, Any]], ...] = (
    ("number", _FIRST, {"align": "left", "limit": 215, "fontWeight": "bold"}),
    ("candidate", -1.12, {"align": "right", "limit": 120}),
    ("said", 1.12, {"align": "left"}),
)
"""Texts of the forest plot: field, where it stands, how."""
_SIDES = {"better": "better", "worse": "worse", "": "the same, or neither"}
_SHADES = (svg.GOOD, svg.BAD, svg.MUTED)
_SHAPES = ("triangle-up", "triangle-down", "circle")


def forest(results: Results) -> str | None:
    """Draw the differences from the baseline with their intervals, right is better.

    Each number has its own scale with 0 in the middle. None if nothing was compared.
    """
    board = boards.build(results)
    shown = foremost(results, board, MOST_NUMBERS)
    rows = [row for column in shown for row in _compared(board, column.score)]
    for place, row in enumerate(rows):
        row["row"] = place
    if not rows:
        return None
    import altair as alt

    shades: dict[str, Any] = {"domain": list(_VERDICTS.values())}
    x = alt.Scale(domain=[_FIRST, 2.2], nice=False, zero=False)
    base = alt.Chart().encode(
        y=alt.Y("row:O", axis=None),
        color=alt.Color("verdict:N", scale=alt.Scale(**shades, range=list(_SHADES)),
                        legend=alt.Legend(title=None, orient="bottom")),
    )  # fmt: skip
    bare = alt.Axis(labels=False, ticks=False, domain=False, grid=False)
    ends = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", scale=x, axis=bare, title=None), x2="high:Q"
    )
    shapes = alt.Scale(**shades, range=list(_SHAPES))
    point = base.mark_point(filled=True, size=70, opacity=1).encode(
        x="at:Q", shape=alt.Shape("verdict:N", scale=shapes)
    )
    columns = [
        base.mark_text(fontSize=12, **look).encode(
            x=alt.datum(place), text=f"{field}:N", color=alt.value(svg.TEXT)
        )
        for field, place, look in _COLUMNS
    ]
    zero = alt.Chart().mark_rule(color=svg.MUTED, strokeDash=[2, 2]).encode(x=alt.datum(0))
    drawn = alt.layer(zero, ends, point, *columns, data=_data(rows)).properties(
        width=690, height=alt.Step(20)
    )
    title = f"Differences from {board.baseline}, with their {board.level} intervals"
    told = [one["told"] for one in rows]
    return svg.chart(_plain(drawn), title, "Right of 0 is better. " + "; ".join(told))


def differences(report: Report) -> str | None:
    """Draw how each candidate's answers differ from the baseline's, example by example.

    One histogram for the primary number, and one for each number of citations that moved, with
    a bar of its own for answers that score the same. None if nothing was compared.
    """
    board = boards.build(report.results)
    found = [one for one in paired.spreads(report, board) if one.moved]
    if not found:
        return None
    import altair as alt

    charts = []
    for score in dict.fromkeys(one.score for one in found):
        mine = [one for one in found if one.score == score]
        bars = [
            {
                "panel": one.short,
                "low": low,
                "high": high,
                "count": count,
                "floor": 0,
                "side": _SIDES[one.side(low)],
            }
            for one in mine
            for low, high, count in one.bars
        ]
        shades = alt.Scale(domain=list(_SIDES.values()), range=list(_SHADES))
        reach = max(one.reach for one in mine)
        label = f"{score}: candidate minus {fmt.one_line(board.baseline, 40)}"
        chart = (
            alt.Chart(_data(bars))
            .mark_bar(stroke=svg.PAPER, strokeWidth=0.5)
            .encode(
                x=alt.X("low:Q", scale=alt.Scale(domain=[-reach, reach], nice=False), title=label,
                        axis=alt.Axis(tickCount=5, grid=False)),
                x2="high:Q",
                y=alt.Y("count:Q", title="examples", axis=alt.Axis(tickCount=4, tickMinStep=1)),
                y2="floor:Q",
                color=alt.Color("side:N", scale=shades,
                                legend=alt.Legend(title=None, orient="bottom")),
                facet=alt.Facet("panel:N", columns=3, sort=_order(bars, "panel"), title=None,
                                header=_header(240)),
            )
            .properties(width=240, height=100)
        )  # fmt: skip
        charts.append(chart)
    told = "; ".join(f"{one.score}, {one.title}" for one in found)
    title = f"Paired differences from {board.baseline}, example by example"
    return svg.chart(_plain(alt.vconcat(*charts)), title, told)


def curves(results: Results) -> str | None:
    """Draw training and validation loss by step, all on the same axes; None if none was told."""
    made = [one for one in training.trained(boards.build(results))
            if losses.extent([one.made])][:MOST_CURVES]  # fmt: skip
    rows = [row for one in made for row in _losses(one.name, one.made)]
    if not rows:
        return None
    import altair as alt

    names = ["training", "validation"]
    wide = len(made) == 1
    kept = {"step whose weights were kept": svg.GOOD}
    base = alt.Chart().encode(
        x=alt.X("step:Q", title="step", axis=alt.Axis(grid=False, tickMinStep=1)),
        y=alt.Y("loss:Q", title="loss", scale=alt.Scale(zero=False)),
        color=alt.Color("line:N", title=None, legend=alt.Legend(orient="bottom"),
                        scale=alt.Scale(domain=[*names, *kept],
                                        range=[svg.ACCENT, svg.UNSURE, *kept.values()])),
    )  # fmt: skip
    line = base.transform_filter("datum.line != 'step whose weights were kept'").mark_line(
        strokeWidth=1.8
    ).encode(strokeDash=alt.StrokeDash("line:N", legend=None,
             scale=alt.Scale(domain=names, range=[[1, 0], [5, 3]])))  # fmt: skip
    points = base.transform_filter("datum.line == 'validation'").mark_point(
        filled=True, fill=svg.PAPER, stroke=svg.UNSURE, opacity=1, size=45
    )
    best = base.transform_filter("datum.line == 'step whose weights were kept'").mark_point(
        filled=True, size=80, shape="diamond", opacity=1
    )
    drawn = (
        alt.layer(line, points, best)
        .properties(width=620 if wide else 240, height=220 if wide else 130)
        .facet(
            facet=alt.Facet("candidate:N", sort=_order(rows, "candidate"), title=None,
                            header=_header(240)),
            columns=3, data=_data(rows),
        )
    )  # fmt: skip
    told = [f"{one.name}: {losses.in_words(one.made)}" for one in made]
    return svg.chart(_plain(drawn), "Loss by step", " ".join(told))


def _compared(board: Board, score: str) -> Iterator[dict[str, Any]]:
    """Yield one row of the forest plot for each contender with a difference on a number."""
    pairs: list[tuple[Row, Cell]] = [
        (row, cell) for row in board.contenders if (cell := row.cell(score)) and cell.comparison
    ]
    scale = difference_scale([cell for _, cell in pairs], 0.0)._replace(start=-1.0, end=1.0)
    first = next((row for row, cell in pairs if difference_whisker(cell, scale)), None)
    for row, cell in pairs:
        mark = difference_whisker(cell, scale)
        if mark is None:
            continue
        number, name = fmt.one_line(score, 60), fmt.one_line(row.name, 60)
        said = f"{cell.difference} {cell.difference_interval}".strip()
        yield {
            "number": number + fmt.arrow(cell.column.higher_is_better) if row is first else "",
            "candidate": name,
            "low": mark.left,
            "at": mark.point,
            "high": mark.right,
            "verdict": _VERDICTS[cell.verdict],
            "said": said,
            "told": f"{name} on {number}: {_VERDICTS[cell.verdict]}, {said}",
        }


def _data(rows: Sequence[dict[str, Any]]) -> Any:
    import altair as alt

    return alt.InlineData(values=list(rows))


def _order(rows: Sequence[dict[str, Any]], name: str) -> list[str]:
    """Return the values of one field in the order in which they come, each once."""
    return list(dict.fromkeys(row[name] for row in rows))


def _losses(name: str, made: Any) -> Iterator[dict[str, Any]]:
    shown = losses.trained(made)
    mean_of = -(-len(shown) // losses.MOST_POINTS)
    watched = losses.held_out(made)
    lines = {"training": losses.thinned(shown, mean_of), "validation": watched}
    best = [point for point in watched if point[0] == made.best_step]
    for line, points in {**lines, "step whose weights were kept": best}.items():
        for step, loss in points:
            yield {"candidate": fmt.one_line(name, 40), "line": line, "step": step, "loss": loss}


def _header(limit: int) -> altair.Header:
    import altair as alt

    return alt.Header(
        labelAngle=0, labelAlign="left", labelAnchor="start", labelLimit=limit,
        labelFontWeight="bold", labelPadding=4,
    )  # fmt: skip


def _plain(drawn: altair.TopLevelMixin) -> dict[str, Any]:
    """Return a chart as a spec, in the one look of all charts."""
    spec: dict[str, Any] = drawn.to_dict()
    text = {"labelColor": svg.MUTED, "titleColor": svg.MUTED, "labelFontSize": 11,
            "titleFontSize": 11, "titleFontWeight": "normal"}  # fmt: skip
    spec["config"] = {
        "background": None,
        "view": {"stroke": None},
        "axis": {**text, "gridColor": svg.LINE, "domainColor": svg.MUTED, "tickColor": svg.MUTED},
        "header": {"labelColor": svg.TEXT, "labelFontSize": 12},
        "legend": {**text, "labelFontSize": 12, "labelColor": svg.TEXT, "labelLimit": 300},
        # A name is a name, whatever line ends or braces it holds.
        "lineBreak": "\n",
    }
    return spec
