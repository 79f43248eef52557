"""Controls: fake candidates that show what a metric gives to an answer known to be empty of skill.

`echo` repeats the question, `oracle` gives the reference, `shuffled` gives the reference of
another example. A metric that scores echo high, or cannot tell oracle from shuffled, measures
something else than the quality of answers; the report shows all three beside the real ones.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from benchmark.errors import CandidateError
from benchmark.plugins import Plugin, Reply, Request
from benchmark.progress import Progress, Tick
from benchmark.suite import Decoding


class Control(Plugin, ABC):
    """Base: no weights, one batch, and the references in sight."""

    is_control: ClassVar[bool] = True
    about: ClassVar[str] = ""

    def describe(self) -> str:
        """Return what the control does."""
        return self.about

    def fingerprint(self, progress: Progress) -> str:
        """Return the plugin's key: there are no weights."""
        return self.key

    @contextmanager
    def open(self, progress: Progress) -> Iterator[Control]:
        """Give itself: there is nothing to load."""
        yield self

    @contextmanager
    def adapted(self, adapter: Path | None) -> Iterator[None]:
        """Refuse an adapter, which nothing here could carry."""
        if adapter is not None:
            raise CandidateError(f"control {type(self).__name__.lower()!r} takes no adapter")
        yield

    def batches(self, requests: Sequence[Request], decoding: Decoding) -> list[list[int]]:
        """Return one batch: `shuffled` has to see all references."""
        return [list(range(len(requests)))] if requests else []

    def generate(self, batch: Sequence[Request], decoding: Decoding, tick: Tick) -> list[Reply]:
        """Answer every request of the run."""
        return [_reply(self.answer(batch, position)) for position in range(len(batch))]

    @abstractmethod
    def answer(self, batch: Sequence[Request], position: int) -> str | None:
        """Return the answer to one request; None if there is none to give."""


class Echo(Control):
    """Repeats the question: the floor of every metric that rewards words of the prompt."""

    about: ClassVar[str] = "repeats the question"

    def answer(self, batch: Sequence[Request], position: int) -> str | None:
        """Return the last user turn."""
        return batch[position].messages[-1].content


class Oracle(Control):
    """Answers with the reference: the ceiling of every metric."""

    about: ClassVar[str] = "gives the reference answer"

    def answer(self, batch: Sequence[Request], position: int) -> str | None:
        """Return the first reference."""
        return next(iter(batch[position].references), None)


class Shuffled(Control):
    """Answers with another example's reference: right in style, wrong in content."""

    about: ClassVar[str] = "gives another example's reference answer"

    def answer(self, batch: Sequence[Request], position: int) -> str | None:
        """Return the reference of the example half a round away, never the example's own."""
        if len(batch) == 1:
            return None
        other = (position + max(1, len(batch) // 2)) % len(batch)
        return next(iter(batch[other].references), None)


def _reply(text: str | None) -> Reply:
    if text is None:
        return Reply(None, error="there is no reference to answer with", finish="error")
    return Reply(text)
