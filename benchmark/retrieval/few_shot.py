"""Few-shot: which solved examples stand before each question."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence

from benchmark.errors import DataError
from benchmark.records import Example, Message
from benchmark.registry import did_you_mean
from benchmark.retrieval.search import Bm25, best
from benchmark.suite_context import FewShot


def shots(
    train: Sequence[Example], test: Sequence[Example], spec: FewShot, seed: int
) -> list[tuple[Message, ...]]:
    """Return, for each test example, k solved train examples as turns of a conversation.

    Never from the test side, and only rows whose answer is short enough.

    Raises:
        DataError: Fewer than k rows are there for a question (a candidate called few-shot that
            shows none would be the base under another name), or `ids` names what is no train row.
    """
    rows = sorted(train, key=lambda row: row.id)
    if spec.choose == "fixed":
        return [_turns(_named(rows, test, spec))] * len(test)
    short = [row for row in rows if _is_short(row, spec)]
    if len(short) < spec.k:
        raise DataError(
            f"{len(short)} of {len(train)} train rows have an answer of at most {spec.max_chars} "
            f"characters, and few_shot asks for {spec.k}",
            hint="raise few_shot.max_chars or the train side of `split:`",
        )
    if spec.choose == "similarity":
        return [_turns(found) for found in similar(short, test, spec.k)]
    return [_turns(random.Random(seed).sample(short, spec.k))] * len(test)


def similar(train: Sequence[Example], test: Sequence[Example], k: int) -> list[Sequence[Example]]:
    """Return, for each test example, the k train examples that ask most alike, the nearest last.

    By BM25 over the questions; equal ones in the order of their ids. Never one of the question's
    own group: where a data set has put it on both sides, it would give the answer away.

    Raises:
        DataError: Fewer than k rows are of another group than a question.
    """
    names = [row.id for row in train]
    kin: defaultdict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(train):
        for mark in _marks(row):
            kin[mark].append(at)
    found: list[Sequence[Example]] = []
    scores = Bm25([row.question for row in train]).scores([row.question for row in test])
    for example, mine in zip(test, scores, strict=True):
        own = [at for mark in _marks(example) for at in kin.get(mark, ())]
        ranked = best(mine, names, k, without=own)
        if len(ranked) < k:
            raise DataError(
                f"only {len(ranked)} train rows are of another group than {example.id}, and "
                f"few_shot asks for {k}",
                hint="lower few_shot.k or raise the train side of `split:`",
            )
        found.append([train[one.at] for one in reversed(ranked)])
    return found


def _named(train: Sequence[Example], test: Sequence[Example], spec: FewShot) -> Sequence[Example]:
    """Return the rows that `ids` names. Raises DataError."""
    known = {row.id: row for row in train}
    tests = {row.id for row in test}
    where = "few_shot.ids"
    for name in spec.ids:
        if name in tests:
            what = f"{name!r} is a test example, whose answer must not be shown"
            raise DataError(what, where=where, hint="name train rows")
        if name not in known:
            hint = did_you_mean(name, list(known)) or "`examples.jsonl` of a run has the test side"
            raise DataError(f"no train row has the id {name!r}", where=where, hint=hint)
        if not known[name].prompt or not known[name].references:
            raise DataError(f"{name!r} has no question or no answer to show", where=where)
        if not _is_short(known[name], spec):
            size = len(known[name].references[0])
            what = f"the answer of {name!r} has {size} characters, more than {spec.max_chars}"
            raise DataError(what, where=where, hint="raise few_shot.max_chars")
    return [known[name] for name in spec.ids]


def _is_short(row: Example, spec: FewShot) -> bool:
    return bool(row.prompt and row.references) and len(row.references[0]) <= spec.max_chars


def _marks(row: Example) -> Iterator[str]:
    """Give what a row shares with those that must not be shown beside it."""
    yield f"id {row.id}"
    if row.group:
        yield f"group {row.group}"


def _turns(rows: Sequence[Example]) -> tuple[Message, ...]:
    return tuple(
        turn
        for row in rows
        for turn in (*row.prompt, Message(role="assistant", content=row.references[0]))
    )
