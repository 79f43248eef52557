"""Tables of a terminal, with as many columns as fit and a caption that names the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from benchmark.reporters import curves, forgetting, retrieval, training, trust
from benchmark.reporters import format as fmt
from benchmark.reporters.board import Board
from benchmark.results import Results

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

NAME = 24
"""Cells that the name of a baseline or a number may take."""
WIDE = 160
"""Cells from which on no name is cut."""
GAP = 2
"""Cells between columns."""
_SHORTEST = 12
"""Cells that a name keeps however narrow the terminal is."""
_RULES = "    \n    \n ── \n    \n ── \n    \n    \n    \n"
"""A rich box: a rule below the head and between sections, nothing else."""
_SPARK = 12
"""Blocks of a training curve."""
_COLOURS = {"better": "green", "easier": "green", "worse": "red", "harder": "red", "": ""}


class _Shown(NamedTuple):
    """A column: its head, which may have two lines, and a (text, colour) for each row."""

    head: str
    cells: Sequence[tuple[str, str]]


def shortened(names: Sequence[str], width: int) -> list[str]:
    """Return names that leave room for numbers, cleaned, and as different as they were.

    Args:
        names: Of the rows of a table.
        width: Cells that the table may take.
    """
    whole = [fmt.one_line(name, 1_000) for name in names]
    most = 100 if width >= WIDE else max(_SHORTEST, width * 3 // 10)
    cut = [_cut(name, most) for name in whole]
    if len(set(cut)) < len(set(whole)):  # those of a sweep differ at their ends
        cut = [_cut(name, most, tail=most // 2) for name in whole]
    return cut


def _cut(name: str, most: int, tail: int = 0) -> str:
    """Return a name in at most so many cells, its last `tail` among them."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(name) <= most:
        return name
    end = set_cell_size(name[::-1], tail).rstrip()[::-1]
    start = set_cell_size(name, most - 1 - cell_len(end)).rstrip()
    return f"{start}…{end}"


