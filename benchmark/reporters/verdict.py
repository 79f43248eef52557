"""The first ten seconds of a report: does it pass, why, how sure, and what to doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.gate_results import GateResult
from benchmark.reporters import forgetting, retrieval, scales, training, trust
from benchmark.reporters import format as fmt
from benchmark.reporters.board import Board, Cell, Row
from benchmark.results import Results, ScoreSummary

SYMBOLS = {"pass": "✓", "fail": "✗", "inconclusive": "?"}
_ORDER = {"fail": 0, "inconclusive": 1, "pass": 2}
_CEILING = "oracle"
"""The control that is meant to beat every model; the others are meant to lose."""


@dataclass(frozen=True, slots=True)
class Headline:
    """The verdict in a word and a sentence."""

    word: str
    tone: str
    """"pass", "fail", "inconclusive" or "none": how it is coloured."""
    sentence: str


def headline(results: Results) -> Headline:
    """Return the verdict. A run that is incomplete or has no gate never looks like a pass."""
    gates = results.gates
    held = sum(gate.outcome == "pass" for gate in gates)
    failed = sum(gate.effective == "fail" for gate in gates)
    of = f"{held} of {fmt.plural(len(gates), 'gate')}"
    if results.status == "incomplete":
        rest = f" On what did finish: {of} held, {failed} failed." if gates else ""
        return Headline(
            "FAIL" if failed else "INCOMPLETE",
            "fail" if failed else "inconclusive",
            f"The run is incomplete, so its numbers do not cover all that was asked.{rest}",
        )
    if not gates:
        return Headline("NO GATES", "none", "The suite sets no gates: nothing was decided.")
    counted = _counted(gates)
    sentences = {
        "pass": "The one gate held." if held == len(gates) == 1 else f"{of} held{counted}.",
        "fail": f"{failed} of {fmt.plural(len(gates), 'gate')} failed{counted}.",
        "inconclusive": f"{of} held, none failed; for the rest the data cannot tell.",
    }
    return Headline(results.verdict.upper(), results.verdict, sentences[results.verdict])


def _counted(gates: Sequence[GateResult]) -> str:
    """Say how many inconclusive gates the suite counts as something else; "" if none."""
    parts = [
        f"{count} inconclusive, counted as a {what} (on_inconclusive)"
        for what in ("pass", "fail")
        if (count := sum(gate.counts_as == what for gate in gates))
    ]
    return f"; {'; '.join(parts)}" if parts else ""


def ordered_gates(results: Results) -> list[GateResult]:
    """Return the gates, those that need a look first."""
    return sorted(results.gates, key=lambda gate: (_ORDER[gate.effective], _ORDER[gate.outcome]))


def claims(board: Board) -> list[str]:
    """Return one sentence a contender: how it stands on the primary number, and how sure."""
    return [_claim(row, board) for row in board.contenders]


def notices(results: Results, board: Board) -> list[str]:
    """Return what a reader must know before trusting the numbers, one sentence each."""
    found = [*_leaking(results), *retrieval.notices(results), *_fooled(board)]
    found += scales.notices(results, board)
    found += trust.notices(results)
    rows = (*board.models, *board.controls)
    for row in rows:
        found += _of_candidate(row, board)
    found += _cut(rows)
    return [*found, *training.notices(board), *forgetting.notices(results)]


def notes(board: Board) -> list[str]:
    """Return what is good to know beside the notices, though it puts no number in doubt."""
    return training.notes(board)


def _leaking(results: Results) -> list[str]:
    leaks = results.dataset.leaks
    return [fmt.one_line(sentence) for sentence in leaks.sentences] if leaks and leaks.total else []


def _claim(row: Row, board: Board) -> str:
    name, base = row.name, fmt.one_line(board.baseline)
    if row.candidate.error is not None:
        return f"{name} could not run: {fmt.one_line(row.candidate.error)}"
    if board.primary is None:
        return f"{name}: nothing was scored."
    cell = row.cell(board.primary.score)
    score = fmt.one_line(board.primary.score)
    if cell is None or cell.comparison is None or cell.comparison.difference is None:
        return f"{name} has no comparison with {base} on {score}."
    how = {
        "better": f"{name} is better than {base}",
        "worse": f"{name} is worse than {base}",
        "": f"{name} and {base} cannot be told apart",
    }[cell.verdict]
    return f"{how} on {score}: {_evidence(cell, board)}."


def _evidence(cell: Cell, board: Board) -> str:
    if cell.comparison is None:
        return "no comparison"
    ends = cell.difference_interval
    between = f" ({board.level} interval {ends})" if ends else ""
    n = f"n={fmt.count(cell.comparison.n)}"
    return f"{cell.difference}{between}, {fmt.p_clause(cell.comparison.shown_p)}, {n}"


def _fooled(board: Board) -> list[str]:
    """Name the numbers on which a fake is not clearly behind the best model."""
    fakes = [row for row in board.controls if not row.candidate.backend.startswith(_CEILING)]
    found = []
    for column in board.columns:
        best, fake = _best(board.models, column.score), _best(fakes, column.score)
        if best is None or fake is None or column.higher_is_better is None:
            continue
        bar = best[1].low if column.higher_is_better else best[1].high
        bar = best[0] if bar is None else bar
        if fake[0] >= bar if column.higher_is_better else fake[0] <= bar:
            found.append(
                f"{fmt.one_line(column.score)} ({fmt.one_line(fake[1].candidate)} "
                f"{fmt.number(fake[0], column.decimals)}, {fmt.one_line(best[1].candidate)} "
                f"{fmt.number(best[0], column.decimals)})"
            )
    if not found:
        return []
    return [
        f"A fake scores inside the best candidate's {board.level} interval, or better, on "
        f"{_how_many(found, board)}{fmt.some(found)}: there, a good number alone proves little."
    ]


def _how_many(found: Sequence[str], board: Board) -> str:
    """Return "22 of 30 numbers: " where so many are concerned that not all of them are named."""
    if fmt.some(found) == ", ".join(found):
        return ""
    return f"{fmt.count(len(found))} of {fmt.plural(len(board.columns), 'number')}: "


def _best(rows: Sequence[Row], score: str) -> tuple[float, ScoreSummary] | None:
    """Return the best value of one number, whatever the board is sorted by."""
    values = []
    for row in rows:
        cell = row.cell(score)
        value = fmt.known(cell.summary.value) if cell and cell.summary else None
        if cell and cell.summary and value is not None:
            values.append((value if cell.column.higher_is_better else -value, cell.summary))
    if not values:
        return None
    best, summary = max(values, key=lambda item: item[0])
    return (best if summary.higher_is_better else -best, summary)


def _of_candidate(row: Row, board: Board) -> list[str]:
    one, name, found = row.candidate, row.name, []
    total = one.answered + one.failed
    if one.error is not None and row not in board.contenders:  # for those, the claim says it
        found.append(f"{name} could not run: {fmt.one_line(one.error)}")
    if one.error is None and one.failed:
        found.append(
            f"{name}: {fmt.count(one.failed)} of {fmt.plural(total, 'answer')} failed; "
            "they have no score."
        )
    is_same = one.changed == 0 and one.kind == "model" and not row.is_baseline
    if is_same and one.answered and one.error is None:  # an error would say it
        found.append(
            f"{name} gave the very answers of {fmt.one_line(board.baseline)}: "
            "was its adapter applied?"
        )
    return found


def _cut(rows: Sequence[Row]) -> list[str]:
    """Say in one sentence whose answers were cut at the token limit."""
    counts = [
        (row.name, fmt.count(one.cut), fmt.plural(one.answered + one.failed, "answer"))
        for row in rows
        if (one := row.candidate).cut
    ]
    if len(counts) > 1:
        told = [f"{cut} of {total} of {name}" for name, cut, total in counts]
        return [f"Cut at the token limit: {fmt.some(told, 8)}."]
    return [f"{name}: {cut} of {total} cut at the token limit." for name, cut, total in counts]
