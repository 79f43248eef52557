"""A model whose weights are in workers elsewhere."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from benchmark.executors.worker import Answered, Item, Load
from benchmark.plugins import Reply, Request
from benchmark.progress import Tick
from benchmark.records import Effort
from benchmark.suite import Decoding

if TYPE_CHECKING:
    from concurrent.futures import Future

    from benchmark.executors.team import Team


class _Job(threading.local):
    """What one thread is asking for: each candidate is asked from a thread of its own."""

    load: Load | None = None
    efforts: dict[str, Effort]


class Far:
    """Looks like an open model; its batches are answered by whichever worker is free."""

    def __init__(self, team: Team, load: Load) -> None:
        self.team = team
        self._bare = load
        self._job = _Job()

    @contextmanager
    def adapted(self, adapter: Path | None) -> Iterator[None]:
        """Let the workers put an adapter on."""
        from benchmark.training import weights

        worn = None if adapter is None else Item(weights.sha256_of(adapter), adapter)
        self._job.load = replace(self._bare, adapter=worn, job=uuid4().hex)
        self._job.efforts = {}
        try:
            yield
        finally:
            self._job.load = None

    def batches(self, requests: Sequence[Request], decoding: Decoding) -> list[list[int]]:
        """Return the batches that a worker makes, planned for this machine's memory."""
        found: list[list[int]] = self.team.ask("batches", self._load, list(requests), decoding)
        return found

    def generate(self, batch: Sequence[Request], decoding: Decoding, tick: Tick) -> list[Reply]:
        """Let one worker answer one batch."""
        return next(self.replied([batch], decoding, tick))[1]

    def replied(
        self, batches: Sequence[Sequence[Request]], decoding: Decoding, tick: Tick
    ) -> Iterator[tuple[int, list[Reply]]]:
        """Yield (position of the batch, its replies) as they come."""
        load, done = self._load, queue.SimpleQueue[tuple[int, "Future[Answered]"]]()
        waiting = [self.team.submit("answer", load, list(batch), decoding) for batch in batches]
        for at, future in enumerate(waiting):
            future.add_done_callback(partial(_put, done, at))
        try:
            for _ in batches:
                at, future = done.get()
                answered = future.result()
                self._measure(answered)
                tick(answered.ticked)
                yield at, answered.replies
        finally:
            for future in waiting:
                future.cancel()

    def effort(self) -> Effort | None:
        """Return what the answers took, on all workers together."""
        parts = list(self._job.efforts.values())
        if not parts:
            return None
        joules = [part.joules for part in parts if part.joules is not None]
        return parts[0].model_copy(
            update={
                "batches": sum(part.batches for part in parts),
                "largest": max(part.largest for part in parts),
                "out_of_memory": sum(part.out_of_memory for part in parts),
                "peak_memory": max(part.peak_memory for part in parts),
                "joules": round(sum(joules), 1) if joules else None,
            }
        )

    @property
    def _load(self) -> Load:
        return self._job.load or self._bare

    def _measure(self, answered: Answered) -> None:
        """Keep the last measure of each sitting: they count from its beginning."""
        efforts, new = self._job.efforts, answered.effort
        if new is not None:
            old = efforts.get(answered.sitting)
            efforts[answered.sitting] = max(old or new, new, key=lambda one: one.batches)


def _put(done: queue.SimpleQueue[tuple[int, Future[Answered]]], at: int, future: Any) -> None:
    done.put((at, future))


class FarScorer(Far):
    """One that also knows probabilities."""

    def loglikelihood(
        self, requests: Sequence[Request], answers: Sequence[str], max_tokens: int | None = None
    ) -> list[list[float]]:
        """Return the log-probability of each token of each answer, read by one worker."""
        asked = (list(requests), list(answers), max_tokens)
        found: list[list[float]] = self.team.ask("loglikelihood", self._load, *asked)
        return found
