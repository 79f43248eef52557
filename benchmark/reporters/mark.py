"""Markdown that shows foreign text as it is: nothing in it becomes a link, a tag or a mention."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from benchmark.reporters import format as fmt

_SPECIAL = re.compile(r"[\\`*\[\]|~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_START = re.compile(r"^(\d*)([-+=#.)])")
"""What begins a list, a head or an underline at the start of a line."""
# GitHub makes links, mentions and pictures of these even where the text around is escaped.
_LINKS = re.compile(r"(?<=[@:#])(?=\S)|(?<=www)(?=\.)", re.IGNORECASE)
_BAR = re.compile(r"(?<!\\)\|")
_WIDTH = 100


def text(value: str, limit: int = 500) -> str:
    """Return foreign text as inert Markdown on one line."""
    line = _LINKS.sub("\u200b", fmt.one_line(value, limit))
    line = _START.sub(r"\1\\\2", _SPECIAL.sub(r"\\\g<0>", line))
    return escape(line, quote=False)


def html(value: str, limit: int = 500) -> str:
    """Return foreign text for the inside of an HTML tag, where Markdown is not read."""
    return escape(_LINKS.sub("\u200b", fmt.one_line(value, limit)))


def code(value: str, limit: int = 500) -> str:
    """Return foreign text as a code span on one line."""
    line = fmt.one_line(value, limit)
    if not line:
        return fmt.NOTHING
    fence = "`" * (_longest_run(line) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"


def block(value: str, limit: int) -> list[str]:
    """Return foreign text as the lines of a code block, wrapped to be read without scrolling."""
    shown = fmt.clean(value)
    if len(shown) > limit:
        shown = f"{shown[:limit]}… [{fmt.count(len(shown) - limit)} more characters]"
    lines = [part for line in shown.split("\n") for part in textwrap.wrap(line, _WIDTH) or [""]]
    fence = "`" * max(3, _longest_run(shown) + 1)
    return [f"{fence}text", *lines, fence]


def fenced(lines: Sequence[str]) -> list[str]:
    """Return lines that are clean already as a code block, as they are."""
    fence = "`" * max(3, _longest_run("\n".join(lines)) + 1)
    return [f"{fence}text", *lines, fence]


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = False
) -> Iterator[str]:
    """Yield the lines of a table, and an empty one.

    Args:
        head: The first row; its cells are Markdown already, as are those of the others.
        rows: The others, each as long as the first.
        numbers: Whether all columns but the first hold numbers.
    """
    rule = ["---", *["---:" if numbers else "---"] * (len(head) - 1)]
    for cells in (head, rule, *rows):
        # A code span does not hide a bar from the table around it.
        yield "| " + " | ".join(_BAR.sub(r"\|", cell) for cell in cells) + " |"
    yield ""


def _longest_run(value: str) -> int:
    return max((len(run) for run in re.findall("`+", value)), default=0)
