"""`report.md`: for a pull request, or a step summary of CI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import Field

from benchmark.plugins import Plugin, Report
from benchmark.reporters import board as boards
from benchmark.reporters import brief, mark, scales, trust, verdict
from benchmark.reporters import format as fmt
from benchmark.reporters.again import again
from benchmark.reporters.board import Board, Cell, Column, Row
from benchmark.reporters.files import write_text
from benchmark.reporters.foremost import foremost
from benchmark.reporters.markdown_charts import pictures, whiskers
from benchmark.reporters.markdown_data import data_lines
from benchmark.reporters.markdown_page import SHORT, Section, page, section
from benchmark.reporters.markdown_samples import sample_lines
from benchmark.reporters.markdown_search import retrieval_lines
from benchmark.reporters.markdown_training import forgetting_lines, training_lines
from benchmark.reporters.markdown_trust import trust_lines
from benchmark.results import Results

MAX_CHARS = 1_200
"""Characters of one text among the samples of a full page."""
SHORT_CHARS = 500
"""The same where the page must stay short."""
KEY = 8
"""Numbers that a short page does not fold away."""
DRAWN = 2
"""Numbers of which a short page draws the differences."""
MOST_MODELS = 12
"""Candidates side by side; a sweep has more, and a table of them no longer fits a page."""
MOST_GATES = 20
"""Gates and claims that are listed, those that need a look first."""
_ICONS = {"pass": "✅", "fail": "❌", "inconclusive": "⚠️", "none": "➖"}
_FAKES = (
    "Controls are fakes: echo repeats the prompt, shuffled gives another example's reference, "
    "oracle gives the right one. A number on which a fake keeps up with the models says little."
)


class Markdown(Plugin):
    """Writes `report.md`, with the verdict first, short enough for a comment on a pull request."""

    samples: int = Field(default=3, ge=0)
    """Examples shown with all answers, those that changed most first; ten times as many in full."""
    full: bool = False
    """Leave nothing out: all numbers, signatures, long texts, and charts as SVG files beside it."""

    def write(self, report: Report) -> Path:
        """Write the report and return the file. Raises StoreError."""
        board = boards.build(report.results)
        parts = self._parts(report, board)
        lines = page(parts, None if self.full else SHORT)
        return write_text(report.folder / "report.md", "\n".join(lines).rstrip("\n") + "\n")

    def _parts(self, report: Report, board: Board) -> list[Section]:
        """Return the page's parts in the order of the HTML report."""
        results = report.results
        chosen = foremost(results, board, len(board.columns) if self.full else KEY)
        rest = [one for one in board.columns if one not in chosen]
        others = scores(board.models, board, rest) if rest else ()
        count, chars = (10 * self.samples, MAX_CHARS) if self.full else (self.samples, SHORT_CHARS)
        charts = pictures(report, report.folder) if self.full else whiskers(results, board, DRAWN)
        return [
            section("Verdict", top(results, board)),
            section("Leaderboard", leaderboard(board, chosen)),
            section(f"The other {fmt.plural(len(rest), 'number')}", others, 5, folded=True),
            section("What a fake scores", fakes(board), 3, folded=True),
            section("Charts", charts, 9),
            section("All differences", differences(results, board), 2, folded=True),
            section("Judges", _judges(results), 6, folded=True),
            section(trust.TITLE, trust_lines(results), 6, folded=True),
            section("Answers and cost", _answers(board), 4, folded=True),
            section("Training", training_lines(board, origins=self.full), 7, folded=True),
            section("General text after training", forgetting_lines(results), 7, folded=True),
            section("Retrieval", retrieval_lines(results), 7, folded=True),
            section("Data set", data_lines(results), 4, folded=True),
            section("Samples", sample_lines(report, board, count, chars), 8),
            section("How to run it again", _environment(report), 8, folded=True),
            section("Signatures", _signatures(board) if self.full else (), 1),
        ]


