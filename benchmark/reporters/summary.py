"""The page that CI shows beside a pull request: enough to decide without opening a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmark.gate_results import GateResult
from benchmark.plugins import Report
from benchmark.reporters import board as boards
from benchmark.reporters import format as fmt
from benchmark.reporters import mark, verdict
from benchmark.reporters.foremost import foremost
from benchmark.reporters.markdown import KEY, differences, leaderboard, scores, top
from benchmark.reporters.markdown_page import page, section

LIMIT = 60_000
"""Characters of the page: GitHub takes 65,536 in a comment."""
MAX_CHARS = 600
"""Of one text of a changed answer."""
CHANGED = 5
"""Changed answers that are shown for one gate."""
MEANING = {
    "pass": "pass has its whole interval on the right side of the bound",
    "fail": "fail has it on the wrong side",
    "inconclusive": "a gate is inconclusive where it spans the bound or too little can be judged",
}


def lines(report: Report) -> list[str]:
    """Return the page: verdict and gates, changed answers, leaderboard, differences."""
    results, board = report.results, boards.build(report.results)
    chosen = foremost(results, board, KEY)
    rest = [one for one in board.columns if one not in chosen]
    others = scores(board.models, board, rest) if rest else ()
    parts = [
        section("Verdict", [*top(results, board), *_legend(results.gates)]),
        section("Answers behind gates", _changed(report), 9),
        section("Leaderboard", leaderboard(board, chosen)),
        section(f"The other {fmt.plural(len(rest), 'number')}", others, 2, folded=True),
        section("All differences", differences(results, board), 1, folded=True),
    ]
    return page(parts, LIMIT)


def _legend(gates: Sequence[GateResult]) -> Iterator[str]:
    met = [MEANING[word] for word in MEANING if any(gate.outcome == word for gate in gates)]
    if met:
        yield from (f"A {'; '.join(met)}.", "")


def _changed(report: Report) -> Iterator[str]:
    """Show the answers behind each gate that compares: worse ones first, they cost the most."""
    examples = {example.id: example for example in report.examples}
    answers = {
        (name, row.example_id): row for name, rows in report.generations.items() for row in rows
    }
    for gate in verdict.ordered_gates(report.results):
        if not gate.worse and not gate.better:
            continue
        yield from (f"### Answers behind {mark.text(gate.title)} ({mark.text(gate.who)})", "")
        yield f"By {mark.text(gate.score)}: at most {CHANGED} of those that changed, worst first."
        shown = [("worse", name) for name in gate.worse[:CHANGED]]
        shown += [("better", name) for name in gate.better[: max(0, CHANGED - len(shown))]]
        for how, name in shown:
            example, answer = examples.get(name), answers.get((gate.candidate, name))
            if example is None or answer is None:
                continue
            title = mark.html(f"{how}: {fmt.one_line(example.question, 160)}")
            yield from ("", f"<details><summary>{title}</summary>", "")
            yield from ("Question:", "", *mark.block(example.question, MAX_CHARS), "")
            if example.references:
                yield from ("Reference:", "", *mark.block(example.references[0], MAX_CHARS), "")
            text = answer.text if answer.text is not None else f"no answer: {answer.error}"
            yield from (f"{mark.text(gate.who)} now:", "", *mark.block(text, MAX_CHARS), "")
            yield "</details>"
        yield ""
