"""The part of `report.md` on retrieval."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.reporters import format as fmt
from benchmark.reporters import mark, retrieval
from benchmark.results import Results


def retrieval_lines(results: Results) -> Iterator[str]:
    """Give the lines of the section; none where no candidate retrieves."""
    rows = retrieval.rows(results)
    if not rows:
        return
    yield from ("## Retrieval", "")
    lines = [
        [
            mark.text(one.name),
            mark.text(one.documents),
            fmt.count(one.summary.n),
            *(f"{value} {ends}".rstrip().replace(" ", "\u00a0") for value, ends in one.rates),
            one.chars,
            mark.code(one.summary.signature),
        ]
        for one in rows
    ]
    yield from mark.table(retrieval.HEADS, lines)
    yield from (f"- {mark.text(sentence, 2_000)}" for sentence in retrieval.legend(results))
    yield ""
