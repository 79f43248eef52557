"""Rows -> more rows: a model rewords questions, or varies question and answer together.

Only rows that may be trained on are touched. A new row carries where it came from, keeps its
source's group (so that no split can put the two on different sides), and has to pass the same
checks as any other row.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmark.core.store import Cache, append_line, read_lines
from benchmark.keys import code_version, key
from benchmark.plugins import Backend, Reply, Request
from benchmark.progress import Progress
from benchmark.prompts import Template
from benchmark.records import Message
from benchmark.rows.checks import check
from benchmark.rows.row import Row
from benchmark.suite import Decoding

Kind = Literal["paraphrase", "variation"]

ASK: dict[Kind, str] = {
    "paraphrase": (
        "Reword the question below in its own language. Keep its meaning, its names and its "
        "numbers. Write the reworded question and nothing else.\n\nQuestion: {question}"
    ),
    "variation": (
        "Below are a question and its answer. Write another question about the same facts, in "
        "the same language, and its answer, in this form and nothing else:\n"
        "Question: ...\nAnswer: ...\n\nQuestion: {question}\nAnswer: {answer}"
    ),
}
PAIR = re.compile(r"\s*Question\s*:\s*(?P<question>.+?)\s*\n\s*Answer\s*:\s*(?P<answer>.+)", re.S)
RARE = ("language", "format", "pii", "duplicate_answers", "near_duplicate_answers")
"""Checks that say nothing of a single new row."""
NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to make.

    Attributes:
        kind: New wordings of the question, or new questions with their answers.
        n: New rows asked for each row.
        decoding: How the model answers; sampling, or all n would be alike.
        budget: Tokens that may be made in all; None for no limit.
    """

    kind: Kind
    n: int
    decoding: Decoding
    budget: int | None = None


@dataclass(frozen=True, slots=True)
class Augmented:
    """New rows, and what happened to the others."""

    rows: list[Row]
    dropped: dict[str, int]
    """Reason -> answers of the model that gave no row."""
    skipped: int
    """Source rows left alone, because they are not on the train side or cannot be asked about."""
    unasked: int
    """Questions not asked because the budget was used up."""
    tokens: int


def augment(
    rows: Sequence[Row], wanted: Wanted, backend: Backend, template: Template, progress: Progress
) -> Augmented:
    """Return new rows.

    Answers are cached batch by batch: the same call again, or one with a larger budget, asks
    only what was not asked.
    """
    usable = [row for row in rows if _usable(row, wanted.kind)]
    asked = [(row, turn) for row in usable for turn in range(wanted.n)]
    requests = [
        Request(
            example_id=f"{at}-{turn}",
            messages=(Message(role="user", content=_ask(row, wanted.kind)),),
            template=template,
        )
        for at, (row, turn) in enumerate(asked)
    ]
    replies, tokens = _replies(requests, wanted, backend, progress)
    found: list[Row] = []
    dropped = Counter[str]()
    known = {_plain(row.question) for row in rows}
    for at, (row, turn) in enumerate(asked):
        if at not in replies:
            continue
        made = _made(row, replies[at], wanted.kind, known)
        if isinstance(made, str):
            dropped[made] += 1
            continue
        known.add(_plain(made.question))
        found.append(_signed(made, row, turn, wanted, backend))
    found = _sound(found, dropped)
    return Augmented(
        found, dict(dropped), len(rows) - len(usable), len(asked) - len(replies), tokens
    )


def _usable(row: Row, kind: Kind) -> bool:
    # The worse answer to a question is none to another one, so preferences are not varied.
    varied = kind == "variation" and row.rejected is not None
    return bool(row.split in (None, "train") and row.question and row.answer and not varied)


def _sound(rows: list[Row], dropped: Counter[str]) -> list[Row]:
    """Return the rows that the checks of any data find no error and no damage in."""
    bad: dict[int, str] = {}
    for finding in check(rows, off=RARE).findings:
        if finding.severity == "error" or finding.check == "encoding":
            bad |= {at: f"check {finding.check}" for at in finding.rows}
    if not bad:
        return rows
    dropped.update(bad.values())
    # A finding names its first hundred rows: look again until it names none.
    return _sound([row for at, row in enumerate(rows) if at not in bad], dropped)


