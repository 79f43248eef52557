"""A member of a jury and its model: questions in, readings out, every failure with its reason."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import ValidationError

from benchmark.errors import CandidateError
from benchmark.judges.prompts import Mode, Question
from benchmark.judges.reading import Unreadable, read
from benchmark.plugins import BACKENDS, Backend, Model, Reply, Request, Scorer, trainable
from benchmark.progress import Progress, Tick
from benchmark.prompts import Template
from benchmark.records import Message
from benchmark.suite import Decoding
from benchmark.suite_base import Use


class Reading(NamedTuple):
    """One mark for one question, or why there is none."""

    label: str
    value: float | None
    reason: str = ""
    error: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class How:
    """How a model is asked."""

    decoding: Decoding
    template: Template
    method: str
    """auto, text or labels."""

    def mode(self, model: Model) -> Mode:
        """Return whether marks are written or read off their probabilities."""
        if self.method == "auto":
            return "labels" if isinstance(model, Scorer) else "text"
        if self.method == "labels" and not isinstance(model, Scorer):
            hint = "set `method: text`"
            raise CandidateError("this model tells no probability of a mark", hint=hint)
        return "labels" if self.method == "labels" else "text"


def backend_of(settings: Use) -> Backend:
    """Return a judge's backend.

    Raises:
        ValueError: It is a control, or its parameters are wrong.
        BenchError: There is none of this name, or a package is missing.
    """
    try:
        backend: Backend = BACKENDS.load(settings.use)(**settings.parameters)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"backend {settings.use}: {place}: {what}") from error
    if backend.is_control:
        raise ValueError(f"backend {settings.use} is a control, and a control judges nothing")
    return backend


class Openings:
    """Backends that are open: each is opened once, and of those with weights one at a time."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.stack = ExitStack()
        self.far: list[tuple[Backend, Model]] = []
        self.near: tuple[Backend, Model, ExitStack] | None = None
        self.refused: list[tuple[Backend, str]] = []
        """Those that stopped, with the reason; they are not asked again."""

    def model(self, backend: Backend) -> Model:
        """Return a backend's model. Raises CandidateError where it refused before, or does now."""
        for known, why in self.refused:
            if known == backend:
                raise CandidateError(why)
        for known, model in self.far:
            if known == backend:
                return model
        if self.near is not None and self.near[0] == backend:
            return self.near[1]
        if not trainable(backend):
            model = self.stack.enter_context(backend.open(self.progress))
            self.far.append((backend, model))
            return model
        self._put_away()
        stack = ExitStack()
        opened: AbstractContextManager[Model] = backend.open(self.progress)
        self.near = (backend, stack.enter_context(opened), stack)
        return self.near[1]

    def refuse(self, backend: Backend, why: str) -> None:
        """Ask a backend nothing more."""
        self.refused.append((backend, why))

    def _put_away(self) -> None:
        if self.near is not None:
            near, self.near = self.near, None
            near[2].close()


@contextmanager
def openings(progress: Progress) -> Iterator[Openings]:
    """Give a holder of open backends; they are closed when the `with` ends."""
    held = Openings(progress)
    try:
        yield held
    finally:
        held._put_away()
        held.stack.close()


def ask_all(
    model: Model, asked: Sequence[tuple[str, Question]], how: How, tick: Tick
) -> list[Reading]:
    """Ask a model everything, and once more where its reply cannot be read.

    Args:
        model: An open backend's.
        asked: (example's id, question).
        how: How to ask.
        tick: Moves by one for each question.

    Returns:
        One reading a question, in order.

    Raises:
        CandidateError: The model, or its server, answers nobody.
    """
    with model.adapted(None):
        if how.mode(model) == "labels":
            return _by_probability(model, asked, how, tick)
        return _by_text(model, asked, how, tick)


def _by_text(
    model: Model, asked: Sequence[tuple[str, Question]], how: How, tick: Tick
) -> list[Reading]:
    turns = [question.texts["text"] for _, question in asked]
    replies = _generate(model, asked, turns, how)
    found = [_read(reply, question) for reply, (_, question) in zip(replies, asked, strict=True)]
    again = [at for at, reading in enumerate(found) if reading.label in ("unparseable", "cut")]
    if again:
        more = [_told_again(turns[at], replies[at], asked[at][1]) for at in again]
        second = _generate(model, [asked[at] for at in again], more, how)
        for at, reply in zip(again, second, strict=True):
            found[at] = _sum(_read(reply, asked[at][1]), found[at])
    tick(len(asked))
    return found


