"""The part of `report.md` on how far to trust the judges."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.reporters import mark, trust
from benchmark.results import Results


def trust_lines(results: Results) -> Iterator[str]:
    """Give the lines of the section; none where nothing was judged."""
    if not results.trust:
        return
    yield from (f"## {trust.TITLE}", "")
    for is_trusted, why in trust.reasons(results):
        yield f"- {'✅' if is_trusted else '⚠️'} {mark.text(why, 1_000)}"
    yield ""
    for table in trust.tables(results):
        if table.title:
            yield from (f"### {mark.text(table.title)}", "")
        # Numbers are our own text: only words may hold what somebody else wrote.
        cells = [
            [*map(mark.text, row[: table.words]), *(_fixed(cell) for cell in row[table.words :])]
            for row in table.rows
        ]
        yield from mark.table([mark.text(head) for head in table.heads], cells)
    yield from (f"- {mark.text(sentence, 2_000)}" for sentence in trust.legend(results))
    yield ""


def _fixed(cell: str) -> str:
    return cell.replace(" ", "\u00a0")
