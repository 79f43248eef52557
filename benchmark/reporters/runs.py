"""Two runs beside each other, in a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmark.contrast import Contrast, ContrastRow, Flip
from benchmark.reporters import format as fmt
from benchmark.reporters import mark
from benchmark.reporters.board import MARKS

SHOWN = 10
"""Flipped answers of one number that are shown, worse ones first."""
MAX_CHARS = 600


def text_lines(found: Contrast) -> Iterator[str]:
    """Yield the comparison for a terminal: differences in the making, numbers, flips."""
    yield f"{fmt.one_line(found.left)} → {fmt.one_line(found.right)}: {_shared(found)}"
    yield ""
    yield "What differs" if found.changed else "Nothing differs in how they were made"
    for row in found.changed:
        what = f"{fmt.one_line(row.part)}: {fmt.one_line(row.name)}"
        yield f"  {what}: {fmt.one_line(row.left, 80)} → {fmt.one_line(row.right, 80)}"
    yield ""
    heads = ("candidate", "number", "left", "right", "difference", "95 % interval", "p", "n", "")
    table: list[tuple[str, ...]] = [heads]
    table += [_cells(row) for row in found.rows if row.difference is not None]
    yield from _aligned(table)
    for problem, names in _refused(found).items():
        marked = "compared all the same (--force)" if found.forced else "not compared"
        yield f"≠ {', '.join(names)}: {marked}; {fmt.one_line(problem)}"
    for (candidate, score), flips in _by_number(found).items():
        yield ""
        yield f"Flipped: {candidate} on {score}, {_counted(flips)}"
        for flip in _chosen(flips):
            yield (
                f"  {'▲' if flip.is_better else '▼'} {fmt.number(flip.left)} → "
                f"{fmt.number(flip.right)}  {fmt.one_line(flip.question, 80)}"
            )
            yield f"      before: {fmt.one_line(flip.left_text, 90)}"
            yield f"      now:    {fmt.one_line(flip.right_text, 90)}"


def markdown(found: Contrast) -> str:
    """Return the comparison as Markdown."""
    lines = [f"# {mark.text(found.left)} → {mark.text(found.right)}", "", _shared(found) + ".", ""]
    lines += ["## What differs", ""]
    if found.changed:
        rows = [
            [mark.text(row.part), mark.code(row.name), mark.code(row.left), mark.code(row.right)]
            for row in found.changed
        ]
        lines += mark.table(["", "Key", "Left", "Right"], rows)
    else:
        lines += ["Nothing differs in how they were made.", ""]
    lines += ["## Numbers", ""]
    heads = ["Candidate", "Number", "Left", "Right", "Difference", "95 % interval", "p", "n", ""]
    cells = [
        [mark.text(cell) if cell else "" for cell in _cells(row)]
        for row in found.rows
        if row.difference is not None
    ]
    lines += mark.table(heads, cells) if cells else ["Nothing could be compared.", ""]
    for problem, names in _refused(found).items():
        marked = "compared all the same (--force)" if found.forced else "not compared"
        lines += [f"- ≠ {', '.join(map(mark.text, names))}: {marked}; {mark.text(problem)}"]
    for (candidate, score), flips in _by_number(found).items():
        lines += ["", f"## Flipped: {mark.text(candidate)} on {mark.text(score)}", ""]
        lines += [f"{_counted(flips)}.", ""]
        for flip in _chosen(flips):
            lines += _flip(flip)
    return "\n".join(lines).rstrip("\n") + "\n"


def _flip(flip: Flip) -> Iterator[str]:
    how = "better" if flip.is_better else "worse"
    change = f"{fmt.number(flip.left)} → {fmt.number(flip.right)}"
    title = mark.html(f"{how} ({change}): {fmt.one_line(flip.question, 160)}")
    yield from (f"<details><summary>{title}</summary>", "")
    parts = {"Reference": flip.reference, "Before": flip.left_text, "Now": flip.right_text}
    for name, text in parts.items():
        yield from (f"{name}:", "", *mark.block(text, MAX_CHARS), "")
    yield from ("</details>", "")


def _cells(row: ContrastRow) -> tuple[str, ...]:
    note = MARKS[row.verdict] if not row.problem else "≠"
    return (
        fmt.one_line(row.candidate, 40),
        fmt.one_line(row.score) + (" ↓" if row.higher_is_better is False else ""),
        fmt.number(row.left),
        fmt.number(row.right),
        fmt.signed(row.difference),
        fmt.interval(row.low, row.high, sign=True) or fmt.NOTHING,
        fmt.p_value(row.p),
        fmt.count(row.n) if row.n == row.shared else f"{row.n} of {row.shared}",
        note,
    )


def _aligned(table: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for cells in table:
        pairs = zip(cells, widths, strict=True)
        yield "  ".join(cell.ljust(width) for cell, width in pairs).rstrip()


def _shared(found: Contrast) -> str:
    parts = [f"{fmt.plural(found.shared, 'shared example')}"]
    for count, what in (
        (found.only_left, "only on the left"),
        (found.only_right, "only on the right"),
        (found.edited, "asked in other words"),
    ):
        if count:
            parts.append(f"{fmt.count(count)} {what}")
    return ", ".join(parts)


def _refused(found: Contrast) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = {}
    for row in found.rows:
        if row.problem:
            rows.setdefault(row.problem, []).append(f"{row.candidate} {row.score}")
    return rows


def _by_number(found: Contrast) -> dict[tuple[str, str], list[Flip]]:
    groups: dict[tuple[str, str], list[Flip]] = {}
    for flip in found.flips:
        groups.setdefault((flip.candidate, flip.score), []).append(flip)
    return groups


def _counted(flips: Sequence[Flip]) -> str:
    better = sum(flip.is_better for flip in flips)
    counts = f"{fmt.count(len(flips) - better)} worse, {fmt.count(better)} better"
    return counts if len(flips) <= SHOWN else f"{counts}; the {SHOWN} clearest are shown"


def _chosen(flips: Sequence[Flip]) -> list[Flip]:
    """Return the clearest flips, worse and better ones in turn so that neither hides the other."""
    worse = [flip for flip in flips if not flip.is_better]
    better = [flip for flip in flips if flip.is_better]
    half = max(SHOWN // 2, SHOWN - len(better))
    first = worse[:half]
    return [*first, *better[: SHOWN - len(first)]]
