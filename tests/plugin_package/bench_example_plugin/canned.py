"""A backend as small as one can be: the same answer to every question."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from benchmark.plugins import Plugin, Reply, Request
from benchmark.progress import Progress, Tick
from benchmark.suite import Decoding


class Canned(Plugin):
    """Gives the same answer to every question, one question a batch."""

    is_control: ClassVar[bool] = False

    answer: str
    seconds: float = 0.0
    """How long it thinks about each."""
    fail_on: str = ""
    """A question that holds this text cannot be answered."""
    log: Path | None = None
    """Where it writes one line for each question that it was asked."""

    def describe(self) -> str:
        """Return what answers."""
        return f"always {self.answer!r}"

    def fingerprint(self, progress: Progress) -> str:
        """Return the plugin's key: there are no weights."""
        return self.key

    @contextmanager
    def open(self, progress: Progress) -> Iterator[Canned]:
        """Give itself: there is nothing to load."""
        yield self

    @contextmanager
    def adapted(self, adapter: Path | None) -> Iterator[None]:
        """Ignore adapters."""
        yield

    def batches(self, requests: Sequence[Request], decoding: Decoding) -> list[list[int]]:
        """Return one batch a question."""
        return [[at] for at in range(len(requests))]

    def generate(self, batch: Sequence[Request], decoding: Decoding, tick: Tick) -> list[Reply]:
        """Answer one question."""
        question = batch[0].messages[-1].content
        if self.log:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(f"{batch[0].example_id}\n")
        if self.fail_on and self.fail_on in question:
            raise RuntimeError(f"cannot answer {question!r}")
        time.sleep(self.seconds)
        tick(1)
        return [Reply(self.answer, tokens_in=len(question.split()), tokens_out=1)]