def plain_table(caption: str) -> Table:
    """Return an empty table with a rule below its head and nothing else around it."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    return Table(
        box=box.Box(_RULES),
        padding=(0, GAP - 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        caption=Text(caption, style="dim") if caption else None,
        caption_justify="left",
    )


def training_table(board: Board, width: int) -> Group | None:
    """Return the trained candidates side by side, or None if there is none.

    Args:
        board: The leaderboard of a run.
        width: Cells that the table may take; quality and cost come first.
    """
    rows = training.trained(board)
    if not rows:
        return None
    heads = {
        "score": _score(board), "difference": f"against\n{fmt.one_line(board.baseline, NAME)}",
        "time": "time", "validation": "valid.\nloss", "curve": "training\ncurve",
        "watched": "valid.\ncurve", "parameters": "trained", "adapter": "adapter",
        "speed": "tok/s", "memory": "memory", "changed": "answers\nchanged",
        "loss": "training\nloss", "method": "method", "rows": "rows", "step": "rows\na step",
    }  # fmt: skip
    columns = [
        _Shown(head, [_cell(one, key) for one in rows])
        for key, head in heads.items()
        if key in ("curve", *rows[0].facts)
        or (key == "watched" and any(len(curves.held_out(one.made)) > 1 for one in rows))
    ]
    return _fitting([one.name for one in rows], columns, width, blocks=2)


def forgetting_table(results: Results, width: int) -> Group | None:
    """Return perplexities on general text, or None where none was measured."""
    rows = forgetting.rows(results)
    if not rows:
        return None

    def column(head: str, texts: Sequence[str]) -> _Shown:
        tones = [_COLOURS[one.verdict] if head == "ratio" else "" for one in rows]
        return _Shown(head, list(zip(texts, tones, strict=True)))

    columns = [
        column("ratio", [f"{one.ratio} {one.mark or ' '}" for one in rows]),
        column("interval", [one.ratio_interval for one in rows]),
        column("p", [fmt.p_value(one.summary.p) for one in rows]),
        column("perplexity", [one.perplexity for one in rows]),
        column("base's", [one.base for one in rows]),
        column("texts", [fmt.count(one.summary.texts) for one in rows]),
        column("tokens", [fmt.count(one.summary.tokens) for one in rows]),
        column("signature", [fmt.one_line(one.summary.signature, 60) for one in rows]),
    ]
    return _fitting([one.name for one in rows], columns, width)


def retrieval_table(results: Results, width: int) -> Group | None:
    """Return recall of the passages that hold the answers, or None where nothing is retrieved."""
    rows = retrieval.rows(results)
    if not rows:
        return None
    columns = [
        _Shown(f"{head}\n{name}".strip() if name else head, [(text, "") for text in texts])
        for head, name, texts in (
            ("recall", "", [_rate(one.rates[0]) for one in rows]),
            ("first", "", [_rate(one.rates[1]) for one in rows]),
            ("MRR", "", [_rate(one.rates[2]) for one in rows]),
            ("in the", "prompt", [_rate(one.rates[3]) for one in rows]),
            ("n", "", [fmt.count(one.summary.n) for one in rows]),
            ("characters", "", [one.chars for one in rows]),
            ("documents", "", [one.documents for one in rows]),
            ("signature", "", [fmt.one_line(one.summary.signature, 60) for one in rows]),
        )
    ]
    return _fitting([one.name for one in rows], columns, width, blocks=2)


def _rate(shown: tuple[str, str]) -> str:
    return " ".join(shown).strip()


def trust_table(results: Results, width: int) -> Group | None:
    """Return how far each judge can be trusted, or None where nothing was judged."""
    found = trust.tables(results) if results.trust else []
    if not found:
        return None
    names = [one.judge for one in results.trust]
    columns = [
        _Shown(head.replace(" of known worth", "\nof known worth"), cells)
        for at, head in enumerate(found[0].heads)
        if at and (cells := [(row[at], _COLOURS.get(row[at], "")) for row in found[0].rows])
    ]
    return _fitting(names, columns, width, first="judge")


def _score(board: Board) -> str:
    """Return the head of the primary number, broken after an underscore if it is long."""
    if board.primary is None:
        return ""
    way = fmt.arrow(board.primary.higher_is_better)
    name = fmt.one_line(board.primary.score, 2 * NAME) + way
    place = name.rfind("_", 0, 2 + len(name) // 2 + 1)
    return name if place < 0 else f"{name[: place + 1]}\n{name[place + 1 :]}"


def _cell(one: training.Trained, key: str) -> tuple[str, str]:
    if key in ("curve", "watched"):
        return curves.sparklines(one.made, _SPARK)[key == "watched"], ""
    fact = one.facts[key]
    if key == "score":
        return fact.value + one.half, ""
    if key == "loss":
        return " → ".join(curves.ends(one.made)), ""
    # Signs take a cell in each row, so that the numbers stand below each other.
    pad = "  " if key == "difference" and not fact.value.endswith(("▲", "▼")) else ""
    return fmt.one_line(fact.value, NAME) + pad, _COLOURS[fact.tone]


def _fitting(
    names: list[str], columns: list[_Shown], width: int, blocks: int = 1, first: str = "candidate"
) -> Group:
    """Return the columns in at most `blocks` tables below each other; the last names the rest."""
    from rich.console import Group

    names = shortened(names, width)
    tables: list[Table] = []
    while columns and len(tables) < blocks:
        shown, columns = _divided([first, *names], columns, width)
        is_last = len(tables) == blocks - 1
        rest = ", ".join(" ".join(column.head.split()) for column in columns)
        tables.append(
            _table([first, *names], shown, f"not shown here: {rest}" if rest and is_last else "")
        )
    # An empty line between them.
    return Group(*[part for table in tables for part in ("", table)][1:])


def _divided(
    names: list[str], columns: list[_Shown], width: int
) -> tuple[list[_Shown], list[_Shown]]:
    """Divide columns into those that fit and those that do not; the first always fits."""
    from rich.cells import cell_len

    used = max(map(cell_len, names))
    shown: list[_Shown] = []
    left_out: list[_Shown] = []
    for column in columns:
        lines = [*column.head.split("\n"), *(text for text, _ in column.cells)]
        wide = GAP + max(map(cell_len, lines))
        if shown and used + wide > width:
            left_out.append(column)
            continue
        shown.append(column)
        used += wide
    return shown, left_out


def _table(names: list[str], columns: list[_Shown], caption: str) -> Table:
    from rich.text import Text

    table = plain_table(caption)
    first, *rest = names
    table.add_column(Text(first), no_wrap=True)
    for column in columns:
        table.add_column(Text(column.head), justify="right", no_wrap=True)
    for place, name in enumerate(rest):
        cells = [Text(text, style=tone) for text, tone in (one.cells[place] for one in columns)]
        table.add_row(Text(name), *cells)
    return table
