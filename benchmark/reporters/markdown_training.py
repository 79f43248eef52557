"""The part of `report.md` on training: what each adapter cost and gave, and where it came from."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.reporters import curves, forgetting, mark, training
from benchmark.reporters import format as fmt
from benchmark.reporters.board import Board
from benchmark.results import Results

_SPARK = 24
"""Blocks of a training curve."""
_FIRST = (
    "method", "score", "difference", "changed", "parameters", "adapter", "time", "speed", "memory"
)  # fmt: skip
_SECOND = ("loss", "validation", "rows", "step")


def training_lines(board: Board, *, origins: bool = True) -> Iterator[str]:
    """Give the lines of the section, with what each adapter was made from if `origins`.

    None if nothing was trained.
    """
    rows = training.trained(board)
    if not rows:
        return
    yield from ("## Training", "")
    titles = training.heads(board)
    for keys in (_FIRST, _SECOND):
        shown = [key for key in keys if key in titles]
        heads = ["Candidate", *(mark.text(titles[key]) for key in shown)]
        yield from mark.table(heads, ([_name(one), *_cells(one, shown)] for one in rows))
    yield from _curves(rows)
    for one in rows if origins else ():
        yield f"<details><summary>Where {mark.html(one.name)} came from</summary>"
        yield ""
        yield from mark.table(["", "Value"], _origin(one))
        yield from ("</details>", "")


def forgetting_lines(results: Results) -> Iterator[str]:
    """Give the lines of the section on general text; none where it was not measured."""
    rows = forgetting.rows(results)
    if not rows:
        return
    yield from ("## General text after training", "")
    yield from (f"- {mark.text(sentence, 4_000)}" for sentence in forgetting.sentences(results))
    yield ""
    lines = [
        [
            mark.text(one.name),
            _with_interval(one.perplexity, one.interval),
            one.base,
            f"{_with_interval(one.ratio, one.ratio_interval)} {one.mark}".rstrip(),
            _own(fmt.p_value(one.summary.p)),
            fmt.count(one.summary.texts),
            fmt.count(one.summary.tokens),
            mark.code(one.summary.signature),
        ]
        for one in rows
    ]
    yield from mark.table(forgetting.HEADS, lines)


def _name(one: training.Trained) -> str:
    name = mark.text(one.name)
    return f"{name}: {mark.text(one.error)}" if one.error else name


def _cells(one: training.Trained, keys: list[str]) -> Iterator[str]:
    for key in keys:
        fact = one.facts[key]
        # Only the method holds foreign text; what is left to escape of our own is "p < 0.001".
        show = mark.text if key == "method" else _own
        yield "<br>".join(show(line).replace(" ", "\u00a0") for line in (fact.value, *fact.notes))


def _curves(rows: list[training.Trained]) -> Iterator[str]:
    lines = []
    for one in rows:
        trained, held_out = curves.sparklines(one.made, _SPARK)
        said = mark.text(curves.in_words(one.made))
        lines.append([mark.text(one.name), trained, held_out or fmt.NOTHING, said])
    yield from mark.table(["Loss by step", "Training", "Validation", "In words"], lines)


def _origin(one: training.Trained) -> Iterator[tuple[str, str]]:
    for name, value in training.origin(one.made).items():
        yield mark.text(name), mark.code(value, 2_000)
    pairs = (f"{name}={value}" for name, value in training.parameters(one.made).items())
    yield "Parameters", mark.code(", ".join(pairs), 4_000)


def _own(line: str) -> str:
    return line.replace("<", "&lt;")


def _with_interval(value: str, interval: str) -> str:
    return f"{value} {interval}".rstrip().replace(" ", "\u00a0")