def generate_all(model: Model, requests: Sequence[Request], decoding: Decoding) -> list[Reply]:
    """Return one reply a request, in order. Raises CandidateError."""
    replies: dict[int, Reply] = {}
    for batch in model.batches(requests, decoding):
        made = model.generate([requests[at] for at in batch], decoding, _no_tick)
        replies |= dict(zip(batch, made, strict=True))
    return [replies[at] for at in range(len(requests))]


def _generate(
    model: Model,
    asked: Sequence[tuple[str, Question]],
    turns: Sequence[tuple[Message, ...]],
    how: How,
) -> list[Reply]:
    requests = [
        Request(example, messages, how.template)
        for (example, _), messages in zip(asked, turns, strict=True)
    ]
    return generate_all(model, requests, how.decoding)


def _told_again(
    turns: tuple[Message, ...], reply: Reply, question: Question
) -> tuple[Message, ...]:
    said = (reply.text or "").strip() or "…"  # an empty turn is refused by some servers
    return (
        *turns,
        Message(role="assistant", content=said[:2000]),
        Message(role="user", content=question.again),
    )


def _read(reply: Reply, question: Question) -> Reading:
    spent: dict[str, Any] = {
        "tokens_in": reply.tokens_in,
        "tokens_out": reply.tokens_out,
        "cost": reply.cost,
    }
    if reply.text is None:
        error = reply.error or "no reply"
        return Reading(kind_of(error), None, error=error, **spent)
    try:
        found = read(reply.text, question.levels)
    except Unreadable as error:
        if reply.finish == "length":
            why = "the reply was cut at the token limit; raise `max_new_tokens`"
            return Reading("cut", None, reply.text[:500], why, **spent)
        return Reading("unparseable", None, reply.text[:500], f"unparseable: {error}", **spent)
    return Reading(found.label, found.value, found.reason, **spent)


def kind_of(error: str) -> str:
    """Return the label of a reply that is not there."""
    for word, label in (
        ("budget", "over budget"),
        ("refuses: ", "refused"),
        ("filter", "refused"),
        ("token limit", "cut"),
        ("went into reasoning", "cut"),
    ):
        if word in error:
            return label
    return "failed"


def _sum(new: Reading, old: Reading) -> Reading:
    return new._replace(
        tokens_in=new.tokens_in + old.tokens_in,
        tokens_out=new.tokens_out + old.tokens_out,
        cost=new.cost + old.cost,
    )


def _by_probability(
    model: Model, asked: Sequence[tuple[str, Question]], how: How, tick: Tick
) -> list[Reading]:
    """Return the expected mark: the mean of the marks' numbers, weighted by their probability.

    The probability of a mark is that of its tokens behind the prompt, over the sum of those of
    all marks (G-Eval, Liu et al. 2023, formula 1, with exact probabilities for samples). What the
    graded text asks for can move these numbers, but no reply has to be parsed.
    """
    assert isinstance(model, Scorer)
    requests, marks = [], []
    for example, question in asked:
        for mark in question.levels:
            requests.append(Request(example, question.texts["labels"], how.template))
            marks.append(mark)
    scores = iter(model.loglikelihood(requests, marks))
    found = []
    for _, question in asked:
        found.append(_expected(question, [math.fsum(next(scores)) for _ in question.levels]))
    tick(len(asked))
    return found


def _expected(question: Question, logs: Sequence[float]) -> Reading:
    if not all(math.isfinite(log) for log in logs):
        return Reading("failed", None, error="the probability of a mark is no number")
    top = max(logs)
    weights = [math.exp(log - top) for log in logs]
    shares = [weight / math.fsum(weights) for weight in weights]
    numbers = list(question.levels.values())
    value = math.fsum(share * number for share, number in zip(shares, numbers, strict=True))
    marks = list(question.levels)
    label = marks[shares.index(max(shares))]
    reason = ", ".join(f"{mark} {share:.3f}" for mark, share in zip(marks, shares, strict=True))
    return Reading(label, value, f"p: {reason}")


def _no_tick(advance: float = 1, *, note: str = "", total: float | None = None) -> None:
    pass
