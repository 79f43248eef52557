"""The verdict in a sentence for who reads nothing else, and what the data checks found."""

from __future__ import annotations

from benchmark.reporters import format as fmt
from benchmark.reporters.board import Board, Row
from benchmark.results import DatasetSummary, Results


def sentence(results: Results, board: Board) -> str:
    """Return who is best on the primary number, against the baseline, and how sure that is."""
    base = fmt.one_line(board.baseline)
    best = next((row for row in board.contenders if row.has_values), None)
    if best is None or board.primary is None:
        return "No candidate could be compared with the baseline." if board.contenders else (
            "There is one candidate alone, so nothing was compared."
        )  # fmt: skip
    cell = best.cell(board.primary.score)
    if cell is None or cell.comparison is None or cell.comparison.difference is None:
        return f"{best.name} could not be compared with {base}."
    mine, theirs = cell.value, _value(board, board.primary.score)
    score, n = fmt.one_line(board.primary.score), fmt.plural(cell.comparison.n, "example")
    what = f"on {score}: {mine} against {theirs}, over {n}"
    found = {
        "better": f"{best.name}, the best candidate, answers better than {base} {what}; "
        "that is more than chance.",
        "worse": f"Even the best candidate, {best.name}, answers worse than {base} {what}; "
        "that is more than chance.",
        "": f"The best candidate, {best.name}, cannot be told apart from {base} {what}; "
        "the difference may be chance.",
    }[cell.verdict]
    return f"{found} {_gates(results, best)}".strip()


def data(summary: DatasetSummary) -> str:
    """Return what the checks of the data and the search for leaks found, in a sentence."""
    errors = sum(one.severity == "error" for one in summary.findings)
    warnings = sum(one.severity == "warning" for one in summary.findings)
    if errors or warnings:
        checked = (
            f"The checks found {fmt.plural(errors, 'error')}, {fmt.plural(warnings, 'warning')}."
        )
    else:
        checked = "The checks of the rows found nothing wrong."
    if summary.leaks is None:
        return f"{checked} Leaks were not looked for."
    total = summary.leaks.total
    leaked = "No test example" if not total else fmt.plural(total, "test example")
    return f"{checked} {leaked} was found where a candidate learns or looks up."


def _value(board: Board, score: str) -> str:
    row = next((row for row in board.models if row.is_baseline), None)
    cell = row.cell(score) if row else None
    return cell.value if cell else fmt.NOTHING


def _gates(results: Results, best: Row) -> str:
    """Say how the gates on the best candidate ended."""
    mine = [gate for gate in results.gates if gate.candidate == best.candidate.name]
    failed = [fmt.one_line(gate.gate) for gate in mine if gate.effective == "fail"]
    if failed:
        return f"But it fails {', '.join(failed)}."
    if any(gate.effective == "inconclusive" for gate in mine):
        return "For some of what is asked of it, the data cannot tell."
    return "It meets what the suite asks of it." if mine else ""
