"""The samples of a run as plain data, for the scripts of the page: an index, and the texts.

The index has what filters and sorting need of every sample; the texts come in pages, so that a
run of any size can be shown without holding it twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from benchmark.plugins import Report
from benchmark.records import CitedArticle, Example, Generation
from benchmark.reporters import citations, samples
from benchmark.reporters import format as fmt
from benchmark.reporters.board import Board, Column, Row
from benchmark.reporters.foremost import foremost
from benchmark.reporters.opinions import Opinions

MOST_KEYS = 10
"""Numbers by which samples can be sorted and filtered."""
MOST_SLICES, MOST_VALUES = 8, 60
"""Fields of `meta` that samples can be sliced by, and values that such a field may have."""


class SampleData:
    """What the page's scripts read, made sample by sample."""

    def __init__(self, report: Report, board: Board, limit: int) -> None:
        """Choose the examples (evenly spaced, at most `limit`) and prepare the index."""
        self.board = board
        self.examples = samples.spaced(report.examples, limit)
        self.rows: tuple[Row, ...] = (*board.models, *board.controls)
        self.keys = _keys(report, board)
        self._lookup = samples.Lookup(report, board, {one.id for one in self.examples})
        self._opinions = Opinions(report)
        self._places = {row.candidate.name: place for place, row in enumerate(self.rows)}
        self._values: list[list[list[float | None]]] = [[[] for _ in self.keys] for _ in self.rows]
        self._flags: dict[str, list[list[int]]] = {
            flag: [[] for _ in self.rows] for flag in ("failed", "invented", "wrong", "judges")
        }

    def head(self) -> dict[str, Any]:
        """Return what the scripts must know before anything else."""
        return {
            "candidates": [{"name": row.name, "kind": row.candidate.kind} for row in self.rows],
            "left": next((at for at, row in enumerate(self.rows) if row.is_baseline), 0),
            "right": next(
                (at for at, row in enumerate(self.rows) if not row.is_baseline and row.has_values),
                min(1, len(self.rows) - 1),
            ),
            "numbers": [
                {"name": fmt.one_line(one.score), "decimals": one.decimals,
                 "higher": one.higher_is_better}
                for one in self.board.columns
            ],
            "keys": [self.board.columns.index(one) for one in self.keys],
            "shown": len(self.examples),
            "site": citations.SITE,
        }  # fmt: skip

    def sample(self, place: int) -> dict[str, Any]:
        """Return one sample with all its texts; what filters need of it goes into the index."""
        example = self.examples[place]
        values, cited = self._lookup.values(example.id), self._lookup.cited(example.id)
        answers = []
        for at, row in enumerate(self.rows):
            name = row.candidate.name
            generation = self._lookup.generations.get(name, {}).get(example.id)
            mine = values.get(name, {})
            answers.append(_answer(row, generation, cited.get(name, ())))
            answers[-1]["s"] = [_rounded(mine.get(one.score), one) for one in self.board.columns]
            self._index(place, at, answers[-1], mine)
        said = self._opinions.on(example.id)
        for one in said:
            if one["split"]:
                for name in one["names"]:
                    if name in self._places:
                        self._flags["judges"][self._places[name]].append(place)
            one["on"] = [self._places.get(name, fmt.one_line(name)) for name in one.pop("names")]
        return {
            "i": fmt.one_line(example.id),
            "t": samples.tags(example),
            "p": [[turn.role, samples.body(turn.content)] for turn in example.prompt],
            "r": [samples.body(text) for text in example.references],
            "a": answers,
            "v": said,
        }

    def index(self) -> dict[str, Any]:
        """Return what filters and sorting need; complete once each sample was made."""
        names, codes = _slices(self.examples)
        yes_no = [
            bool(seen := {value for row in self._values for value in row[key]} - {None})
            and seen <= {0, 1}
            for key in range(len(self.keys))
        ]
        return {
            "ids": [fmt.one_line(one.id) for one in self.examples],
            "values": self._values,
            "yesNo": yes_no,
            "flags": self._flags,
            "slices": names,
            "sliced": codes,
        }

    def _index(self, place: int, at: int, answer: dict[str, Any], mine: dict[str, float]) -> None:
        for key, column in enumerate(self.keys):
            self._values[at][key].append(_rounded(mine.get(column.score), column))
        verdicts = {one[1] for one in answer["d"]}
        if answer["x"] is None and answer["q"]:
            self._flags["failed"][at].append(place)
        if "invented" in verdicts:
            self._flags["invented"][at].append(place)
        if any(one[2] == "bad" for one in answer["d"]):
            self._flags["wrong"][at].append(place)


def _answer(
    row: Row, generation: Generation | None, cited: Sequence[CitedArticle]
) -> dict[str, Any]:
    """Return one answer: text or error, its citations with their places, and what it took."""
    raw = None if generation is None else generation.text
    text = None if raw is None else samples.body(raw)
    shown = citations.shown(cited)
    spans = []
    if raw is not None and text is not None:
        for start, end, cite in citations.spans(raw, cited, samples.MAX_CHARS):
            # A script counts in UTF-16, where what lies beyond U+FFFF counts twice.
            spans.append([_utf16(text, start), _utf16(text, end), shown.index(cite)])
    return {
        "x": text,
        "e": samples.why_none(row, generation),
        "q": generation is not None,
        "k": generation is not None and generation.finish == "length",
        "n": generation.tokens_out if generation else 0,
        "d": [list(cite) for cite in shown],
        "c": spans,
    }


def _utf16(text: str, end: int) -> int:
    part = text[:end]
    return end if part.isascii() else len(part.encode("utf-16-le", "surrogatepass")) // 2


def _rounded(value: float | None, column: Column) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    rounded = round(value, column.decimals + 1)
    return int(rounded) if rounded == int(rounded) else rounded


def _keys(report: Report, board: Board) -> list[Column]:
    gated = {gate.score for gate in report.results.gates}
    first = foremost(report.results, board, MOST_KEYS)
    wanted = [one for one in board.columns if one.primary or one.score in gated]
    wanted += [one for one in board.columns if "citation" in one.score]
    kept = list(dict.fromkeys([*wanted[: MOST_KEYS // 2], *first]))[:MOST_KEYS]
    return [one for one in board.columns if one in kept]


def _slices(examples: Sequence[Example]) -> tuple[list[list[str]], list[list[int]]]:
    """Return the slices as [field, value], and for each the places of its examples."""
    fields: dict[str, dict[str, list[int]]] = {}
    for place, example in enumerate(examples):
        for field, value in _labels(example):
            fields.setdefault(field, {}).setdefault(value, []).append(place)
    kept = [(field, values) for field, values in fields.items() if 1 < len(values) <= MOST_VALUES][
        :MOST_SLICES
    ]
    pairs = [([field, value], places) for field, values in kept for value, places in values.items()]
    return [name for name, _ in pairs], [places for _, places in pairs]


def _labels(example: Example) -> Iterator[tuple[str, str]]:
    for field, value in example.meta.items():
        yield fmt.one_line(field, 60), fmt.one_line(value, 120)
    if example.group:
        yield "group", fmt.one_line(example.group, 120)
