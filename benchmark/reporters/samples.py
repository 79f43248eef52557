"""Examples with all candidates' answers side by side, ready to show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from benchmark.plugins import Report
from benchmark.records import CitedArticle, Example, Generation, Score
from benchmark.reporters import citations, diff
from benchmark.reporters import format as fmt
from benchmark.reporters.board import Board, Column, Row
from benchmark.reporters.paired import label_of

MAX_CHARS = 20_000
"""Characters of one text that a report shows."""
_LONG_GAP = 24
"""Words; a longer gap is shortened, because it would push the answer itself out of sight."""
_UNLIKE = 0.15
"""Below this share of common words a diff only shows two texts in a row, so none is drawn."""


class Shown(NamedTuple):
    """One number of one answer."""

    score: str
    value: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One candidate's answer to one example."""

    index: int
    """The candidate's place on the board, models first."""
    name: str
    text: str | None
    """None: there is no answer, `error` says why."""
    was_asked: bool
    """False for a candidate that could not run at all: it is not this example that failed."""
    error: str
    is_cut: bool
    tokens: int
    pieces: tuple[diff.Piece, ...]
    """The diff against the reference; empty where it would not help, `note` says why."""
    note: str
    primary: Shown | None
    against: str
    """"better", "worse" or "" than the baseline on this example's primary number."""
    scores: tuple[Shown, ...]
    runs: tuple[citations.Run, ...] = ()
    """The text, or its diff, with its citations marked; they make up `pieces` or `text`."""
    cited: tuple[citations.Cite, ...] = ()
    wrong: tuple[citations.Cite, ...] = ()
    """Those that are invented, of another code, or not in force."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One example."""

    id: str
    tags: tuple[str, ...]
    turns: tuple[tuple[str, str], ...]
    """(role, text) of the prompt."""
    references: tuple[str, ...]
    answers: tuple[Answer, ...]

    def which(self, against: str) -> list[int]:
        """Return the places of the candidates that are "better" or "worse" here."""
        return [answer.index for answer in self.answers if answer.against == against]

    @property
    def has_failure(self) -> bool:
        """Return whether a candidate that was asked gave no answer."""
        return any(answer.text is None and answer.was_asked for answer in self.answers)


def collect(report: Report, board: Board, limit: int) -> list[Sample]:
    """Return at most `limit` examples, evenly spaced through the test set, in its order."""
    shown = spaced(report.examples, limit)
    table = _Answers(Lookup(report, board, {example.id for example in shown}))
    return [_sample(example, table) for example in shown]