def _replies(
    requests: Sequence[Request], wanted: Wanted, backend: Backend, progress: Progress
) -> tuple[dict[int, Reply], int]:
    """Return replies by their request's position, and the tokens they took."""
    if not requests:
        return {}, 0
    decoding = wanted.decoding
    name = key(
        weights=backend.fingerprint(progress),
        prompts=[request.messages[-1].content for request in requests],
        decoding=decoding.model_dump(mode="json"),
        template=requests[0].template.model_dump(),
        code=code_version("benchmark.prompts"),
    )
    cache = Cache()
    path = cache.path("augment", f"{name}.jsonl")
    with cache.lock("augment", name), backend.open(progress) as model, model.adapted(None):
        batches = model.batches(requests, decoding)
        done = {at: [Reply(*reply) for reply in replies] for at, replies in read_lines(path)}
        todo = [at for at in range(len(batches)) if at not in done]
        spent = sum(reply.tokens_out for replies in done.values() for reply in replies)
        total = sum(len(batches[at]) for at in todo) * decoding.max_new_tokens
        with progress.step(f"ask {len(requests)} questions", total=total, unit="tok") as tick:
            for at in todo:
                # Reserved before it is spent: a budget is never overshot.
                most = len(batches[at]) * decoding.max_new_tokens
                if wanted.budget is not None and spent + most > wanted.budget:
                    break
                done[at] = model.generate([requests[p] for p in batches[at]], decoding, tick)
                spent += sum(reply.tokens_out for reply in done[at])
                if all(reply.text is not None for reply in done[at]):  # errors are not cached
                    append_line(path, [at, done[at]])
    places = {
        place: reply
        for at, replies in done.items()
        for place, reply in zip(batches[at], replies, strict=True)
    }
    return places, spent


def _ask(row: Row, kind: Kind) -> str:
    return ASK[kind].format(question=row.question, answer=row.answer)


def _made(row: Row, reply: Reply, kind: Kind, known: set[str]) -> Row | str:
    """Return the row that a reply gives, or the reason why it gives none."""
    if reply.text is None:
        return "the model failed"
    question, answer = reply.text.strip().strip('"«» \n'), row.answer
    if kind == "variation":
        pair = PAIR.fullmatch(reply.text)
        if pair is None:
            return "not in the form that was asked for"
        question, answer = pair["question"], pair["answer"].strip()
    reasons = {
        "empty": not question or not answer,
        "not new": _plain(question) in known,
        "gives its answer away": _plain(answer) in _plain(question),
        # A reworded question about another article would teach a wrong answer.
        "other numbers than the source": kind == "paraphrase"
        and numbers(question) != numbers(row.question),
    }
    refused = next((reason for reason, holds in reasons.items() if holds), None)
    if refused:
        return refused
    messages = list(row.messages)
    at = max(at for at, turn in enumerate(messages) if turn.role == "user")
    messages[at] = messages[at].model_copy(update={"content": question})
    messages[-1] = messages[-1].model_copy(update={"content": answer})
    return row.model_copy(update={"messages": tuple(messages), "input": None})


def _signed(made: Row, source: Row, turn: int, wanted: Wanted, backend: Backend) -> Row:
    """Give a new row its id, its source's group and its provenance."""
    origin = source.id or (str(source.place) if source.place else _plain(source.question))
    provenance = {
        "kind": wanted.kind,
        "source": origin,
        "model": backend.signature,
        "turn": turn,
        "seed": wanted.decoding.seed,
    }
    return made.model_copy(
        update={
            "id": f"{origin}+{wanted.kind}{turn}",
            "group": source.group or origin,
            "split": "train",
            "place": None,
            "extra": {**source.extra, "augmented": provenance},
        }
    )


def numbers(text: str) -> Counter[str]:
    """Return the numbers of a text, each with how often it stands there."""
    return Counter(NUMBERS.findall(text))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
