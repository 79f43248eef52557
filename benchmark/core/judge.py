"""Data + generations -> verdicts: every judge on every candidate, from the cache or asked now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmark.core.plan import Plan
from benchmark.core.state import Answers
from benchmark.core.store import Cache, append_line, read_lines
from benchmark.errors import BenchError
from benchmark.keys import key
from benchmark.plugins import Judge, JudgeItem
from benchmark.progress import Progress
from benchmark.records import Example, Verdict
from benchmark.results import VerdictSummary


class Judged(NamedTuple):
    """All verdicts, and how many (candidate, judge) pairs were asked now."""

    verdicts: dict[tuple[str, str], list[Verdict]]
    """(candidate, judge's name) -> one an answered example, in order."""
    computed: int
    tests: dict[tuple[str, str], list[Verdict]]
    """(name of a test, judge's name) -> one an item of the test, in order."""


Tests = Mapping[str, Mapping[str, Sequence[JudgeItem]]]
"""Judge's name -> name of a test -> items that are asked with the candidates' answers."""


def judge(
    plan: Plan,
    examples: Sequence[Example],
    answers: Mapping[str, Answers],
    progress: Progress,
    tests: Tests | None = None,
) -> Judged:
    """Let every judge look at every candidate's answers; a missing answer is not judged.

    A judge of arity 2 sees the candidate beside the baseline. What `tests` holds for a judge is
    asked in the same way and with the same cache.
    """
    verdicts: dict[tuple[str, str], list[Verdict]] = {}
    tested: dict[tuple[str, str], list[Verdict]] = {}
    computed = 0
    for name, found in plan.judges.items():
        for candidate, answer in answers.items():
            items = _items(found.arity, examples, answer, answers[plan.suite.baseline])
            if not items or (found.arity == 2 and candidate == plan.suite.baseline):
                continue
            rows, made = _verdicts(found, items, progress)
            verdicts[candidate, name] = _by(name, rows)
            computed += made
        for test, shown in (tests or {}).get(name, {}).items():
            rows, made = _verdicts(found, shown, progress)
            tested[test, name] = _by(name, rows)
            computed += made
    return Judged(verdicts, computed, tested)


def summarise_verdicts(plan: Plan, judged: Judged) -> list[VerdictSummary]:
    """Return each judge's mean for each candidate, with its abstentions beside it."""
    summaries = []
    for (candidate, name), rows in judged.verdicts.items():
        values = [row.value for row in rows if row.value is not None]
        summaries.append(
            VerdictSummary(
                candidate=candidate,
                judge=name,
                value=sum(values) / len(values) if values else None,
                n=len(values),
                abstained=len(rows) - len(values),
                signature=plan.judges[name].signature,
            )
        )
    return summaries


def _by(name: str, rows: Sequence[Verdict]) -> list[Verdict]:
    """Let verdicts say their judge by its name in the suite."""
    return [row.model_copy(update={"judge": name}) for row in rows]


def _items(
    arity: int, examples: Sequence[Example], answer: Answers, baseline: Answers
) -> list[JudgeItem]:
    if answer.error is not None or (arity == 2 and baseline.error is not None):
        return []
    seen = [answer.generations] if arity == 1 else [answer.generations, baseline.generations]
    return [
        JudgeItem(example, tuple(shown))
        for example, *shown in zip(examples, *seen, strict=True)
        if all(generation.text is not None for generation in shown)
    ]


def _verdicts(
    found: Judge, items: Sequence[JudgeItem], progress: Progress
) -> tuple[list[Verdict], bool]:
    cache = Cache()
    name = key(
        judge=found.key,
        items=[
            [item.example.model_dump(mode="json"), [row.text for row in item.generations]]
            for item in items
        ],
    )
    path = cache.path("verdicts", f"{name}.jsonl")
    known = [Verdict.model_validate(row) for row in read_lines(path)]
    if len(known) == len(items):
        return [_named(row, item) for row, item in zip(known, items, strict=True)], False
    rows = found.judge(items, progress)
    if len(rows) != len(items):
        raise BenchError(f"judge {found.signature} gave {len(rows)} verdicts on {len(items)} items")
    if all(row.error is None for row in rows):  # an error is never cached
        path.unlink(missing_ok=True)
        for row in rows:
            append_line(path, row.model_dump())
    return rows, True


def _named(row: Verdict, item: JudgeItem) -> Verdict:
    # The cache knows no candidate's name: two suites may call the same answers differently.
    return row.model_copy(update={"candidates": tuple(g.candidate for g in item.generations)})
