"""The part of `report.md` on the data: where it came from, what the checks say, what leaks."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.reporters import format as fmt
from benchmark.reporters import mark
from benchmark.results import DatasetSummary, Results

BLOCKS = " ▁▂▃▄▅▆▇█"
_ICONS = {"error": "❌", "warning": "⚠️", "info": "·"}


def data_lines(results: Results) -> Iterator[str]:
    """Give the lines of the section."""
    data = results.dataset
    sides = ", ".join(
        f"{side} {fmt.count(rows)}"
        for side, rows in (
            ("train", data.train),
            ("validation", data.validation),
            ("test", data.test),
        )
    )
    yield from ("## Data set", "")
    yield from (f"**{mark.text(data.name)}**: {fmt.plural(data.kept, 'row')} kept; {sides}.", "")
    yield from (
        f"- dropped {fmt.count(rows)}: {mark.text(why)}" for why, rows in data.dropped.items()
    )
    yield from (f"- {mark.text(note)}" for note in data.notes)
    yield ""
    yield from _quality(data)
    digests = {**data.sources, "train side": data.train_sha256, "test side": data.test_sha256}
    yield from mark.table(
        ["Source", "SHA-256"], ([mark.code(name), mark.code(sha)] for name, sha in digests.items())
    )


def _quality(data: DatasetSummary) -> Iterator[str]:
    if data.leaks is not None:
        yield from (f"- {mark.text(sentence)}" for sentence in data.leaks.sentences)
        yield ""
    for finding in data.findings:
        icon = _ICONS[finding.severity]
        yield f"- {icon} **{mark.text(finding.check)}**: {mark.text(finding.message)}"
    if data.findings:
        yield ""
    lines = [
        [
            f"{length.side} ({length.unit})",
            "".join(bar(count, max(length.counts)) for count in length.counts),
            fmt.count(length.shortest),
            fmt.number(length.median, 0),
            fmt.number(length.p95, 0),
            fmt.count(length.longest),
        ]
        for length in data.lengths
        if length.counts
    ]
    if lines:
        yield from mark.table(["Length of", "Rows", "shortest", "median", "95 %", "longest"], lines)
        yield ""


def bar(count: int, most: int) -> str:
    """Return a block whose height is a count's share of the most; a row is never invisible."""
    if not count or not most:
        return BLOCKS[0]
    return BLOCKS[max(1, round(count / most * (len(BLOCKS) - 1)))]
