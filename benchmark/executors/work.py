"""Batches of prompts -> replies: the same steps in this process and in a worker elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from benchmark.errors import CandidateError
from benchmark.plugins import Model, Reply, Request
from benchmark.progress import Tick
from benchmark.suite import Decoding


@runtime_checkable
class Spread(Protocol):
    """A model that answers several batches at once."""

    def replied(
        self, batches: Sequence[Sequence[Request]], decoding: Decoding, tick: Tick
    ) -> Iterator[tuple[int, list[Reply]]]:
        """Yield (position of the batch, its replies) as they come, in any order."""


def replied(
    model: Model, batches: Sequence[Sequence[Request]], decoding: Decoding, tick: Tick
) -> Iterator[tuple[int, list[Reply]]]:
    """Yield (position of a batch, its replies). Raises CandidateError."""
    if isinstance(model, Spread):
        yield from model.replied(batches, decoding, tick)
        return
    for at, batch in enumerate(batches):
        yield at, replies(model, batch, decoding, tick)


def replies(model: Model, batch: Sequence[Request], decoding: Decoding, tick: Tick) -> list[Reply]:
    """Return the replies to one batch, each with its share of the time. Raises CandidateError."""
    started = time.perf_counter()
    try:
        found = model.generate(batch, decoding, tick)
    except CandidateError:
        raise
    except Exception as error:
        # A failure is data: these answers are missing, counted and shown with the reason.
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        found = [Reply(None, error=reason, finish="error")] * len(batch)
    seconds = (time.perf_counter() - started) / max(1, len(batch))
    return [reply._replace(seconds=seconds) if reply.seconds is None else reply for reply in found]
