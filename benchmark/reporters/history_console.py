"""Runs over time in a terminal, as wide as the terminal is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from benchmark.history import History, SuiteHistory
from benchmark.reporters import format as fmt
from benchmark.reporters import history_view as view
from benchmark.reporters.console_tables import GAP, NAME, plain_table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

MIN_WIDTH = 40
_TONES = {"pass": "green", "fail": "red", "inconclusive": "yellow", "none": ""}
_COLOURS = {"better": "green", "worse": "red", "": ""}
_SPARK = 16


class _Column(NamedTuple):
    head: str
    cells: Sequence[tuple[str, str]]
    """(text, style) of each row."""
    is_number: bool = True


def parts(history: History, width: int) -> Iterator[RenderableType]:
    """Yield what a terminal shows: each suite's leaderboard, history and regressions.

    Args:
        history: What was found.
        width: Cells; the first number is shown however few they are.
    """
    from rich.text import Text

    width = max(width, MIN_WIDTH)
    for suite in history.suites:
        word, tone = view.state(suite)
        yield Text.assemble(
            (fmt.one_line(suite.suite), "bold"), "  ", (word, f"bold {_TONES[tone]}".strip())
        )
        yield Text(view.facts(suite), style="dim")
        yield Text("")
        yield from _suite(suite, width)
        yield Text("")
    if history.problems:
        yield _list("Could not be read", [("!", "yellow", one) for one in history.problems])
        yield Text("")


def _suite(suite: SuiteHistory, width: int) -> Iterator[RenderableType]:
    from rich.text import Text

    if not suite.tables:
        yield Text("Nothing was scored.")
    else:
        yield _board(suite, width)
    histories = _histories(suite, width)
    if histories is not None:
        yield Text("\nHistory", style="bold")
        yield histories
    worse = [("▼", "red", told) for told in view.regressions(suite)]
    if worse:
        yield Text("")
        yield _list("Worse than the run before", worse)
    others = [("≠", "yellow", told) for _, told in view.apart(suite)]
    if others:
        yield Text("")
        yield _list("Apart, as these cannot be compared with the newest run", others)


def _board(suite: SuiteHistory, width: int) -> Table:
    rows = view.rows(suite)
    models = [row for row in rows if not row.is_control]
    shown = [*models[: view.SHOWN], *(row for row in rows if row.is_control)]

    def column(head: str, texts: Sequence[str], *, is_number: bool = False) -> _Column:
        return _Column(head, [(text, "") for text in texts], is_number)

    numbers = [
        _Column(_broken(head), _aligned([row.numbers[place] for row in shown]))
        for place, head in enumerate(view.heads(suite))
    ]
    columns = [
        *numbers[:1],
        column("run", [row.run[-8:] for row in shown]),
        column("finished", [row.when.removesuffix(" UTC") for row in shown]),
        column("adapter", [row.adapter or fmt.NOTHING for row in shown]),
        *numbers[1:],
        column("runs", [fmt.count(row.runs) for row in shown], is_number=True),
        column("commit", [row.commit for row in shown]),
        column("n", [row.n.removeprefix("n=") for row in shown], is_number=True),
    ]
    names = [fmt.one_line(row.name, NAME) for row in shown]
    fitting, left_out = _divided("candidate", names, columns, width)
    caption = ["± half of the 95 % interval"]
    if compared := view.baselines(suite):
        caption[0] += f"; ▲ better, ▼ worse than {compared} in the same run"
    if len(models) > view.SHOWN:
        caption.append(f"{fmt.count(len(models) - view.SHOWN)} more below these")
    if left_out:
        caption.append("not shown here: " + ", ".join(c.head.replace("\n", "") for c in left_out))
    table = _table("candidate", names, fitting, "\n".join(caption))
    for at, row in enumerate(shown):
        if row.is_control:
            table.rows[at].style = "dim"
            if at and not shown[at - 1].is_control:
                table.rows[at - 1].end_section = True
    return table


def _histories(suite: SuiteHistory, width: int) -> Table | None:
    found = [
        (fmt.one_line(series.score, NAME), course)
        for series in suite.series
        if not series.apart
        for course in view.courses(series)
        if course.runs > 1
    ]
    if not found:
        return None
    names = [f"{course.name}" for _, course in found]
    columns = [
        _Column("number", [(score, "") for score, _ in found], is_number=False),
        _Column("first → newest", [(f"{one.first} → {one.last}", "") for _, one in found]),
        _Column("last change", [_change(one) for _, one in found]),
        _Column("history", [(_spark(one), "") for _, one in found], is_number=False),
        _Column("runs", [(fmt.count(one.runs), "") for _, one in found]),
    ]
    fitting, _ = _divided("candidate", names, columns, width)
    return _table("candidate", [fmt.one_line(name, NAME) for name in names], fitting, "")


def _change(course: view.Course) -> tuple[str, str]:
    # A sign takes a cell in each row, so that the numbers stand below each other.
    pad = "" if course.verdict else "  "
    return course.change + pad, _COLOURS[course.verdict]


def _spark(course: view.Course) -> str:
    return fmt.sparkline(course.values, min(course.values), max(course.values), _SPARK)


def _aligned(numbers: Sequence[view.Number | None]) -> list[tuple[str, str]]:
    value = max((len(one.value) for one in numbers if one), default=1)
    half = max((len(one.half) for one in numbers if one), default=0)
    return [
        (f"{one.value:>{value}}{one.half:<{half}} {one.mark or ' '}", _COLOURS[one.verdict])
        if one
        else (f"{fmt.NOTHING:>{value}}{'':<{half}}  ", "")
        for one in numbers
    ]


def _broken(head: str) -> str:
    """Break a long name after an underscore near its middle."""
    place = head.rfind("_", 0, 2 + len(head) // 2 + 1)
    return head if place < 0 or len(head) < 14 else f"{head[: place + 1]}\n{head[place + 1 :]}"


def _divided(
    first: str, names: Sequence[str], columns: Sequence[_Column], width: int
) -> tuple[list[_Column], list[_Column]]:
    """Divide columns into those that fit and those that do not; the first always fits."""
    from rich.cells import cell_len

    used = max(map(cell_len, [first, *names]))
    shown: list[_Column] = []
    left_out: list[_Column] = []
    for column in columns:
        lines = [*column.head.split("\n"), *(text for text, _ in column.cells)]
        wide = GAP + max(map(cell_len, lines))
        if shown and used + wide > width:
            left_out.append(column)
            continue
        shown.append(column)
        used += wide
    return shown, left_out


def _table(first: str, names: Sequence[str], columns: Sequence[_Column], caption: str) -> Table:
    table = plain_table(caption)
    table.add_column(_text(first), no_wrap=True)
    for column in columns:
        how = "right" if column.is_number else "left"
        table.add_column(_text(column.head), justify=how, no_wrap=True)  # type: ignore[arg-type]
    for place, name in enumerate(names):
        table.add_row(_text(name), *(_text(*column.cells[place]) for column in columns))
    return table


def _text(value: str, style: str = "") -> Text:
    """Return text that is never read as markup."""
    from rich.text import Text

    return Text(value, style=style)


def _list(title: str, lines: Sequence[tuple[str, str, str]]) -> RenderableType:
    """Return (symbol, style, text) lines below a title, wrapped beside their symbols."""
    from rich.console import Group
    from rich.table import Table

    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for symbol, style, text in lines:
        grid.add_row(_text(symbol, style), _text(fmt.one_line(text, 600)))
    return Group(_text(title, "bold"), grid)