def top(results: Results, board: Board) -> Iterator[str]:
    """Yield the verdict with its gates, the claims, and what to doubt."""
    head = verdict.headline(results)
    yield f"# {_ICONS[head.tone]} {head.word}: {mark.text(results.suite)}"
    yield from ("", head.sentence, "")
    gates = verdict.ordered_gates(results)
    for gate in gates[:MOST_GATES]:
        name, who = mark.text(gate.title), mark.text(gate.who)
        yield f"- {_ICONS[gate.outcome]} **{name}** ({who}): {mark.text(gate.reason, 1_000)}"
    if len(gates) > MOST_GATES:
        held = sum(gate.effective == "pass" for gate in gates[MOST_GATES:])
        yield f"- and {fmt.plural(len(gates) - MOST_GATES, 'more gate')}, of which {held} held"
    notes = [f"Note: {note}" for note in verdict.notes(board)]
    for title, sentences in (
        (f"Against {mark.text(board.baseline)}", verdict.claims(board)),
        ("Before you trust the numbers", [*brief.sentences(results, board), *notes]),
    ):
        if sentences:
            yield from ("", f"**{title}**", "")
            shown = sentences[:MOST_GATES]
            yield from (f"- {mark.text(sentence, 2_000)}" for sentence in shown)
            if len(sentences) > len(shown):
                yield f"- and {fmt.count(len(sentences) - len(shown))} more"
    yield ""
    yield (
        f"Run {mark.code(results.run_id)} · version {results.suite_version} · "
        f"{fmt.plural(results.dataset.test, 'test example')} · {fmt.duration(results.seconds)} · "
        f"{mark.text(results.environment.device)} · {results.status}, exit code {results.exit_code}"
    )
    yield ""


def leaderboard(board: Board, columns: Sequence[Column]) -> Iterator[str]:
    """One row a number: candidates are few and numbers are many, and the page is narrow."""
    yield from ("## Leaderboard", "")
    if not board.columns:
        yield from ("Nothing was scored.", "")
        return
    yield from scores(board.models, board, columns)
    yield (f"Value, {board.level} interval. ↑ ↓ say which way is better.")
    if board.contenders:
        yield mark.text(board.legend)
    yield from scales.legend(board)
    for row in board.models:
        if row.candidate.error is not None:
            yield from (
                "",
                f"**{mark.text(row.name)}** could not run: {mark.text(row.candidate.error)}",
            )
    yield ""


def fakes(board: Board) -> Iterator[str]:
    """Yield what the controls score beside the best model."""
    if board.controls and board.columns:
        yield from ("### What a fake scores", "")
        yield from scores([*board.models[:1], *board.controls], board)
        yield from (_FAKES, "")


def scores(
    rows: Sequence[Row], board: Board, columns: Sequence[Column] | None = None
) -> Iterator[str]:
    """Yield a table of numbers, of the first candidates where there are too many for a page."""
    left = len(rows) - MOST_MODELS
    rows = rows[:MOST_MODELS]
    heads = [mark.text(row.name) + (" (baseline)" if row.is_baseline else "") for row in rows]
    # The count that most numbers rest on stands in the head, another one beside its number.
    counts = [_count(row) for row in rows]
    heads = [
        f"{head}<br>{n}{row.times}" if n else head
        for head, n, row in zip(heads, counts, rows, strict=True)
    ]
    lines = []
    for place, column in enumerate(board.columns):
        if columns is not None and column not in columns:
            continue
        name = mark.text(column.score) + fmt.arrow(column.higher_is_better)
        name += f" {scales.MARK}" if column.uninformative else ""
        cells = [
            _cell(row.cells[place], n, row in board.controls)
            for row, n in zip(rows, counts, strict=True)
        ]
        lines.append([f"**{name}**" if column.primary else name, *cells])
    yield from mark.table(["", *heads], lines, numbers=True)
    if left > 0:
        yield from (f"{fmt.plural(left, 'more candidate')} stand in the HTML report.", "")


def _count(row: Row) -> str:
    counts = Counter(cell.n for cell in row.cells if cell.summary)
    return counts.most_common(1)[0][0] if counts else row.n.removesuffix(row.times)


def _cell(cell: Cell, n: str, is_fake: bool) -> str:
    has_value = cell.value != fmt.NOTHING
    value = f"**{cell.value}**" if cell.column.primary and has_value else cell.value
    parts = [value, cell.interval.replace(" ", "\u00a0"), cell.mark, cell.n if cell.n != n else ""]
    if cell.place and not is_fake:
        parts.insert(2, f"· {cell.place}")
    return " ".join(part for part in parts if part)