def spaced(examples: Sequence[Example], limit: int) -> list[Example]:
    """Return at most `limit` examples at even distances: no eye chose them."""
    total = len(examples)
    if limit <= 0 or total <= limit:
        return list(examples) if limit > 0 else []
    return [examples[position * total // limit] for position in range(limit)]


def tags(example: Example) -> tuple[str, ...]:
    """Return what an example is labelled with, as "name: value"."""
    named = [("group", example.group)] if example.group else []
    named += list(example.meta.items())
    return tuple(fmt.one_line(f"{name}: {value}", 120) for name, value in named)


def body(text: str) -> str:
    """Return a text cleaned and, if it is huge, cut with a note of how much is left out."""
    text = fmt.clean(text)
    if len(text) <= MAX_CHARS:
        return text
    return f"{text[:MAX_CHARS]}… [{fmt.count(len(text) - MAX_CHARS)} more characters]"


def _sample(example: Example, table: _Answers) -> Sample:
    references = tuple(body(text) for text in example.references)
    return Sample(
        id=fmt.one_line(example.id),
        tags=tags(example),
        turns=tuple((turn.role, body(turn.content)) for turn in example.prompt),
        references=references,
        answers=tuple(table.answers(example.id, references[0] if references else None)),
    )


class Lookup:
    """Generations, per-example scores and citations of a run, found by example."""

    def __init__(self, report: Report, board: Board, only: set[str] | None = None) -> None:
        """Sort a run's records by example, without a copy of any; `only` those examples."""
        self.board = board
        self.generations = {
            name: {row.example_id: row for row in rows if only is None or row.example_id in only}
            for name, rows in report.generations.items()
        }
        self._columns = {column.score: column for column in board.columns}
        self._scores: dict[str, list[Score]] = {}
        for row in report.scores:
            if only is None or row.example_id in only:
                self._scores.setdefault(row.example_id, []).append(row)

    def values(self, example: str) -> dict[str, dict[str, float]]:
        """Return the numbers of one example: candidate -> label -> value."""
        found: dict[str, dict[str, float]] = {}
        for row in self._scores.get(example, ()):
            mine = found.setdefault(row.candidate, {})
            for name, value in row.values.items():
                mine[label_of(row.metric, name, self._columns) or name] = value
        return found

    def cited(self, example: str) -> dict[str, tuple[CitedArticle, ...]]:
        """Return the citations of one example's answers, by candidate."""
        return {row.candidate: row.citations for row in self._scores.get(example, ())
                if row.citations}  # fmt: skip


class _Answers:
    """All candidates' answers to an example."""

    def __init__(self, lookup: Lookup) -> None:
        self.board = lookup.board
        self.lookup = lookup

    def answers(self, example: str, reference: str | None) -> Iterator[Answer]:
        """Yield each candidate's answer to one example, in the order of the board."""
        values, citing = self.lookup.values(example), self.lookup.cited(example)
        for index, row in enumerate((*self.board.models, *self.board.controls)):
            mine = values.get(row.candidate.name, {})
            generation = self.lookup.generations.get(row.candidate.name, {}).get(example)
            raw = None if generation is None else generation.text
            text = None if raw is None else body(raw)
            pieces, note = _compare(text, reference)
            cited = citing.get(row.candidate.name, ())
            yield Answer(
                index=index,
                name=row.name,
                text=text,
                was_asked=generation is not None,
                error=why_none(row, generation),
                is_cut=generation is not None and generation.finish == "length",
                tokens=generation.tokens_out if generation else 0,
                pieces=pieces,
                note=note,
                primary=next(iter(_shown(mine, self.board.columns[:1])), None),
                against=self._against(row, mine, values.get(self.board.baseline, {})),
                scores=tuple(_shown(mine, self.board.columns)),
                runs=_runs(pieces, raw or "", text or "", cited),
                cited=citations.shown(cited),
                wrong=citations.wrong(cited),
            )

    def _against(self, row: Row, mine: dict[str, float], base: dict[str, float]) -> str:
        column = self.board.primary
        if column is None or row.is_baseline or column.higher_is_better is None:
            return ""
        value, other = mine.get(column.score), base.get(column.score)
        if value is None or other is None or value == other:
            return ""
        return "better" if (value > other) == column.higher_is_better else "worse"


def _shown(mine: dict[str, float], columns: Sequence[Column]) -> Iterator[Shown]:
    for column in columns:
        if column.score in mine:
            value = fmt.number(mine[column.score], column.decimals)
            yield Shown(fmt.one_line(column.score), value)


def _compare(text: str | None, reference: str | None) -> tuple[tuple[diff.Piece, ...], str]:
    """Return the diff, or no diff and the reason."""
    if not text or not reference:
        return (), ""
    found = diff.words(text, reference)
    if found.shared is None:
        return (), "too long or repetitive to compare word by word"
    if found.shared == 1:
        return (), "same words as the reference"
    common = f"{fmt.percent(found.shared)} of words shared with the reference"
    if found.shared < _UNLIKE:
        return (), f"{common}: no diff drawn"
    return tuple(_shortened(piece) for piece in found.pieces), common


def _runs(
    pieces: tuple[diff.Piece, ...], raw: str, text: str, cited: tuple[CitedArticle, ...]
) -> tuple[citations.Run, ...]:
    pieces = pieces or ((diff.Piece("same", text),) if text else ())
    return citations.marked(pieces, raw, cited, MAX_CHARS)


def _shortened(piece: diff.Piece) -> diff.Piece:
    """Keep the two ends of a long gap; the whole text stands in the reference."""
    words = piece.text.split()
    if piece.operation != "del" or len(words) <= _LONG_GAP:
        return piece
    head, tail = " ".join(words[:6]), " ".join(words[-3:])
    # The gap keeps its last white space: often a line break before what follows.
    end = piece.text[len(piece.text.rstrip()) :]
    return piece._replace(text=f"{head} … [{len(words) - 9} words] … {tail}{end}")


def why_none(row: Row, generation: Generation | None) -> str:
    """Return why there is no answer, or "" if there is one."""
    if generation is None:
        return fmt.one_line(row.candidate.error or "no answer was recorded")
    if generation.text is None:
        return fmt.one_line(generation.error or "failed without a message")
    return ""
