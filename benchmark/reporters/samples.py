"""Examples with all candidates' answers side by side, ready to show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from benchmark.plugins import Report
from benchmark.records import CitedArticle, Example, Generation
from benchmark.reporters import citations, diff
from benchmark.reporters import format as fmt
from benchmark.reporters.board import Board, Column, Row

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
    table = _Answers(report, board)
    return [_sample(example, table) for example in spaced(report.examples, limit)]


def spaced(examples: Sequence[Example], limit: int) -> list[Example]:
    """Return at most `limit` examples at even distances: no eye chose them."""
    total = len(examples)
    if limit <= 0 or total <= limit:
        return list(examples) if limit > 0 else []
    return [examples[position * total // limit] for position in range(limit)]


def body(text: str) -> str:
    """Return a text cleaned and, if it is huge, cut with a note of how much is left out."""
    text = fmt.clean(text)
    if len(text) <= MAX_CHARS:
        return text
    return f"{text[:MAX_CHARS]}… [{fmt.count(len(text) - MAX_CHARS)} more characters]"


def _sample(example: Example, table: _Answers) -> Sample:
    references = tuple(body(text) for text in example.references)
    tags = [f"group: {example.group}"] if example.group else []
    tags += [f"{name}: {value}" for name, value in example.meta.items()]
    tags += [f"first of {count} samples of {who}" for who, count in table.several(example.id)]
    return Sample(
        id=fmt.one_line(example.id),
        tags=tuple(fmt.one_line(tag, 120) for tag in tags),
        turns=tuple((turn.role, body(turn.content)) for turn in example.prompt),
        references=references,
        answers=tuple(table.answers(example.id, references[0] if references else None)),
    )


class _Answers:
    """Generations and per-example scores of a run, by candidate and example."""

    def __init__(self, report: Report, board: Board) -> None:
        self.board = board
        self.generations = {
            (name, row.example_id): row for name, rows in report.generations.items() for row in rows
        }
        self.values: dict[tuple[str, str], dict[str, float]] = {}
        self.cited: dict[tuple[str, str], tuple[CitedArticle, ...]] = {}
        labels = {(column.metric, column.score) for column in board.columns}
        for row in report.scores:
            mine = self.values.setdefault((row.candidate, row.example_id), {})
            if row.citations:
                self.cited.setdefault((row.candidate, row.example_id), row.citations)
            for name, value in row.values.items():
                # A metric with a name of its own in the suite puts it before its numbers.
                names = (f"{row.metric}.{name}", name)
                label = next((one for one in names if (row.metric, one) in labels), name)
                mine[label] = value

    def several(self, example: str) -> Iterator[tuple[str, int]]:
        """Yield who answered an example several times, and how often; the first is shown."""
        for row in (*self.board.models, *self.board.controls):
            if row.candidate.samples > 1 and (row.candidate.name, example) in self.generations:
                yield row.name, row.candidate.samples

    def answers(self, example: str, reference: str | None) -> Iterator[Answer]:
        """Yield each candidate's answer to one example, in the order of the board."""
        for index, row in enumerate((*self.board.models, *self.board.controls)):
            generation = self.generations.get((row.candidate.name, example))
            raw = None if generation is None else generation.text
            text = None if raw is None else body(raw)
            pieces, note = _compare(text, reference)
            cited = self.cited.get((row.candidate.name, example), ())
            yield Answer(
                index=index,
                name=row.name,
                text=text,
                was_asked=generation is not None,
                error=_why(row, generation),
                is_cut=generation is not None and generation.finish == "length",
                tokens=generation.tokens_out if generation else 0,
                pieces=pieces,
                note=note,
                primary=next(iter(self._shown(row, example, self.board.columns[:1])), None),
                against=self._against(row, example),
                scores=tuple(self._shown(row, example, self.board.columns)),
                runs=_runs(pieces, raw or "", text or "", cited),
                cited=citations.shown(cited),
                wrong=citations.wrong(cited),
            )

    def _shown(self, row: Row, example: str, columns: Sequence[Column]) -> Iterator[Shown]:
        mine = self.values.get((row.candidate.name, example), {})
        for column in columns:
            if column.score in mine:
                yield Shown(
                    fmt.one_line(column.score), fmt.number(mine[column.score], column.decimals)
                )

    def _against(self, row: Row, example: str) -> str:
        column = self.board.primary
        if column is None or row.is_baseline:
            return ""
        mine = self.values.get((row.candidate.name, example), {}).get(column.score)
        base = self.values.get((self.board.baseline, example), {}).get(column.score)
        if mine is None or base is None or mine == base or column.higher_is_better is None:
            return ""
        return "better" if (mine > base) == column.higher_is_better else "worse"


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


def _why(row: Row, generation: Generation | None) -> str:
    """Return why there is no answer, or "" if there is one."""
    if generation is None:
        return fmt.one_line(row.candidate.error or "no answer was recorded")
    if generation.text is None:
        return fmt.one_line(generation.error or "failed without a message")
    return ""
