"""A Markdown page in parts, short enough for where it goes: what has no room is left out, named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from benchmark.reporters import mark

SHORT = 20_000
"""Characters of a short page; GitHub takes 65,536 in a comment, and people far fewer."""


class Section(NamedTuple):
    """One part of a page."""

    title: str
    lines: Sequence[str]
    worth: int = 0
    """0 always stays; of the others, the lowest is left out first."""
    folded: bool = False


def section(title: str, lines: Iterable[str], worth: int = 0, *, folded: bool = False) -> Section:
    """Return a part of a page. A part without lines is not shown."""
    return Section(title, tuple(lines), worth, folded)


def page(sections: Sequence[Section], limit: int | None) -> list[str]:
    """Return the page's lines.

    Args:
        sections: Its parts, in order.
        limit: Characters that it may have; None leaves nothing out and folds nothing.
    """
    kept = [one for one in sections if one.lines]
    out: list[Section] = []
    while limit is not None and sum(_size(one) for one in kept) > limit:
        spare = [one for one in kept if one.worth]
        if not spare:
            break
        worst = min(spare, key=lambda one: (one.worth, -_size(one)))
        kept.remove(worst)
        out.append(worst)
    lines = [line for one in kept for line in _lines(one, folds=limit is not None)]
    if out:
        names = ", ".join(one.title for one in sections if one in out)
        lines += ["", f"Left out to stay short: {mark.text(names)}. The full report has it.", ""]
    return lines


def _lines(one: Section, *, folds: bool) -> list[str]:
    if not (one.folded and folds):
        return [*one.lines]
    return [
        f"<details><summary>{mark.html(one.title)}</summary>", "", *one.lines, "", "</details>", ""
    ]  # fmt: skip


def _size(one: Section) -> int:
    return sum(len(line) + 1 for line in _lines(one, folds=True))