def differences(results: Results, board: Board) -> Iterator[str]:
    """Yield every number's difference from the baseline."""
    yield from (f"## Differences from {mark.text(board.baseline)}", "")
    lines = [
        [
            mark.text(column.score) + fmt.arrow(column.higher_is_better).replace(" ↑", ""),
            mark.text(row.name),
            f"{cell.difference} {cell.mark}".rstrip(),
            cell.difference_interval.replace(" ", "\u00a0") or fmt.NOTHING,
            fmt.p_value(cell.comparison.shown_p).replace("<", "&lt;"),
            fmt.count(cell.comparison.n),
        ]
        for place, column in enumerate(board.columns)
        for row in board.contenders
        if (cell := row.cells[place]).comparison
    ]
    if not lines:
        yield from ("There is nothing to compare.", "")
        return
    heads = ["Number", "Candidate", "Difference", f"{board.level} interval", "p, corrected", "n"]
    yield from mark.table(heads, lines)
    tests = sorted({row.test for row in results.comparisons})
    yield from (f"Test: {mark.text(test)}" for test in tests)
    yield ""


def _judges(results: Results) -> Iterator[str]:
    if not results.verdicts:
        return
    yield from ("## Judges", "")
    heads = ["Judge", "Candidate", "Mean", "n", "Abstained"]
    lines = [
        [
            mark.text(row.judge),
            mark.text(row.candidate),
            fmt.number(row.value),
            fmt.count(row.n),
            fmt.count(row.abstained),
        ]
        for row in results.verdicts
    ]
    yield from mark.table(heads, lines, numbers=True)
    yield from ("An opinion, not a measurement; abstentions are counted, never filled in.", "")
    yield from (f"- {mark.text(line)}" for line in fmt.judges_say(results.verdicts))
    yield ""


def _answers(board: Board) -> Iterator[str]:
    yield from ("## Answers and cost", "")
    heads = [
        *("Candidate", "Answered", "Failed", "Cut at limit", "Changed"),
        *("Tokens in", "Tokens out", "Time", "Tokens/s", "Memory", "Energy", "Price"),
    ]
    lines = []
    for row in (*board.models, *board.controls):
        one = row.candidate
        counts = (fmt.count(value) for value in (one.answered, one.failed, one.cut))
        tokens = (fmt.count(one.tokens_in), fmt.count(one.tokens_out))
        spent = (fmt.duration(one.seconds), fmt.number(one.tokens_per_second, 1))
        memory = fmt.size(one.effort.peak_memory if one.effort else None)
        needed = (memory, fmt.joules(one.effort), fmt.price(one.cost))
        changed = fmt.share(one.changed)
        lines.append([mark.text(row.name), *counts, changed, *tokens, *spent, *needed])
    yield from mark.table(heads, lines, numbers=True)
    yield from (f"Changed: share of answers that differ from {mark.text(board.baseline)}'s.", "")
    yield from (
        f"- **{mark.text(row.name)}**: {mark.text(row.candidate.description)}"
        for row in board.models
    )
    yield ""


def _environment(report: Report) -> Iterator[str]:
    results = report.results
    where, how = results.environment, again(report)
    versions = ", ".join(f"{name} {version}" for name, version in sorted(where.versions.items()))
    commit = mark.code(where.commit) if where.commit else "not known"
    rows = {
        "Command": mark.code(how.command, 2_000),
        "Commit": commit + (" with uncommitted changes" if where.dirty else ""),
        "Fingerprint": mark.code(results.fingerprint),
        "Time": f"{fmt.moment(results.started)} to {fmt.moment(results.finished)}",
        "Machine": mark.text(
            f"{where.platform}, {fmt.plural(where.cores, 'core')}, {where.device}, {where.dtype}"
        ),
        "Python": mark.text(where.python),
        "Packages": mark.text(versions, 2_000) or fmt.NOTHING,
    }
    yield from ("## Environment", "")
    yield from mark.table(["", "Value"], rows.items())
    yield from (mark.text(how.words, 1_000), "")


def _signatures(board: Board) -> Iterator[str]:
    yield from ("## Signatures", "", "Two numbers can be compared only if these are the same.", "")
    scores = [
        [
            mark.text(column.score),
            mark.text(column.metric),
            " ".join(map(mark.code, column.signatures)),
        ]
        for column in board.columns
    ]
    backends = [
        [mark.text(row.name), "backend", mark.code(row.candidate.backend)]
        for row in (*board.models, *board.controls)
    ]
    yield from mark.table(["Number", "Metric", "Signature"], [*scores, *backends])
