"""A run as flat rows: one for each candidate, example and score.

::

    suite run_id candidate kind         whose answer; kind is model or control
    example_id group meta.NAME          what was asked, its cluster, and what can be sliced by
    question reference answer           the user's last turn, the first reference, the answer
    error finish                        why there is no answer; stop, length (cut) or error
    tokens_in tokens_out seconds cost   what the answer took
    metric score value                  the metric's name in the suite, the number's label and value
    higher_is_better                    empty where the number only describes
    label rationale verdict_error       what a judge said beside its value, or why it has none
    citations citations_wrong           how many the metric found, and how many of them invented,
                                        of another code or not in force; empty if it looks at none

An answer that is missing has rows too, with no value: it failed, and did not score 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmark.plugins import Report
from benchmark.records import Example, Generation, Score, Verdict
from benchmark.reporters.cells import encodable

Verdicts = Mapping[tuple[str, str], list[Verdict]]
"""(candidate, judge) -> its verdicts."""
META = "meta."
"""Stands before the name of a meta field."""
TEXTS = ("question", "reference", "answer", "rationale")
"""Columns that can be long."""
_WRONG = ("repealed", "not yet in force", "other code", "invented")
_FIRST = {
    "suite": "string", "run_id": "string", "candidate": "string", "kind": "string",
    "example_id": "string", "group": "string",
}  # fmt: skip
_REST = {
    "question": "string", "reference": "string", "answer": "string", "error": "string",
    "finish": "string", "tokens_in": "int", "tokens_out": "int", "seconds": "float",
    "cost": "float", "metric": "string", "score": "string", "value": "float",
    "higher_is_better": "bool", "label": "string", "rationale": "string",
    "verdict_error": "string", "citations": "int", "citations_wrong": "int",
}  # fmt: skip


def columns(report: Report) -> dict[str, str]:
    """Return the columns of a run: name -> "string", "float", "int" or "bool"."""
    names = dict.fromkeys(name for example in report.examples for name in example.meta)
    return {**_FIRST, **{META + encodable(name): "string" for name in names}, **_REST}


def rows(report: Report, verdicts: Verdicts) -> Iterator[dict[str, Any]]:
    """Yield the rows, in the order of the run's scores.

    Args:
        report: The run.
        verdicts: What its judges said.
    """
    results = report.results
    kinds = {card.name: card.kind for card in results.candidates}
    labels: dict[str, dict[str, bool | None]] = {}
    for summary in results.scores:
        labels.setdefault(summary.metric, {})[summary.score] = summary.higher_is_better
    examples = {example.id: _of_example(example) for example in report.examples}
    answers = {
        (name, row.example_id): _of_answer(row)
        for name, generations in report.generations.items()
        for row in generations
    }
    said = {
        (*whose, verdict.example_id): verdict
        for whose, given in verdicts.items()
        for verdict in given
    }
    looking = {score.metric for score in report.scores if score.citations}
    whole = {"suite": encodable(results.suite), "run_id": encodable(results.run_id)}
    for score in report.scores:
        verdict = said.get((score.candidate, score.metric, score.example_id))
        for label, higher_is_better in labels.get(score.metric, {}).items():
            yield {
                **whole,
                "candidate": encodable(score.candidate),
                "kind": kinds.get(score.candidate),
                "example_id": encodable(score.example_id),
                **examples.get(score.example_id, {}),
                **answers.get((score.candidate, score.example_id), {}),
                "metric": encodable(score.metric),
                "score": encodable(label),
                "value": _value(score, label),
                "higher_is_better": higher_is_better,
                **_of_verdict(verdict),
                **(_of_citations(score) if score.metric in looking else {}),
            }


def _value(score: Score, label: str) -> float | None:
    # A metric with a name of its own in the suite puts it before its numbers.
    name = label if label in score.values else label.removeprefix(f"{score.metric}.")
    return score.values.get(name)


def _of_example(example: Example) -> dict[str, Any]:
    return {
        "group": encodable(example.group),
        **{META + encodable(name): encodable(value) for name, value in example.meta.items()},
        "question": encodable(example.question),
        "reference": encodable(example.references[0]) if example.references else None,
    }


def _of_answer(row: Generation) -> dict[str, Any]:
    return {
        "answer": None if row.text is None else encodable(row.text),
        "error": None if row.error is None else encodable(row.error),
        **row.model_dump(include={"finish", "tokens_in", "tokens_out", "seconds", "cost"}),
    }


def _of_verdict(verdict: Verdict | None) -> dict[str, Any]:
    if verdict is None:
        return {}
    return {
        "label": encodable(verdict.label),
        "rationale": encodable(verdict.rationale),
        "verdict_error": None if verdict.error is None else encodable(verdict.error),
    }


def _of_citations(score: Score) -> dict[str, Any]:
    if score.stats is None:
        return {}
    wrong = sum(one.verdict in _WRONG for one in score.citations)
    return {"citations": len(score.citations), "citations_wrong": wrong}
