"""`report.md`: for a pull request, or a step summary of CI."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import Field

from benchmark.plugins import Plugin, Report
from benchmark.reporters import board as boards
from benchmark.reporters import format as fmt
from benchmark.reporters import mark, samples, scales, verdict
from benchmark.reporters.board import Board, Cell, Row
from benchmark.reporters.citations import wrong_lines
from benchmark.reporters.files import write_text
from benchmark.reporters.markdown_data import data_lines
from benchmark.reporters.markdown_search import retrieval_lines
from benchmark.reporters.markdown_training import forgetting_lines, training_lines
from benchmark.reporters.markdown_trust import trust_lines
from benchmark.results import Results

MAX_CHARS = 1_200
"""Characters of one text among the samples."""
_ICONS = {"pass": "✅", "fail": "❌", "inconclusive": "⚠️", "none": "➖"}
_FAKES = (
    "Controls are fakes: echo repeats the prompt, shuffled gives another example's reference, "
    "oracle gives the right one. A number on which a fake keeps up with the models says little."
)


class Markdown(Plugin):
    """Writes `report.md`, with the verdict first."""

    samples: int = Field(default=3, ge=0)
    """Examples shown with all answers, evenly spaced through the test set."""

    def write(self, report: Report) -> Path:
        """Write the report and return the file. Raises StoreError."""
        results, board = report.results, boards.build(report.results)
        lines = [
            *top(results, board),
            *leaderboard(board),
            *differences(results, board),
            *_judges(results),
            *trust_lines(results),
            *_answers(board),
            *training_lines(board),
            *forgetting_lines(results),
            *retrieval_lines(results),
            *_samples(report, board, self.samples),
            *data_lines(results),
            *_environment(results),
            *_signatures(board),
        ]
        return write_text(report.folder / "report.md", "\n".join(lines).rstrip("\n") + "\n")


def top(results: Results, board: Board) -> Iterator[str]:
    """Yield the verdict with its gates, the claims, and what to doubt."""
    head = verdict.headline(results)
    yield f"# {_ICONS[head.tone]} {head.word}: {mark.text(results.suite)}"
    yield from ("", head.sentence, "")
    for gate in verdict.ordered_gates(results):
        name, who = mark.text(gate.title), mark.text(gate.who)
        yield f"- {_ICONS[gate.outcome]} **{name}** ({who}): {mark.text(gate.reason, 1_000)}"
    notes = [f"Note: {note}" for note in verdict.notes(board)]
    for title, sentences in (
        (f"Against {mark.text(board.baseline)}", verdict.claims(board)),
        ("Before you trust the numbers", [*verdict.notices(results, board), *notes]),
    ):
        if sentences:
            yield from ("", f"**{title}**", "")
            yield from (f"- {mark.text(sentence, 2_000)}" for sentence in sentences)
    yield ""
    yield (
        f"Run {mark.code(results.run_id)} · version {results.suite_version} · "
        f"{fmt.plural(results.dataset.test, 'test example')} · {fmt.duration(results.seconds)} · "
        f"{mark.text(results.environment.device)} · {results.status}, exit code {results.exit_code}"
    )
    yield ""


def leaderboard(board: Board) -> Iterator[str]:
    """One row a number: candidates are few and numbers are many, and the page is narrow."""
    yield from ("## Leaderboard", "")
    if not board.columns:
        yield from ("Nothing was scored.", "")
        return
    yield from _scores(board.models, board)
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
    if board.controls:
        yield from ("### What a fake scores", "")
        yield from _scores([*board.models[:1], *board.controls], board)
        yield from (_FAKES, "")


def _scores(rows: Sequence[Row], board: Board) -> Iterator[str]:
    heads = [mark.text(row.name) + (" (baseline)" if row.is_baseline else "") for row in rows]
    heads = [f"{head}<br>{row.n}" if row.n else head for head, row in zip(heads, rows, strict=True)]
    lines = []
    for place, column in enumerate(board.columns):
        name = mark.text(column.score) + fmt.arrow(column.higher_is_better)
        name += f" {scales.MARK}" if column.uninformative else ""
        cells = [_cell(row.cells[place], not row.n, row in board.controls) for row in rows]
        lines.append([f"**{name}**" if column.primary else name, *cells])
    yield from mark.table(["", *heads], lines, numbers=True)


def _cell(cell: Cell, with_n: bool, is_fake: bool) -> str:
    has_value = cell.value != fmt.NOTHING
    value = f"**{cell.value}**" if cell.column.primary and has_value else cell.value
    parts = [value, cell.interval.replace(" ", "\u00a0"), cell.mark, cell.n if with_n else ""]
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


def _samples(report: Report, board: Board, limit: int) -> Iterator[str]:
    shown = samples.collect(report, board, limit)
    if not shown:
        return
    yield from ("## Samples", "")
    total = fmt.plural(len(report.examples), "example")
    yield f"{fmt.count(len(shown))} of {total}, evenly spaced through the test set."
    many = [f"{row.name} {row.candidate.samples}" for row in board.models if _is_sampled(row)]
    if many:
        yield f"Shown is the first sample of each answer; there are: {mark.text(', '.join(many))}."
    for sample in shown:
        yield from ("", f"<details><summary>{mark.html(sample.id)}</summary>", "")
        for role, turn in sample.turns:
            yield from (f"Prompt ({role}):", "", *mark.block(turn, MAX_CHARS), "")
        for reference in sample.references:
            yield from ("Reference:", "", *mark.block(reference, MAX_CHARS), "")
        for answer in sample.answers:
            primary = answer.primary
            score = f" ({mark.text(primary.score)} {primary.value})" if primary else ""
            cut = ", cut at the token limit" if answer.is_cut else ""
            yield from (f"**{mark.text(answer.name)}**{score}{cut}:", "")
            if answer.text is None:
                yield from (f"No answer: {mark.text(answer.error)}", "")
            else:
                yield from (*mark.block(answer.text, MAX_CHARS), "")
            yield from wrong_lines(answer.wrong)
        yield "</details>"
    yield ""


def _is_sampled(row: Row) -> bool:
    return row.candidate.samples > 1


def _environment(results: Results) -> Iterator[str]:
    where = results.environment
    versions = ", ".join(f"{name} {version}" for name, version in sorted(where.versions.items()))
    commit = mark.code(where.commit) if where.commit else "not known"
    rows = {
        "Command": mark.code(results.command),
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
