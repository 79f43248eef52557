"""Data + generations -> verdicts: every judge on every candidate, from the cache or asked now."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmark.core.opinions import even_rows, rows_of
from benchmark.core.plan import Plan
from benchmark.core.sampled import opinions_by_example
from benchmark.core.state import Answers
from benchmark.core.store import Cache, append_line, read_lines
from benchmark.errors import BenchError
from benchmark.keys import key
from benchmark.plugins import Judge, JudgeItem
from benchmark.progress import Progress
from benchmark.records import Example, Generation, Score, Verdict
from benchmark.results import VerdictSummary

UNHEARD = ("failed", "over budget", "no quorum")
"""Labels of verdicts that another run may still get; what a model said badly is not among them."""


TEST = "test: "
"""Before the name of a test, which a candidate may have too: "oracle"."""


class Judged(NamedTuple):
    """All verdicts, and how many (candidate, judge) pairs were asked now."""

    verdicts: dict[tuple[str, str], list[Verdict]]
    """(candidate, judge's name) -> one an answer that is there, in order."""
    computed: int
    tests: dict[tuple[str, str], list[Verdict]]
    """(name of a test, judge's name) -> one an item of the test, in order."""
    scores: dict[tuple[str, str], list[Score]]
    """The candidates' as numbers: (candidate, judge's name) -> one a test example, in order."""


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
    scores: dict[tuple[str, str], list[Score]] = {}
    computed, baseline = 0, plan.suite.baseline
    for name, found in plan.judges.items():
        asked = _asked(plan, name, examples, answers)
        known = {TEST + test: shown for test, shown in (tests or {}).get(name, {}).items()}
        # In one go, so that a judge cannot tell a test from an answer.
        made = verdicts_of(name, found, {**asked, **known}, progress)
        computed += made.computed
        for test in known:
            tested[test.removeprefix(TEST), name] = made.verdicts[test]
        for candidate in asked:
            rows = verdicts[candidate, name] = made.verdicts[candidate]
            seen = _shown(plan, answers[candidate], examples[: _size(found)])
            scores[candidate, name] = rows_of(candidate, name, seen, rows)
        if found.arity == 2 and asked:
            scores[baseline, name] = even_rows(baseline, name, examples[: _size(found)])
    return Judged(verdicts, computed, tested, scores)


def summarise_verdicts(plan: Plan, judged: Judged) -> list[VerdictSummary]:
    """Return each judge's mean for each candidate, with its abstentions beside it."""
    summaries = []
    for (candidate, name), rows in judged.verdicts.items():
        given = sum(row.value is not None for row in rows)
        values = opinions_by_example(rows).values()
        votes = [vote for row in rows for vote in row.votes]
        notes: Callable[[Sequence[Verdict]], list[str]]
        notes = getattr(plan.judges[name], "notes", lambda _: [])
        summaries.append(
            VerdictSummary(
                candidate=candidate,
                judge=name,
                value=math.fsum(values) / len(values) if values else None,
                n=given,
                abstained=len(rows) - given,
                reasons=dict(Counter(row.label for row in rows if row.value is None)),
                notes=tuple(notes(rows)),
                votes=len(votes),
                tokens_in=sum(vote.tokens_in for vote in votes),
                tokens_out=sum(vote.tokens_out for vote in votes),
                cost=math.fsum(vote.cost for vote in votes),
                signature=plan.judges[name].signature,
            )
        )
    return summaries


def unheard(plan: Plan, judged: Judged) -> dict[str, str]:
    """Return which verdicts could not be had: "judge on candidate" -> the first reason.

    As with answers, the suite's `max_failed` share of them may be missing.
    """
    missing = {}
    for (candidate, name), rows in judged.verdicts.items():
        failed = [row for row in rows if row.value is None and row.label in UNHEARD]
        if len(failed) > plan.suite.max_failed * len(rows):
            missing[f"{name} on {candidate}"] = failed[0].error or failed[0].label
    return missing


def _asked(
    plan: Plan, name: str, examples: Sequence[Example], answers: Mapping[str, Answers]
) -> dict[str, list[JudgeItem]]:
    """Return what a judge is to look at, by candidate."""
    found, baseline = plan.judges[name], answers[plan.suite.baseline]
    chosen = getattr(found, "candidates", ()) or tuple(answers)
    asked = {}
    for candidate, answer in answers.items():
        if candidate in chosen and not (found.arity == 2 and candidate == plan.suite.baseline):
            if items := _items(plan, found, examples, (answer, baseline)):
                asked[candidate] = items
    return asked


def _size(found: Judge) -> int | None:
    """Return how many examples a judge looks at; None: all."""
    size: int | None = getattr(found, "examples", None)
    return size


def _items(
    plan: Plan, found: Judge, examples: Sequence[Example], sides: tuple[Answers, Answers]
) -> list[JudgeItem]:
    """Return what is asked about one candidate's answers; the baseline stands beside them."""
    answer, baseline = sides
    if answer.error is not None or (found.arity == 2 and baseline.error is not None):
        return []
    known = {example.id: example for example in examples[: _size(found)]}
    shown = _shown(plan, answer, list(known.values()))
    if found.arity == 1:
        return [JudgeItem(known[row.example_id], (row,)) for row in shown if row.text is not None]
    theirs: dict[str, list[Generation]] = {}
    for row in baseline.generations:
        theirs.setdefault(row.example_id, []).append(row)
    pairs = (
        # A baseline of fewer samples is shown again.
        (row, theirs[row.example_id][row.sample % len(theirs[row.example_id])])
        for row in shown
    )
    return [
        JudgeItem(known[pair[0].example_id], pair)
        for pair in pairs
        if all(row.text is not None for row in pair)
    ]


def _shown(plan: Plan, answer: Answers, examples: Sequence[Example]) -> list[Generation]:
    """Return a candidate's answers that are judged: of these examples, the first samples."""
    known, most = {example.id for example in examples}, plan.suite.judging.samples
    return [
        row
        for row in answer.generations
        if row.example_id in known and (most is None or row.sample < most)
    ]


class Made(NamedTuple):
    """One judge's verdicts by whatever `asked` is named after, and how many names are new."""

    verdicts: dict[str, list[Verdict]]
    computed: int


def verdicts_of(
    name: str, found: Judge, asked: Mapping[str, Sequence[JudgeItem]], progress: Progress
) -> Made:
    """Return a judge's verdicts: those of the cache, and the others asked in one go.

    Two candidates that answered alike are judged once. Each verdict is kept as it is made, and
    an error never: a run that was cut off, or that met an outage, asks only for what is missing.

    Args:
        name: The judge's in the suite.
        found: The judge.
        asked: Items, by candidate (or whatever they are to be told apart by).
        progress: Where it shows itself.
    """
    keys = {candidate: [_key(item) for item in items] for candidate, items in asked.items()}
    cache = Cache()
    weights = getattr(found, "weights", lambda: "")()
    file = key(judge=found.key, weights=weights)
    with cache.lock("verdicts", file):
        path = cache.path("verdicts", f"{file}.jsonl")
        try:
            known = {name_: Verdict.model_validate(row) for name_, row in read_lines(path)}
        except (ValueError, TypeError):
            path.replace(path.with_suffix(".damaged"))
            known = {}
        waiting = {
            at: item
            for candidate, items in asked.items()
            for at, item in zip(keys[candidate], items, strict=True)
            if at not in known
        }
        names = list(waiting)
        for position, verdict in _each(found, list(waiting.values()), progress):
            known[names[position]] = verdict
            if verdict.error is None and all(vote.error is None for vote in verdict.votes):
                append_line(path, [names[position], verdict.model_dump()])
    rows = {
        candidate: [
            _named(known[at], name, item) for at, item in zip(keys[candidate], items, strict=True)
        ]
        for candidate, items in asked.items()
    }
    return Made(rows, sum(any(at in waiting for at in keys[candidate]) for candidate in asked))


def _key(item: JudgeItem) -> str:
    # A judge may read anything of an example, so all of it is part of the key.
    return key(
        example=item.example.model_dump(mode="json"),
        texts=[generation.text for generation in item.generations],
    )


def _each(
    found: Judge, items: Sequence[JudgeItem], progress: Progress
) -> Iterator[tuple[int, Verdict]]:
    """Yield one verdict an item; what a judge that breaks leaves out is there as failed."""
    missing = set(range(len(items)))
    why = ""
    try:
        for at, verdict in _made(found, items, progress) if items else ():
            missing.discard(at)
            sound = verdict.value is None or math.isfinite(verdict.value)
            yield at, verdict if sound else _failed(items[at], "the value is no number")
    except BenchError as error:
        why = str(error)
    except Exception as error:  # a plugin's own mistake; other judges go on
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    if missing:
        progress.say(f"judge: {why or 'some items have no verdict'}")
    for at in sorted(missing):
        yield at, _failed(items[at], why or "the judge gave no verdict")


def _made(
    found: Judge, items: Sequence[JudgeItem], progress: Progress
) -> Iterator[tuple[int, Verdict]]:
    if hasattr(found, "each"):
        yield from found.each(items, progress)
        return
    rows = found.judge(items, progress)
    if len(rows) != len(items):
        raise BenchError(f"judge {found.signature} gave {len(rows)} verdicts on {len(items)} items")
    yield from enumerate(rows)


def _failed(item: JudgeItem, why: str) -> Verdict:
    return Verdict(
        example_id=item.example.id,
        judge="",
        candidates=tuple(generation.candidate for generation in item.generations),
        value=None,
        label="failed",
        error=why,
    )


def _named(row: Verdict, judge: str, item: JudgeItem) -> Verdict:
    # The cache knows no names: two suites may call the same judge and answers differently.
    candidates = tuple(generation.candidate for generation in item.generations)
    samples = tuple(generation.sample for generation in item.generations)
    shown = {"candidates": candidates, "judge": judge, "samples": samples if any(samples) else ()}
    return row.model_copy(update=shown)
